"""Bills: who is meant, what is due, and the link under which it is paid.

A call that is repeated after a crash makes nothing twice: reference and key of a payment come from the message.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypedDict, Unpack

from openteller import Money, user_ref
from openteller.errors import BankError, InvalidRequest, RateLimited
from openteller.models import Bill, Biller, BillFetch, InputField, LocalizedText, Payment

from . import texts
from .bank import Visit
from .directory import ACCOUNT, Directory
from .reading import Ask, Place, Reading
from .texts import Language, say

__all__ = ["Message", "Paying", "Reply", "Room", "Subject"]

_FRESH_S = 300.0
"""For how long a list of billers is good."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many characters texts may have, in public and in private."""

    public: int
    private: int


@dataclass(frozen=True, slots=True)
class Message:
    """What somebody has said.

    Attributes:
        key: the same for each delivery of one message.
        sender: the platform's name for the person.
        account_like: in public, whether digits were dropped that may be somebody's number.
        position: latitude and longitude, when the message was one.
        language: to answer in, where the text does not tell.
    """

    key: str
    sender: str
    is_public: bool
    text: str = field(repr=False)
    account_like: bool = False
    position: tuple[float, float] | None = field(default=None, repr=False)
    language: Language = Language.ZH


@dataclass(frozen=True, slots=True)
class Subject:
    """What the account must hear about later: a payment, or a fetch that a biller has yet to answer."""

    id: str
    code4: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to say, which question is open after it, what to follow; and whether the bank was asked."""

    text: str = field(repr=False)
    language: Language
    open_question: Reading | None = field(default=None, repr=False)
    subject: Subject | None = None
    bank_asked: bool = False


class _What(TypedDict, total=False):
    """The ways of saying what is to be paid."""

    category_code: str | None
    adcode: str | None
    biller_id: str
    bill_ids: list[str]


class Paying:
    """Finds bills and makes links.

    Args:
        secret: the key of references to users and messages.
        room: how long texts may be.
        monotonic: seconds that only grow.
    """

    def __init__(self, secret: str, room: Room, monotonic: Callable[[], float]) -> None:
        self._secret = secret
        self._room = room
        self._monotonic = monotonic
        self._lists: dict[tuple[str | None, str | None], tuple[float, Sequence[Biller]]] = {}

    def open_link(
        self, visit: Visit, directory: Directory, message: Message, reading: Reading
    ) -> tuple[Subject, list[str]]:
        """Make a link that says what is clear, and give the ways to put it, the longest first.

        The page asks the rest, since there is but one reply to a mention.
        """
        place = reading.place if reading.place and reading.place.adcode in directory.adcodes else None
        link = _Link(self._create(visit, message, **_where(reading, place)), message.language)
        what = directory.what(reading.category_code, place, message.language)
        return link.subject, [link.say("open_link", what=what), link.say("short_link")]

    def pay(self, visit: Visit, directory: Directory, message: Message, reading: Reading) -> Reply:
        """Find who is meant, fetch the bill, and offer its link."""
        language = message.language
        billers = self._billers(visit, directory, reading)
        if not billers:
            return Reply(_no_biller(directory, reading, language), language)
        fitting = _fitting(billers, reading)
        if len(fitting) > 1:
            link = _Link(self._create(visit, message, **_where(reading, reading.place)), language)
            what = directory.what(reading.category_code, reading.place, language)
            return self._offer(link, link.say("which_biller", what=what))
        biller = fitting[0]
        if reading.account is None or biller.fetch_mode != "FETCH" or not _asks_for_account_only(biller):
            return self._biller_link(visit, message, biller)
        return self._bill(visit, message, biller, reading)

    def _biller_link(self, visit: Visit, message: Message, biller: Biller) -> Reply:
        """Offer a link whose page asks for the account."""
        link = _Link(self._create(visit, message, biller_id=biller.biller_id), message.language)
        return self._offer(link, link.say("biller_link", biller=_local(biller.name, message.language)))

    def _billers(self, visit: Visit, directory: Directory, reading: Reading) -> Sequence[Biller]:
        """Give the billers that can be paid, of a kind and at a place."""
        adcode = reading.place.adcode if reading.place else None
        key = (reading.category_code, adcode)
        known = self._lists.get(key)
        if known is not None and self._monotonic() - known[0] < _FRESH_S:
            return known[1]
        found = visit.bank.billers.list(category_code=reading.category_code, adcode=adcode, limit=100)
        active = tuple(biller for biller in found if biller.status == "ACTIVE")
        if adcode is None or adcode in directory.adcodes:  # the country's other places would fill the memory
            self._lists[key] = (self._monotonic(), active)
        return active

    def _bill(self, visit: Visit, message: Message, biller: Biller, reading: Reading) -> Reply:
        language = message.language
        try:
            fetch = visit.bank.bills.fetch(
                biller_id=biller.biller_id,
                inputs={ACCOUNT: reading.account or ""},
                end_user_ref=user_ref(self._secret, "weibo", message.sender),
                idempotency_key=f"{message.key}-fetch",
            )
        except InvalidRequest as error:
            again = replace(reading, accounts=(), ask=Ask.ACCOUNT)
            if error.code == "FIELD_INVALID":
                return Reply(self._bad_account(biller, language), language, open_question=again)
            if error.code == "ACCOUNT_NOT_PAYABLE" and error.display_message:
                return Reply(_local(error.display_message, language), language, open_question=again)
            raise
        except RateLimited as error:
            if error.code != "FETCH_LIMIT":
                raise
            return self._biller_link(visit, message, biller)  # the page can look it up all the same
        return self._fetched(visit, message, biller, fetch)

    def _bad_account(self, biller: Biller, language: Language) -> str:
        asked = _account_field(biller)
        name, label = _local(biller.name, language), _local(asked.label, language)
        text = say("bad_account", language, biller=name, label=label, help=_local(asked.help, language))
        return texts.shortened(text, self._room.private)

    def fetched_later(self, visit: Visit, subject: Subject, message: Message) -> Reply | None:
        """Answer a message whose biller was slow; None while it still is."""
        fetch = visit.bank.bills.get_fetch(subject.id)
        if fetch.status == "PROCESSING":
            return None
        return self._fetched(visit, message, visit.bank.billers.get(fetch.biller_id), fetch)

    def _fetched(self, visit: Visit, message: Message, biller: Biller, fetch: BillFetch) -> Reply:
        language = message.language
        about = {
            "biller": _local(biller.name, language),
            "label": _local(_account_field(biller).label, language),
            "account": fetch.account_ref_masked,
        }
        if fetch.status == "PROCESSING":
            return Reply(say("slow", language, **about), language, subject=Subject(fetch.bill_fetch_id))
        if fetch.status == "FAILED":
            return Reply(say("failed", language, **about), language)
        bills = [bill for bill in fetch.bills if bill.status in {"OPEN", "PARTLY_PAID"}]
        if not bills:
            return Reply(say("nothing_due", language, **about), language)
        chosen = bills if biller.selection in {"ALL", "MANY", "OLDEST_FIRST"} else bills[:1]
        link = _Link(self._create(visit, message, bill_ids=[bill.bill_id for bill in chosen]), language)
        return self._offer(link, _bill_text(link, chosen, len(bills) - len(chosen), about))

    def _offer(self, link: _Link, text: str) -> Reply:
        fitting = texts.first_fitting(self._room.private, [text, link.say("short_link")])
        return Reply(fitting, link.language, subject=link.subject)

    def thanks(self, visit: Visit, subject: Subject, *, was_public: bool, language: Language) -> str:
        """Thank for a payment: with the receipt, unless it was asked for in public."""
        url = visit.bank.payments.get(subject.id).payment_link.url
        plain = say("paid_public", language, code4=subject.code4, url=url)
        if was_public:
            return plain
        receipt = visit.bank.payments.receipt(subject.id)
        full = say(
            "paid_private",
            language,
            biller=_local(receipt.biller.name, language),
            account=receipt.account_ref_masked,
            amount=texts.money(receipt.total, language),
            receipt=receipt.receipt_number,
            verification=receipt.verification_code,
            url=url,
        )
        return texts.first_fitting(self._room.private, [full, plain])

    def _create(self, visit: Visit, message: Message, **what: Unpack[_What]) -> Payment:
        """Make a link; the same message gives the same one."""
        reference = f"weibo-{message.key}"
        try:
            return visit.bank.payments.create(
                partner_reference=reference,
                locale="zh-CN" if message.language is Language.ZH else "en",
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
                made = visit.bank.payments.list(partner_reference=reference).first()
                if made is not None:
                    return made
            raise


@dataclass(frozen=True, slots=True)
class _Link:
    """A payment that was made, in the language of whom it was made for."""

    payment: Payment
    language: Language

    @property
    def subject(self) -> Subject:
        return Subject(self.payment.payment_id, self.payment.payment_link.code4)

    def say(self, key: str, **parts: object) -> str:
        link = self.payment.payment_link
        return say(key, self.language, url=link.url, code4=link.code4, **parts)


def _where(reading: Reading, place: Place | None) -> _What:
    return {"category_code": reading.category_code, "adcode": place.adcode if place else None}


def _no_biller(directory: Directory, reading: Reading, language: Language) -> str:
    category = directory.category(reading.category_code, language)
    if reading.place is None:
        return say("no_biller_at_all", language, category=category)
    return say("no_biller", language, place=reading.place.name, category=category)


def _bill_text(link: _Link, bills: Sequence[Bill], more: int, about: dict[str, str]) -> str:
    language, payment = link.language, link.payment
    fees = sum((fee.amount for fee in payment.fees), Money(0))
    fee = say("fee", language, fee=texts.money(fees, language)) if fees else ""
    amount = payment.amount or sum((bill.outstanding for bill in bills if bill.outstanding), Money(0))
    unknown = "金额见页面" if language is Language.ZH else "the amount on the page"
    shown = texts.money(amount, language) if amount else unknown
    if len(bills) > 1:
        return link.say("bills_link", count=len(bills), amount=shown, fee=fee, **about)
    [bill] = bills
    return link.say(
        "bill_link",
        amount=shown,
        fee=fee,
        period=f"{bill.period.from_:%Y-%m}" if bill.period else "",
        due=f"{bill.due_date:%m-%d}" if bill.due_date else "-",
        more=say("more_bills", language, count=more) if more else "",
        **about,
    )


def _fitting(billers: Sequence[Biller], reading: Reading) -> Sequence[Biller]:
    """Of several billers, those that the words name; else those whose account numbers look like the one given."""
    if len(billers) == 1:
        return billers
    words = reading.words.casefold()
    named = [biller for biller in billers if words and any(name.casefold() in words for name in _names(biller))]
    if named or reading.account is None:
        return named or billers
    return [biller for biller in billers if _takes(biller, reading.account)] or billers


def _names(biller: Biller) -> Iterator[str]:
    yield from (biller.name.zh_cn, biller.name.en, *biller.aliases)


def _takes(biller: Biller, account: str) -> bool:
    pattern = next((asked.pattern for asked in biller.input_fields if asked.name == ACCOUNT), None)
    return pattern is not None and re.fullmatch(pattern, account) is not None


def _asks_for_account_only(biller: Biller) -> bool:
    """Whether the account number is enough; what is more sensitive than it is asked for on the bank's page only."""
    needed = [asked for asked in biller.input_fields if asked.required]
    return [asked.name for asked in needed] == [ACCOUNT] and needed[0].sensitivity == "LOW" and not biller.input_groups


def _account_field(biller: Biller) -> InputField:
    return next((asked for asked in biller.input_fields if asked.name == ACCOUNT), biller.input_fields[0])


def _local(text: LocalizedText, language: Language) -> str:
    return text.zh_cn if language is Language.ZH else text.en
