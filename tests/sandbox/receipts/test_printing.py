"""The receipt on paper: what it says, that it says it the same everywhere, and that its making holds up nobody."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import pypdfium2
import pytest
from tests.conftest import MORNING, Partner, WallClock, make_bank, make_partner
from tests.sandbox.receipts.conftest import Paid
from tests.sdk.processes import PATIENCE_S

from openteller_sandbox.bank import Bank
from openteller_sandbox.billers import service as billers
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.receipts import press as presses
from openteller_sandbox.receipts import printing, sheet, store
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.receipts.paper import Paper
from openteller_sandbox.receipts.press import Press, PressError
from openteller_sandbox.receipts.printing import MOST_TRIES, Printer
from openteller_sandbox.receipts.service import Print

Pay = Callable[..., Paid]

PAPER = Paper(
    payment_id="pay_2b4d6f8h0k1m3n5p7r9t",
    receipt_number="R7Q2-M4X8-K3T6",
    verification_code="83W5-29HD",
    payer="欧阳静",
    biller=("沪汀示范电力", "Huting Demo Power"),
    account_label=("户号", "Account number"),
    account="3100000011",
    biller_reference="**********4471",
    amount="¥128.60",
    fee="¥1.00",
    total="¥129.60",
    total_in_words="人民币壹佰贰拾玖元陆角整",
    paid_at="2026-09-29 10:32:10",
    value_date="2026-09-29",
    notice=("本回单不作为税务发票使用。", "This receipt is no tax invoice."),
    key_id="_YBdsXOI1HYuws2JIr4jxjmY9Zdrw1Z86kEMAkmykG8",
    signature="BN8pdg-pbMex9Jsv8ssuFiccdW1aDxuoAFBuZB7W-dBMdDFN9e43xIuAl6qyxyouMlGbnSIv9EK1rnRFH-ocCQ",
    qr="HTTP://127.0.0.1:8080/R/OTR1-R7Q2M4X8K3T6-83W529HD-CNY129.60-20260929T103210-8Q9GFL0KLCYU-7WAF3MLTRDKHMLWC",
    created_at="2026-09-29T10:32:10+08:00",
)


def text_of(pdf: bytes) -> str:
    with pypdfium2.PdfDocument(pdf) as document:
        assert len(document) == 1
        page = document[0].get_textpage()
        text = page.get_text_range()
        page.close()
    return " ".join(text.split())


@pytest.fixture(scope="module")
def made() -> bytes:
    return sheet.print_receipt(PAPER)


def test_it_says_all_that_was_paid_in_both_languages(made: bytes) -> None:
    text = text_of(made)
    for name, value in asdict(PAPER).items():
        for part in value if isinstance(value, tuple) else (value,):
            if name not in {"qr", "created_at", "signature", "refund"}:
                assert part in text, name
    assert PAPER.signature in text.replace(" ", "")
    for said in ("示范银行", "Demo Bank", "ELECTRONIC RECEIPT", "沙箱演示 · 不是真实交易", "SANDBOX · NO REAL MONEY"):
        assert said in text


def test_a_refund_stands_on_it() -> None:
    refund = ("已退款 ¥129.60，2026-09-30 09:00:00", "Refunded ¥129.60 on 2026-09-30: this proves no payment any more.")
    text = text_of(sheet.print_receipt(replace(PAPER, refund=refund)))
    assert all(said in text for said in refund)


def test_the_file_tells_what_it_is_and_nothing_of_the_machine(made: bytes) -> None:
    with pypdfium2.PdfDocument(made) as document:
        told = document.get_metadata_dict()
        width, height = document[0].get_size()
    assert told["Title"] == "电子回单 Receipt R7Q2-M4X8-K3T6"
    assert told["Author"] == "示范银行 Demo Bank"
    assert told["CreationDate"] == "D:20260929103210+08'00'"
    assert (round(width / 72 * 25.4), round(height / 72 * 25.4)) == (210, 148)
    assert b"/Lang (zh-CN)" in made
    for path in (str(Path.cwd()), str(Path.home()), sys.prefix, "/site-packages", ".ttc"):
        assert path.encode() not in made
    assert len(made) < 60_000


def test_it_embeds_its_font_and_asks_for_nothing(made: bytes) -> None:
    assert b"/FontFile" in made
    for active in (b"/JavaScript", b"/JS ", b"/URI", b"/Launch", b"/SubmitForm", b"/EmbeddedFile"):
        assert active not in made


def test_the_same_facts_make_the_same_bytes_in_another_process_and_at_another_time(made: bytes) -> None:
    for seed in ("1", "2"):
        code = (
            "import json, sys; from openteller_sandbox.receipts import sheet; "
            "from openteller_sandbox.receipts.paper import Paper; "
            "sys.stdout.buffer.write(sheet.print_receipt(Paper(**json.loads(sys.argv[1]))))"
        )
        import json

        environment = os.environ | {
            "PYTHONHASHSEED": seed,
            "TZ": f"Etc/GMT+{seed}",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        }
        command = [sys.executable, "-c", code, json.dumps(asdict(PAPER))]
        done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=PATIENCE_S)
        assert done.stdout == made


def test_every_biller_and_customer_can_be_written(bank: Bank) -> None:
    """The font has a glyph for each character of the directory, the rare ones of place names too."""
    with closing(sheet._Sheet(PAPER)) as empty:
        glyphs = empty._glyphs
    rows = billers.page(bank.db.read(), billers.Filters(), count=10_000)
    found = [billers.get(bank.db.read(), re.search(r'"biller_id":"([^"]+)"', wire)[1]) for _, wire in rows]  # type: ignore[index]
    texts = [name for biller in found for name in biller.name.values()]
    texts += [label for biller in found for field in biller.input_fields for label in field.facts["label"].values()]
    texts += [customer.name for customer in CUSTOMERS]
    assert len(found) > 100
    assert not {character for text in texts for character in text if ord(character) not in glyphs}
    assert not {character for character in "㙟堃喆崟𬱖䶮·（）" if ord(character) not in glyphs}


def test_a_character_that_the_font_lacks_is_marked_and_a_long_name_is_made_smaller() -> None:
    long = ("内蒙古自治区呼伦贝尔市鄂伦春自治旗" * 3, "A name that is rather long, as some are. " * 3)
    text = text_of(sheet.print_receipt(replace(PAPER, payer="陈\U0010fffd明", biller=long)))
    assert "陈〓明" in text
    assert long[0] in text


# --- the process that prints -----------------------------------------------------------------------------------------


@pytest.fixture
def press() -> Iterator[Press]:
    made = Press(PATIENCE_S)
    yield made
    made.close()


def test_a_press_prints_one_after_the_other_and_leaves_nothing_behind(press: Press, made: bytes) -> None:
    assert not press.is_warm
    assert press.print(PAPER) == made
    process = press._process
    assert process is not None
    assert press.print(PAPER) == made
    assert press._process is process
    press.close()
    assert process.poll() is not None
    assert not press.is_warm


def test_a_press_that_has_died_is_an_error_once_and_begun_again(press: Press, made: bytes) -> None:
    assert press.print(PAPER) == made
    assert press._process is not None
    press._process.kill()
    press._process.wait()
    with pytest.raises(PressError, match="died"):
        press.print(PAPER)
    assert press.print(PAPER) == made


def test_a_press_that_takes_too_long_is_ended() -> None:
    press = Press(0.01)
    with pytest.raises(PressError, match="too long"):
        press.print(PAPER)
    assert not press.is_warm


def test_what_cannot_be_set_is_told_without_what_it_says(press: Press, made: bytes) -> None:
    with pytest.raises(PressError) as caught:
        press.print(replace(PAPER, created_at="欧阳静"))
    assert "ValueError" in str(caught.value)
    assert "欧阳静" not in str(caught.value)
    assert press.print(PAPER) == made


def test_a_python_that_cannot_be_started_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presses.sys, "executable", "/nowhere/python")
    with pytest.raises(PressError, match="cannot begin"):
        Press(1.0).print(PAPER)


# --- what was asked for ----------------------------------------------------------------------------------------------


class Stub(Press):
    """A press that notes what it was given, and fails as often as it is told."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__(1.0)
        self.papers: list[Paper] = []
        self.failures = failures

    def print(self, paper: Paper) -> bytes:
        self.papers.append(paper)
        if self.failures:
            self.failures -= 1
            raise PressError("out of paper")
        return f"%PDF {paper.created_at} {paper.refund}".encode()


