"""The pages of receipts: the payer's own with its PDF, and "is this receipt ours?" for everybody."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner
from tests.payer import POOR, Payer
from tests.sandbox.receipts.conftest import Paid
from tests.sandbox.receipts.test_printing import Stub

from openteller_sandbox.bank import Bank
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.receipts.printing import Printer
from openteller_sandbox.receipts.service import Print

pytestmark = pytest.mark.both_engines

Pay = Callable[..., Paid]


def press_button(page: Payer) -> None:
    """Send the form that asks for the PDF."""
    asks = [form for form in page.forms.values() if form.action.endswith("/receipt")]
    form = next(form for form in asks if form.values.get("step") != "language")
    page.answer = page._client.post(form.action, data=form.values)
    assert page.answer.status_code == 303
    page.open("/receipt")


def test_the_payer_asks_waits_and_downloads(pay: Pay, bank: Bank) -> None:
    paid = pay()
    page = paid.page
    page.open("/receipt")
    assert "制作 PDF 回单" in page.text
    assert "refresh" not in page.answer.text
    press_button(page)
    assert "正在制作 PDF" in page.text
    assert '<meta http-equiv="refresh" content="2">' in page.answer.text
    assert Printer(bank, Stub()).print_waiting() == 1
    page.open("/receipt")
    assert "下载 PDF 回单" in page.text
    assert "refresh" not in page.answer.text
    answer = page.open("/receipt.pdf")
    assert answer.mimetype == "application/pdf"
    assert answer.data.startswith(b"%PDF")
    assert answer.headers["Content-Disposition"].startswith("attachment;")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_opening_the_receipt_asks_for_nothing(pay: Pay, bank: Bank) -> None:
    """A GET changes nothing: crawlers and previews send it."""
    paid = pay()
    before = snapshot(bank)
    for suffix in ("/receipt", "/receipt.pdf"):
        paid.page.open(suffix)
    assert snapshot(bank) == before


def test_before_it_is_ready_the_pdf_leads_back_to_the_receipt(pay: Pay) -> None:
    page = pay().page
    assert page.open("/receipt.pdf").headers["Location"].endswith(f"{page.path}/receipt")


def test_the_pdf_is_for_the_signed_in_payer_only(pay: Pay, bank: Bank, partner: Partner, flask_app: Flask) -> None:
    paid = pay()
    page = paid.page
    page.open("/receipt")
    press_button(page)
    Printer(bank, Stub()).print_waiting()
    address = f"{page.path}/receipt.pdf"
    cookie = page._client.get_cookie("openteller_pay", path=page.path)
    assert cookie is not None
    stranger = flask_app.test_client()
    refused = [
        stranger.get(address),
        stranger.get(address, headers=partner.headers),
        stranger.get(address, headers={"Cookie": f"openteller_pay={cookie.value[:-1]}"}),
        stranger.get(address, query_string={"openteller_pay": cookie.value}),
        pay("SEVERAL_BILLS").page._client.get(address),
        stranger.get(address, headers={"Cookie": f"openteller_pay={_session_of_another_payer(partner, flask_app)}"}),
    ]
    for answer in refused:
        assert answer.status_code == 303
        assert not answer.data.startswith(b"%PDF")
    assert page.open("/receipt.pdf").data.startswith(b"%PDF")


def _session_of_another_payer(partner: Partner, app: Flask) -> str:
    """Sign in as somebody else, at another link."""
    page = Payer(
        app.test_client(), partner.pay_link(category_code="ELECTRICITY", adcode="310000")["payment_link"]["url"]
    )
    page.send("start").send("biller").send("account", in_account_number="3100000029").sign_in(POOR)
    cookie = page._client.get_cookie("openteller_pay", path=page.path)
    assert cookie is not None
    return cookie.value


def test_an_old_session_gets_no_pdf(pay: Pay, bank: Bank, wall: object) -> None:
    paid = pay()
    receipts.ask_for_print(bank, paid.held)
    Printer(bank, Stub()).print_waiting()
    assert paid.page.open("/receipt.pdf").status_code == 200
    wall.advance(1801)  # type: ignore[attr-defined]
    assert paid.page.open("/receipt.pdf").status_code == 303


@pytest.mark.parametrize("forged", [{}, {"csrf": ""}, {"csrf": "A" * 32}, {"csrf": "é"}])
def test_a_form_of_somebody_elses_asks_for_nothing(pay: Pay, bank: Bank, forged: dict[str, str]) -> None:
    paid = pay()
    answer = paid.page._client.post(f"{paid.page.path}/receipt", data=forged)
    assert answer.status_code == 303
    assert receipts.print_state(bank, paid.held) is Print.NONE


def test_a_form_from_another_site_or_browser_asks_for_nothing(pay: Pay, bank: Bank, flask_app: Flask) -> None:
    paid = pay()
    page = paid.page
    page.open("/receipt")
    asks = [form for form in page.forms.values() if form.action.endswith("/receipt")]
    form = next(form for form in asks if form.values.get("step") != "language")
    elsewhere = page._client.post(form.action, data=form.values, headers={"Sec-Fetch-Site": "cross-site"})
    assert elsewhere.status_code == 400
    assert flask_app.test_client().post(form.action, data=form.values).status_code == 303
    assert receipts.print_state(bank, paid.held) is Print.NONE


def test_a_payment_without_a_receipt_has_no_pdf(partner: Partner, payer: Callable[[str], Payer]) -> None:
    page = payer(partner.pay_link()["payment_link"]["url"]).send("start")
    assert page.open("/receipt.pdf").status_code == 303
    assert page._client.post(f"{page.path}/receipt", data={}).status_code == 303


def test_what_failed_is_told_and_can_be_tried_again(pay: Pay, bank: Bank) -> None:
    paid = pay()
    receipts.ask_for_print(bank, paid.held)
    Printer(bank, Stub(failures=3)).print_waiting()
    page = paid.page
    page.open("/receipt")
    assert "PDF 未能制作" in page.text
    press_button(page)
    assert "正在制作 PDF" in page.text


def test_a_refund_stands_on_the_receipt(pay: Pay, partner: Partner) -> None:
    paid = pay("REVERSED")
    page = paid.page
    page.open("/receipt")
    assert "退款" not in page.text
    for _ in range(40):
        partner.advance(seconds=1800)
        if partner.payment(paid.payment_id)["status"] == "refunded":
            break
    page.open("/receipt")
    assert "这笔缴费已经退款： ¥" in page.text


# --- is this receipt ours? --------------------------------------------------------------------------------------------


def check(app: Flask, **typed: str) -> str:
    return app.test_client().post("/receipt-check", data=typed).text


@pytest.mark.parametrize(
    ("locale", "said"), [("zh-CN", "这是本行出具的回单，缴费有效。"), ("en", "the payment stands")]
)
def test_anybody_checks_a_receipt_by_its_qr_code(pay: Pay, flask_app: Flask, locale: str, said: str) -> None:
    paid = pay()
    receipt = paid.receipt
    answer = flask_app.test_client().get(f"/R/{receipt['signature']['compact']}", query_string={"lang": locale})
    assert answer.status_code == 200
    assert said in answer.text
    assert receipt["receipt_number"] in answer.text
    assert "¥111.85" in answer.text
    for kept in ("payer_masked", "account_ref_masked", "payment_id", "verification_code"):
        assert receipt[kept] not in answer.text
    assert "<script" not in answer.text
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["X-Robots-Tag"].startswith("noindex")


def test_anybody_checks_a_receipt_by_its_numbers(pay: Pay, flask_app: Flask) -> None:
    receipt = pay().receipt
    typed = {name: receipt[name] for name in ("receipt_number", "verification_code")}
    assert "缴费有效" in check(flask_app, **typed)
    assert "没有出具过" in check(flask_app, receipt_number=receipt["receipt_number"], verification_code="WRNG")
    assert "没有出具过" in check(flask_app)


@pytest.mark.parametrize(
    "typed", ['"><script>alert(1)</script>', "\x00", "é" * 5000, "回单", "%s{{7*7}}", "' OR 1=1 --", "😀"]
)
def test_whatever_is_typed_is_an_answer(flask_app: Flask, typed: str) -> None:
    client = flask_app.test_client()
    text = client.post("/receipt-check", data={"receipt_number": typed, "verification_code": typed}).text
    assert "没有出具过" in text
    assert "<script" not in text
    assert "49" not in text.partition("<form")[2]
    assert client.get(f"/R/{typed.replace('/', '')}").status_code in {200, 404}


def test_guessing_on_the_page_ends_as_it_does_elsewhere(pay: Pay, flask_app: Flask) -> None:
    receipt = pay().receipt
    typed = {"receipt_number": receipt["receipt_number"]}
    for guess in range(10):
        check(flask_app, **typed, verification_code=f"WRNG{guess}")
    answer = flask_app.test_client().post(
        "/receipt-check", data=typed | {"verification_code": receipt["verification_code"]}
    )
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "缴费有效" not in answer.text


def test_looking_changes_nothing(pay: Pay, bank: Bank, flask_app: Flask) -> None:
    compact = pay().receipt["signature"]["compact"]
    before = snapshot(bank)
    client = flask_app.test_client()
    for path in ("/receipt-check", f"/R/{compact}", "/R/OTR1-NOTHING", f"/R/{compact[:-1]}7"):
        assert client.get(path).status_code == 200
    assert snapshot(bank) == before
