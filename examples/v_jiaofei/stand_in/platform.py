"""A stand-in for Weibo's open platform: one public timeline, private chats, and a bot's account that is pushed to.

It signs, times out, tries again and refuses as Weibo does, by the figures in `data/weibo_limits.json`, and writes down
all that happened (`transcript`). Everything is in memory. HTTP in and out of it is in `web`.

Not the whole of Weibo: text only, one bot account, and every user may write to it.
"""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta, timezone
from enum import Enum
from itertools import count
from random import Random
from typing import Any
from urllib.parse import unquote, unquote_plus

import httpx2

from v_jiaofei.weibo import TIME_FORMAT, Limits, limits, signature

__all__ = ["BOT", "VISITOR", "Comment", "Delivery", "Entry", "Post", "Refusal", "User", "WeiboStandIn", "What"]

_CHINA = timezone(timedelta(hours=8))
_FIRST_ID = 5_000_000_000_000_001
HOUR, DAY = 3600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class User:
    """Someone on the platform."""

    id: int
    name: str


BOT = User(1_902_538_057, "V缴费")
VISITOR = User(2_489_518_277, "小明")


class What(Enum):
    """What an entry of the transcript is."""

    POST = "post"
    COMMENT = "comment"
    MESSAGE = "message"
    """A private message, of a user or of the bot."""
    PUSH = "push"
    """A try to deliver something to the bot; `text` says what came of it."""
    REFUSAL = "refusal"
    """Something of the bot's that was refused; `text` says why."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the transcript."""

    at: float
    """Epoch seconds."""
    what: What
    sender_id: int
    receiver_id: int
    """0 for everybody."""
    text: str
    ref: int = 0
    """Id of the post, the comment or the message."""
    passive: bool = False
    """Whether it came in the answer to a push."""


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment on a post."""

    id: int
    user: User
    text: str
    at: float


@dataclass(frozen=True, slots=True)
class Post:
    """A post and what was said to it."""

    id: int
    user: User
    text: str
    at: float
    comments: list[Comment] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came of pushing one thing to the bot."""

    statuses: tuple[int | None, ...]
    """HTTP status of each try; None when there was no answer in time."""

    @property
    def accepted(self) -> bool:
        """Whether the last try was answered with 200."""
        return bool(self.statuses) and self.statuses[-1] == 200