@pytest.mark.both_engines
def test_what_was_asked_for_is_printed_once(pay: Pay, bank: Bank) -> None:
    paid, stub = pay(), Stub()
    assert receipts.print_state(bank, paid.held) is Print.NONE
    receipts.ask_for_print(bank, paid.held)
    receipts.ask_for_print(bank, paid.held)
    assert receipts.print_state(bank, paid.held) is Print.PREPARING
    assert receipts.pdf(bank, paid.held) is None
    assert Printer(bank, stub).print_waiting() == 1
    assert Printer(bank, stub).print_waiting() == 0
    assert receipts.print_state(bank, paid.held) is Print.READY
    assert (receipts.pdf(bank, paid.held) or b"").startswith(b"%PDF")
    receipts.ask_for_print(bank, paid.held)
    assert receipts.print_state(bank, paid.held) is Print.READY
    assert len(stub.papers) == 1


@pytest.mark.both_engines
def test_the_paper_is_the_payers_own(pay: Pay, bank: Bank) -> None:
    paid, stub = pay(), Stub()
    receipts.ask_for_print(bank, paid.held)
    Printer(bank, stub).print_waiting()
    paper, receipt = stub.papers[0], paid.receipt
    assert paper.payer == "陈晓明"
    assert paper.account == paid.partner.magic("SH-ELECTRICITY-01", "DUE_BILL")["account_number"]
    assert paper.receipt_number == receipt["receipt_number"]
    assert paper.total_in_words == receipt["amount_in_words"]
    assert paper.qr == f"HTTP://127.0.0.1:8080/R/{receipt['signature']['compact']}"
    assert paper.created_at == receipt["paid_at"]
    assert paper.refund is None
    assert paper.account not in repr(paper)
    assert paper.payer not in repr(paper)


