"""A statement of the bank and a partner's own books, compared.

``client.statements.reconcile`` asks the bank and comes here with what it has got; nothing here asks anybody, so that
rows which were kept can be compared again without the bank.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from openteller.errors import BrokenAnswer, ConfigurationError
from openteller.money import Money

if TYPE_CHECKING:
    from openteller.models.statements import Statement, StatementRow

__all__ = ["Difference", "Kind", "Own", "OwnRow", "Reconciliation", "compare", "read_own", "verify"]

_COLUMNS: Final = "type,payment_id,partner_reference,amount,fee,currency,status,value_date,available_at"
_FORMULA: Final = ("=", "+", "-", "@")
_WORD: Final = re.compile("[A-Z_]{1,40}")
_FITS: Final[Mapping[str, frozenset[str]]] = {
    **dict.fromkeys(("created", "authorising", "failed", "cancelled", "expired"), frozenset()),
    **dict.fromkeys(("authorised", "processing", "unknown"), frozenset({"UNDECIDED"})),
    "succeeded": frozenset({"SUCCEEDED"}),
    **dict.fromkeys(
        ("refund_pending", "refund_failed", "refunded"), frozenset({"SUCCEEDED", "NOT_POSTED", "RETURNED", "PAID_OUT"})
    ),
}
"""Which words of a statement go with each ``payment.status``. What goes back may have been posted first."""
_STATUSES: Final = f"a status is a word of the statement, such as SUCCEEDED, or one of {', '.join(_FITS)}"
_UNBOOKED: Final = frozenset(
    {"created", "authorising", "authorised", "failed", "cancelled", "expired", "refund_pending", "refunded"}
)
"""With which of them a payment may be in no statement, as nothing was debited: what was held may be released."""


class Kind(StrEnum):
    """What differs."""

    MISSING_AT_BANK = "MISSING_AT_BANK"
    """Your books have it, the statement has not: it was never paid, or is of another day."""
    MISSING_AT_MINE = "MISSING_AT_MINE"
    """The statement has it, your books have not."""
    AMOUNT = "AMOUNT"
    FEE = "FEE"
    STATUS = "STATUS"
    DUPLICATE_AT_MINE = "DUPLICATE_AT_MINE"
    """Your books have it once more than the statement."""


@dataclass(frozen=True, slots=True)
class OwnRow:
    """A row of your books.

    Attributes:
        partner_reference: yours, as ``payment.partner_reference``.
        amount: without the fee; below zero where it came back.
        fee: compared where it is there.
        status: compared where it is there: a word of the statement, such as ``SUCCEEDED``, or ``payment.status`` as you
            know it by now.
        type: ``PAYMENT``, ``REFUND``, ``REVERSAL`` or ``ADJUSTMENT``.
    """

    partner_reference: str
    amount: Money
    fee: Money | None = None
    status: str | None = None
    type: str = "PAYMENT"


Own: TypeAlias = "OwnRow | Mapping[str, object]"
"""A row of your books: an ``OwnRow``, or a mapping with its members by name. There an amount may be ``Money``, a
``Decimal``, a string or an int, in ``currency`` (``CNY`` where there is none), never a float; an empty string is
nothing, and members of other names are left alone."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing on which the two sides do not agree.

    Attributes:
        kind: what differs.
        type: of the row.
        partner_reference: of the payment.
        mine: your row; None where you have none.
        bank: the statement's; None where it has none.
    """

    kind: Kind
    type: str
    partner_reference: str
    mine: OwnRow | None
    bank: StatementRow | None

    def __str__(self) -> str:
        """Say it in one line: ``AMOUNT of PAYMENT order-1: mine CNY 50.01, the bank's CNY 50.00``."""
        told = f"{self.kind} of {self.type} {self.partner_reference}"
        sides = ((name, self._told(row)) for name, row in (("mine", self.mine), ("the bank's", self.bank)) if row)
        return f"{told}: {', '.join(f'{name} {value}' for name, value in sides)}"

    def _told(self, row: OwnRow | StatementRow) -> str:
        facts = {Kind.FEE: row.fee, Kind.STATUS: row.status}
        return str(facts.get(self.kind, row.amount))


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """What came of comparing your books with a statement.

    Attributes:
        statement: which version of which day.
        matched: how many rows of yours agree with the bank's.
        differences: everything that does not, by type and reference.
    """

    statement: Statement
    matched: int
    differences: tuple[Difference, ...]

    @property
    def agrees(self) -> bool:
        """Whether nothing differs."""
        return not self.differences

    def of(self, kind: Kind | str) -> tuple[Difference, ...]:
        """Give the differences of one kind."""
        return tuple(each for each in self.differences if each.kind == kind)


