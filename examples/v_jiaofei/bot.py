"""The account at work: a push in, an answer out, exactly one for each message.

A private message is answered in the response to its push when the bank is quick, else by API. A mention is answered by
one comment, made by a worker, since Weibo takes no comment in a response. While the bank is down a private message gets
word of that at once and its answer later; a mention, which has but one reply, waits for the real one. What the bank
tells afterwards (paid, in doubt, refunded) goes to the writer in private.

Every method does one step and returns; `workers` calls them again and again. Nothing is logged of what people write.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal

from openteller import OpenTeller
from openteller.errors import InvalidRequest
from openteller.models import Event

from .bank import PAUSE_S, BankDown, Outage, Visit, asking
from .counter import Counter, happened_to
from .endpoint import Endpoint
from .incoming import message_found, message_pushed
from .paying import Message, Reply, Subject
from .records import Arrival, Happening, Incoming, Link, Outgoing, Question
from .store import REPLY_WINDOW_S, Store
from .texts import Language, say, shortened
from .weibo import (
    CallError,
    Mention,
    Push,
    RateLimited,
    ReplyNotAllowed,
    TokenRefused,
    WeiboClient,
    WeiboRefused,
    WeiboUnreachable,
    limits,
)

__all__ = ["Bot", "where"]

log = logging.getLogger("v_jiaofei")

AT_ONCE_S = 3.5
"""How long the bank may take for an answer in the response to a push: Weibo waits for five seconds."""
TOO_LATE_S = 4.5
"""When Weibo may have stopped waiting."""
GRACE_S = 10.0
"""When an answer that was to stand in a response is said by API, unless it is known to have left."""
_AT_LEISURE_S = 12.0
"""How long the bank may take for a worker; less than the store's lease."""
_MOST_TRIES = 4
"""What fails as often by itself, while the bank answers others, is given up."""
_SLOWEST_RETRY_S = 300.0
_REPEATED = 20_019
"""Weibo's code for a comment with the words of the last one."""

Kind = Literal["comment", "message"]


