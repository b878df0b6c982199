"""The simulated biller: bills derived from the account number, the same at every question, and postings remembered.

Nothing is random: the hash of biller, account and month decides what an ordinary account owes, and what is not paid
stays due for six months, with a late penalty; the serial number of a magic account chooses its scenario.
"""

from __future__ import annotations

import json
from calendar import monthrange
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import World
from openteller_sandbox.biller_port import scenarios, store
from openteller_sandbox.biller_port.port import (
    Asking,
    Behaviour,
    DueBill,
    Failed,
    Found,
    Ground,
    Later,
    Listed,
    NotPayable,
    Posting,
    PostingAnswer,
    PostingState,
    QueryAnswer,
    Refusal,
    Reversal,
    Turn,
)
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.billers.model import Biller
from openteller_sandbox.db import Database, Tx
from openteller_sandbox.money import Money, rounded

SLOW_MS = 8 * clock.SECOND
REVERSAL_MS = clock.HOUR
LATE_POSTING_MS = 2 * clock.HOUR
_PENALTY_A_DAY = Decimal("0.0005")
_DAYS_TO_PAY = 30
_MONTHS_ASKED_FOR = 6
_ZERO = Money(Decimal(0))
_Payment = tuple[date, Money]
_Payments = dict[str, list[_Payment]]
# What a month costs, in yuan: from, to. Fictional, of a household's order of magnitude.
_MONTHLY = {
    "ELECTRICITY": (40, 380),
    "WATER": (20, 120),
    "GAS": (25, 200),
    "HEATING": (300, 900),
    "BROADBAND": (60, 200),
    "LANDLINE": (20, 90),
    "CABLE_TV": (20, 40),
    "PROPERTY_FEE": (120, 600),
    "TUITION": (800, 6000),
    "SOCIAL_INSURANCE": (300, 900),
    "TRAFFIC_FINE": (50, 200),
}
_REFUSALS = {
    Scenario.UNKNOWN_ACCOUNT: Refusal.UNKNOWN,
    Scenario.BLOCKED_ACCOUNT: Refusal.BLOCKED,
    Scenario.WRONG_REGION: Refusal.WRONG_REGION,
}
_REJECTING = frozenset({Scenario.POSTING_REJECTED, Scenario.ACCOUNT_CLOSED, *_REFUSALS})
_SILENT_AT_FIRST = frozenset({Scenario.TIMEOUT_SUCCEEDED, Scenario.TIMEOUT_REFUNDED, Scenario.TIMEOUT_LATE})
_SILENT = frozenset({Scenario.UNANSWERED_POSTED, Scenario.UNANSWERED_NOT_POSTED})
_NOT_POSTING = frozenset({Scenario.TIMEOUT_REFUNDED, Scenario.TIMEOUT_LATE, Scenario.UNANSWERED_NOT_POSTED})
_ITEMS = {
    "ELECTRICITY": (("电量电费", "Energy"), ("基金及附加", "Surcharges")),
    "WATER": (("水费", "Water"), ("污水处理费", "Sewage")),
}
_PLAIN_ITEMS = (("本期费用", "This period"),)


_STATES = {Turn.FIND: PostingState.POSTED.value, Turn.LOSE: PostingState.NOT_FOUND.value}
"""Of a posting after a turn, whatever it was before."""