@pytest.mark.both_engines
def test_a_refund_makes_the_print_old(pay: Pay, bank: Bank, partner: Partner) -> None:
    paid, stub = pay("REVERSED"), Stub()
    printer = Printer(bank, stub)
    receipts.ask_for_print(bank, paid.held)
    printer.print_waiting()
    for _ in range(40):
        partner.advance(seconds=1800)
        if partner.payment(paid.payment_id)["status"] == "refunded":
            break
    assert receipts.print_state(bank, paid.held) is Print.NONE
    assert receipts.pdf(bank, paid.held) is None
    receipts.ask_for_print(bank, paid.held)
    printer.print_waiting()
    before, after = stub.papers
    refund = partner.payment(paid.payment_id)["refunds"][-1]
    assert before.refund is None
    assert after.refund is not None
    assert after.refund[0].startswith("已退款 ¥")
    assert after.created_at == refund["completed_at"]


@pytest.mark.both_engines
def test_what_fails_is_tried_again_and_then_told_and_can_be_asked_for_anew(pay: Pay, bank: Bank) -> None:
    paid, stub = pay(), Stub(failures=MOST_TRIES)
    receipts.ask_for_print(bank, paid.held)
    assert Printer(bank, stub).print_waiting() == 0
    assert len(stub.papers) == MOST_TRIES
    assert receipts.print_state(bank, paid.held) is Print.FAILED
    receipts.ask_for_print(bank, paid.held)
    assert Printer(bank, stub).print_waiting() == 1
    assert receipts.print_state(bank, paid.held) is Print.READY


