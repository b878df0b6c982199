"""What the account answers: the rules. It asks the bank through the SDK, and knows nothing of Weibo nor of storage.

In public: an open link at most, never a number, a name or an amount of anybody. In private: the bill, and its link.
A call that is repeated after a crash makes nothing twice: reference and key of a payment come from the message.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypedDict, Unpack

from openteller import Money, OpenTeller, user_ref
from openteller.errors import (
    AuthenticationFailed,
    BankError,
    InvalidRequest,
    NotFound,
    OpenTellerError,
    PermissionDenied,
    TransportError,
)
from openteller.models import Bill, Biller, BillFetch, Branch, Event, InputField, LocalizedText, Payment

from . import texts
from .directory import ACCOUNT, Directory, load
from .reading import Ask, Intent, Reader, Reading
from .texts import Language, say

__all__ = ["BankDown", "Counter", "Message", "Reply", "Subject"]

log = logging.getLogger("v_jiaofei")

_BRANCHES = 3
_CHOICES = 6


class BankDown(Exception):
    """The bank cannot be reached or has failed: the answer has to wait."""


class _What(TypedDict, total=False):
    """The ways of saying what is to be paid."""

    category_code: str | None
    adcode: str | None
    biller_id: str
    bill_ids: list[str]


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody has said.

    Attributes:
        key: the same for each delivery of one message.
        sender: the platform's name for the person.
        account_like: in public, whether digits were dropped that may be somebody's number.
        position: latitude and longitude, when the message was one.
    """

    key: str
    sender: str
    is_public: bool
    text: str = field(repr=False)
    account_like: bool = False
    position: tuple[float, float] | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """What the account must hear about later: a payment, or a fetch that a biller has yet to answer."""

    id: str
    code4: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, which question is open after it, and what to follow."""

    text: str = field(repr=False)
    language: Language
    open_question: Reading | None = field(default=None, repr=False)
    subject: Subject | None = None


class Counter:
    """Answers messages.

    Args:
        bank: a client with the app's credentials.
        secret: the key of references to users and messages, at least 16 bytes; see ``openteller.user_ref``.
    """

    def __init__(self, bank: OpenTeller, secret: str) -> None:
        self._bank = bank
        self._secret = secret

    @cached_property
    def directory(self) -> Directory:
        """The bank's directory, read once."""
        return load(self._bank)

    @cached_property
    def _reader(self) -> Reader:
        return Reader(self.directory.places, self.directory.categories)

    def answer(self, message: Message, before: Reading | None = None) -> Reply:
        """Answer a message.

        Args:
            message: what was said.
            before: the reading whose question it may answer.

        Raises:
            BankDown: not now; ask again later.
        """
        language = texts.language_of(message.text)
        try:
            if message.is_public:
                return self._in_public(message, self._reader.read_public(message.text), language)
            return self._in_private(message, self._read(message, before), language)
        except BankError as error:
            if _may_pass(error):
                raise BankDown(error.code) from error
            return Reply(_reason(error, language), language)
        except TransportError as error:
            raise BankDown(error.code) from error

    def _read(self, message: Message, before: Reading | None) -> Reading:
        if message.position is not None:
            return Reading(Intent.BRANCHES, position=message.position)
        return self._reader.read(message.text, after=before)

    # In public

    def _in_public(self, message: Message, reading: Reading, language: Language) -> Reply:
        match reading.intent:
            case Intent.PAY:
                reply = self._open_link(message, reading, language)
            case Intent.BRANCHES:
                reply = self._branches_in_public(reading, language)
            case Intent.FX:
                reply = self._fx(reading, language)
            case Intent.THANKS:
                reply = Reply(say("welcome", language), language)
            case _:
                reply = Reply(say("public_help", language), language)
        if not message.account_like:
            return reply
        warning = say("delete_number", language)
        return Reply(f"{warning}{'' if language is Language.ZH else ' '}{reply.text}", language, subject=reply.subject)

    def _open_link(self, message: Message, reading: Reading, language: Language) -> Reply:
        """Make a link that says what is clear; the page asks the rest, since there is but one reply to a mention."""
        place = reading.place if reading.place and reading.place.adcode in self.directory.adcodes else None
        payment = self._create(message, category_code=reading.category_code, adcode=place.adcode if place else None)
        what = self._what(reading.category_code, place.name if place else None, language)
        return _linked("open_link", payment, language, what=what)

    def _branches_in_public(self, reading: Reading, language: Language) -> Reply:
        if reading.place is None and not reading.words:
            return Reply(say("branches_in_private", language), language)
        return self._branches(reading, language, at_most=1)

    # In private

    def _in_private(self, message: Message, reading: Reading, language: Language) -> Reply:
        if reading.ask is not None:
            return Reply(self._question(reading, language), language, open_question=reading)
        match reading.intent:
            case Intent.PAY:
                return self._pay(message, reading, language)
            case Intent.BRANCHES:
                return self._branches(reading, language, at_most=_BRANCHES)
            case Intent.FX:
                return self._fx(reading, language)
            case Intent.THANKS:
                return Reply(say("welcome", language), language)
        return Reply(say("help", language), language)

    def _question(self, reading: Reading, language: Language) -> str:
        category = self._category(reading.category_code, language)
        match reading.ask:
            case Ask.CATEGORY:
                codes = reading.categories or tuple(self.directory.names)[:_CHOICES]
                names = [self._category(code, language) for code in codes]
                return say(
                    "ask_category", language, choices=texts.numbered(names) if reading.categories else "、".join(names)
                )
            case Ask.PLACE if len(reading.places) > 1:
                choices = texts.numbered([place.label for place in reading.places])
                return say("ask_which_place", language, choices=choices)
            case Ask.PLACE if reading.intent is Intent.BRANCHES:
                return say("ask_branch_place", language)
            case Ask.PLACE:
                return say("ask_place", language, category=category)
        return say("ask_one_account" if reading.accounts else "ask_account", language, category=category)

    def _pay(self, message: Message, reading: Reading, language: Language) -> Reply:
        """Find who is meant, fetch the bill, and offer its link."""
        place = reading.place
        billers = list(
            self._bank.billers.list(
                category_code=reading.category_code, adcode=place.adcode if place else None, limit=100
            )
        )
        billers = [biller for biller in billers if biller.status == "ACTIVE"]
        if not billers:
            name = place.name if place else ""
            return Reply(
                say("no_biller", language, place=name, category=self._category(reading.category_code, language)),
                language,
            )
        fitting = _fitting(billers, reading)
        if len(fitting) > 1:
            payment = self._create(message, category_code=reading.category_code, adcode=place.adcode if place else None)
            what = self._what(reading.category_code, place.name if place else None, language)
            return _linked("which_biller", payment, language, what=what)
        biller = fitting[0] if fitting else billers[0]
        account = reading.account
        if account is None or biller.fetch_mode != "FETCH" or not _asks_for_account_only(biller):
            payment = self._create(message, biller_id=biller.biller_id)
            return _linked("biller_link", payment, language, biller=_name(biller, language))
        return self._bill(message, biller, account, language)

    def _bill(self, message: Message, biller: Biller, account: str, language: Language) -> Reply:
        try:
            fetch = self._bank.bills.fetch(
                biller_id=biller.biller_id,
                inputs={ACCOUNT: account},
                end_user_ref=user_ref(self._secret, "weibo", message.sender),
                idempotency_key=f"{message.key}-fetch",
            )
        except InvalidRequest as error:
            if error.code == "FIELD_INVALID":
                help_ = _local(_account_field(biller).help, language)
                label = _local(_account_field(biller).label, language)
                return Reply(
                    say("bad_account", language, biller=_name(biller, language), label=label, help=help_), language
                )
            return Reply(_reason(error, language), language)
        return self._fetched(message, biller, fetch, language)

    def _fetched(self, message: Message, biller: Biller, fetch: BillFetch, language: Language) -> Reply:
        about = {
            "biller": _name(biller, language),
            "label": _local(_account_field(biller).label, language),
            "account": fetch.account_ref_masked,
        }
        if fetch.status == "PROCESSING":
            return Reply(say("slow", language, **about), language, subject=Subject(fetch.bill_fetch_id))
        bills = [bill for bill in fetch.bills if bill.status in {"OPEN", "PARTLY_PAID"}]
        if fetch.status == "FAILED":
            return Reply(say("failed", language, **about), language)
        if not bills:
            return Reply(say("nothing_due", language, **about), language)
        chosen = bills if biller.selection in {"ALL", "MANY", "OLDEST_FIRST"} else bills[:1]
        payment = self._create(message, bill_ids=[bill.bill_id for bill in chosen])
        return _bill_reply(payment, chosen, about, language)

    # What anyone may know

    def _branches(self, reading: Reading, language: Language, *, at_most: int) -> Reply:
        found = self._nearest(reading, at_most)
        if not found:
            return Reply(say("no_branch", language), language)
        lines = [texts.branch_line(branch, language) for branch in found]
        return Reply("\n".join(lines), language)

    def _nearest(self, reading: Reading, at_most: int) -> Sequence[Branch]:
        branches = self._bank.branches
        if reading.position is not None:
            return branches.list(near=reading.position, limit=at_most).to_list(at_most=at_most)
        city = reading.place.name if reading.place else None
        district = reading.place.district if reading.place else ""
        words = " ".join(part for part in (district, reading.words) if part)[:64] or None
        found = branches.list(city=city, q=words, limit=at_most).to_list(at_most=at_most)
        return found or branches.list(city=city, limit=at_most).to_list(at_most=at_most) if city else found

    def _fx(self, reading: Reading, language: Language) -> Reply:
        board = self._bank.rates.fx.list().page().data
        wanted = reading.currencies or ("USD", "EUR", "HKD", "JPY")
        quotes = [quote for quote in board if quote.base in wanted]
        if not quotes:
            return Reply(say("no_fx", language), language)
        found = ("；" if language is Language.ZH else "; ").join(texts.fx_line(quote, language) for quote in quotes[:4])
        return Reply(say("fx", language, found=found, at=texts.moment(quotes[0].published_at)), language)

    # What happened later

    def heard(self, event: Event, subject: Subject, *, was_public: bool, language: Language) -> str | None:
        """Say what an event means for the one who asked; None where there is nothing to say.

        What was asked in public is answered without amount and receipt number: another may have paid.

        Raises:
            BankDown: not now.
        """
        try:
            match event.type:
                case "payment.succeeded":
                    return self._thanks(subject, was_public=was_public, language=language)
                case "payment.unknown":
                    return say("unknown", language, code4=subject.code4)
                case "payment.refund_pending":
                    return say("refund", language, code4=subject.code4)
                case "payment.refunded":
                    return say("refunded", language, code4=subject.code4)
        except OpenTellerError as error:
            raise BankDown(error.code) from error
        return None

    def _thanks(self, subject: Subject, *, was_public: bool, language: Language) -> str:
        payment = self._bank.payments.get(subject.id)
        url = payment.payment_link.url
        if was_public:
            return say("paid_public", language, code4=subject.code4, url=url)
        receipt = self._bank.payments.receipt(subject.id)
        return say(
            "paid_private",
            language,
            biller=_local(receipt.biller.name, language),
            account=receipt.account_ref_masked,
            amount=texts.money(receipt.total, language),
            receipt=receipt.receipt_number,
            verification=receipt.verification_code,
            url=url,
        )

    def fetched(self, subject: Subject, message: Message, language: Language) -> Reply | None:
        """Answer a message whose biller was slow; None while it still is.

        Raises:
            BankDown: not now.
        """
        try:
            fetch = self._bank.bills.get_fetch(subject.id)
            if fetch.status == "PROCESSING":
                return None
            return self._fetched(message, self._bank.billers.get(fetch.biller_id), fetch, language)
        except NotFound:
            return None
        except OpenTellerError as error:
            raise BankDown(error.code) from error

    # Small things

    def _create(self, message: Message, **what: Unpack[_What]) -> Payment:
        """Make a link; the same message gives the same one."""
        reference = f"weibo-{message.key}"
        try:
            return self._bank.payments.create(
                partner_reference=reference,
                context={
                    "channel": "weibo",
                    "conversation_ref": user_ref(self._secret, "weibo", message.sender),
                    "message_ref": user_ref(self._secret, "message", message.key),
                },
                idempotency_key=f"{message.key}-pay",
                **what,
            )
        except BankError as error:
            # Made before a crash, of what was known then.
            if error.code in {"DUPLICATE_REFERENCE", "IDEMPOTENCY_MISMATCH"}:
                made = self._bank.payments.list(partner_reference=reference).first()
                if made is not None:
                    return made
            raise

    def _category(self, code: str | None, language: Language) -> str:
        names = self.directory.names.get(code or "")
        if names is None:
            return "费用" if language is Language.ZH else "bill"
        return names[0] if language is Language.ZH else names[1]

    def _what(self, category_code: str | None, place: str | None, language: Language) -> str:
        category = self._category(category_code, language)
        if not place:
            return category
        return f"{place}{category}" if language is Language.ZH else f"{category}, {place}"


