"""``openteller receipts``: genuine or not, asked or verified here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.cli.conftest import Counter, openteller
from tests.sdk.processes import MORNING, sandbox

from openteller import OpenTeller


@pytest.fixture(scope="module")
def receipt(counter: Counter) -> dict[str, Any]:
    payment = counter.json("payments", "create", "--category", "electricity", "--city", "上海", "--reference", "rcpt-1")
    counter.pay(payment["payment_link"]["url"])
    return dict(counter.json("payments", "receipt", payment["payment_id"]))


@pytest.fixture
def files(counter: Counter, receipt: dict[str, Any], tmp_path: Path) -> tuple[str, str]:
    """A receipt and the keys, as ``--json`` writes them."""
    written = tmp_path / "receipt.json", tmp_path / "keys.json"
    written[0].write_text(json.dumps(receipt, indent=2), encoding="utf-8")
    written[1].write_text(json.dumps(counter.json("receipts", "keys")), encoding="utf-8")
    return str(written[0]), str(written[1])


def test_what_is_not_genuine_is_an_exit_code(counter: Counter, receipt: dict[str, Any]) -> None:
    number, code, compact = receipt["receipt_number"], receipt["verification_code"], receipt["signature"]["compact"]
    for words in ((number, "AAAA-AAAA"), ("AAAA-AAAA-AAAA", code), ("--qr", compact[:-1] + "B")):
        done = counter.run("receipts", "verify", *words, "--json")
        assert done.exit_code == 1
        assert json.loads(done.stdout)["verdict"] == "NOT_GENUINE"
        assert "Error: not genuine" in done.stderr


def test_a_file_is_verified_without_the_bank(counter: Counter, receipt: dict[str, Any], files: tuple[str, str]) -> None:
    file, keys = files
    words = ("receipts", "verify", "--file", file, "--keys", keys, "--url", "http://127.0.0.1:9")
    done = counter.run(*words, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["receipt_number"] == receipt["receipt_number"]
    text = Path(file).read_text(encoding="utf-8")
    piped = counter.run("receipts", "verify", "--file", "-", "--keys", keys, typed=text)
    assert piped.exit_code == 0, piped.output


def test_a_changed_file_is_told_what_is_wrong(counter: Counter, files: tuple[str, str]) -> None:
    file, keys = files
    text = Path(file).read_text(encoding="utf-8")
    for changed, told in (
        (text.replace("111.85", "911.85"), "the signature does not fit"),
        (text.replace('"signature"', '"unsigned"'), "no signature"),
        ("a letter", "no receipt's QR code"),
    ):
        Path(file).write_text(changed, encoding="utf-8")
        done = counter.run("receipts", "verify", "--file", file, "--keys", keys)
        assert done.exit_code == 1
        assert told in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "give NUMBER and CODE, or --qr, or --file"),
        (("AAAA",), "give NUMBER and CODE"),
        (("AAAA", "BBBB", "--qr", "OTR1"), "give NUMBER and CODE"),
        (("AAAA", "BBBB", "--offline"), "nothing to verify in a number"),
        (("--file", "nowhere.json"), "does not exist"),
    ],
)
def test_wrong_use_is_told(counter: Counter, words: tuple[str, ...], told: str) -> None:
    done = counter.run("receipts", "verify", *words)
    assert done.exit_code == 2
    assert told in done.stderr


def test_keys_that_are_none_are_told(counter: Counter, files: tuple[str, str]) -> None:
    file, _ = files
    for text, told in (("no json", "is no JSON"), ("{}", "no Ed25519 key")):
        other = Path(file).with_name("other.json")
        other.write_text(text, encoding="utf-8")
        done = counter.run("receipts", "verify", "--file", file, "--keys", str(other))
        assert (done.exit_code, told in done.stderr) == (2, True), done.output


def test_a_new_key_signs_from_now_on(tmp_path: Path) -> None:
    database = str(tmp_path / "bank.db")
    with sandbox(tmp_path, "--clock", MORNING) as (url, _), OpenTeller(url, client_id="") as anybody:
        (old,) = anybody.receipts.keys().keys
        done = openteller("sandbox", "rotate-receipt-key", "--database", database)
        assert done.exit_code == 0, done.output
        new, retired = anybody.receipts.keys().keys
    assert (new.status, retired.status, retired.kid) == ("ACTIVE", "RETIRED", old.kid)
    assert new.kid in done.output
    nowhere = openteller("sandbox", "rotate-receipt-key", "--database", str(tmp_path / "none.db"))
    assert (nowhere.exit_code, "there is no database" in nowhere.output) == (1, True)
