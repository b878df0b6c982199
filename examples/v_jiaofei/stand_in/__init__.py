"""A stand-in for Weibo on this machine, to try the account with: true signatures, limits, redeliveries."""

from __future__ import annotations

from .platform import BOT, DAY, HOUR, VISITOR, Comment, Delivery, Entry, Post, Refusal, User, WeiboStandIn, What
from .web import create_app, linked

__all__ = [
    "BOT",
    "DAY",
    "HOUR",
    "VISITOR",
    "Comment",
    "Delivery",
    "Entry",
    "Post",
    "Refusal",
    "User",
    "WeiboStandIn",
    "What",
    "create_app",
    "linked",
]
