"""What the account answers: the rules. It asks the bank through the SDK, and knows nothing of Weibo nor of storage.

In public: an open link at most, never a number, a name or an amount of anybody. In private: the bill, and its link. How
bills are found and offered is in `paying`.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from openteller import OpenTeller
from openteller.errors import BankError, NotFound
from openteller.models import Branch, Event, LocalizedText

from . import texts
from .bank import BankDown, Visit, asking
from .directory import Directory, load
from .paying import Message, Paying, Reply, Room, Subject
from .reading import Ask, Intent, Reader, Reading
from .texts import Language, say

__all__ = ["HEARD_OF", "Counter", "happened_to", "reason"]

log = logging.getLogger("v_jiaofei")

_BRANCHES = 3
_CHOICES = 6
_OFTEN_ASKED = ("USD", "EUR", "HKD", "JPY")
_DAY_S = 86_400.0
_RETRY_S = 60.0
_LEARNING_S = 15.0
HEARD_OF = frozenset(
    {"bill_fetch.ready", "payment.succeeded", "payment.unknown", "payment.refund_pending", "payment.refunded"}
)
"""The types of events that somebody is told of."""
# Weibo allows one private message after a mention: it is kept for how things end.
_TOLD_ONCE = frozenset({"payment.succeeded", "payment.refunded"})


@dataclass(frozen=True, slots=True)
class _Knowledge:
    """What was read of the bank's directory, and a reader that knows it."""

    directory: Directory
    reader: Reader


