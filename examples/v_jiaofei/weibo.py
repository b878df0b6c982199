"""Weibo's open platform as a bot meets it: pushes that come in, answers that go out.

    WeiboError
    ├── PushError            a push that must not be acted on
    │   ├── BadSignature     not signed with our secret
    │   ├── StalePush        signed too long ago, or ahead of time
    │   ├── ReplayedPush     a signature that has been used for another body
    │   ├── OversizedPush
    │   └── MalformedPush    not the JSON of a push
    └── CallError            a call that did not work
        ├── WeiboUnreachable no answer, or none that Weibo would give; may be tried again
        └── WeiboRefused     Weibo's own refusal, with its code
            ├── TokenRefused
            ├── RateLimited
            ├── TextTooLong
            └── ReplyNotAllowed

No error says what was in a message, and none shows a secret.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from functools import cache
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import quote

import httpx2

from .reading.folding import TABLES

__all__ = [
    "BadSignature",
    "CallError",
    "Limits",
    "MalformedPush",
    "Mention",
    "Nonces",
    "OversizedPush",
    "Push",
    "PushError",
    "RateLimited",
    "RecentNonces",
    "ReplayedPush",
    "ReplyNotAllowed",
    "StalePush",
    "TextTooLong",
    "TokenRefused",
    "WeiboClient",
    "WeiboError",
    "WeiboRefused",
    "WeiboUnreachable",
    "limits",
    "passive_reply",
    "signature",
    "verify_echo",
    "verify_push",
]

LARGEST_PUSH = 65_536
"""Bytes."""
PUSH_WINDOW_S = 300
"""How far the time of a push may be from ours, in seconds; Weibo's last try comes within 15."""
TIME_FORMAT = "%a %b %d %H:%M:%S %z %Y"
_LONGEST_ANSWER = 1_000_000
_PAGE, _MOST_PAGES = 200, 10
"""Weibo tells of the newest 2,000 mentions at most."""


class WeiboError(Exception):
    """Something between the bot and Weibo."""


class PushError(WeiboError):
    """A push that must not be acted on."""


class BadSignature(PushError):
    """Not signed with our secret: whoever sent this is not Weibo."""


class StalePush(PushError):
    """Signed too long ago, or ahead of time. If all pushes are, the clock of this machine is off."""


class ReplayedPush(PushError):
    """A signature that has been used for another body. Weibo's signature does not cover the body; the nonce must."""


class OversizedPush(PushError):
    """Larger than any push of Weibo."""


class MalformedPush(PushError):
    """Signed, but not the JSON of a push."""


class CallError(WeiboError):
    """A call that did not work."""


class WeiboUnreachable(CallError):
    """No answer in time, or none that Weibo would give. Whether the call took effect is not known."""


class WeiboRefused(CallError):
    """Weibo's own refusal.

    Attributes:
        code: Weibo's `error_code`.
        request: the path that was called.
    """

    def __init__(self, code: int, error: str, request: str) -> None:
        super().__init__(f"{request}: {code} {error}")
        self.code, self.error, self.request = code, error, request

    def __reduce__(self) -> tuple[type[Self], tuple[int, str, str]]:
        return type(self), (self.code, self.error, self.request)


class TokenRefused(WeiboRefused):
    """The access token is wrong or has expired: somebody must authorise the account anew."""


class RateLimited(WeiboRefused):
    """A quota is used up. Wait, and answer less."""


class TextTooLong(WeiboRefused):
    """More characters than are allowed."""


class ReplyNotAllowed(WeiboRefused):
    """The window of 48 hours has closed, or the one reply to a mention has been sent."""


_KINDS: dict[int, type[WeiboRefused]] = {
    **dict.fromkeys((10013, 21301, 21314, 21315, 21316, 21317, 21319, 21327, 21332), TokenRefused),
    **dict.fromkeys((10022, 10023, 10024, 20016), RateLimited),
    **dict.fromkeys((20012, 20013), TextTooLong),
    10014: ReplyNotAllowed,
}


@dataclass(frozen=True, slots=True)
class Limits:
    """What Weibo allows, as of the date in `data/weibo_limits.json`, where each figure has its source."""

    push_timeout_seconds: float
    push_tries: int
    message_characters: int
    reply_window_hours: float
    replies_per_mention: int
    comment_characters: int
    comments_per_mention: int
    calls_per_day: int
    comments_per_hour: int


@cache
def limits() -> Limits:
    """The figures of the data file."""
    table = json.loads((TABLES / "weibo_limits.json").read_text(encoding="utf-8"))
    return Limits(**{each.name: table[each.name] for each in fields(Limits)})


# Pushes


def signature(app_secret: str, timestamp: str, nonce: str) -> str:
    """What Weibo signs a push with: SHA-1, in hex, of the three in order of the alphabet."""
    return hashlib.sha1("".join(sorted((app_secret, timestamp, nonce))).encode()).hexdigest()  # noqa: S324 - Weibo's own


