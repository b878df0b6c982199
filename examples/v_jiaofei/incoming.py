"""What is kept of a push, or of a mention that was found: of a public one no digit, of what needs no answer nothing."""

from __future__ import annotations

from .reading import drop_digits
from .records import Incoming
from .weibo import Mention, Push

__all__ = ["message_found", "message_pushed"]

_LARGEST_ID = 2**63 - 1


def message_found(mention: Mention) -> Incoming:
    """Give the message of a mention that polling has found."""
    at, status_id = mention.created_at.timestamp(), mention.status_id
    return _mention(mention.id, mention.sender_id, mention.text, at, status_id, is_comment=mention.is_comment)


def message_pushed(push: Push, now: float) -> Incoming | None:
    """Give the message of a push that came at ``now``; None of what needs no answer."""
    if push.sender_id == push.receiver_id:
        return None
    if push.type == "mention":
        named = str(push.data.get("key", ""))
        if not (named.isascii() and named.isdigit() and 0 < int(named[:20]) <= _LARGEST_ID):
            return None
        is_comment = push.data.get("subtype") == "comment"
        return _mention(int(named), push.sender_id, push.text, now, None, is_comment=is_comment)
    if push.type not in {"text", "position", "image", "voice"}:
        return None
    text = _storable(push.text) if push.type == "text" else ""
    position = _position(push) if push.type == "position" else None
    sender = str(push.sender_id)
    return Incoming(push.key, sender, now, is_public=False, account_like=False, text=text, position=position)


def _mention(ref: int, sender: int, text: str, at: float, status_id: int | None, *, is_comment: bool) -> Incoming:
    """Give a mention in a post, or in a comment of one; ``status_id`` where that is known."""
    public = drop_digits(_storable(text))
    return Incoming(
        f"mention-{ref}",
        str(sender),
        at,
        is_public=True,
        account_like=public.account_like,
        text=public.text,
        status_id=status_id if is_comment else ref,
        comment_id=ref if is_comment else None,
    )


def _storable(text: str) -> str:
    """A text without halves of characters, as JSON may have them and nothing else."""
    return text.encode("utf-8", "replace").decode()


def _position(push: Push) -> tuple[float, float] | None:
    try:
        latitude, longitude = float(push.data["latitude"]), float(push.data["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None
