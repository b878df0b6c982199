"""The account at work: a push in, an answer out, exactly one for each message.

A private message is answered in the response to its push when the bank is quick, else by API. A mention is answered by
one comment, made by a worker, since Weibo takes no comment in a response. While the bank is down a private message gets
word of that at once and its answer later; a mention, which has but one reply, waits for the real one. What the bank
tells afterwards (paid, in doubt, refunded) goes to the writer in private.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import replace

from openteller import OpenTeller
from openteller.errors import OpenTellerError
from openteller.models import Event

from .counter import BankDown, Counter, Message, Reply, Subject
from .reading import drop_digits
from .store import REPLY_WINDOW_S, Incoming, Link, Outgoing, Store
from .texts import Language, language_of, say, shortened
from .weibo import (
    CallError,
    Push,
    RateLimited,
    ReplyNotAllowed,
    WeiboClient,
    WeiboRefused,
    limits,
)

__all__ = ["Bot"]

log = logging.getLogger("v_jiaofei")

_PRIVATE = {"text", "position"}
_PAUSE_S = 0.2
_BANK_PAUSE_S = 5.0
_SLOWEST_RETRY_S = 300.0
_UPKEEP_S = 60.0
_POLL_S = 20.0
"""Three looks a minute at two lists stay below Weibo's quotas of an account that is approved for it."""
REPEATED = 20_019
"""Weibo's code for a comment with the words of the last one."""


