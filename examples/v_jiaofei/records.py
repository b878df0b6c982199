"""What the store keeps, as its users see it, and how rows become it."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import asdict, dataclass, field
from enum import Enum

from .reading import Ask, Intent, Place, Reading

__all__ = [
    "Arrival",
    "Happening",
    "Hook",
    "Incoming",
    "Link",
    "Outgoing",
    "Question",
    "incoming_of",
    "link_of",
    "outgoing_of",
    "read",
    "written",
]


class Arrival(Enum):
    """What became of a message that came in."""

    TAKEN = "taken"
    """It is new, and the caller's to answer."""
    WAITING = "waiting"
    """It is new, and will be taken in its turn."""
    KNOWN = "known"
    """It has been here before."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message to answer."""

    key: str
    sender: str
    received_at: float
    is_public: bool
    account_like: bool
    text: str = field(repr=False)
    status_id: int | None = None
    comment_id: int | None = None
    position: tuple[float, float] | None = field(default=None, repr=False)
    tries: int = 0


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Something to say: a private message to ``receiver``, or a comment under ``status_id``.

    Attributes:
        name: what it is about; one of each name is ever said.
        until: when Weibo's window for it closes, in epoch seconds.
        maybe_said: a try before this one may have worked, or not.
    """

    name: str
    text: str = field(repr=False)
    until: float
    receiver: str | None = None
    status_id: int | None = None
    comment_id: int | None = None
    tries: int = 0
    maybe_said: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What stays open for somebody's next message, and the language that it was asked in."""

    reading: Reading
    language: str


@dataclass(frozen=True, slots=True)
class Link:
    """For whom a payment link was made, or a fetch begun."""

    subject: str
    code4: str
    key: str
    sender: str
    is_public: bool
    language: str


@dataclass(frozen=True, slots=True)
class Happening:
    """An event of the bank's about a payment or a fetch; ``link`` is set when it is taken.

    Attributes:
        version: of the payment or fetch: what is lower than one that was told is old news.
    """

    event_id: str
    type: str
    subject: str
    version: int
    tries: int = 0
    link: Link | None = None


@dataclass(frozen=True, slots=True)
class Hook:
    """The endpoint that the bank sends events to. secrets: the newest first; either may have signed."""

    endpoint_id: str
    secrets: tuple[str, ...] = field(repr=False)


def incoming_of(row: sqlite3.Row) -> Incoming:
    """Give the message of a row."""
    position = json.loads(row["position"]) if row["position"] else None
    return Incoming(
        key=row["key"],
        sender=row["sender"],
        received_at=row["received_at"],
        is_public=bool(row["is_public"]),
        account_like=bool(row["account_like"]),
        text=row["text"],
        status_id=row["status_id"],
        comment_id=row["comment_id"],
        position=(position[0], position[1]) if position else None,
        tries=row["tries"],
    )


def outgoing_of(row: sqlite3.Row) -> Outgoing:
    """Give what is to be said of a row."""
    return Outgoing(
        name=row["name"],
        text=row["text"],
        until=row["until"],
        receiver=row["receiver"],
        status_id=row["status_id"],
        comment_id=row["comment_id"],
        tries=row["tries"],
        maybe_said=bool(row["maybe_said"]),
    )


def link_of(row: sqlite3.Row) -> Link:
    """Give the link of a row."""
    return Link(row["subject"], row["code4"], row["key"], row["sender"], bool(row["is_public"]), row["language"])


def written(reading: Reading) -> str:
    """Write a reading down."""
    plain = asdict(reading) | {"intent": reading.intent.value, "ask": reading.ask.value if reading.ask else None}
    return json.dumps(plain, ensure_ascii=False)


def read(text: str) -> Reading:
    """Read what `written` wrote."""
    plain = json.loads(text)
    at = plain["position"]
    return Reading(
        intent=Intent(plain["intent"]),
        places=tuple(Place(**place) for place in plain["places"]),
        categories=tuple(plain["categories"]),
        accounts=tuple(plain["accounts"]),
        words=plain["words"],
        currencies=tuple(plain["currencies"]),
        position=(at[0], at[1]) if at else None,
        phone_given=plain["phone_given"],
        ask=Ask(plain["ask"]) if plain["ask"] else None,
    )