def test_a_fault_of_ours_ends_no_printer_and_is_told_without_values(
    pay: Pay, bank: Bank, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paid = pay()

    def broken(*_: object) -> Paper:
        raise LookupError("陈晓明")

    receipts.ask_for_print(bank, paid.held)
    with monkeypatch.context() as patch:
        patch.setattr(printing, "paper_of", broken)
        assert Printer(bank, Stub()).print_waiting() == 0
    assert "LookupError" in caplog.text
    assert "陈晓明" not in caplog.text
    assert receipts.print_state(bank, paid.held) is Print.FAILED


@pytest.mark.both_engines
def test_a_printer_that_died_is_followed_by_another(pay: Pay, bank: Bank, wall: WallClock) -> None:
    paid = pay()
    receipts.ask_for_print(bank, paid.held)
    assert Printer(bank, Stub())._claim() is not None  # and dies
    other = Printer(bank, Stub())
    assert other.print_waiting() == 0
    assert receipts.print_state(bank, paid.held) is Print.PREPARING
    wall.advance(151)
    assert other.print_waiting() == 1


@pytest.mark.both_engines
def test_what_the_slower_of_two_printers_makes_is_thrown_away(pay: Pay, bank: Bank, wall: WallClock) -> None:
    paid = pay()
    receipts.ask_for_print(bank, paid.held)
    slow, quick = Printer(bank, Stub()), Printer(bank, Stub())
    claim = slow._claim()
    assert claim is not None
    wall.advance(151)
    assert quick.print_waiting() == 1
    kept = receipts.pdf(bank, paid.held)
    slow._press.failures = 1  # type: ignore[attr-defined]
    slow._print(claim)
    assert receipts.pdf(bank, paid.held) == kept


@pytest.mark.both_engines
def test_prints_are_kept_for_a_day_and_go_with_their_world(
    pay: Pay, bank: Bank, wall: WallClock, partner: Partner
) -> None:
    one = pay()
    receipts.ask_for_print(bank, one.held)
    printer = Printer(bank, Stub())
    printer.print_waiting()
    wall.advance(86_400)
    printer.forget_old()
    assert receipts.print_state(bank, one.held) is Print.READY
    wall.advance(1)
    printer.forget_old()
    assert receipts.print_state(bank, one.held) is Print.NONE
    wall.at = MORNING
    receipts.ask_for_print(bank, one.held)
    assert partner.post("/sandbox/v1/reset", key=None).status_code == 200
    assert bank.db.read().one(store.FIND, payment_id=one.payment_id) is None


def test_no_act_is_open_while_the_press_works(tmp_path: Path) -> None:
    """Others write meanwhile: the request thread and the database wait for no printer."""
    bank = make_bank(tmp_path, WallClock())
    from tests.contract.direct_payer import DirectPayer

    from openteller_sandbox.app import create_app

    partner = make_partner(create_app(bank).test_client())
    fetched = partner.fetch().json
    payment = partner.pay_link(bill_ids=[bill["bill_id"] for bill in fetched["bills"]])
    DirectPayer(bank).pay(payment["payment_id"])
    working, done = threading.Event(), threading.Event()

    class Slow(Stub):
        def print(self, paper: Paper) -> bytes:
            working.set()
            assert done.wait(PATIENCE_S)
            return super().print(paper)

    held = printing.payments.get(bank.db.read(), payment["payment_id"])
    assert held is not None
    printer = Printer(bank, Slow())
    printer.start()
    receipts.ask_for_print(bank, held)
    printer.wake()
    try:
        assert working.wait(PATIENCE_S)
        assert partner.pay_link()["status"] == "created"
        assert receipts.print_state(bank, held) is Print.PREPARING
    finally:
        done.set()
    while receipts.print_state(bank, held) is not Print.READY:
        assert printer._thread is not None
        printer._thread.join(0.01)
    printer.stop()
    bank.db.close()


@pytest.mark.parametrize(
    ("public_url", "begins"),
    [
        ("http://127.0.0.1:8080", "HTTP://127.0.0.1:8080/R/OTR1-"),
        ("https://bank.example", "HTTPS://BANK.EXAMPLE/R/OTR1-"),
        ("https://bank.example/Sandbox", "https://bank.example/Sandbox/R/OTR1-"),
    ],
)
def test_the_qr_code_leads_to_the_bank_and_is_small(bank: Bank, public_url: str, begins: str) -> None:
    import segno

    from openteller_sandbox.settings import Settings

    elsewhere = replace(bank, settings=Settings(public_url=public_url))
    compact = f"OTR1-{'A' * 12}-{'B' * 8}-CNY99999.99-20260929T103210-{'C' * 12}-{'D' * 16}-{'E' * 103}"
    address = printing.check_address(elsewhere, compact)
    assert address == begins + compact.removeprefix("OTR1-")
    assert segno.make(address, error="m").version <= (11 if address.isupper() else 13)
    assert printing.check_address(elsewhere, None) == f"{public_url}/receipt-check"


def test_a_print_is_kept_as_it_was_made(pay: Pay, bank: Bank) -> None:
    paid = pay()
    receipts.ask_for_print(bank, paid.held)
    Printer(bank, Stub()).print_waiting()
    row = bank.db.read().one(store.FIND, payment_id=paid.payment_id)
    assert row is not None
    assert b64decode(row["pdf"]) == receipts.pdf(bank, paid.held)
