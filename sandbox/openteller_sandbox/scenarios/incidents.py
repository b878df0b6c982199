"""The incidents, as a table: what each needs, what happens, how it ends, and what a partner does rightly about it.

The API, ``openteller drill`` and ``docs/drills.md`` all read this table. A play starts where it says, makes what is
missing, and uses accounts that nobody has paid for in the world before: it can be played again and again.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from openteller_sandbox import clock
from openteller_sandbox.biller_port.scenarios import Scenario
from openteller_sandbox.http import Problem
from openteller_sandbox.scenarios import payer
from openteller_sandbox.scenarios.stage import Stage

_NEW_BILL = "a bill that is due and a link to it (made)"
_SILENCE_S = 3 * 3600


@dataclass(frozen=True, slots=True)
class Expected:
    """How the first payment of an incident stands when it is over."""

    status: str
    money_at: str
    exceptions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """A row of the table."""

    name: str
    title: str
    needs: str
    happens: str
    reaction: str
    expected: Expected
    play: Callable[[Stage], None]


def _pay_and_wait(stage: Stage, seconds: int) -> str:
    bill_ids = stage.bill()
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.wait(seconds)
    stage.report(payment_id)
    return payment_id


def _batch_debit_window(stage: Stage) -> None:
    closes, opens = _closing(stage)
    stage.wait_until(closes - 10 * clock.MINUTE)
    bill_ids = stage.bill(
        accept=lambda biller: payer.open_at(biller, opens) and not payer.open_at(biller, closes), good_until=opens
    )
    payment_id = stage.link(bill_ids)
    stage.wait_until(closes + clock.MINUTE)
    code = stage.refused(payment_id)
    stage.tell("BILLER", f"has stopped taking payments for today ({code}); it opens at {clock.to_wire(opens)}")
    stage.report(payment_id)
    stage.wait_until(opens + clock.MINUTE)
    stage.pay(payment_id)
    stage.report(payment_id)


def _posted_no_answer(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"drop": "AFTER"}, "will post the next payment, but its answer will be lost")
    _pay_and_wait(stage, 120)


def _never_posted(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"drop": "BEFORE"}, "will never get the next payment")
    _pay_and_wait(stage, 120)


def _silent_until_reconciliation(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"drop": "AFTER"}, "will post the next payment, but its answer will be lost")
    stage.order({"leg": "query_posting"}, {"drop": "BEFORE"}, "will answer no status query either", times=None)
    payment_id = _pay_and_wait(stage, _SILENCE_S)
    stage.wait_until(_tomorrow(stage) + 3 * clock.HOUR)
    stage.report(payment_id)


def _never_answered(stage: Stage) -> None:
    bill_ids = stage.bill(Scenario.UNANSWERED_NOT_POSTED)
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.wait(_SILENCE_S)
    stage.report(payment_id)
    stage.wait_until(_tomorrow(stage) + 3 * clock.HOUR)
    stage.tell("BILLER", "does not have it in its list of the day")
    stage.report(payment_id)


def _lost_by_biller(stage: Stage) -> None:
    bill_ids = stage.bill(Scenario.LOST_BY_BILLER)
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.report(payment_id)
    stage.wait_until(_tomorrow(stage) + 3 * clock.HOUR)
    stage.tell("BILLER", "does not have it in its list of the day, though it had said that it was posted")
    stage.report(payment_id)


def _late_posting_after_refund(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"drop": "AFTER"}, "will get the next payment, and not answer")
    bill_ids = stage.bill()
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.biller_loses(payment_id)
    stage.tell("BILLER", "says to the status query that it does not have the payment")
    stage.wait(180)
    stage.report(payment_id)
    stage.later(payment_id, "payment.posted_late", 7200)
    stage.wait(7260)
    stage.tell("BILLER", "has posted it after all, from a queue that had stood still")
    stage.report(payment_id)


def _late_reversal(stage: Stage) -> None:
    payment_id = _pay_and_wait(stage, 60)
    stage.later(payment_id, "payment.reverse", 3 * 86_400)
    stage.wait(3 * 86_400 + 60)
    stage.tell("BILLER", "has taken the posting back, three days later")
    stage.report(payment_id)


def _double_posting(stage: Stage) -> None:
    bill_ids = stage.bill(Scenario.POSTED_TWICE)
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.tell("BILLER", "has posted it twice")
    stage.report(payment_id)


def _day_cut(stage: Stage) -> None:
    midnight = _tomorrow(stage)
    stage.wait_until(midnight - 5 * clock.MINUTE)
    bill_ids = stage.bill(accept=lambda biller: payer.open_at(biller, midnight - clock.SECOND))
    payment_id = stage.link(bill_ids)
    stage.wait_until(midnight - 20 * clock.SECOND)
    stage.order({"leg": "post"}, {"delay_ms": 40_000}, "will answer 40 seconds later")
    stage.pay(payment_id)
    stage.wait_until(midnight + clock.MINUTE)
    payment = stage.held(payment_id).payment
    stage.tell("BANK", f"booked it on {payment.business_date}, the day on which the payer confirmed")
    stage.report(payment_id)


def _month_end(stage: Stage) -> None:
    begins = _next_month(stage)
    stage.wait_until(begins - 5 * clock.MINUTE)
    bill_ids = stage.bill(accept=lambda biller: payer.open_at(biller, begins + 5 * clock.MINUTE), good_until=begins)
    payment_id = stage.link(bill_ids)
    stage.wait_until(begins + 5 * clock.MINUTE)
    stage.tell("BILLER", "has a new month, and a new bill beside this one")
    stage.pay(payment_id)
    stage.report(payment_id)


def _biller_down(stage: Stage) -> None:
    bill_ids = stage.bill()
    payment_id = stage.link(bill_ids)
    stage.order({"leg": "query"}, {"status": 500}, "is down: it answers every question with an error", times=2)
    for _ in range(2):
        stage.refused(payment_id)
    stage.report(payment_id)
    stage.wait(600)
    stage.tell("BILLER", "is up again")
    stage.pay(payment_id)
    stage.report(payment_id)


def _biller_slow(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"delay_ms": 45_000}, "will take 45 seconds to answer")
    _pay_and_wait(stage, 60)


def _posting_rejected(stage: Stage) -> None:
    stage.order({"leg": "post"}, {"status": 500}, "will reject the next payment")
    _pay_and_wait(stage, 60)


def _refund_failed(stage: Stage) -> None:
    bill_ids = stage.bill(Scenario.ACCOUNT_CLOSED)
    payment_id = stage.link(bill_ids)
    stage.pay(payment_id)
    stage.wait(60)
    stage.report(payment_id)
    stage.wait_until(_tomorrow(stage) + 10 * clock.HOUR + clock.MINUTE)
    stage.tell("BANK", "tries the account once more; it is closed, and a clerk pays out by hand")
    stage.report(payment_id)


def _not_sent(stage: Stage) -> None:
    closes, _ = _closing(stage)
    stage.wait_until(closes - 10 * clock.MINUTE)
    bill_ids = stage.bill(accept=lambda biller: not payer.open_at(biller, closes + 50 * clock.MINUTE))
    payment_id = stage.link(bill_ids)
    stage.hold_back(payment_id)
    stage.report(payment_id)
    stage.wait_until(closes + clock.HOUR)
    stage.tell("BILLER", "had closed before the bank could send it")
    stage.report(payment_id)


def _attempts_used_up(stage: Stage) -> None:
    payment_id = stage.link(stage.bill())
    stage.use_up(payment_id)
    stage.report(payment_id)


def _link_expired(stage: Stage) -> None:
    payment_id = stage.link(stage.bill(Scenario.INSUFFICIENT_FUNDS))
    stage.refused(payment_id)
    stage.wait(86_400)
    stage.report(payment_id)


def _bill_changed(stage: Stage) -> None:
    payment_id = stage.link(stage.bill(Scenario.BILL_CHANGES))
    stage.refused(payment_id)
    stage.cancel(payment_id)
    stage.report(payment_id)


def _webhook_outage(stage: Stage) -> None:
    stage.tell("PARTNER", "is down: its webhooks are not answered, its events not read")
    for _ in range(3):
        _pay_and_wait(stage, 6 * 3600)
    stage.wait(6 * 3600)
    stage.tell("PARTNER", "is up again after a day")


def _duplicate_notifications(stage: Stage) -> None:
    _pay_and_wait(stage, 60)
    text = "will lose its next answer to listEvents after it was sent: what is read next was told before"
    stage.order({"operation_id": "listEvents"}, {"drop": "AFTER"}, text)
    stage.keep_faults()


def _partner_crashed(stage: Stage) -> None:
    _pay_and_wait(stage, 60)
    text = "will lose its next answer to createPayment: the payment is made, its partner does not know"
    stage.order({"operation_id": "createPayment"}, {"drop": "AFTER"}, text)
    stage.keep_faults()


def _paid_elsewhere(stage: Stage) -> None:
    bill_ids = stage.bill()
    first = stage.link(bill_ids)
    second = stage.link(bill_ids)
    stage.tell("PAYER", "has the same bill in another chat")
    stage.pay(second)
    stage.refused(first)
    stage.cancel(first)
    stage.report(first)


def _wrong_account(stage: Stage) -> None:
    payment_id = _pay_and_wait(stage, 60)
    stage.tell("PAYER", f"sees on the receipt of {payment_id} that it was the neighbour's account")


def _tomorrow(stage: Stage) -> int:
    return clock.start_of_day(clock.bank_date(stage.now)) + clock.DAY


def _next_month(stage: Stage) -> int:
    """Give when the next month begins that follows one of at most 30 days: until then no new bill is overdue."""
    day = clock.bank_date(stage.now)
    while True:
        last = day.replace(day=monthrange(day.year, day.month)[1])
        begins = clock.start_of_day(last) + clock.DAY
        if last.day <= 30 and begins - 5 * clock.MINUTE > stage.now:
            return begins
        day = last + timedelta(days=1)


def _closing(stage: Stage) -> tuple[int, int]:
    """Find when the next biller that closes at night does so, and opens again."""
    step = 5 * clock.MINUTE
    begin = stage.now - stage.now % step + 4 * step
    for biller in payer.usable_billers(stage.bank):
        day = range(begin, begin + clock.DAY, step)
        closes = next((at for at in day if payer.open_at(biller, at - step) and not payer.open_at(biller, at)), None)
        night = range(closes, closes + 20 * clock.HOUR, step) if closes else ()
        opens = next((at for at in night if payer.open_at(biller, at)), None)
        if closes and opens and payer.open_at(biller, closes - 10 * clock.MINUTE):
            return closes, opens
    raise Problem("NO_SCENARIO_ACCOUNT")


INCIDENTS = (
    Incident(
        "batch-debit-window",
        "A biller in its batch-debit window",
        "a bill of a biller that takes no payments at night (made, shortly before it closes)",
        "The payer confirms a minute after the biller has closed for its batch debit. Nothing is taken; the link stays "
        "good, and the same payer pays next morning.",
        "Tell the payer when the biller opens again (`service_hours`, `cutoff`), keep the link, and make no "
        "second one.",
        Expected("succeeded", "BILLER"),
        _batch_debit_window,
    ),
    Incident(
        "posted-no-answer",
        "The posting timed out after the debit, and the biller has it",
        _NEW_BILL,
        "The biller posts the payment and its answer is lost: `unknown`. The bank refunds nothing and sends "
        "nothing again; "
        "its status query a minute later finds the posting.",
        "Say that the money is with the bank and that the answer comes by `resolution.expected_by`. Never pay again.",
        Expected("succeeded", "BILLER"),
        _posted_no_answer,
    ),
    Incident(
        "never-posted",
        "The posting timed out after the debit, and the biller never got it",
        _NEW_BILL,
        "The payment is lost on its way: `unknown`. The status query finds nothing at the biller, and the money "
        "goes back.",
        "Wait for `payment.refunded`, and only then offer a new link.",
        Expected("refunded", "RETURNED"),
        _never_posted,
    ),
    Incident(
        "silent-until-reconciliation",
        "A biller that answers nothing until the day's reconciliation",
        _NEW_BILL,
        "Neither the posting nor the status queries at 1, 5 and 30 minutes are answered. The reconciliation of "
        "the next day finds the posting in the biller's list (长款).",
        "Show `resolution.method` RECONCILIATION and its date; do not promise a refund.",
        Expected("succeeded", "BILLER", ("FOUND_AT_BILLER",)),
        _silent_until_reconciliation,
    ),
    Incident(
        "never-answered",
        "A biller that answers nothing, and has posted nothing",
        "a bill of an account that plays UNANSWERED_NOT_POSTED, and a link to it (made)",
        "Neither the posting nor the status queries are answered. The biller's list of the day does not have the "
        "payment, and the money goes back.",
        "Show `resolution.method` RECONCILIATION and its date; offer a new link after `payment.refunded`.",
        Expected("refunded", "RETURNED"),
        _never_answered,
    ),
    Incident(
        "lost-by-biller",
        "A posting that the biller has lost (短款)",
        "a bill of an account that plays LOST_BY_BILLER, and a link to it (made)",
        "The biller says that it has posted the payment, but its list of the day lacks it, and it knows nothing of it "
        "when it is asked once more. The money goes back, all fees with it.",
        "Handle `payment.refund_pending` after `payment.succeeded`: take back your thanks, offer a new link.",
        Expected("refunded", "RETURNED", ("NOT_AT_BILLER",)),
        _lost_by_biller,
    ),
    Incident(
        "late-posting-after-refund",
        "A posting that comes after the refund",
        _NEW_BILL,
        "The biller says that it does not have the payment; the money goes back. Two hours later the biller posts "
        "it after "
        "all. The payer keeps the money, and the bank recovers it from the biller.",
        "Read `exceptions[]`: the bill is paid, the payer has the money back, and nothing is the payer's to settle.",
        Expected("refunded", "RETURNED", ("LATE_POSTING",)),
        _late_posting_after_refund,
    ),
    Incident(
        "late-reversal",
        "A reversal three days later",
        _NEW_BILL,
        "The biller takes a posting back that has long succeeded; the money goes back to the payer.",
        "Handle `payment.refund_pending` after `payment.succeeded`, tell the payer that the bill is due again.",
        Expected("refunded", "RETURNED", ("BILLER_REVERSED",)),
        _late_reversal,
    ),
    Incident(
        "double-posting",
        "A posting that the biller makes twice",
        "a bill of an account that plays POSTED_TWICE, and a link to it (made)",
        "The biller posts the payment twice. The payer was debited once; the bank recovers the second one from "
        "the biller.",
        "Nothing: `exceptions[]` says DOUBLE_POSTING, the status stays `succeeded`.",
        Expected("succeeded", "BILLER", ("DOUBLE_POSTING",)),
        _double_posting,
    ),
    Incident(
        "day-cut",
        "A payment across midnight",
        "a bill of a biller that is open at midnight (made, shortly before)",
        "The payer confirms twenty seconds before midnight, the biller answers after it. The payment belongs to "
        "the day on "
        "which the payer confirmed.",
        "Reconcile by `business_date`, not by the date of `payment.succeeded`.",
        Expected("succeeded", "BILLER"),
        _day_cut,
    ),
    Incident(
        "month-end",
        "The clock at the end of a month",
        "a bill of a biller that is open at midnight (made, five minutes before the month ends)",
        "A bill is fetched on the last day of the month and paid on the first of the next one, when a new bill is out.",
        "Take the amount from the payment, not from a bill that is fetched again.",
        Expected("succeeded", "BILLER"),
        _month_end,
    ),
    Incident(
        "biller-down",
        "A biller that is down",
        _NEW_BILL,
        "The bank asks the biller once more before it takes money; the biller answers with an error, twice. Nothing is "
        "taken; ten minutes later the payer pays.",
        "Keep the link; `GET /v1/outages` says whose fault it is.",
        Expected("succeeded", "BILLER"),
        _biller_down,
    ),
    Incident(
        "biller-slow",
        "A biller that is slow",
        _NEW_BILL,
        "The biller answers 45 seconds after the payment was sent: it is `processing` meanwhile.",
        "Wait for the event; `processing` is no failure.",
        Expected("succeeded", "BILLER"),
        _biller_slow,
    ),
    Incident(
        "posting-rejected",
        "A posting that the biller rejects",
        _NEW_BILL,
        "The biller refuses the payment after the debit, and the money goes back.",
        "Tell the payer that the money is on its way back; offer no second link before `payment.refunded`.",
        Expected("refunded", "RETURNED"),
        _posting_rejected,
    ),
    Incident(
        "refund-failed",
        "A refund to an account that is closed",
        "a bill of an account that plays ACCOUNT_CLOSED, and a link to it (made)",
        "The biller rejects the posting, and the payer's account is closed meanwhile. The money waits in suspense; in "
        "the morning the account is tried once more, and a clerk pays out by hand.",
        "Say that the bank has the money and will pay it out. Wait for `payment.refunded`.",
        Expected("refunded", "RETURNED", ("RETURN_FAILED",)),
        _refund_failed,
    ),
    Incident(
        "not-sent",
        "A biller that closes before a payment is sent",
        "a bill of a biller that takes no payments at night (made, shortly before it closes)",
        "The payer confirms, and the bank cannot send the payment before the biller closes. Nothing was debited; the "
        "hold is released.",
        "Say that nothing was taken, and offer a new link when the biller is open (`service_hours`).",
        Expected("refunded", "RETURNED"),
        _not_sent,
    ),
    Incident(
        "attempts-used-up",
        "A link at which codes are guessed",
        _NEW_BILL,
        "Somebody types wrong codes until the attempts of the link are used up. Nothing is held; the bill is open.",
        "Say that the payment did not come about, and offer a new link to the one who asks for it.",
        Expected("failed", "PAYER"),
        _attempts_used_up,
    ),
    Incident(
        "link-expired",
        "A payer who lacks the money",
        "a bill of an account that plays INSUFFICIENT_FUNDS, and a link to it (made)",
        "The attempt fails and nothing is taken; the link stays good until it expires, and nobody pays.",
        "Nothing: what the payer lacks is not the partner's business. The attempt says PAYER_NOT_COMPLETED.",
        Expected("expired", "PAYER"),
        _link_expired,
    ),
    Incident(
        "bill-changed",
        "A bill that changes after it was fetched",
        "a bill of an account that plays BILL_CHANGES, and a link to it (made)",
        "The bank asks the biller once more before it takes money, and the amount is another one now. Nothing is "
        "taken: nobody pays what they have not seen.",
        "Cancel the link, fetch the bill again, and make a new one.",
        Expected("cancelled", "PAYER"),
        _bill_changed,
    ),
    Incident(
        "webhook-outage",
        "A partner that was down for a day",
        "three bills that are due and links to them (made)",
        "Three payments succeed while the partner reads nothing.",
        "Read `GET /v1/events?after=` from the last event that was handled: every event is there, in order.",
        Expected("succeeded", "BILLER"),
        _webhook_outage,
    ),
    Incident(
        "duplicate-notifications",
        "Events that are told twice",
        _NEW_BILL,
        "An answer with events is lost after it was sent; the same events come again.",
        "Handle each `event_id` once, and ignore a `version` that is not above the last one seen.",
        Expected("succeeded", "BILLER"),
        _duplicate_notifications,
    ),
    Incident(
        "partner-crashed",
        "A partner that crashed after it had made a payment",
        _NEW_BILL,
        "The answer to `createPayment` is lost: there is a payment of which the partner does not know.",
        "Repeat the request with the same `Idempotency-Key`: the same payment comes back, and there is one.",
        Expected("succeeded", "BILLER"),
        _partner_crashed,
    ),
    Incident(
        "paid-elsewhere",
        "A bill that was paid elsewhere meanwhile",
        "a bill that is due and two links to it (made)",
        "The bill is paid through the other link. The payer of this one sees that it is paid; nothing is taken.",
        "Cancel the link, and say that the bill is paid.",
        Expected("cancelled", "PAYER"),
        _paid_elsewhere,
    ),
    Incident(
        "wrong-account",
        "A payer who paid the wrong account",
        _NEW_BILL,
        "The payment succeeds, and then the payer sees that it was somebody else's account.",
        "Open a dispute of the type PAID_WRONG_ACCOUNT; no partner can take the money back by itself.",
        Expected("succeeded", "BILLER"),
        _wrong_account,
    ),
)

BY_NAME = {incident.name: incident for incident in INCIDENTS}
