"""Reads a chat message: which bill, where, whose account. It knows nothing of Weibo nor of the bank's API."""

from __future__ import annotations

from .digits import Public, drop_digits
from .folding import CHINESE_DIGITS, fold, is_chinese
from .gazetteer import Category, Place
from .reader import LONGEST_MESSAGE, Ask, Intent, Reader, Reading

__all__ = [
    "CHINESE_DIGITS",
    "LONGEST_MESSAGE",
    "Ask",
    "Category",
    "Intent",
    "Place",
    "Public",
    "Reader",
    "Reading",
    "drop_digits",
    "fold",
    "is_chinese",
]
