"""Paid payments with their receipts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask import Flask
from tests.conftest import MORNING, Partner, WallClock, make_bank
from tests.payer import Payer

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held

POWER = "SH-ELECTRICITY-01"


@dataclass
class Paid:
    """A payment that was paid on the page, with the page as its payer sees it."""

    partner: Partner
    bank: Bank
    payment_id: str
    page: Payer

    @property
    def receipt(self) -> dict[str, Any]:
        """The receipt as the partner reads it."""
        return dict(self.partner.get(f"/v1/payments/{self.payment_id}/receipt").json)

    @property
    def held(self) -> Held:
        found = payments.get(self.bank.db.read(), self.payment_id)
        assert found is not None
        return found


@pytest.fixture(scope="module")
def wall() -> WallClock:
    return WallClock()


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, wall: WallClock, engine: str) -> Iterator[Bank]:
    """A bank of the module's own: its tests move wall time."""
    opened = make_bank(tmp_path_factory.mktemp("receipts"), wall, engine=engine)
    yield opened
    opened.db.close()


@pytest.fixture(scope="module")
def flask_app(bank: Bank) -> Flask:
    return create_app(bank)


@pytest.fixture(autouse=True)
def _morning(wall: WallClock) -> None:
    wall.at = MORNING


@pytest.fixture
def pay(partner: Partner, payer: Callable[[str], Payer], bank: Bank) -> Callable[..., Paid]:
    """Pay the bills of a magic account."""

    def paid(scenario: str = "DUE_BILL", code: str = POWER) -> Paid:
        fetched = partner.fetch(code, scenario).json
        payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in fetched["bills"]])
        page = payer(payment["payment_link"]["url"])
        page.pay(next(iter(partner.magic(code, scenario).values()))[-4:])
        return Paid(partner, bank, payment["payment_id"], page)

    return paid