class SimulatedBiller:
    """Implements the port for every biller of the seed.

    A question can be long on its way, and come when the bank has long acted on there being no answer. So the biller
    stands by what it has said: a posting that it did not know when it was asked about it is not posted any more, and
    neither is one of a day that it has listed.

    Args:
        database: where its books are.
        began_at: says when a world began, where that is known (bank time, epoch milliseconds).
    """

    def __init__(self, database: Database, began_at: Callable[[World], int | None]) -> None:
        self._db = database
        self._began_at = began_at

    def query(self, world: World, biller: Biller, inputs: Mapping[str, str], now: int, asking: Asking) -> QueryAnswer:
        """Answer what an account owes. Every refusal does the same work as an answer, so that latency tells nothing."""
        scenario = scenarios.of(biller, inputs)
        bills = self._due(world, biller, inputs, now, asking)
        if scenario in _REFUSALS:
            return NotPayable(_REFUSALS[scenario])
        if scenario is Scenario.BILLER_DOWN:
            return Failed()
        if scenario is Scenario.SLOW and asking is Asking.FIRST:
            return Later(SLOW_MS)
        return Found(bills)

    def post(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Post a payment once; the scenario decides what the bank hears of it."""
        scenario = scenarios.of(posting.biller, posting.inputs)
        state = PostingState.POSTED
        if scenario in _NOT_POSTING:
            state = PostingState.NOT_FOUND
        elif scenario in _REJECTING:
            state = PostingState.REJECTED
        self._remember(world, posting, state, scenario, now)
        if scenario in _SILENT_AT_FIRST | _SILENT:
            return PostingAnswer(PostingState.NO_ANSWER)
        return self._answer(world, posting)

    def query_posting(self, world: World, posting: Posting, now: int) -> PostingAnswer:
        """Tell what became of a payment. A timed-out one is not found at the first query and clear at the second."""
        with self._db.act(world.world_id) as tx:
            row = tx.one(store.FIND, w=world.world_id, p=posting.posting_id)
            tx.run(store.ASKED, w=world.world_id, p=posting.posting_id)
            if row and _scenario(row) is Scenario.LOST_BY_BILLER:
                tx.run(store.SET_STATE, w=world.world_id, p=posting.posting_id, to=PostingState.NOT_FOUND.value)
            if row is None:
                self._insert(tx, world, posting, PostingState.NOT_FOUND, None, now)
        if row is None:
            return PostingAnswer(PostingState.NOT_FOUND)
        scenario = _scenario(row)
        if scenario in _SILENT or (scenario in _SILENT_AT_FIRST and row["asked"] == 0):
            return PostingAnswer(PostingState.NO_ANSWER)
        return self._answer(world, posting)

    def reverse(self, world: World, posting: Posting, now: int, ground: Ground) -> Reversal:  # noqa: ARG002 - a remote biller needs it
        """Take a posting back where the biller's own books say so, or the scenario."""
        with self._db.act(world.world_id) as tx:
            row = tx.one(store.FIND, w=world.world_id, p=posting.posting_id)
            if row is None or row["state"] not in {"POSTED", "REVERSED"}:
                return Reversal.REFUSED
            if ground is Ground.SURPLUS:
                tx.run(store.TAKE_BACK_SURPLUS, w=world.world_id, p=posting.posting_id)
                return Reversal.REVERSED if row["times"] > 1 else Reversal.REFUSED
            agrees = row["state"] == "REVERSED" or ground is Ground.RETURNED
            if ground is Ground.PAID_TWICE:
                agrees = agrees or self._has_twin(tx, row)
            elif ground is Ground.DISPUTED:
                agrees = agrees or _scenario(row) is Scenario.DISPUTE_UPHELD
            if agrees:
                tx.run(store.SET_STATE, w=world.world_id, p=posting.posting_id, to="REVERSED")
        return Reversal.REVERSED if agrees else Reversal.REFUSED

    def reconcile(self, world: World, biller: Biller, day: date, now: int) -> Sequence[Listed]:  # noqa: ARG002 - likewise
        """List what was posted on a day, but for what was lost. From then on nothing more is posted on it."""
        since = clock.start_of_day(day)
        until = since + clock.DAY
        with self._db.act(world.world_id) as tx:
            tx.run(store.BEGIN_CALENDAR, world_id=world.world_id, biller_id=biller.biller_id, closed_until=until)
            tx.run(store.CLOSE_DAY, w=world.world_id, b=biller.biller_id, until=until)
        rows = self._db.read().all(
            store.OF_DAY,
            world_id=world.world_id,
            biller_id=biller.biller_id,
            since=since,
            until=until,
        )
        return [
            Listed(
                row["posting_id"], Money.from_minor(row["amount"]), row["reference"], row["times"] - row["taken_back"]
            )
            for row in rows
            if _scenario(row) is not Scenario.LOST_BY_BILLER
        ]

    def reversal_late_by(self, world: World, biller: Biller, posting_id: str, now: int) -> int:  # noqa: ARG002
        """Tell the bank at once."""
        return 0

    def behaviour(self, biller: Biller, inputs: Mapping[str, str]) -> Behaviour:
        """Say what the payer of a magic account does."""
        return scenarios.behaviour(biller, inputs)

    def play(self, world: World, posting_id: str, turn: Turn, now: int) -> None:
        """Change its own books, and tell nobody."""
        with self._db.act(world.world_id) as tx:
            if turn is Turn.POST_LATE:
                tx.run(store.POST_LATE, w=world.world_id, p=posting_id, at=now)
            elif turn is Turn.TAKE_BACK:
                tx.run(store.SET_STATE_FROM, w=world.world_id, p=posting_id, since="POSTED", to="REVERSED")
            else:
                tx.run(store.SET_STATE, w=world.world_id, p=posting_id, to=_STATES[turn])

    def _has_twin(self, tx: Tx, row: Any) -> bool:
        """Tell whether the same sum was paid to the same account within a day."""
        found = tx.one(
            store.TWINS,
            world_id=row["world_id"],
            biller_id=row["biller_id"],
            account_digest=row["account_digest"],
            amount=row["amount"],
            posting_id=row["posting_id"],
            since=row["posted_at"] - clock.DAY,
            until=row["posted_at"] + clock.DAY,
        )
        return found is not None

    def _answer(self, world: World, posting: Posting) -> PostingAnswer:
        row = self._db.read().one(store.FIND, w=world.world_id, p=posting.posting_id)
        assert row is not None
        scenario = _scenario(row)
        state = PostingState.NOT_FOUND if row["state"] == "REVERSED" else PostingState(row["state"])
        return PostingAnswer(
            state,
            row["reference"],
            times=row["times"] - row["taken_back"],
            reverses_after_ms=REVERSAL_MS if scenario is Scenario.REVERSED else None,
            posts_late_after_ms=LATE_POSTING_MS if scenario is Scenario.TIMEOUT_LATE else None,
        )

    def _remember(
        self, world: World, posting: Posting, state: PostingState, scenario: Scenario | None, now: int
    ) -> None:
        with self._db.act(world.world_id) as tx:
            if tx.one(store.CLOSED, w=world.world_id, b=posting.biller.biller_id, at=now):
                state, scenario = PostingState.REJECTED, None
            self._insert(tx, world, posting, state, scenario, now)

    def _insert(
        self, tx: Tx, world: World, posting: Posting, state: PostingState, scenario: Scenario | None, now: int
    ) -> None:
        """Enter a posting into the books, unless it is there. One that is only asked about may have lost its inputs."""
        account = posting.biller.account(posting.inputs) if posting.inputs else ""
        key = posting.biller.bills_key(posting.inputs) if posting.inputs else ""
        tx.run(
            store.INSERT_ONCE,
            world_id=world.world_id,
            posting_id=posting.posting_id,
            biller_id=posting.biller.biller_id,
            account_digest=digest(world, posting.biller, key),
            amounts=json.dumps({number: amount.minor for number, amount in posting.amounts.items() if number}),
            amount=posting.total.minor,
            state=state.value,
            reference=f"{account}{_hash_number(posting.posting_id) % 10**6:06d}",
            scenario=scenario.name if scenario else None,
            times=2 if scenario is Scenario.POSTED_TWICE else 1,
            taken_back=0,
            asked=0,
            posted_at=now,
        )

    def _due(
        self, world: World, biller: Biller, inputs: Mapping[str, str], now: int, asking: Asking
    ) -> tuple[DueBill, ...]:
        if biller.fetch_mode != "FETCH":
            return ()
        account, key = biller.account(inputs), biller.bills_key(inputs)
        scenario = scenarios.of(biller, inputs)
        rows = self._db.read().all(
            store.OF_ACCOUNT,
            world_id=world.world_id,
            biller_id=biller.biller_id,
            account_digest=digest(world, biller, key),
        )
        today = clock.bank_date(now)
        count = _how_many(scenario, biller, key)
        began = today if scenario else self._began_on(world, today)
        months = _months_due(count, began, today)
        if asking is Asking.TO_PAY:  # what was found on the last day of a month can be paid on the first of the next
            months |= _months_due(count, min(began, today - timedelta(days=1)), today - timedelta(days=1))
        extra = Decimal(10) if scenario is Scenario.BILL_CHANGES and asking is Asking.TO_PAY else Decimal(0)
        if scenario is Scenario.PREPAID_METER:
            return (_meter(biller, account, today, len(rows)),)
        paid = _payments(rows)
        months |= {month for month in _months_back(today, _MONTHS_ASKED_FOR) if _number(account, month) in paid}
        bills = (_bill(biller, account, key, month, today, extra, paid) for month in sorted(months))
        return tuple(bill for bill in bills if bill.outstanding.amount)

    def _began_on(self, world: World, today: date) -> date:
        """Give the day on which a world began; an account's bills of before have been paid elsewhere, but for a few."""
        at = self._began_at(world)
        return today if at is None else min(today, clock.bank_date(at))


def _scenario(row: Any) -> Scenario | None:
    return Scenario[row["scenario"]] if row["scenario"] else None


def digest(world: World, biller: Biller, account: str) -> str:
    """Name an account without holding its number: what locks and limits compare."""
    return sha256(f"{world.world_id}:{biller.biller_id}:{account}".encode()).hexdigest()


def _hash_number(*parts: object) -> int:
    return int.from_bytes(sha256(":".join(map(str, parts)).encode()).digest()[:8], "big")


def _how_many(scenario: Scenario | None, biller: Biller, account: str) -> int:
    if scenario is Scenario.NO_BILL:
        return 0
    if scenario is Scenario.SEVERAL_BILLS:
        return 3
    if scenario is not None:
        return 1
    share = _hash_number("count", biller.biller_id, account) % 100
    return 0 if share < 12 else 2 if share < 22 else 1


def _months_due(count: int, began: date, today: date) -> set[date]:
    """Give the months of an account that are unpaid unless they were paid here: so many as when its world began, and
    every one since, until it is too old to be asked for.
    """
    if not count:
        return set()
    months = set(_months_back(began, count))
    since = (month for month in _months_back(today, _MONTHS_ASKED_FOR) if month > max(months))
    return (months | set(since)) & set(_months_back(today, max(count, _MONTHS_ASKED_FOR)))


def _months_back(today: date, count: int) -> Iterator[date]:
    """Give the first days of the latest months whose bills are out, newest first."""
    month = (today.replace(day=1) - timedelta(days=1)).replace(day=1)
    for _ in range(count):
        yield month
        month = (month - timedelta(days=1)).replace(day=1)


def _number(account: str, month: date) -> str:
    return f"{account}{month:%Y%m}"


def _payments(rows: Iterable[Any]) -> _Payments:
    """Read the postings of an account, oldest first."""
    payments: _Payments = {}
    for row in rows:
        day = clock.bank_date(row["posted_at"])
        for number, minor in json.loads(row["amounts"]).items():
            payments.setdefault(number, []).append((day, Money.from_minor(minor)))
    return payments


def _bill(
    biller: Biller,
    account: str,
    key: str,
    month: date,
    today: date,
    extra: Decimal,
    payments: Mapping[str, list[_Payment]],
) -> DueBill:
    """Derive the bill of a month: issued at the beginning of the next one, due 30 days later, with a late penalty
    after that.
    """
    seed = _hash_number("bill", biller.biller_id, key, month.isoformat())
    low, high = _MONTHLY.get(biller.category_code, (30, 300))
    amount = Money(Decimal(low) + Decimal(seed % ((high - low) * 100)) / 100 + extra)
    last = month.replace(day=monthrange(month.year, month.month)[1])
    bill_date = last + timedelta(days=1)
    due_date = bill_date + timedelta(days=_DAYS_TO_PAY)
    number = _number(account, month)
    penalty, paid = _penalty(amount, due_date, payments.get(number, ()), today)
    least, most = biller.bill_bounds(amount + penalty - paid)
    return DueBill(
        bill_number=number,
        bill_date=bill_date,
        due_date=due_date,
        period_from=month,
        period_to=last,
        amount=amount,
        penalty=penalty,
        min_amount=least,
        max_amount=most,
        items=_items(biller, amount),
        paid=paid,
    )


def _penalty(amount: Money, due_date: date, payments: Iterable[_Payment], today: date) -> tuple[Money, Money]:
    """Give a bill's late penalty until today and what counts as paid of both; a payment goes to the penalty first,
    and once nothing is left nothing grows again.
    """
    left, penalty, paid, since = amount, _ZERO, _ZERO, due_date
    for day, payment in (*payments, (today, _ZERO)):
        late_days = max(0, (day - since).days)
        since = max(since, day)
        penalty += Money(rounded(left.amount * _PENALTY_A_DAY * late_days))
        owed = amount + penalty - paid
        paid += min(payment, owed, key=lambda money: money.amount)
        left = min(left, amount + penalty - paid, key=lambda money: money.amount)
    return penalty, paid


def _items(biller: Biller, amount: Money) -> tuple[tuple[str, str, Money], ...]:
    labels = _ITEMS.get(biller.category_code, _PLAIN_ITEMS)
    first = Money(rounded(amount.amount * Decimal("0.93"))) if len(labels) > 1 else amount
    parts = [first] if len(labels) == 1 else [first, Money(amount.amount - first.amount)]
    return tuple((zh, en, part) for (zh, en), part in zip(labels, parts, strict=True))


def _meter(biller: Biller, account: str, today: date, paid_before: int) -> DueBill:
    """Show a prepaid meter: a balance, nothing due, and the payer names the amount."""
    month = today.replace(day=1)
    return DueBill(
        bill_number=f"{account}P{paid_before + 1:03d}",
        bill_date=month,
        due_date=month + timedelta(days=_DAYS_TO_PAY),
        period_from=month,
        period_to=month.replace(day=monthrange(month.year, month.month)[1]),
        amount=_ZERO,
        penalty=_ZERO,
        min_amount=Money(max(biller.min_amount.amount, Decimal(1))),
        max_amount=biller.max_amount,
        balance=Money(Decimal(_hash_number("meter", account) % 5000) / 100),
    )