class Bot:
    """The account.

    Args:
        bank: a client whose deadline leaves room within Weibo's five seconds.
        counter: the rules.
        weibo: the way out.
        store: what must survive.
        clock: epoch seconds.
        workers: threads that comment and catch up.
        polls: whether to look for mentions, where Weibo has not approved that it pushes them.
    """

    def __init__(
        self,
        bank: OpenTeller,
        counter: Counter,
        weibo: WeiboClient,
        store: Store,
        *,
        clock: Callable[[], float] = time.time,
        workers: int = 4,
        polls: bool = False,
    ) -> None:
        self._bank = bank
        self._counter = counter
        self._weibo = weibo
        self._store = store
        self._clock = clock
        self._bank_down_until = 0.0
        self._stopping = threading.Event()
        self._work = threading.Semaphore(0)
        loops = [self._catch_up] * workers + [self._follow] + [self._poll] * polls
        self._threads = [
            threading.Thread(target=loop, name=f"v_jiaofei-{n}", daemon=True) for n, loop in enumerate(loops)
        ]

    def start(self) -> None:
        """Begin to work: what a crash left undone comes first."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Finish what is in hand, and stop."""
        self._stopping.set()
        for _ in self._threads:
            self._work.release()
        for thread in self._threads:
            thread.join(timeout=10)

    # In

    def receive(self, push: Push) -> str | None:
        """Take a push that Weibo has signed; give what to say in the response, or None.

        It is kept before it is answered, so that a crash loses nothing; a second delivery is not answered again.
        """
        message = _incoming(push)
        if message is None or not self._store.receive(message, self._clock()):
            return None
        if message.is_public:
            self._store.put_back(message.key, self._clock())
            self._work.release()
            return None
        return self._answer_at_once(message)

    def _answer_at_once(self, message: Incoming) -> str | None:
        now = self._clock()
        try:
            reply = None if now < self._bank_down_until else self._reply(message)
        except BankDown as error:
            self._bank_is_down(error)
            reply = None
        if reply is None:
            self._store.put_back(message.key, now + _BANK_PAUSE_S, apologised=True)
            return say("bank_down", language_of(message.text))
        is_first = self._store.answered(
            message.key, now, outgoing=None, question=reply.open_question, link=_link(message, reply)
        )
        return shortened(reply.text, limits().message_characters) if is_first else None

    def _reply(self, message: Incoming) -> Reply:
        question = None if message.is_public else self._store.question(message.sender, self._clock())
        return self._counter.answer(_message(message), question)

    def _bank_is_down(self, error: BankDown) -> None:
        if self._clock() >= self._bank_down_until:
            log.warning("the bank does not answer (%s): messages wait", error)
        self._bank_down_until = self._clock() + _BANK_PAUSE_S

    # Out

    def _catch_up(self) -> None:
        last_upkeep = 0.0
        while not self._stopping.is_set():
            self._work.acquire(timeout=_PAUSE_S)
            try:
                while not self._stopping.is_set() and (self._answer_one() or self._say_one()):
                    pass
                if self._clock() - last_upkeep > _UPKEEP_S:
                    last_upkeep = self._clock()
                    self._store.forget(last_upkeep)
            except Exception:  # a worker that dies would leave messages unanswered
                log.exception("a worker failed")

    def _answer_one(self) -> bool:
        """Answer a message that waits; tell whether there was one."""
        now = self._clock()
        message = self._store.take_message(now)
        if message is None:
            return False
        if now > message.received_at + REPLY_WINDOW_S:
            log.warning("a message waited for longer than Weibo lets us answer: dropped")
            self._store.drop(message.key)
            return True
        try:
            reply = self._reply(message)
        except BankDown as error:
            self._bank_is_down(error)
            self._store.put_back(message.key, now + _retry_in(message.tries))
            return True
        self._store.answered(
            message.key,
            now,
            outgoing=_outgoing(message, reply),
            question=reply.open_question,
            link=_link(message, reply),
        )
        return True

    def _say_one(self) -> bool:
        """Say one thing by API; tell whether there was one."""
        one = self._store.take_outgoing(self._clock())
        if one is None:
            return False
        if self._clock() > one.until:
            log.warning("%s was not said within Weibo's window: shed", one.name.partition(":")[0])
            self._store.said(one.name, "SHED")
            return True
        try:
            self._send(one)
        except ReplyNotAllowed:
            # Weibo has an answer of ours, said before a crash or a time-out; or the window has closed.
            self._store.said(one.name)
        except RateLimited:
            self._store.say_later(one.name, self._clock() + _SLOWEST_RETRY_S)
        except WeiboRefused as error:
            log.error("Weibo refused %s: %s", one.name.partition(":")[0], error)  # noqa: TRY400 - Weibo's words do
            self._store.said(one.name, "REFUSED")
        except CallError as error:
            log.warning("Weibo does not answer (%s)", error)
            self._store.say_later(one.name, self._clock() + _retry_in(one.tries))
        else:
            self._store.said(one.name)
        return True

    def _send(self, one: Outgoing) -> None:
        if one.receiver is not None:
            self._weibo.reply(int(one.receiver), one.text)
            return
        status_id = one.status_id or self._post_of(one.comment_id or 0)
        try:
            self._weibo.comment(status_id, one.text, comment_id=one.comment_id)
        except WeiboRefused as error:
            if error.code != REPEATED:
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
            raise ReplyNotAllowed(0, "the comment is gone", "comments/mentions")
        return status_id

    # What Weibo does not push

    def _poll(self) -> None:
        """Look for mentions, where Weibo does not push them; the key makes a mention that was pushed, too, one."""
        while not self._stopping.is_set():
            for kind, look in (("status", self._weibo.mentions), ("comment", self._weibo.comment_mentions)):
                try:
                    for mention in look(self._store.since(kind)):
                        status_id, comment_id = (
                            (mention.id, None) if kind == "status" else (mention.status_id, mention.id)
                        )
                        key, sender = f"mention-{mention.id}", str(mention.sender_id)
                        message = _mention(key, sender, mention.text, status_id=status_id, comment_id=comment_id)
                        if self._store.receive(message, self._clock()):
                            self._store.put_back(key, self._clock())
                        self._store.seen(kind, mention.id)
                        self._work.release()
                except CallError as error:
                    log.warning("mentions could not be read: %s", error)
            self._stopping.wait(_POLL_S)

    # What the bank tells

    def _follow(self) -> None:
        """Hear the bank's events, from the one after the last that was handled."""
        while not self._stopping.is_set():
            try:
                for event in self._bank.events.list(after=self._store.cursor(), limit=100):
                    self._hear(event)
                    if self._stopping.is_set():
                        return
            except (OpenTellerError, BankDown) as error:
                log.info("no events from the bank: %r", error)
                self._stopping.wait(_BANK_PAUSE_S)
            except Exception:  # what cannot be handled now is tried again, and seen in the log
                log.exception("an event could not be handled")
                self._stopping.wait(_BANK_PAUSE_S)
            self._stopping.wait(_PAUSE_S)

    def _hear(self, event: Event) -> None:
        subject_id = event.data.payment_id or event.data.bill_fetch_id
        link = self._store.link(subject_id) if subject_id else None
        if link is None:
            self._store.handled(event.event_id, self._clock())
            return
        if event.type == "bill_fetch.ready":
            self._hear_fetch(event, link)
            return
        subject = Subject(link.subject, link.code4)
        text = self._counter.heard(event, subject, was_public=link.is_public, language=Language(link.language))
        outgoing = text and self._private(f"{event.type}:{link.subject}", link.sender, text)
        self._store.handled(event.event_id, self._clock(), outgoing=outgoing or None)
        self._work.release()

    def _hear_fetch(self, event: Event, link: Link) -> None:
        """Answer the message whose biller was slow."""
        message = Message(link.key, link.sender, link.is_public, "")
        reply = self._counter.fetched(Subject(link.subject), message, Language(link.language))
        if reply is None:
            self._store.handled(event.event_id, self._clock())
            return
        outgoing = self._private(f"{event.type}:{link.subject}", link.sender, reply.text)
        self._store.handled(
            event.event_id,
            self._clock(),
            outgoing=outgoing,
            link=replace(link, subject=reply.subject.id, code4=reply.subject.code4) if reply.subject else None,
        )
        self._work.release()

    def _private(self, name: str, receiver: str, text: str) -> Outgoing:
        text = shortened(text, limits().message_characters)
        return Outgoing(name, text, self._clock() + REPLY_WINDOW_S, receiver=receiver)


