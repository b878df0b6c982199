"""The page "When things go wrong": what payer, partner and bank see of each failure.

Where money can stand follows from the state table. What each failure looks like is not written down either: every
incident is played in a bank of this process, and the page says what the three sides saw.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from openteller import OpenTeller
from openteller.models import Payment
from openteller_sandbox import clock
from openteller_sandbox.app import create_app, create_bank
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.clock import Clock
from openteller_sandbox.hosted import texts, views
from openteller_sandbox.ledger import service as ledger
from openteller_sandbox.payments import states
from openteller_sandbox.payments.states import Debit, Posting, Status
from openteller_sandbox.scenarios.incidents import INCIDENTS, Incident
from openteller_sandbox.scenarios.stage import Stage
from openteller_sandbox.settings import RateLimits, Settings

Table = Callable[[Sequence[str], Sequence[Sequence[str]]], str]

_MORNING = clock.parse("2026-09-29T10:30:00+08:00")
_ON_THE_PAGE = {Status.CREATED: "the page asks who pays what", Status.AUTHORISING: "the page asks to confirm"}
_OVER = states.FINAL - {Status.SUCCEEDED, Status.REFUNDED}
_BOOKED: dict[tuple[Debit, Posting], str] = {
    (Debit.NOT_STARTED, Posting.NOT_SENT): "nothing",
    (Debit.HELD, Posting.NOT_SENT): "holds",
    (Debit.DEBITED, Posting.SENT): "clearing",
    (Debit.DEBITED, Posting.UNKNOWN): "clearing",
    (Debit.DEBITED, Posting.POSTED): "biller, fees",
    (Debit.DEBITED, Posting.REJECTED): "refunds",
    (Debit.DEBITED, Posting.REVERSED): "refunds",
    (Debit.RELEASED, Posting.NOT_SENT): "customer",
    (Debit.RETURNED, Posting.REJECTED): "customer or payouts",
    (Debit.RETURNED, Posting.REVERSED): "customer or payouts; fees, where one is not refundable",
    (Debit.RETURNED, Posting.POSTED): "customer or payouts; biller, at the cost of suspense",
}


def page(note: str, table: Table) -> str:
    """Give the page. note: its first line; table: head and rows to Markdown."""
    with _bank() as bank:
        sections = [_section(bank, incident) for incident in INCIDENTS]
    return f"""{note}

# When things go wrong

What payer, partner and bank see of each failure. Three rules hold in all of them:

- Money is with the payer, with the bank or with the biller, and `money_at` says where. Nobody guesses: what is not
  known is `unknown` until the biller, or its list of the day, has said it.
- A payment is never sent twice, and never paid back while the biller might have it.
- Whatever happens is told by an event, in the order of its `version`, and booked in the act in which it happens.

## Where the money stands

{table(("Status", "The payer reads", "The partner reads", "Booked in"), _standings())}

A bank that a kill strikes between two of these goes on from the last one: state, ledger lines, event and what is due
next are written in one act.

## Failure by failure

Each was played when this page was made; `openteller drill NAME` plays it in a world of your own
([drills](drills.md)).

{table(("Failure", "What goes wrong", "Ends"), [_row(incident) for incident in INCIDENTS])}

{"".join(sections).rstrip()}
"""


def _standings() -> list[tuple[str, str, str, str]]:
    return [
        (
            f"`{status}`",
            _payer_reads(status, debit, posting),
            _partner_reads(debit, posting),
            booked(status, debit, posting),
        )
        for status in Status
        for debit, posting in sorted(states.LEGAL[status])
    ]


def _payer_reads(status: Status, debit: Debit, posting: Posting) -> str:
    if status in _ON_THE_PAGE:
        return _ON_THE_PAGE[status]
    if status in _OVER:
        return "that the link is no longer valid"
    reason = "NOT_SENT" if debit is Debit.HELD else "BILLER_REVERSED" if posting is Posting.REVERSED else None
    return _both(views.standing(status, reason)[0])


def _partner_reads(debit: Debit, posting: Posting) -> str:
    return f"debit {debit}, posting {posting}: the money is at {states.money_at(debit, posting)}"


def booked(status: Status, debit: Debit, posting: Posting) -> str:
    """Say in which accounts the money of a payment stands."""
    return "suspense" if status is Status.REFUND_FAILED else _BOOKED[debit, posting]


def _row(incident: Incident) -> tuple[str, str, str]:
    return f"[`{incident.name}`](#{incident.name})", incident.title, f"`{incident.expected.status}`"


def _section(bank: Bank, incident: Incident) -> str:
    partner = _Partner(bank)
    stage = Stage(bank, partner.caller, partner.caller.world)
    with stage.open():
        incident.play(stage)
        stage.keep_faults()
    payment = partner.client.payments.get(stage.payment_ids[0])
    told = [event for event in partner.client.events.list(limit=100) if event.data.payment_id == payment.payment_id]
    return f"""### {incident.name}