@dataclass(frozen=True, slots=True)
class Push:
    """A push that Weibo has sent. Its `repr` shows nothing that the sender wrote."""

    type: str
    """`text` for a private message, `mention`, `event`, `position` …; unknown ones may come and mean nothing."""
    receiver_id: int
    sender_id: int
    created_at: datetime
    text: str = field(repr=False)
    data: Mapping[str, Any] = field(repr=False)
    key: str
    """The same for each delivery of one message, and for no other message."""


class Nonces(Protocol):
    """Remembers for which body each nonce was used."""

    def claim(self, nonce: str, digest: str, now: float) -> bool:
        """Whether `nonce` is new or was used for this very body (a redelivery); remembers it."""
        ...


class RecentNonces:
    """Nonces in memory, for as long as their signatures are good. For one process; several need a table."""

    def __init__(self, window_s: float = 2 * PUSH_WINDOW_S) -> None:
        self._window_s = window_s
        self._seen: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self._lock = threading.Lock()

    def claim(self, nonce: str, digest: str, now: float) -> bool:
        """See `Nonces.claim`."""
        with self._lock:
            while self._seen and next(iter(self._seen.values()))[1] < now - self._window_s:
                self._seen.popitem(last=False)
            return self._seen.setdefault(nonce, (digest, now))[0] == digest


def _check_signature(app_secret: str, query: Mapping[str, str], now: float) -> None:
    timestamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    if not (timestamp and nonce and timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 16):
        raise BadSignature("timestamp or nonce is missing")
    expected = signature(app_secret, timestamp, nonce)
    if not hmac.compare_digest(expected.encode(), query.get("signature", "").lower().encode()):
        raise BadSignature("the signature does not fit")
    signed_at = int(timestamp) / 1000 if len(timestamp) > 11 else int(timestamp)
    if abs(now - signed_at) > PUSH_WINDOW_S:
        raise StalePush(f"signed {now - signed_at:.0f} s from now")


def verify_echo(app_secret: str, query: Mapping[str, str], *, now: float | None = None) -> str:
    """What to answer to the GET by which Weibo checks a push address: its `echostr`.

    Raises:
        PushError: this is not Weibo.
    """
    _check_signature(app_secret, query, time.time() if now is None else now)
    return query.get("echostr", "")


def verify_push(
    app_secret: str, query: Mapping[str, str], body: bytes, *, nonces: Nonces, now: float | None = None
) -> Push:
    """The push that a POST carries, once it is sure that Weibo sent it.

    Args:
        app_secret: of the app that the account is connected to.
        query: `signature`, `timestamp` (in milliseconds) and `nonce` of the URL.
        body: the bytes as they came.
        nonces: where used nonces are kept.
        now: epoch seconds.

    Raises:
        PushError: this must not be acted on; each kind says why.
    """
    at = time.time() if now is None else now
    if len(body) > LARGEST_PUSH:
        raise OversizedPush(f"more than {LARGEST_PUSH} bytes")
    _check_signature(app_secret, query, at)
    push = _push(app_secret, body)
    # Keyed, since it is kept: an account number must not be found by trying.
    digest = hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()
    if not nonces.claim(query["nonce"], digest, at):
        raise ReplayedPush("this signature was used for another body")
    return push


def _push(app_secret: str, body: bytes) -> Push:
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise MalformedPush("not JSON") from None
    if not isinstance(content, dict):
        raise MalformedPush("not a JSON object")
    kind, text, data = content.get("type"), content.get("text", ""), content.get("data") or {}
    if not (isinstance(kind, str) and isinstance(text, str) and isinstance(data, dict)):
        raise MalformedPush("type, text or data is not what it should be")
    receiver, sender = _user_id(content.get("receiver_id")), _user_id(content.get("sender_id"))
    created_at = _time(content.get("created_at"))
    # What was written must not be guessed from the key, which is stored: it is keyed itself.
    told = json.dumps([kind, receiver, sender, created_at.isoformat(), text, data], sort_keys=True)
    key = hmac.new(app_secret.encode(), told.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]
    return Push(kind, receiver, sender, created_at, text, data, key)


def _user_id(value: object) -> int:
    """A user's id: a number, or the same as text."""
    text = str(value) if isinstance(value, int | str) and not isinstance(value, bool) else ""
    if not (text.isascii() and text.isdigit() and len(text) <= 19):
        raise MalformedPush("sender_id or receiver_id is no user id")
    return int(text)


def _time(value: object) -> datetime:
    try:
        return datetime.strptime(str(value), TIME_FORMAT)  # noqa: DTZ007 - it has %z
    except ValueError:
        raise MalformedPush("created_at is no time") from None


def passive_reply(push: Push, text: str) -> dict[str, Any]:
    """The body by which the answer to a push says something back, as an object to be written as JSON."""
    return {
        "result": True,
        "sender_id": push.receiver_id,
        "receiver_id": push.sender_id,
        "type": "text",
        "data": quote(json.dumps({"text": text}, ensure_ascii=False)),
    }


# Calls