class Counter:
    """Answers messages. Threads share it.

    Args:
        bank: a client with the app's credentials.
        secret: the key of references to users and messages, at least 16 bytes; see ``openteller.user_ref``.
        room: how long texts may be.
        monotonic: seconds that only grow.
    """

    def __init__(
        self, bank: OpenTeller, secret: str, *, room: Room, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._bank = bank
        self._room = room
        self._monotonic = monotonic
        self._paying = Paying(secret, room, monotonic)
        self._known: _Knowledge | None = None
        self._learn_after = 0.0
        self._learning = threading.Lock()

    # What the bank has

    def learn(self) -> None:
        """Read the bank's directory, unless that was done within a day; one that is known stays while this fails.

        Raises:
            BankDown: not now.
        """
        if self._known is None or self._monotonic() >= self._learn_after:
            self._knowledge(Visit(self._bank, _LEARNING_S, monotonic=self._monotonic), anew=True)

    def _knowledge(self, visit: Visit, *, anew: bool = False) -> _Knowledge:
        known = self._known
        if known is not None and not anew:
            return known
        if not self._learning.acquire(timeout=visit.left):
            raise BankDown("TIMED_OUT")
        try:
            if self._known is not None and self._known is not known:
                return self._known  # another thread has read it meanwhile
            self._learn_after = self._monotonic() + _RETRY_S
            with asking():
                directory = load(visit.bank)
            self._known = _Knowledge(directory, Reader(directory.places, directory.categories))
            self._learn_after = self._monotonic() + _DAY_S
            return self._known
        finally:
            self._learning.release()

    # Answers

    def language(self, message: Message) -> Language:
        """Give the language to answer in: the message's own, or that of the question before it."""
        return texts.language_of(message.text, message.language)

    def answer(self, message: Message, before: Reading | None = None, *, seconds: float) -> Reply:
        """Answer a message.

        Args:
            message: what was said.
            before: the reading whose question it may answer.
            seconds: for how long the bank may be waited for; 0 when it must not be asked.

        Raises:
            BankDown: not now; ask again later.
        """
        message = replace(message, language=self.language(message))
        visit = Visit(self._bank, seconds, monotonic=self._monotonic)
        try:
            with asking():
                known = self._knowledge(visit)
                if message.is_public:
                    reply = self._in_public(visit, known, message)
                else:
                    reply = self._in_private(visit, known, message, before)
        except BankError as error:
            reply = Reply(reason(error, message.language), message.language)
        return replace(reply, bank_asked=visit.asked)

    def _in_public(self, visit: Visit, known: _Knowledge, message: Message) -> Reply:
        reading, language = known.reader.read_public(message.text), message.language
        subject = None
        match reading.intent:
            case Intent.PAY:
                subject, wordings = self._paying.open_link(visit, known.directory, message, reading)
            case Intent.BRANCHES:
                wordings = [self._branches_in_public(visit, reading, language)]
            case Intent.FX:
                wordings = [_fx(visit, reading, language)]
            case Intent.THANKS:
                wordings = [say("welcome", language)]
            case _:
                wordings = [say("public_help", language)]
        if message.account_like:
            between = "" if language is Language.ZH else " "
            warnings = [say("delete_number", language), say("delete_short", language)]
            wordings = [f"{warning}{between}{text}" for text in wordings for warning in warnings]
        return Reply(texts.first_fitting(self._room.public, wordings), language, subject=subject)

    def _in_private(self, visit: Visit, known: _Knowledge, message: Message, before: Reading | None) -> Reply:
        language = message.language
        if message.position is not None:
            reading = Reading(Intent.BRANCHES, position=message.position)
        else:
            reading = known.reader.read(message.text, after=before)
        if reading.ask is not None:
            return self._in_room(Reply(_question(known.directory, reading, language), language, open_question=reading))
        match reading.intent:
            case Intent.PAY:
                return self._paying.pay(visit, known.directory, message, reading)
            case Intent.BRANCHES:
                lines = _branches(visit, reading, language, at_most=_BRANCHES)
                return Reply(texts.lines_fitting(self._room.private, lines), language)
            case Intent.FX:
                return self._in_room(Reply(_fx(visit, reading, language), language))
            case Intent.THANKS:
                return Reply(say("welcome", language), language)
        return Reply(say("help", language), language)

    def _in_room(self, reply: Reply) -> Reply:
        return replace(reply, text=texts.shortened(reply.text, self._room.private))

    def _branches_in_public(self, visit: Visit, reading: Reading, language: Language) -> str:
        if reading.place is None and not reading.words:
            return say("branches_in_private", language)
        return _branches(visit, reading, language, at_most=1)[0]

    # What happened later

    def heard(
        self, event: str, subject: Subject, *, was_public: bool, language: Language, seconds: float
    ) -> str | None:
        """Say what an event means for the one who asked; None where there is nothing to say.

        What was asked in public is answered without amount and receipt number: another may have paid.

        Args:
            event: its type.

        Raises:
            BankDown: not now.
        """
        if was_public and event not in _TOLD_ONCE:
            return None
        visit = Visit(self._bank, seconds, monotonic=self._monotonic)
        match event:
            case "payment.succeeded":
                with asking():
                    return self._paying.thanks(visit, subject, was_public=was_public, language=language)
            case "payment.unknown":
                return say("unknown", language, code4=subject.code4)
            case "payment.refund_pending":
                return say("refund", language, code4=subject.code4)
            case "payment.refunded":
                return say("refunded", language, code4=subject.code4)
        return None

    def fetched(self, subject: Subject, message: Message, *, seconds: float) -> Reply | None:
        """Answer a message whose biller was slow; None while it still is.

        Raises:
            BankDown: not now.
        """
        visit, language = Visit(self._bank, seconds, monotonic=self._monotonic), message.language
        try:
            with asking():
                return self._paying.fetched_later(visit, subject, message)
        except NotFound:
            return Reply(say("fetch_gone", language), language)
        except BankError as error:
            return Reply(reason(error, language), language)


def happened_to(event: Event) -> str | None:
    """Give the payment or the fetch that an event is about, if somebody is told of such."""
    return event.data.payment_id or event.data.bill_fetch_id if event.type in HEARD_OF else None


def reason(error: BankError, language: Language) -> str:
    """What the bank says that a chat may show. What is our own fault is logged, and the writer is told to wait."""
    told: LocalizedText | None = error.display_message
    if told is None or error.problem is None or error.problem.source in {"partner", "internal"}:
        log.error("the bank refused what should not have been asked: %r", error)
        return say("trouble", language)
    return told.zh_cn if language is Language.ZH else told.en


def _question(directory: Directory, reading: Reading, language: Language) -> str:
    category = directory.category(reading.category_code, language)
    match reading.ask:
        case Ask.CATEGORY if reading.categories:
            names = [directory.category(code, language) for code in reading.categories]
            return say("ask_category", language, choices=texts.numbered(names))
        case Ask.CATEGORY:
            names = [directory.category(code, language) for code in tuple(directory.names)[:_CHOICES]]
            return say("ask_category", language, choices=("、" if language is Language.ZH else ", ").join(names))
        case Ask.PLACE if len(reading.places) > 1:
            choices = texts.numbered([place.label for place in reading.places])
            return say("ask_which_place", language, choices=choices)
        case Ask.PLACE if reading.intent is Intent.BRANCHES:
            return say("ask_branch_place", language)
        case Ask.PLACE:
            return say("ask_place", language, category=category)
    return say("ask_one_account" if reading.accounts else "ask_account", language, category=category)


def _branches(visit: Visit, reading: Reading, language: Language, *, at_most: int) -> list[str]:
    """Tell of the nearest branches, one line each."""
    found = _nearest(visit, reading, at_most)
    return [texts.branch_line(branch, language) for branch in found] or [say("no_branch", language)]


def _nearest(visit: Visit, reading: Reading, at_most: int) -> Sequence[Branch]:
    if reading.position is not None:
        return visit.bank.branches.list(near=reading.position, limit=at_most).to_list(at_most=at_most)
    city = reading.place.name if reading.place else None
    district = reading.place.district if reading.place else ""
    words = " ".join(part for part in (district, reading.words) if part)[:64] or None
    found = visit.bank.branches.list(city=city, q=words, limit=at_most).to_list(at_most=at_most)
    if found or not city or not words:
        return found
    return visit.bank.branches.list(city=city, limit=at_most).to_list(at_most=at_most)


def _fx(visit: Visit, reading: Reading, language: Language) -> str:
    board = visit.bank.rates.fx.list().page().data
    wanted = reading.currencies or _OFTEN_ASKED
    quotes = [quote for quote in board if quote.base in wanted][: len(_OFTEN_ASKED)]
    if not quotes:
        return say("no_fx", language)
    found = ("；" if language is Language.ZH else "; ").join(texts.fx_line(quote, language) for quote in quotes)
    return say("fx", language, found=found, at=texts.moment(quotes[0].published_at), unit=quotes[0].unit)