{incident.title}. {incident.happens}

- *The payer* {_payer_saw(bank, stage, payment)}.
- *The partner* is told {", ".join(f"`{event.type}`" for event in told)}. In the end {_in_the_end(payment)}.
- *The bank* {_entries(bank, partner.caller.world, payment.payment_id)}.
- *What to do*: {incident.reaction}

"""


def _payer_saw(bank: Bank, stage: Stage, payment: Payment) -> str:
    """Say what the page showed: refusals before the confirmation, then each standing after it."""
    seen = [_refusal(bank, code) for code in dict.fromkeys(stage.refusals)]
    for reason, entry in _reasons(payment):
        status = Status(entry)
        if status in _ON_THE_PAGE or status is Status.PROCESSING:
            continue
        if status in _OVER:
            seen.append(_refusal(bank, "LINK_EXPIRED"))
        elif status is not Status.AUTHORISED or payment.status_reason == "NOT_SENT":
            seen.append(_both(views.standing(status, reason)[0]))
    return f"reads {', then '.join(seen)}"


def _reasons(payment: Payment) -> Iterator[tuple[str | None, str]]:
    """Give (reason, status) of each move; the reason is the refund's, where there is one."""
    reason = payment.refunds[-1].reason if payment.refunds else None
    for entry in payment.history:
        yield reason, entry.status


def _refusal(bank: Bank, code: str) -> str:
    known = bank.contract.error_codes.get(code)
    if known is None:
        return _both(f"notice.{code}")
    shown = known.display_message
    return f"“{shown['zh-CN']}” ({shown['en']})"


def _both(text: str) -> str:
    chinese, english = (texts.translator(locale)(text) for locale in texts.LOCALES)
    return f"“{chinese}” ({english})"


def _in_the_end(payment: Payment) -> str:
    reason = f", `status_reason` {payment.status_reason}" if payment.status_reason else ""
    noted = [exception.type for exception in payment.exceptions]
    exceptions = f", `exceptions[]` {', '.join(noted)}" if noted else ""
    return f"it is `{payment.status}`{reason}{exceptions}, and the money is at {payment.money_at}"


def _entries(bank: Bank, world: World, payment_id: str) -> str:
    """Tell the ledger's entries of a payment: what left which accounts for which."""
    lines = ledger.lines_of(bank.db.read(), world, payment_id)
    entries = []
    for reason, group in groupby(lines, key=lambda line: line[0]):
        moved = [(account.partition(":")[0], amount) for _, account, amount in group]
        given = ", ".join(account for account, amount in moved if amount < 0)
        taken = ", ".join(account for account, amount in moved if amount > 0)
        entries.append(f"*{reason}* ({given} → {taken})")
    return f"books {', '.join(entries)}" if entries else "books nothing"


class _Partner:
    """An app with a world of its own."""

    def __init__(self, bank: Bank) -> None:
        application = create_app(bank)
        address = bank.settings.public_url
        with OpenTeller(address, wsgi_app=application) as anyone:
            app = anyone.sandbox.create_app(name="When things go wrong")
        secret = app.client_secret
        self.client = OpenTeller(address, client_id=app.client_id, client_secret=secret, wsgi_app=application)
        world = World(app.world_id)
        self.caller = Caller(world, frozenset(), app.app_id, app.partner_id)


@contextmanager
def _bank() -> Iterator[Bank]:
    limits = RateLimits(app=1_000_000, anonymous=1_000_000)
    with TemporaryDirectory(prefix="openteller-docs-") as folder:
        settings = Settings(database=str(Path(folder) / "bank.db"), public_url="https://bank.test", rate_limits=limits)
        bank = create_bank(settings, Clock(wall_ms=lambda: _MORNING))
        try:
            yield bank
        finally:
            bank.db.close()