class Refusal(Exception):
    """Something that Weibo does not do for the bot, with its code and HTTP status."""

    def __init__(self, code: int, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.code, self.error, self.status = code, error, status


@dataclass(slots=True)
class _Window:
    """What someone's messages and mentions allow the bot to say to them in private."""

    last_message_at: float = float("-inf")
    mentions: dict[int, tuple[float, int]] = field(default_factory=dict)
    """Id of a post or comment -> when it was written, and how many replies were sent to it."""


class WeiboStandIn:
    """The platform.

    Args:
        push_url: where the bot hears.
        app_secret: what pushes are signed with.
        access_token: what the bot's calls must carry.
        mentions_pushed: whether the account has been approved for pushes of mentions; else they must be polled.
        rules: what is allowed; Weibo's own unless a test or a measurement says otherwise.
        now: epoch seconds.
        seed: of nonces.
    """

    def __init__(
        self,
        push_url: str,
        app_secret: str,
        access_token: str,
        *,
        mentions_pushed: bool = True,
        rules: Limits | None = None,
        now: Callable[[], float] = time.time,
        seed: int | None = None,
    ) -> None:
        self.rules = limits() if rules is None else rules
        self.transcript: list[Entry] = []
        self.timeline: list[Post] = []
        self.users = {user.id: user for user in (BOT, VISITOR)}
        self._posts: dict[int, Post] = {}
        self._push_url, self._app_secret, self._access_token = push_url, app_secret, access_token
        self._mentions_pushed = mentions_pushed
        self._now = now
        self._random = Random(seed)  # noqa: S311 - nonces of a stand-in guard nothing
        self._ids = count(_FIRST_ID)
        self._windows: defaultdict[int, _Window] = defaultdict(_Window)
        self._comments_by_mention: defaultdict[int, int] = defaultdict(int)
        self._calls: deque[float] = deque()
        self._comment_times: deque[float] = deque()
        self._last_comment = ""
        self._lock = threading.RLock()
        self._http = httpx2.Client(timeout=self.rules.push_timeout_seconds, trust_env=False)

    def close(self) -> None:
        """Close connections to the bot."""
        self._http.close()

    # What people do

    def add_user(self, name: str) -> User:
        """Someone new."""
        with self._lock:
            user = User(3_000_000_000 + len(self.users), name)
            self.users[user.id] = user
            return user

    def message(
        self, sender: User, text: str, *, copies: int = 1, kind: str = "text", data: Mapping[str, Any] | None = None
    ) -> Delivery:
        """Write to the bot in private; it is pushed `copies` times, as a platform does now and then.

        Args:
            kind: `text`, or `position`, `image` … with its own `data`.
        """
        with self._lock:
            at = self._now()
            self._windows[sender.id].last_message_at = at
            ref = self._note(What.MESSAGE, sender.id, BOT.id, text)
            body = self._event(kind, sender, text, at, dict(data or {}))
        return self._deliver(body, sender, ref, copies, mention_id=0)

    def post(self, sender: User, text: str, *, copies: int = 1) -> Delivery:
        """Write in public; when it names the bot it is pushed, or found by polling."""
        with self._lock:
            post = Post(next(self._ids), sender, text, self._now())
            self.timeline.append(post)
            self._posts[post.id] = post
            self._note(What.POST, sender.id, 0, text, ref=post.id)
            body = self._mentioned(sender, text, post.at, post.id, "status")
        return self._deliver(body, sender, post.id, copies, mention_id=post.id)

    def comment(self, sender: User, post_id: int, text: str, *, copies: int = 1) -> Delivery:
        """Comment on a post; when it names the bot, likewise."""
        with self._lock:
            comment = self._add_comment(self._post(post_id), sender, text)
            body = self._mentioned(sender, text, comment.at, comment.id, "comment")
        return self._deliver(body, sender, comment.id, copies, mention_id=comment.id)

    def chat(self, user: User) -> list[Entry]:
        """The private messages between someone and the bot, oldest first."""
        with self._lock:
            pairs = {(user.id, BOT.id), (BOT.id, user.id)}
            return [e for e in self.transcript if e.what is What.MESSAGE and (e.sender_id, e.receiver_id) in pairs]

    def said_by_bot(self) -> list[Entry]:
        """All that the bot has said, in private and in public."""
        with self._lock:
            said = {What.MESSAGE, What.COMMENT}
            return [entry for entry in self.transcript if entry.what in said and entry.sender_id == BOT.id]

    # Pushing

    def connect(self) -> bool:
        """Check the push address as Weibo does once: whether it sends back what it was sent."""
        echo = f"{self._random.getrandbits(64):016x}"
        try:
            answer = self._http.get(self._push_url, params={**self._signed(), "echostr": echo})
        except httpx2.HTTPError:
            return False
        return answer.status_code == 200 and answer.text == echo

    def redeliver(self, event: Mapping[str, Any]) -> Delivery:
        """Push an event once more as it is, whatever came of it before."""
        sender = self.users[int(event["sender_id"])]
        return self._deliver(dict(event), sender, 0, 1, mention_id=0)

    def _signed(self) -> dict[str, str]:
        timestamp, nonce = str(int(self._now() * 1000)), str(self._random.randrange(10**7, 10**9))
        return {"signature": signature(self._app_secret, timestamp, nonce), "timestamp": timestamp, "nonce": nonce}

    @staticmethod
    def _event(kind: str, sender: User, text: str, at: float, data: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": kind,
            "receiver_id": BOT.id,
            "sender_id": sender.id,
            "created_at": weibo_time(at),
            "text": text,
            "data": data,
        }

    def _mentioned(self, sender: User, text: str, at: float, ref: int, subtype: str) -> dict[str, Any] | None:
        """The event of a mention, if the bot is named and hears of it."""
        if f"@{BOT.name}" not in text or sender == BOT:
            return None
        self._windows[sender.id].mentions[ref] = (at, 0)
        if not self._mentions_pushed:
            return None
        return self._event("mention", sender, text, at, {"subtype": subtype, "key": str(ref)})

    def _deliver(
        self, body: dict[str, Any] | None, sender: User, ref: int, copies: int, *, mention_id: int
    ) -> Delivery:
        statuses: list[int | None] = []
        for _ in range(copies if body is not None else 0):
            statuses += self._push(json.dumps(body, ensure_ascii=False).encode(), sender, ref, mention_id)
        return Delivery(tuple(statuses))

    def _push(self, body: bytes, sender: User, ref: int, mention_id: int) -> list[int | None]:
        """Push until the bot answers 200 in time, at most as often as Weibo does."""
        statuses: list[int | None] = []
        while len(statuses) < self.rules.push_tries and 200 not in statuses:
            answer = self._push_once(body)
            statuses.append(None if answer is None else answer.status_code)
            with self._lock:
                self._note(What.PUSH, sender.id, BOT.id, str(statuses[-1] or "no answer"), ref=ref)
                if answer is not None and answer.status_code == 200:
                    self._take_passive(answer.content, sender, mention_id)
        return statuses

    def _push_once(self, body: bytes) -> httpx2.Response | None:
        headers = {"Content-Type": "application/json"}
        try:
            return self._http.post(self._push_url, params=self._signed(), content=body, headers=headers)
        except httpx2.HTTPError:
            return None

    def _take_passive(self, content: bytes, sender: User, mention_id: int) -> None:
        """What the bot says in its answer to a push; nothing, when that is empty."""
        if not content.strip():
            return
        try:
            text = _passive_text(content, sender)
            self._allow_reply(sender.id, text, mention_id)
        except Refusal as refusal:
            self._note(What.REFUSAL, BOT.id, sender.id, f"{refusal.code} {refusal.error}", passive=True)
        else:
            self._note(What.MESSAGE, BOT.id, sender.id, text, passive=True)

    # What the bot calls

    def check_call(self, access_token: str) -> None:
        """Count a call.

        Raises:
            Refusal: the token is wrong, or the day's calls are used up.
        """
        with self._lock:
            if access_token != self._access_token:
                raise Refusal(21332, "invalid_access_token", 401)
            self._spend(self._calls, self.rules.calls_per_day, DAY, 10023, "User requests out of rate limit!")

    def reply(self, receiver_id: int, kind: str, data: str) -> dict[str, Any]:
        """messages/reply: a private message of the bot.

        Raises:
            Refusal: Weibo would not send it.
        """
        with self._lock:
            if receiver_id not in self.users:
                raise Refusal(20003, "User does not exists!")
            if kind != "text":
                raise Refusal(10017, "Parameter (type)'s value invalid, expect (text)")
            text = _text_of(data)
            self._allow_reply(receiver_id, text, 0)
            self._note(What.MESSAGE, BOT.id, receiver_id, text)
            return {"result": True, "sender_id": BOT.id, "receiver_id": receiver_id, "type": kind, "data": data}

    def bot_comment(self, post_id: int, text: str, comment_id: int | None = None) -> tuple[Post, Comment]:
        """comments/create and comments/reply: a public comment of the bot.

        Raises:
            Refusal: Weibo would not publish it.
        """
        with self._lock:
            post = self._post(post_id)
            if comment_id is not None and all(comment.id != comment_id for comment in post.comments):
                raise Refusal(20201, "Target weibo comment does not exist!")
            self._allow_comment(text, post_id if comment_id is None else comment_id)
            return post, self._add_comment(post, BOT, text)

    def mentions(self, since_id: int, max_id: int = 0) -> list[Post]:
        """statuses/mentions: posts that name the bot, newest first; after `since_id`, and up to `max_id` unless 0."""
        with self._lock:
            found = [post for post in reversed(self.timeline) if since_id < post.id <= (max_id or post.id)]
            return [post for post in found if _names_bot(post.user, post.text)]

    def comment_mentions(self, since_id: int, max_id: int = 0) -> list[tuple[Post, Comment]]:
        """comments/mentions: comments that name the bot, likewise."""
        with self._lock:
            found = [(post, comment) for post in self.timeline for comment in post.comments]
            found = [(post, comment) for post, comment in found if since_id < comment.id <= (max_id or comment.id)]
            found = [(post, comment) for post, comment in found if _names_bot(comment.user, comment.text)]
            return sorted(found, key=lambda pair: -pair[1].id)

    def note_refusal(self, refusal: Refusal) -> None:
        """Write down that a call of the bot's was refused."""
        with self._lock:
            self._note(What.REFUSAL, BOT.id, 0, f"{refusal.code} {refusal.error}")

    # The rules

    def _allow_reply(self, receiver_id: int, text: str, mention_id: int) -> None:
        """Raise unless the bot may say `text` now; a reply to a mention uses that up."""
        _check_length(text, self.rules.message_characters)
        window, opened = self._windows[receiver_id], self._now() - self.rules.reply_window_hours * HOUR
        if not mention_id and window.last_message_at >= opened:
            return
        replied = [
            ref
            for ref, (at, replies) in window.mentions.items()
            if at >= opened and replies < self.rules.replies_per_mention and mention_id in {0, ref}
        ]
        if not replied:
            raise Refusal(10014, "Insufficient app permissions!", 403)
        at, replies = window.mentions[replied[0]]
        window.mentions[replied[0]] = (at, replies + 1)

    def _allow_comment(self, text: str, mention_id: int) -> None:
        _check_length(text, self.rules.comment_characters)
        if text == self._last_comment:
            raise Refusal(20019, "repeat content!")
        if self._comments_by_mention[mention_id] >= self.rules.comments_per_mention:
            raise Refusal(10014, "Insufficient app permissions!", 403)
        self._spend(self._comment_times, self.rules.comments_per_hour, HOUR, 20016, "out of limitation!")
        self._comments_by_mention[mention_id] += 1
        self._last_comment = text

    def _spend(self, times: deque[float], allowed: int, seconds: float, code: int, error: str) -> None:
        now = self._now()
        while times and times[0] <= now - seconds:
            times.popleft()
        if len(times) >= allowed:
            raise Refusal(code, error, 403)
        times.append(now)

    def _post(self, post_id: int) -> Post:
        if post_id not in self._posts:
            raise Refusal(20101, "target weibo does not exist!")
        return self._posts[post_id]

    def _add_comment(self, post: Post, sender: User, text: str) -> Comment:
        comment = Comment(next(self._ids), sender, text, self._now())
        post.comments.append(comment)
        self._note(What.COMMENT, sender.id, 0, text, ref=comment.id)
        return comment

    def _note(
        self, what: What, sender_id: int, receiver_id: int, text: str, *, ref: int = 0, passive: bool = False
    ) -> int:
        ref = ref or next(self._ids)
        self.transcript.append(Entry(self._now(), what, sender_id, receiver_id, text, ref, passive))
        return ref


def _check_length(text: str, most: int) -> None:
    if not text:
        raise Refusal(10016, "Miss required parameter (text), see doc for more info.")
    if len(text) > most:
        raise Refusal(20012, f"Text too long, please input text less than {most} characters!")


def weibo_time(at: float) -> str:
    """An instant as Weibo writes it: Mon Jul 16 18:09:20 +0800 2012."""
    return datetime.fromtimestamp(at, _CHINA).strftime(TIME_FORMAT)


def as_json(entry: Entry) -> dict[str, Any]:
    """A line of the transcript for programs."""
    return asdict(entry) | {"what": entry.what.value}


def _names_bot(sender: User, text: str) -> bool:
    return sender != BOT and f"@{BOT.name}" in text


def _text_of(data: str) -> str:
    """The text in a `data` that is JSON, or JSON that was URL-encoded once more."""
    try:
        content = json.loads(data if data.lstrip().startswith("{") else unquote_plus(data))
    except (ValueError, RecursionError):
        content = None
    text = content.get("text") if isinstance(content, dict) else None
    if not isinstance(text, str):
        raise Refusal(10017, "Parameter (data)'s value invalid, expect (JSON with text)")
    return text


def _passive_text(content: bytes, receiver: User) -> str:
    """The text of a passive reply.

    Raises:
        Refusal: it is not what Weibo takes.
    """
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    expected = {"result": True, "sender_id": BOT.id, "receiver_id": receiver.id, "type": "text"}
    if not isinstance(body, dict) or any(body.get(name) != value for name, value in expected.items()):
        raise Refusal(10008, "Param error, see doc for more info!")
    data = body.get("data")
    if not isinstance(data, str) or not data.startswith("%7B"):
        raise Refusal(10017, "Parameter (data)'s value invalid, expect (URL-encoded JSON)")
    return _text_of(unquote(data))