def _linked(key: str, payment: Payment, language: Language, **parts: str) -> Reply:
    link = payment.payment_link
    text = say(key, language, url=link.url, code4=link.code4, **parts)
    return Reply(text, language, subject=Subject(payment.payment_id, link.code4))


def _bill_reply(payment: Payment, bills: Sequence[Bill], about: dict[str, str], language: Language) -> Reply:
    fees = sum((fee.amount for fee in payment.fees), Money(0))
    fee = say("fee", language, fee=texts.money(fees, language)) if fees else ""
    amount = payment.amount or sum((bill.outstanding for bill in bills if bill.outstanding), Money(0))
    shown = (
        texts.money(amount, language) if amount else ("金额见页面" if language is Language.ZH else "amount on the page")
    )
    if len(bills) > 1:
        return _linked("bills_link", payment, language, count=str(len(bills)), amount=shown, fee=fee, **about)
    [bill] = bills
    period = f"{bill.period.from_:%Y-%m}" if bill.period else ""
    due = f"{bill.due_date:%m-%d}" if bill.due_date else "-"
    return _linked("bill_link", payment, language, period=period, amount=shown, fee=fee, due=due, **about)


def _fitting(billers: Sequence[Biller], reading: Reading) -> Sequence[Biller]:
    """Of several billers, those that the words name; else those whose account numbers look like the one given."""
    if len(billers) == 1:
        return billers
    words = reading.words.casefold()
    named = [
        biller
        for biller in billers
        if words and any(word.casefold() in words for word in (biller.name.zh_cn, biller.name.en, *biller.aliases))
    ]
    if named or reading.account is None:
        return named or billers
    return [biller for biller in billers if _takes(biller, reading.account)] or billers