class Bot:
    """The account. Threads share it.

    Args:
        bank: the client, for events.
        counter: the rules.
        weibo: the way out.
        store: what must survive.
        endpoint: where the bank sends its events.
        clock: epoch seconds.
        wake: called when there is something for a worker to do.
    """

    def __init__(
        self,
        bank: OpenTeller,
        counter: Counter,
        weibo: WeiboClient,
        store: Store,
        endpoint: Endpoint,
        *,
        clock: Callable[[], float] = time.time,
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        self.wake = wake
        self.outage = Outage(clock)
        self._bank = bank
        self._counter = counter
        self._weibo = weibo
        self._store = store
        self.endpoint = endpoint
        self._clock = clock
        self._quiet = _Quiet(clock)

    # In

    def receive(self, push: Push) -> str | None:
        """Take a push that Weibo has signed; give what to say in the response, or None.

        It is kept before it is answered, so that a crash loses nothing; a second delivery is not answered again. What
        is given is said by API some seconds later, unless `was_said` is called.
        """
        message = message_pushed(push, self._clock())
        if message is None:
            return None
        arrival = self._store.receive(message, self._clock())
        if arrival is Arrival.KNOWN:
            return None
        if arrival is Arrival.WAITING:
            self.wake()
            return None if message.is_public or not self.outage.is_on else self._sorry(message)
        return self._answer_at_once(message)

    def was_said(self, push: Push, *, after_s: float) -> None:
        """Note that the response to a push has left, so many seconds after the push came."""
        if after_s < TOO_LATE_S:
            self._store.said(_name_of(push.key))

    def _answer_at_once(self, message: Incoming) -> str | None:
        may_ask = self.outage.may_ask()
        try:
            reply = self._reply(message, AT_ONCE_S if may_ask else 0.0)
        except BankDown as error:
            says_something = may_ask and self.outage.failed(error)
            self._store.put_back(message.key, self._clock() + PAUSE_S, counts=says_something)
            return self._sorry(message)
        except Exception as error:  # noqa: BLE001 - a worker tries again, and gives it up when that does not help
            log.error("a message could not be answered: %s", where(error))  # noqa: TRY400 - it may show what was written
            self._store.put_back(message.key, self._clock() + _retry_in(0))
            return None
        return reply.text if self._keep(message, reply, say_in=GRACE_S) else None

    def _sorry(self, message: Incoming) -> str:
        question = self._store.question(message.sender, self._clock())
        return say("bank_down", self._counter.language(_message(message, question)))

    def _reply(self, message: Incoming, seconds: float) -> Reply:
        question = None if message.is_public else self._store.question(message.sender, self._clock())
        before = question.reading if question else None
        reply = self._counter.answer(_message(message, question), before, seconds=seconds)
        if reply.bank_asked:
            self.outage.passed()
        return reply

    def _keep(self, message: Incoming, reply: Reply, *, say_in: float = 0.0) -> bool:
        now = self._clock()
        question = Question(reply.open_question, reply.language.value) if reply.open_question else None
        return self._store.answered(
            message.key,
            now,
            outgoing=_outgoing(message, reply.text),
            say_at=now + say_in,
            question=question,
            link=_link(message, reply),
        )

    # Out

    def answer_one(self) -> bool:
        """Answer a message that waits; tell whether there was one."""
        now = self._clock()
        if not self._store.is_due("inbox", now) or not self.outage.may_ask():
            return False
        message = self._store.take_message(now)
        if message is None:
            return False
        if now > message.received_at + REPLY_WINDOW_S:
            log.warning("a message waited for longer than Weibo lets us answer: dropped")
            self._store.drop(message.key)
        elif message.tries >= _MOST_TRIES:
            log.error("a message failed %d times: given up", message.tries)
            language = self._counter.language(_message(message, None))
            self._keep(message, Reply(say("trouble", language), language))
        else:
            self._answer(message)
        return True

    def _answer(self, message: Incoming) -> None:
        try:
            reply = self._reply(message, _AT_LEISURE_S)
        except BankDown as error:
            says_something = self.outage.failed(error)
            pause = _retry_in(message.tries) if says_something else PAUSE_S
            self._store.put_back(message.key, self._clock() + pause, counts=says_something)
        except Exception as error:  # noqa: BLE001 - tried again, and given up when that does not help
            log.error("a message could not be answered: %s", where(error))  # noqa: TRY400 - it may show what was written
            self._store.put_back(message.key, self._clock() + _retry_in(message.tries))
        else:
            self._keep(message, reply)
            self.wake()

    def say_one(self) -> bool:
        """Say one thing by API; tell whether there was one."""
        now = self._clock()
        one = self._store.take_outgoing(
            now, comments=not self._quiet.is_on("comment"), messages=not self._quiet.is_on("message")
        )
        if one is None:
            return False
        if now > one.until:
            log.warning("%s was not said within Weibo's window: shed", _topic(one))
            self._store.said(one.name, "SHED")
            return True
        try:
            self._send(one)
        except (RateLimited, TokenRefused) as error:
            self._quiet.begin(_kind(one), all_kinds=isinstance(error, TokenRefused), why=error)
            self._store.say_later(one.name, now + _SLOWEST_RETRY_S)
        except WeiboRefused as error:
            self._refused(one, error)
        except CallError as error:
            log.warning("Weibo does not answer (%s): %s waits", error, _topic(one))
            pause = _retry_in(one.tries)
            self._store.say_later(one.name, now + pause, maybe_said=isinstance(error, WeiboUnreachable))
        else:
            self._store.said(one.name)
        return True

    def _refused(self, one: Outgoing, error: WeiboRefused) -> None:
        """Note a refusal for good. A second comment on a mention is none: the first was made before a crash."""
        if one.maybe_said and one.receiver is None and (isinstance(error, ReplyNotAllowed) or error.code == _REPEATED):
            log.info("%s had been said already", _topic(one))
            self._store.said(one.name)
            return
        why = "the window has closed, or the one reply was sent" if isinstance(error, ReplyNotAllowed) else "refused"
        log.error("%s was not said: %s (%s, code %d)", _topic(one), why, error.request, error.code)
        self._store.said(one.name, "REFUSED")

    def _send(self, one: Outgoing) -> None:
        if one.receiver is not None:
            self._weibo.reply(int(one.receiver), one.text)
            return
        status_id = one.status_id or self._post_of(one.comment_id or 0)
        try:
            self._weibo.comment(status_id, one.text, comment_id=one.comment_id)
        except WeiboRefused as error:
            if error.code != _REPEATED or one.maybe_said:
                raise
            # The same words twice running, such as a rate: the time tells them apart.
            at = time.strftime(" %H:%M:%S", time.localtime(self._clock()))
            text = shortened(one.text, limits().comment_characters - len(at)) + at
            self._weibo.comment(status_id, text, comment_id=one.comment_id)

    def _post_of(self, comment_id: int) -> int:
        """Find the post under which a comment stands: a push names the comment only."""
        found = (one.status_id for one in self._weibo.comment_mentions(comment_id - 1) if one.id == comment_id)
        status_id = next(found, None)
        if status_id is None:
            raise WeiboRefused(0, "the comment is gone", "comments/mentions")
        return status_id

    # What Weibo does not push

    def look_for_mentions(self) -> bool:
        """Keep mentions that are new; tell whether there were any. One that was pushed as well is one.

        Those that are too old to be answered, as at the very first look, are passed over.
        """
        found = False
        for kind, look in (("status", self._weibo.mentions), ("comment", self._weibo.comment_mentions)):
            try:
                mentions = look(self._store.since(kind))
            except CallError as error:
                log.warning("mentions could not be read: %s", _without_words(error))
                continue
            for mention in mentions:
                found = self._keep_mention(kind, mention) or found
        if found:
            self.wake()
        return found

    def _keep_mention(self, kind: str, mention: Mention) -> bool:
        now = self._clock()
        if mention.created_at.timestamp() < now - REPLY_WINDOW_S:
            self._store.passed_over(kind, mention.id)
            return False
        return self._store.receive(message_found(mention), now, polled=(kind, mention.id)) is not Arrival.KNOWN

    # What the bank tells

    def hear(self, body: bytes, headers: Iterable[tuple[str, str]]) -> None:
        """Keep an event that the bank has sent. It is on disk when this returns, and acted upon later.

        Raises:
            InvalidSignature: the bank has not sent it.
            NoSecretYet: that cannot be told yet.
        """
        if self._keep_events([self.endpoint.verify(body, headers)]):
            self.wake()

    def see_to_events(self) -> None:
        """See to it that the bank sends its events."""
        self.endpoint.see_to_it(Visit(self._bank, _AT_LEISURE_S))

    def look_for_events(self) -> bool:
        """Read events that the bank could not send; tell whether there may be more to read.

        Raises:
            BankDown: not now.
        """
        visit = Visit(self._bank, _AT_LEISURE_S)
        after = self._store.cursor()
        try:
            with asking():
                page = visit.bank.events.list(after=after, limit=100).page()
        except BankDown as error:
            self.outage.failed(error)
            raise
        except InvalidRequest:
            if after is None:
                raise
            log.warning("the bank does not know the last event any more: beginning with the first")
            self._store.forget_cursor()
            return True
        self.outage.passed()
        if not page.data:
            return False
        if self._keep_events(page.data, cursor=page.data[-1].event_id):
            self.wake()
        return True

    def _keep_events(self, events: Iterable[Event], *, cursor: str | None = None) -> bool:
        """Keep what somebody may be told of; tell whether any of it is new."""
        told = ((event, happened_to(event)) for event in events)
        happened = [
            Happening(event.event_id, event.type, subject, event.data.version) for event, subject in told if subject
        ]
        return bool((happened or cursor) and self._store.keep_events(happened, self._clock(), cursor=cursor))

    def hear_one(self) -> bool:
        """Tell somebody what an event means for them; tell whether there was one."""
        now = self._clock()
        if not self._store.is_due("happenings", now) or not self.outage.may_ask():
            return False
        event = self._store.take_event(now)
        if event is None:
            return False
        if event.link is None or event.tries >= _MOST_TRIES:
            log.error("an event (%s) could not be told: given up", event.type)
            self._store.heard(event.event_id, now)
            return True
        try:
            outgoing, link = self._tell(event, event.link)
        except BankDown as error:
            says_something = self.outage.failed(error)
            pause = _retry_in(event.tries) if says_something else PAUSE_S
            self._store.hear_later(event.event_id, now + pause, counts=says_something)
        except Exception as error:  # noqa: BLE001 - tried again, and given up when that does not help
            log.error("an event could not be told: %s", where(error))  # noqa: TRY400 - it may show whom it is about
            self._store.hear_later(event.event_id, now + _retry_in(event.tries))
        else:
            self._store.heard(event.event_id, now, outgoing=outgoing, link=link)
        return True

    def _tell(self, event: Happening, link: Link) -> tuple[Outgoing | None, Link | None]:
        """Give what to say to the one who asked, and what to follow from now on."""
        name, language = f"{event.type}:{link.subject}", Language(link.language)
        if event.type == "bill_fetch.ready":
            message = Message(link.key, link.sender, link.is_public, "", language=language)
            reply = self._counter.fetched(Subject(link.subject), message, seconds=_AT_LEISURE_S)
            if reply is None:
                raise BankDown("PROCESSING")
            to = replace(link, subject=reply.subject.id, code4=reply.subject.code4) if reply.subject else None
            return self._private(name, link.sender, reply.text), to
        text = self._counter.heard(
            event.type,
            Subject(link.subject, link.code4),
            was_public=link.is_public,
            language=language,
            seconds=_AT_LEISURE_S,
        )
        return (self._private(name, link.sender, text) if text else None), None

    def _private(self, name: str, receiver: str, text: str) -> Outgoing:
        return Outgoing(name, text, self._clock() + REPLY_WINDOW_S, receiver=receiver)

    # Upkeep

    def tidy(self) -> None:
        """Delete what is not needed any more, and learn what the bank has, once a day.

        Raises:
            BankDown: the bank has to be asked later.
        """
        self._store.forget(self._clock())
        self._counter.learn()

    def health(self) -> Mapping[str, object]:
        """Give what a health page may show: counts, and whether the bank answers."""
        return {"bank": "down" if self.outage.is_on else "up", **self._store.counts()}


class _Quiet:
    """When Weibo has had enough of comments, or of messages. Threads share it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._until: dict[Kind, float] = {"comment": 0.0, "message": 0.0}
        self._lock = threading.Lock()

    def is_on(self, kind: Kind) -> bool:
        return self._clock() < self._until[kind]

    def begin(self, kind: Kind, *, all_kinds: bool, why: WeiboRefused) -> None:
        with self._lock:
            was_on = self.is_on(kind)
            for each in self._until if all_kinds else [kind]:
                self._until[each] = self._clock() + _SLOWEST_RETRY_S
        if was_on:
            return
        if isinstance(why, TokenRefused):
            log.error("Weibo refuses the access token (code %d): authorise the account anew; answers wait", why.code)
        else:
            log.warning("Weibo's quota of %ss is used up (code %d): answers wait", kind, why.code)


def _message(message: Incoming, question: Question | None) -> Message:
    return Message(
        message.key,
        message.sender,
        message.is_public,
        message.text,
        message.account_like,
        message.position,
        Language(question.language) if question else Language.ZH,
    )


def _link(message: Incoming, reply: Reply) -> Link | None:
    if reply.subject is None:
        return None
    return Link(
        reply.subject.id, reply.subject.code4, message.key, message.sender, message.is_public, reply.language.value
    )


def _name_of(key: str) -> str:
    return f"answer:{key}"


def _outgoing(message: Incoming, text: str) -> Outgoing:
    """Give the one answer to a message: a comment under a mention, a private message otherwise."""
    name, until = _name_of(message.key), message.received_at + REPLY_WINDOW_S
    if message.is_public:
        return Outgoing(name, text, until, status_id=message.status_id, comment_id=message.comment_id)
    return Outgoing(name, text, until, receiver=message.sender)


def _kind(one: Outgoing) -> Kind:
    return "comment" if one.receiver is None else "message"


def _topic(one: Outgoing) -> str:
    """What a message is about, for the log: no key, no payment."""
    return f"a {_kind(one)} ({one.name.partition(':')[0]})"


def _retry_in(tries: int) -> float:
    return float(min(_SLOWEST_RETRY_S, 2.0 ** min(tries + 1, 10)))


def _without_words(error: CallError) -> str:
    """An error of Weibo's for the log: its own words may repeat what was sent."""
    return f"{error.request}, code {error.code}" if isinstance(error, WeiboRefused) else str(error)


def where(error: BaseException) -> str:
    """Say what went wrong and where, without the error's own words: they may hold what somebody wrote."""
    frames = traceback.extract_tb(error.__traceback__)[-3:]
    places = " < ".join(f"{frame.name}:{frame.lineno}" for frame in reversed(frames))
    return f"{type(error).__name__} in {places or 'no frame'}"
