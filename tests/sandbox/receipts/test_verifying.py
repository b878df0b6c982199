"""Whether a receipt is genuine: what anybody is told who asks, and that nobody finds one by asking."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.conftest import Partner, WallClock
from tests.sandbox.receipts.conftest import Paid
from werkzeug.test import TestResponse

from openteller_sandbox.bank import Bank
from openteller_sandbox.payments import service as payments
from openteller_sandbox.receipts import store

pytestmark = pytest.mark.both_engines

Pay = Callable[..., Paid]


def ask(partner: Partner, **typed: str) -> TestResponse:
    """Ask as anybody, without a token."""
    return partner.client.post("/v1/receipts:verify", json=typed)


def numbers(receipt: dict[str, Any]) -> dict[str, str]:
    return {name: receipt[name] for name in ("receipt_number", "verification_code")}


@pytest.fixture(autouse=True)
def _nobody_has_guessed(bank: Bank) -> Iterator[None]:
    yield
    with bank.db.act() as tx:
        tx.run(store.PURGE_GUESSES, before=2**62)


def test_a_genuine_receipt_is_told_with_what_was_paid(pay: Pay, partner: Partner) -> None:
    receipt = pay().receipt
    answer = ask(partner, **numbers(receipt))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    told = answer.json
    assert told["verdict"] == "GENUINE"
    assert told["receipt"] == {
        "standing": "VALID",
        **{name: receipt[name] for name in ("receipt_number", "biller", "amount", "total", "paid_at", "value_date")},
    }


def test_nobody_is_told_who_has_paid_or_for_which_account(pay: Pay, partner: Partner) -> None:
    paid = pay()
    receipt = paid.receipt
    for typed in (numbers(receipt), {"compact": receipt["signature"]["compact"]}):
        text = ask(partner, **typed).text
        for kept in ("payer_masked", "account_ref_masked", "biller_reference", "payment_id", "receipt_id"):
            assert receipt[kept] not in text
        assert paid.held.payment.partner_reference not in text


def test_number_and_code_may_be_typed_in_any_way(pay: Pay, partner: Partner) -> None:
    receipt = pay().receipt
    number, code = receipt["receipt_number"], receipt["verification_code"]
    for typed in (
        (number.lower(), code.lower()),
        (number.replace("-", ""), code.replace("-", "")),
        (number.replace("-", " "), f"{code} "),
    ):
        told = ask(partner, receipt_number=typed[0], verification_code=typed[1])
        assert told.json["verdict"] == "GENUINE"


def test_a_qr_code_is_genuine_to_its_last_letter_only(pay: Pay, partner: Partner) -> None:
    compact = pay().receipt["signature"]["compact"]
    assert ask(partner, compact=compact).json["verdict"] == "GENUINE"
    assert ask(partner, compact=compact.lower()).json["verdict"] == "GENUINE"
    for place, letter in enumerate(compact):
        other = "B" if letter != "B" else "C"
        changed = compact[:place] + other + compact[place + 1 :]
        assert ask(partner, compact=changed).json["verdict"] == "NOT_GENUINE", place
    for shorter in (compact[:-1], compact[1:], compact + "A", compact.rpartition("-")[0]):
        assert ask(partner, compact=shorter).json["verdict"] == "NOT_GENUINE"


def test_what_is_not_genuine_is_one_answer(pay: Pay, partner: Partner) -> None:
    one, other = pay().receipt, pay("SEVERAL_BILLS").receipt
    asked = [
        {"receipt_number": one["receipt_number"], "verification_code": other["verification_code"]},
        {"receipt_number": one["receipt_number"], "verification_code": "ZZZZ-ZZZZ"},
        {"receipt_number": "ZZZZ-ZZZZ-ZZZZ", "verification_code": one["verification_code"]},
        {"receipt_number": "0", "verification_code": "0"},
        {"compact": one["signature"]["compact"].replace("OTR1", "OTR2")},
        {"compact": "A"},
    ]
    answers = [ask(partner, **each) for each in asked]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert set(answers[0].json) == {"verdict", "message", "checked_at"}


@pytest.mark.parametrize("typed", [{}, {"receipt_number": "A"}, {"verification_code": "A"}, {"compact": "回单"}])
def test_what_is_no_question_is_refused(partner: Partner, typed: dict[str, str]) -> None:
    assert ask(partner, **typed).status_code == 422


def test_a_refunded_payment_is_told_as_such(pay: Pay, partner: Partner) -> None:
    paid = pay("REVERSED")
    receipt = paid.receipt
    standings = []
    for _ in range(40):
        answer = ask(partner, **numbers(receipt)).json
        assert answer["verdict"] == "GENUINE"
        standings.append(answer["receipt"]["standing"])
        if standings[-1] == "REFUNDED":
            break
        partner.advance(seconds=1800)
    assert standings[0] == "VALID"
    assert standings[-1] == "REFUNDED"
    assert "退款" in answer["message"]["zh-CN"]
    assert paid.receipt == receipt  # what was issued stays as it was signed


def test_a_reset_takes_the_receipts_of_a_world_with_it(pay: Pay, partner: Partner) -> None:
    receipt = pay().receipt
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert ask(partner, **numbers(receipt)).json["verdict"] == "NOT_GENUINE"
    assert ask(partner, compact=receipt["signature"]["compact"]).json["verdict"] == "NOT_GENUINE"


@pytest.mark.parametrize("exists", [True, False], ids=["a number that exists", "a number that nobody has"])
def test_after_ten_wrong_codes_a_number_is_not_looked_at_for_a_while(
    pay: Pay, partner: Partner, wall: WallClock, exists: bool
) -> None:
    receipt = pay().receipt
    number = receipt["receipt_number"] if exists else "AAAA-BBBB-CCCC"
    for guess in range(10):
        answer = ask(partner, receipt_number=number, verification_code=f"WRNG{guess}")
        assert answer.json["verdict"] == "NOT_GENUINE"
    for code in ("WRNG", receipt["verification_code"]):
        refused = ask(partner, receipt_number=number.lower(), verification_code=code)
        assert (refused.status_code, refused.json["code"]) == (429, "RATE_LIMITED")
        assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert ask(partner, compact=receipt["signature"]["compact"]).json["verdict"] == "GENUINE"
    wall.advance(3601)
    answer = ask(partner, receipt_number=number, verification_code=receipt["verification_code"])
    assert answer.json["verdict"] == ("GENUINE" if exists else "NOT_GENUINE")


def test_right_codes_are_not_counted(pay: Pay, partner: Partner) -> None:
    receipt = pay().receipt
    for _ in range(15):
        assert ask(partner, **numbers(receipt)).json["verdict"] == "GENUINE"


def test_guesses_are_kept_without_what_was_typed_and_not_for_long(
    bank: Bank, partner: Partner, wall: WallClock
) -> None:
    ask(partner, receipt_number="3100000011", verification_code="246810")
    rows = bank.db.read().all(store.Statement(store.receipt_guesses.select()))
    assert rows
    assert "3100000011" not in json.dumps([list(row) for row in rows])
    wall.advance(3601)
    ask(partner, receipt_number="A", verification_code="B")
    assert len(bank.db.read().all(store.Statement(store.receipt_guesses.select()))) == 1


def test_an_app_may_ask_too(pay: Pay, partner: Partner) -> None:
    body = numbers(pay().receipt)
    assert partner.post("/v1/receipts:verify", body, key=None).json["verdict"] == "GENUINE"


def test_the_keys_are_published_twice_and_without_their_private_part(partner: Partner) -> None:
    answer = partner.client.get("/v1/receipt-keys")
    keys = answer.json["keys"]
    assert keys[0]["status"] == "ACTIVE"
    assert all("d" not in key for key in keys)
    assert answer.headers["ETag"]
    again = partner.client.get("/v1/receipt-keys", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    jwks = partner.client.get("/.well-known/jwks.json").json["keys"]
    assert [key["x"] for key in jwks] == [key["x"] for key in keys]
    assert all(set(key) == {"kty", "crv", "x", "kid", "use", "alg"} for key in jwks)


def test_after_a_rotation_the_new_key_signs_and_the_old_one_still_verifies(
    pay: Pay, partner: Partner, bank: Bank
) -> None:
    old = pay().receipt
    tag = partner.client.get("/v1/receipt-keys").headers["ETag"]
    kid = payments.rotate_receipt_key(bank)
    new = pay("SEVERAL_BILLS").receipt
    assert new["signature"]["key_id"] == kid != old["signature"]["key_id"]
    answer = partner.client.get("/v1/receipt-keys", headers={"If-None-Match": tag})
    by_id = {key["kid"]: key for key in answer.json["keys"]}
    assert by_id[kid]["status"] == "ACTIVE"
    assert by_id[old["signature"]["key_id"]]["status"] == "RETIRED"
    assert by_id[old["signature"]["key_id"]]["retired_at"]
    for receipt in (old, new):
        assert ask(partner, compact=receipt["signature"]["compact"]).json["verdict"] == "GENUINE"
