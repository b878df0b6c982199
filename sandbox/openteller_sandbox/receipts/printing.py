"""Who prints receipts: claim one that was asked for, have it set by the press, keep it.

A claim is a lease: it ends by itself, and who comes next takes over; several printers may run, in one process or in
many. No transaction is open while the press works. A print is kept for a day.
"""

from __future__ import annotations

import logging
import secrets
import threading
import time
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import urlsplit

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.clock import DAY, SECOND
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import DatabaseError, EngineError
from openteller_sandbox.money import Money, in_words
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.payments.states import Status
from openteller_sandbox.receipts import store
from openteller_sandbox.receipts.paper import Paper
from openteller_sandbox.receipts.press import Press, PressError

STANDINGS = {
    Status.SUCCEEDED: "VALID",
    Status.REFUND_PENDING: "BEING_REFUNDED",
    Status.REFUND_FAILED: "BEING_REFUNDED",
    Status.REFUNDED: "REFUNDED",
}
"""How a payment stands of which there is a receipt: the contract's ``ReceiptStanding``."""
MOST_TRIES = 3
KEPT_MS = DAY
_PRESS_S = 60.0
_LEASE_MS = 150 * SECOND
_POLL_S = 2.0
"""Between two looks at the database when nobody calls: other processes ask, and die."""
_IDLE_S = 30.0
"""For how long the press is kept for the next receipt."""

log = logging.getLogger("openteller_sandbox.receipts")


@dataclass(frozen=True, slots=True)
class Claim:
    """A receipt that is ours to print for a while."""

    payment_id: str
    world_id: str
    edition: str