def verify(statement: Statement, rows: Sequence[StatementRow]) -> None:
    """Look whether rows are those of a statement, all of them and as they were hashed.

    Raises:
        BrokenAnswer: there are more or fewer, or they make a file of another SHA-256, or other sums.
    """
    told = statement.statement_id
    if len(rows) != statement.count:
        raise _broken(f"{told} says that it has {statement.count} rows, and has {len(rows)}")
    lines = [_COLUMNS, *(_line(row) for row in rows)]
    if hashlib.sha256("".join(f"{line}\r\n" for line in lines).encode()).hexdigest() != statement.sha256:
        raise _broken(f"the rows of {told} have another SHA-256 than it says")
    for name, total, parts in (
        ("amounts", statement.sum, [row.amount for row in rows]),
        ("fees", statement.fee_sum, [row.fee for row in rows]),
    ):
        if any(part.currency != total.currency for part in parts) or sum(parts, Money(0, total.currency)) != total:
            raise _broken(f"the {name} of {told} do not add up to {total}")


def _broken(text: str) -> BrokenAnswer:
    return BrokenAnswer(text, retryable="later")


def _line(row: StatementRow) -> str:
    """Write a row as in the bank's CSV."""
    reference = row.partner_reference
    cells = (
        row.type,
        row.payment_id,
        f"'{reference}" if reference.startswith(_FORMULA) else reference,
        f"{row.amount.amount:f}",
        f"{row.fee.amount:f}",
        row.amount.currency,
        row.status,
        row.value_date.isoformat(),
        row.available_at.isoformat() if row.available_at else "",
    )
    return ",".join(cells)


def compare(
    statement: Statement,
    rows: Sequence[StatementRow],
    mine: Iterable[Own],
    *,
    types: Collection[str] | None = None,
) -> Reconciliation:
    """Compare your books of a day with the rows of its statement, which are verified first.

    Rows are the same when type and reference are. Where several are, such as adjustments, those that agree are put
    together first.

    Args:
        statement: of the day.
        rows: all of its rows, in order.
        mine: your rows of the day.
        types: compare rows of these types only, on both sides; ``["PAYMENT"]`` where your books have nothing else.

    Raises:
        ConfigurationError: an entry of yours is no row.
        BrokenAnswer: the rows are not the statement's.
    """
    own = read_own(mine)
    wanted = _types(types)
    verify(statement, rows)
    _check_words(own, rows)
    ours: defaultdict[tuple[str, str], list[OwnRow]] = defaultdict(list)
    theirs: defaultdict[tuple[str, str], list[StatementRow]] = defaultdict(list)
    for entry in own:
        if wanted is None or entry.type in wanted:
            ours[entry.type, entry.partner_reference].append(entry)
    for row in rows:
        if wanted is None or row.type in wanted:
            theirs[row.type, row.partner_reference].append(row)
    matched, found = 0, list[Difference]()
    for key in sorted(ours.keys() | theirs.keys()):
        agreed, differences = _compare(key, ours.get(key, []), theirs.get(key, []))
        matched += agreed
        found += differences
    return Reconciliation(statement, matched, tuple(found))


def _check_words(own: Sequence[OwnRow], rows: Sequence[StatementRow]) -> None:
    """Look whether each status of yours is one that there is: one of this release's, or of the bank's own rows."""
    from openteller.models.statements import StatementRowStatus  # noqa: PLC0415 - with the rows, which are there by now

    known = {*_FITS, *StatementRowStatus, *(str(row.status) for row in rows)}
    for number, entry in enumerate(own, start=1):
        if entry.status is not None and entry.status not in known:
            raise ConfigurationError(f"row {number} of yours: {_STATUSES}")