def _incoming(push: Push) -> Incoming | None:
    """Give what of a push is to be kept and answered: of a public one, no digit; None of what needs no answer."""
    sender = str(push.sender_id)
    if push.type == "mention":
        named = str(push.data.get("key", ""))
        if not (named.isascii() and named.isdigit()):
            return None
        status_id, comment_id = (None, int(named)) if push.data.get("subtype") == "comment" else (int(named), None)
        return _mention(f"mention-{named}", sender, push.text, status_id=status_id, comment_id=comment_id)
    if push.type not in _PRIVATE:
        return None
    position = _position(push) if push.type == "position" else None
    return Incoming(push.key, sender, is_public=False, account_like=False, text=push.text, position=position)


def _mention(key: str, sender: str, text: str, *, status_id: int | None, comment_id: int | None) -> Incoming:
    public = drop_digits(text)
    return Incoming(
        key,
        sender,
        is_public=True,
        account_like=public.account_like,
        text=public.text,
        status_id=status_id,
        comment_id=comment_id,
    )


def _position(push: Push) -> tuple[float, float] | None:
    try:
        latitude, longitude = float(push.data["latitude"]), float(push.data["longitude"])
    except (KeyError, TypeError, ValueError):
        return None
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def _message(message: Incoming) -> Message:
    return Message(message.key, message.sender, message.is_public, message.text, message.account_like, message.position)


def _link(message: Incoming, reply: Reply) -> Link | None:
    if reply.subject is None:
        return None
    return Link(
        reply.subject.id, reply.subject.code4, message.key, message.sender, message.is_public, reply.language.value
    )


def _outgoing(message: Incoming, reply: Reply) -> Outgoing:
    """Give the one answer to a message that waited: a comment under a mention, a private message otherwise."""
    until = message.received_at + REPLY_WINDOW_S
    name = f"answer:{message.key}"
    if message.is_public:
        text = shortened(reply.text, limits().comment_characters)
        return Outgoing(name, text, until, status_id=message.status_id, comment_id=message.comment_id)
    return Outgoing(name, shortened(reply.text, limits().message_characters), until, receiver=message.sender)


def _retry_in(tries: int) -> float:
    return float(min(_SLOWEST_RETRY_S, 2.0 ** min(tries, 10)))
