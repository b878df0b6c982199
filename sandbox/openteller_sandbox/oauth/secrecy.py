"""Keyed hashes with a secret of the bank's own, made once in a database's life and never shown."""

from __future__ import annotations

import hmac
import secrets
from base64 import urlsafe_b64encode

from openteller_sandbox.bank import Bank
from openteller_sandbox.db import facts as bank_facts

_NAME = "oauth_secret"


def mac(bank: Bank, purpose: str, text: str) -> str:
    """Give 256 bits, in base64url, that only the bank can derive from a text."""
    digest = hmac.digest(_secret(bank), f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), "sha256")
    return urlsafe_b64encode(digest).rstrip(b"=").decode()


def ensure(bank: Bank) -> None:
    """Make the secret where it is missing; part of opening the bank, so that no request makes it."""
    with bank.db.act() as tx:
        if bank_facts.get(tx, _NAME) is None:
            bank_facts.put(tx, _NAME, secrets.token_urlsafe(32))


def _secret(bank: Bank) -> bytes:
    text = bank_facts.get(bank.db.read(), _NAME)
    assert text is not None
    return text.encode()