@dataclass(frozen=True, slots=True)
class Mention:
    """A post or a comment that names the account, as polling finds it."""

    id: int
    sender_id: int
    created_at: datetime
    text: str = field(repr=False)
    status_id: int
    """The post to answer under: itself, or the one that was commented on."""

    @property
    def is_comment(self) -> bool:
        """Whether it is a comment on a post."""
        return self.id != self.status_id


class WeiboClient:
    """Calls to Weibo as the account's owner. One for the whole program; threads may share it.

    Args:
        base_url: `https://api.weibo.com`, or a stand-in.
        access_token: of the account.
        timeout: seconds to connect, to write and to wait for each piece of the answer.
    """

    def __init__(self, base_url: str, access_token: str, *, timeout: float = 3.0) -> None:
        self._http = httpx2.Client(base_url=base_url, timeout=timeout, follow_redirects=False)
        self._token = access_token

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close connections."""
        self._http.close()

    def reply(self, receiver_id: int, text: str) -> None:
        """Write a private message to someone who has written, or mentioned us, within 48 hours.

        Raises:
            CallError: it was not sent, or (`WeiboUnreachable`) perhaps not.
        """
        data = json.dumps({"text": text}, ensure_ascii=False)
        self._call("POST", "/2/messages/reply.json", type="text", data=data, receiver_id=receiver_id)

    def comment(self, status_id: int, text: str, *, comment_id: int | None = None) -> int:
        """Comment in public on a post, or on a comment of it; gives the new comment's id.

        Raises:
            CallError: likewise.
        """
        if comment_id is None:
            answer = self._call("POST", "/2/comments/create.json", id=status_id, comment=text)
        else:
            answer = self._call("POST", "/2/comments/reply.json", id=status_id, cid=comment_id, comment=text)
        return self._id(answer)

    def mentions(self, since_id: int = 0) -> list[Mention]:
        """Posts after `since_id` that mention the account, oldest first.

        Raises:
            CallError: they could not be read.
        """
        return self._all_mentions("/2/statuses/mentions.json", "statuses", since_id)

    def comment_mentions(self, since_id: int = 0) -> list[Mention]:
        """Comments after `since_id` that mention the account, oldest first.

        Raises:
            CallError: they could not be read.
        """
        return self._all_mentions("/2/comments/mentions.json", "comments", since_id)

    def _all_mentions(self, path: str, member: str, since_id: int) -> list[Mention]:
        """Read page by page, since Weibo gives the newest first: a burst must leave no gap behind it."""
        found: dict[int, Mention] = {}
        oldest = 0
        for _ in range(_MOST_PAGES):
            answer = self._call("GET", path, since_id=since_id, max_id=oldest, count=_PAGE)
            page = self._mentions(answer, member)
            new = [mention for mention in page if mention.id not in found]
            found.update((mention.id, mention) for mention in new)
            if len(page) < _PAGE or not new:
                break
            oldest = page[0].id - 1
        return sorted(found.values(), key=lambda mention: mention.id)

    def _call(self, method: str, path: str, **form: object) -> dict[str, Any]:
        fields = {name: str(value) for name, value in form.items()}
        try:
            if method == "GET":  # never in the URL, which is logged on the way
                answer = self._http.get(path, params=fields, headers={"Authorization": f"OAuth2 {self._token}"})
            else:
                answer = self._http.post(path, data={"access_token": self._token, **fields})
        except httpx2.HTTPError as error:
            raise WeiboUnreachable(f"{path}: {type(error).__name__}") from None
        return self._content(path, answer)

    @staticmethod
    def _content(path: str, answer: httpx2.Response) -> dict[str, Any]:
        try:
            content = json.loads(answer.content) if len(answer.content) <= _LONGEST_ANSWER else None
        except (ValueError, RecursionError):
            content = None
        if not isinstance(content, dict):
            raise WeiboUnreachable(f"{path}: {answer.status_code} without JSON")
        if "error_code" in content:
            code = str(content["error_code"])
            number = int(code) if code.isascii() and code.isdigit() and len(code) < 9 else 0
            raise _KINDS.get(number, WeiboRefused)(number, str(content.get("error", ""))[:200], path)
        if answer.status_code != 200:
            raise WeiboUnreachable(f"{path}: {answer.status_code}")
        return content

    @staticmethod
    def _id(answer: Mapping[str, Any]) -> int:
        try:
            return _user_id(answer.get("id"))
        except MalformedPush:
            raise WeiboUnreachable("an answer without an id") from None

    @staticmethod
    def _mentions(answer: Mapping[str, Any], member: str) -> list[Mention]:
        try:
            found = [_mention(row) for row in answer[member]]
        except (KeyError, TypeError, MalformedPush):
            raise WeiboUnreachable(f"an answer without {member}") from None
        return sorted(found, key=lambda mention: mention.id)


def _mention(row: Mapping[str, Any]) -> Mention:
    own_id = _user_id(row["id"])
    status = row.get("status")
    return Mention(
        own_id,
        _user_id(row["user"]["id"]),
        _time(row["created_at"]),
        str(row["text"]),
        own_id if status is None else _user_id(status["id"]),
    )