def _takes(biller: Biller, account: str) -> bool:
    pattern = next((field.pattern for field in biller.input_fields if field.name == ACCOUNT), None)
    return pattern is not None and re.fullmatch(pattern, account) is not None


def _asks_for_account_only(biller: Biller) -> bool:
    """Whether the account number is enough; what is more sensitive than it is asked for on the bank's page only."""
    needed = [field for field in biller.input_fields if field.required]
    return [field.name for field in needed] == [ACCOUNT] and needed[0].sensitivity == "LOW" and not biller.input_groups


def _account_field(biller: Biller) -> InputField:
    return next((field for field in biller.input_fields if field.name == ACCOUNT), biller.input_fields[0])


def _name(biller: Biller, language: Language) -> str:
    return _local(biller.name, language)


def _local(text: LocalizedText, language: Language) -> str:
    return text.zh_cn if language is Language.ZH else text.en


def _may_pass(error: BankError) -> bool:
    """Whether the answer should wait: for the bank, or for whoever mends the account's credentials."""
    told = error.problem.source if error.problem else "internal"
    return isinstance(error, AuthenticationFailed | PermissionDenied) or (
        error.retryable != "never" and told not in {"customer", "biller"}
    )


def _reason(error: BankError, language: Language) -> str:
    """What the bank says that a chat may show. What is our own fault is logged, and the writer is told to wait."""
    told = error.display_message
    if told is None or error.problem is None or error.problem.source in {"partner", "internal"}:
        log.error("the bank refused what should not have been asked: %r", error)
        return say("trouble", language)
    return _local(told, language)
