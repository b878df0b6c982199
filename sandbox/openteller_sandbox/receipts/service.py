"""Whether a receipt is genuine, and its print for the payer; issuing is part of the payment."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from enum import Enum, auto
from hashlib import sha256
from math import ceil
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.db import Tx
from openteller_sandbox.http import Problem
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.receipts import store
from openteller_sandbox.receipts.printing import MOST_TRIES, STANDINGS, Printer, edition

MOST_GUESSES = 10
GUESSES_MS = clock.HOUR
_MESSAGES = {
    None: {
        "zh_cn": "本行没有出具过这样的回单。请核对回单号与验证码。",
        "en": "This bank has issued no such receipt. Please compare number and code.",
    },
    "VALID": {
        "zh_cn": "这是本行出具的回单，缴费有效。",
        "en": "This bank has issued the receipt, and the payment stands.",
    },
    "BEING_REFUNDED": {
        "zh_cn": "这是本行出具的回单，但该笔缴费正在退款。",
        "en": "This bank has issued the receipt, but the payment is being refunded.",
    },
    "REFUNDED": {
        "zh_cn": "这是本行出具的回单，但该笔缴费已经退款，不能再作为缴费凭证。",
        "en": "This bank has issued the receipt, but the payment was refunded: it proves no payment any more.",
    },
}


def verify(bank: Bank, typed: Mapping[str, str], now: int) -> dict[str, Any]:
    """Say whether a receipt is genuine: the contract's ``ReceiptVerdict``, which tells nobody who has paid.

    Args:
        bank: whose receipt it may be.
        typed: ``receipt_number`` and ``verification_code``, or ``compact``.
        now: bank time of whoever asks.

    Raises:
        Problem: RATE_LIMITED, too many wrong codes have come for this number.
    """
    tx = bank.db.read()
    if "compact" in typed:  # no guess: it carries a signature
        wire = payments.receipt_by_compact(tx, typed["compact"])
    else:
        wire = _by_numbers(bank, typed["receipt_number"], typed["verification_code"])
    checked = _checked(tx, wire) if wire else None
    return {
        "verdict": "GENUINE" if checked else "NOT_GENUINE",
        "receipt": checked,
        "message": _MESSAGES[checked["standing"] if checked else None],
        "checked_at": now,
    }


def keys(tx: Tx) -> list[dict[str, Any]]:
    """Give the public keys of receipts, the newest first: the contract's ``ReceiptKey``."""
    return payments.public_receipt_keys(tx)


def keys_changed(tx: Tx) -> int:
    """Give when there was last a new key (bank time, epoch milliseconds)."""
    return int(payments.public_receipt_keys(tx)[0]["created_at"])


class Print(Enum):
    """How far the PDF of a receipt is."""

    NONE = auto()
    PREPARING = auto()
    READY = auto()
    FAILED = auto()


def ask_for_print(bank: Bank, held: Held) -> None:
    """Have the PDF of a payment's receipt made, as the payment stands now; it is made already, or will be."""
    asked = edition(bank, held)
    with bank.db.act(held.world_id) as tx:
        if _print_state(tx, held, asked) in {Print.PREPARING, Print.READY}:
            return
        tx.run(store.FORGET, payment_id=held.payment.payment_id)
        tx.run(
            store.ASK,
            payment_id=held.payment.payment_id,
            world_id=held.world_id,
            edition=asked,
            asked_at=bank.clock.wall(),
            tries=0,
            lease=None,
            lease_until=0,
            pdf=None,
        )
    bank.news += 1


def print_state(bank: Bank, held: Held) -> Print:
    """Say how far the PDF is. What was printed before a refund is no receipt any more."""
    return _print_state(bank.db.read(), held, edition(bank, held))


def pdf(bank: Bank, held: Held) -> bytes | None:
    """Give the PDF of a payment's receipt as the payment stands now, where it is ready. It is the payer's alone."""
    row = bank.db.read().one(store.FIND, payment_id=held.payment.payment_id)
    ready = row is not None and row["edition"] == edition(bank, held) and row["pdf"] is not None
    return b64decode(row["pdf"]) if row is not None and ready else None


def printer(bank: Bank) -> Printer:
    """Make a printer of every world's receipts, to be started or run; see the class."""
    return Printer(bank)


def reset(tx: Tx, world_id: str) -> None:
    """Delete every print of a world."""
    tx.run(store.RESET, world_id=world_id)


def _print_state(tx: Tx, held: Held, asked: str) -> Print:
    row = tx.one(store.FIND, payment_id=held.payment.payment_id)
    if row is None or row["edition"] != asked:
        return Print.NONE
    if row["pdf"] is not None:
        return Print.READY
    # The last try may be going on.
    return Print.FAILED if row["tries"] >= MOST_TRIES and row["lease"] is None else Print.PREPARING


def _checked(tx: Tx, wire: Mapping[str, Any]) -> dict[str, Any]:
    held = payments.get(tx, wire["payment_id"])
    assert held is not None
    name = wire["biller"]["name"]
    return {
        "receipt_number": wire["receipt_number"],
        "standing": STANDINGS[held.payment.status],
        "biller": {"biller_id": wire["biller"]["biller_id"], "name": {"zh_cn": name["zh-CN"], "en": name["en"]}},
        "amount": held.payment.amount,
        "total": held.payment.total,
        "paid_at": clock.parse(wire["paid_at"]),
        "value_date": held.payment.value_date,
    }


def _by_numbers(bank: Bank, receipt_number: str, verification_code: str) -> dict[str, Any] | None:
    """Find a receipt unless its code is being guessed; a wrong code is counted, also for a number that nobody has."""
    tx, now = bank.db.read(), bank.clock.wall()
    number_hash = sha256(payments.plain_receipt_number(receipt_number).encode()).hexdigest()
    row = tx.one(store.GUESSES, number_hash=number_hash)
    if row and row["wrong"] >= MOST_GUESSES and row["since"] + GUESSES_MS > now:
        wait_s = ceil((row["since"] + GUESSES_MS - now) / clock.SECOND)
        raise Problem("RATE_LIMITED", "Too many wrong codes have come for this number.", retry_after=wait_s)
    wire = payments.receipt_by_numbers(tx, receipt_number, verification_code)
    if wire is None:
        _count_guess(bank, number_hash, now)
    return wire


def _count_guess(bank: Bank, number_hash: str, now: int) -> None:
    with bank.db.act("receipt guesses") as tx:
        tx.run(store.PURGE_GUESSES, before=now - GUESSES_MS)
        if tx.run(store.FIRST_GUESS, number_hash=number_hash, wrong=1, since=now) == 0:
            tx.run(store.NEXT_GUESS, n=number_hash)