def _compare(
    key: tuple[str, str], ours: Sequence[OwnRow], theirs: Sequence[StatementRow]
) -> tuple[int, list[Difference]]:
    """Compare the rows of one type and reference; give how many agree, and what differs."""
    left, odd = list(theirs), list[OwnRow]()
    for entry in ours:
        same = next((row for row in left if not list(_facets(entry, row))), None)
        if same is None:
            odd.append(entry)
        else:
            left.remove(same)
    matched, found = len(ours) - len(odd), list[Difference]()
    for entry, row in zip(odd, left, strict=False):
        found += [Difference(kind, *key, entry, row) for kind in _facets(entry, row)]
    for entry in odd[len(left) :]:
        if theirs or entry is not ours[0]:
            found.append(Difference(Kind.DUPLICATE_AT_MINE, *key, entry, None))
        elif entry.type == "PAYMENT" and entry.status in _UNBOOKED:
            matched += 1
        else:
            found.append(Difference(Kind.MISSING_AT_BANK, *key, entry, None))
    return matched, found + [Difference(Kind.MISSING_AT_MINE, *key, None, row) for row in left[len(odd) :]]


def _facets(mine: OwnRow, bank: StatementRow) -> Iterator[Kind]:
    if mine.amount != bank.amount:
        yield Kind.AMOUNT
    if mine.fee is not None and mine.fee != bank.fee:
        yield Kind.FEE
    if mine.status is not None and bank.status not in _FITS.get(mine.status, {mine.status}):
        yield Kind.STATUS


def _types(types: Collection[str] | None) -> frozenset[str] | None:
    if types is None:
        return None
    if isinstance(types, str):
        raise ConfigurationError('types is a collection of types: ["PAYMENT"]')
    return frozenset(map(str, types))


def read_own(mine: Iterable[Own]) -> list[OwnRow]:
    """Read rows of your books; ``compare`` and ``client.statements.reconcile`` begin with it.

    Raises:
        ConfigurationError: an entry is no row; the message says which, counted from 1, and why.
    """
    if isinstance(mine, str | bytes | Mapping) or not isinstance(mine, Iterable):
        raise ConfigurationError("mine is an iterable of rows: OwnRow, or mappings with partner_reference and amount")
    rows = []
    for number, entry in enumerate(mine, start=1):
        try:
            rows.append(_read(entry))
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"row {number} of yours: {error}") from None
    return rows


def _read(entry: object) -> OwnRow:
    """Read a row.

    Raises:
        TypeError: it is none, or a member is of a type that cannot be read.
        ValueError: a member has a value that cannot be read.
    """
    if isinstance(entry, OwnRow):
        members: Mapping[str, object] = {
            "partner_reference": entry.partner_reference,
            "amount": entry.amount,
            "fee": entry.fee,
            "status": entry.status,
            "type": entry.type,
        }
    elif isinstance(entry, Mapping):
        members = entry
    else:
        raise TypeError("it is neither an OwnRow nor a mapping")
    currency = _text(members, "currency") or "CNY"
    amount = _money(members, "amount", currency)
    if amount is None:
        raise ValueError("it has no amount")
    return OwnRow(_reference(members), amount, _money(members, "fee", currency), _status(members), _type(members))


def _reference(members: Mapping[str, object]) -> str:
    reference = _text(members, "partner_reference")
    if not reference:
        raise ValueError("it has no partner_reference")
    # The apostrophe that the bank's CSV puts before what a spreadsheet would take for a formula.
    return reference[1:] if reference.startswith("'") and reference[1:].startswith(_FORMULA) else reference


def _status(members: Mapping[str, object]) -> str | None:
    status = _text(members, "status") or None
    if status is not None and status not in _FITS and not _WORD.fullmatch(status):
        raise ValueError(_STATUSES)
    return status


def _type(members: Mapping[str, object]) -> str:
    type_ = _text(members, "type") or "PAYMENT"
    if not _WORD.fullmatch(type_):
        raise ValueError("a type is PAYMENT, REFUND, REVERSAL or ADJUSTMENT")
    return type_


def _text(members: Mapping[str, object], name: str) -> str:
    value = members.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TypeError(f"its {name} is no string")
    return str(value)  # of a word of an enumeration: its value


def _money(members: Mapping[str, object], name: str, currency: str) -> Money | None:
    value = members.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, Money):
        return value
    if not isinstance(value, Decimal | str | int):
        raise TypeError(f"its {name} is a {type(value).__name__}: an amount is Money, a Decimal, a string or an int")
    return Money(value, currency)
