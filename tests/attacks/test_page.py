"""Payers, honest, confused and malicious ones, at the bank's page."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.conftest import Partner
from tests.payer import POOR, RICH, Payer

Payers = Callable[[str], Payer]
POWER = "SH-ELECTRICITY-01"


@pytest.fixture
def at_power(partner: Partner, payer: Payers) -> Callable[..., tuple[dict, Payer]]:
    """Begin to pay a magic account at a link that names the biller only; give both at the sign-in."""

    def begin(scenario: str = "DUE_BILL", **form: object) -> tuple[dict, Payer]:
        payment = partner.pay_link(biller_id=partner.biller(POWER)["biller_id"], **form)
        page = payer(payment["payment_link"]["url"]).send("start")
        return payment, page.send("account", in_account_number=partner.magic(POWER, scenario)["account_number"])

    return begin


# What a payer has typed is nobody else's to see.


def test_what_a_payer_without_money_typed_is_not_there_for_the_next_one(
    partner: Partner, payer: Payers, at_power: Callable[..., tuple[dict, Payer]]
) -> None:
    payment, page = at_power()
    page.sign_in(POOR).send("confirm")
    assert "余额不足" in page.text
    stranger = payer(payment["payment_link"]["url"]).send("start")
    assert stranger.step == "account"
    page.sign_in(RICH).send("confirm")
    assert partner.payment(payment["payment_id"])["status"] == "succeeded"