class Printer:
    """Prints what was asked for.

    Args:
        bank: whose receipts.
        press: sets them; a process of its own unless told.
    """

    def __init__(self, bank: Bank, press: Press | None = None) -> None:
        self._bank = bank
        self._press = press or Press(_PRESS_S)
        self._lease = secrets.token_hex(8)
        self._called = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Run in a thread of its own, until ``stop``."""
        self._thread = threading.Thread(target=self._run, name="openteller-print", daemon=True)
        self._thread.start()

    def wake(self) -> None:
        """Say that there may be something to print."""
        self._called.set()

    def stop(self) -> None:
        """Print nothing more. A receipt that is being set is left to whoever comes next."""
        self._stopping = True
        self.wake()
        self._press.close()
        if self._thread:
            self._thread.join(_POLL_S)

    def print_waiting(self) -> int:
        """Print, here and now, all that waits; give how many receipts that was."""
        count = 0
        while not self._stopping and (claim := self._claim()):
            count += self._print(claim)
        return count

    def forget_old(self) -> None:
        """Delete prints that are a day old."""
        before = self._bank.clock.wall() - KEPT_MS
        row = self._bank.db.read().one(store.OLDEST)
        if row is not None and row["asked_at"] is not None and row["asked_at"] < before:
            with self._bank.db.act() as tx:
                tx.run(store.PURGE, before=before)

    def _run(self) -> None:
        """Print until ``stop``. A database that fails is tried again."""
        last = time.monotonic()
        while not self._stopping:
            self._called.clear()
            try:
                self.forget_old()
                if self.print_waiting():
                    last = time.monotonic()
            except (EngineError, DatabaseError) as error:
                log.warning("receipts wait: %s", error)
            if self._press.is_warm and time.monotonic() - last > _IDLE_S:
                self._press.close()
            self._called.wait(_POLL_S)

    def _claim(self) -> Claim | None:
        wall = self._bank.clock.wall()
        waits = {"most": MOST_TRIES, "wall": wall}
        row = self._bank.db.read().one(store.NEXT, **waits)
        if row is None:
            return None
        claim = Claim(row["payment_id"], row["world_id"], row["edition"])
        lease = {"new_lease": self._lease, "new_until": wall + _LEASE_MS}
        with self._bank.db.act(claim.world_id) as tx:
            taken = tx.run(store.CLAIM, p=claim.payment_id, **waits, **lease)
        return claim if taken else self._claim()

    def _print(self, claim: Claim) -> bool:
        """Print one receipt; give whether that has worked."""
        made = self._made(claim)
        mine = {"p": claim.payment_id, "asked_edition": claim.edition, "held": self._lease}
        with self._bank.db.act(claim.world_id) as tx:
            if made is None:
                tx.run(store.RELEASE, **mine)
            else:
                tx.run(store.KEEP, **mine, made=b64encode(made).decode())
        return made is not None

    def _made(self, claim: Claim) -> bytes | None:
        try:
            held = payments.get(self._bank.db.read(), claim.payment_id)
            return self._press.print(paper_of(self._bank, held)) if held and held.payment.receipt_id else None
        except (EngineError, DatabaseError):
            raise
        except PressError as error:
            log.warning("a receipt was not printed: %s", error)
        except Exception as error:  # noqa: BLE001 - whatever it was, the receipts after it are printed
            log.error("a receipt was not printed: %s", type(error).__name__)  # noqa: TRY400 - a traceback may show values
        return None


def edition(bank: Bank, held: Held) -> str:
    """Name what a receipt says now: another one where the payment has moved on, or the bank has another address."""
    payment = held.payment
    refund = payment.refunds[-1] if payment.refunds else None
    parts = (payment.receipt_id, STANDINGS.get(payment.status), refund, bank.settings.public_url)
    return sha256(repr(parts).encode()).hexdigest()


def paper_of(bank: Bank, held: Held) -> Paper:
    """Give all that the receipt of a payment says to its payer."""
    tx, payment = bank.db.read(), held.payment
    receipt = payments.receipt_of(tx, payment.payment_id)
    assert receipt and payment.biller_id and payment.amount and payment.total and held.customer_id
    biller = billers.get(tx, payment.biller_id)
    inputs = held.choice.inputs
    label = biller.account_label(inputs) or {"zh-CN": "缴费账户", "en": "Account"}
    signature, notice = receipt["signature"], receipt["notice"]
    return Paper(
        payment_id=payment.payment_id,
        receipt_number=receipt["receipt_number"],
        verification_code=receipt["verification_code"],
        payer=customers.by_id(held.customer_id).name,
        biller=(biller.name["zh-CN"], biller.name["en"]),
        account_label=(label["zh-CN"], label["en"]),
        account=biller.account(inputs) if inputs else str(payment.account_ref_masked),
        biller_reference=receipt["biller_reference"],
        amount=_yuan(payment.amount),
        fee=_yuan(payment.total - payment.amount),
        total=_yuan(payment.total),
        total_in_words=in_words(payment.total.amount),
        paid_at=_second(clock.parse(receipt["paid_at"])),
        value_date=receipt["value_date"],
        notice=(notice["zh-CN"], notice["en"]),
        key_id=signature["key_id"],
        signature=signature["value"],
        qr=check_address(bank, signature.get("compact")),
        created_at=clock.to_wire(_since(held, clock.parse(receipt["paid_at"]))),
        refund=_refund(held),
    )


def check_address(bank: Bank, compact: str | None) -> str:
    """Give where a person checks a receipt: with what its QR code says, in capitals, which make a smaller code."""
    base = bank.settings.public_url
    if compact is None:
        return f"{base}/receipt-check"
    return f"{base if urlsplit(base).path.strip('/') else base.upper()}/R/{compact}"


def _since(held: Held, paid_at: int) -> int:
    """Say since when a receipt has said what it says."""
    if not held.payment.refunds:
        return paid_at
    refund = held.payment.refunds[-1]
    return refund.completed_at or refund.created_at


def _refund(held: Held) -> tuple[str, str] | None:
    if held.payment.status is Status.SUCCEEDED or not held.payment.refunds:
        return None
    refund = held.payment.refunds[-1]
    amount = _yuan(refund.amount)
    if refund.completed_at and held.payment.status is Status.REFUNDED:
        at = _second(refund.completed_at)
        return f"已退款 {amount}，{at}", f"Refunded {amount} on {at}: this proves no payment any more."
    return f"正在退款 {amount}", f"{amount} is being refunded: this proves no payment any more."


def _yuan(amount: Money) -> str:
    return f"¥{amount.amount:,.2f}" if amount.currency == "CNY" else f"{amount.currency} {amount.amount:,}"


def _second(instant: int) -> str:
    return clock.to_datetime(instant).strftime("%Y-%m-%d %H:%M:%S")
