"""The name of an app is what payers see: it must be what it seems to be."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import make_partner
from tests.payer import Payer
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.hosted.texts import LOCALES, translator

BLANKS = "\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0\ufe0f"
"""Letters and marks that show nothing, although their general category does not say so."""
UNSEEN = sorted(
    {chr(point) for point in range(sys.maxunicode + 1) if unicodedata.category(chr(point)) in {"Cf", "Zl", "Zp"}}
    | set(BLANKS)
)


def _create(client: FlaskClient, name: str) -> TestResponse:
    return client.post("/sandbox/v1/apps", json={"name": name})


@pytest.mark.parametrize(
    "name",
    [
        "V缴费 Demo",
        "My bill bot",
        "缴费助手（测试）",
        "Zahlhilfe für Müller",
        "账单🧾",
        "ｖ缴费",
        "演示银行助手",
        "My bank demo",
    ],
)
def test_an_ordinary_name_is_taken(client: FlaskClient, name: str) -> None:
    created = _create(client, name)
    assert (created.status_code, created.json["name"]) == (201, name)


@pytest.mark.abuse("page", "gives its app a name with letters that cannot be seen")
@pytest.mark.parametrize(
    "name",
    [
        "Bank\u202eknab",
        "\u2066Bank\u2069",
        "示范\u200b银行",
        "Demo\u00a0Bank",
        "Demo\u00adBank",
        "Bank\U000e0042",
        "Bank\ue000",
        "Bank\U000f0000",
        " ",
        "\u3000",
        " Bank",
        "<b>Bank</b>",
        "Bank\n",
        "Bank\x85",
    ],
)
def test_a_name_that_would_deceive_a_payer_is_refused_in_words(client: FlaskClient, name: str) -> None:
    refused = _create(client, name)
    assert (refused.status_code, refused.json["code"]) == (422, "FIELD_INVALID")
    (error,) = refused.json["errors"]
    assert error["pointer"] == "/name"
    assert error["message"].startswith("Must be a name that payers can read as it is")


@pytest.mark.abuse("page", "calls its app like the bank")
@pytest.mark.parametrize(
    "name",
    [
        *(translator(locale)("bank") for locale in LOCALES),
        "Demo Bank 官方",
        "缴费·示范银行客服",
        "DEMOBANK",
        "demo  bank",
        "Demo-Bank",
        "Ｄｅｍｏ　Ｂａｎｋ",
        "𝐃𝐞𝐦𝐨 𝐁𝐚𝐧𝐤",
        "Dêmo Bánk",
        "示 范 银 行",
        "示範銀行",
        "示・范・银・行",
    ],
)
def test_a_name_with_the_banks_own_in_it_is_refused(client: FlaskClient, name: str) -> None:
    refused = _create(client, name)
    assert (refused.status_code, refused.json["code"]) == (422, "FIELD_INVALID")
    (error,) = refused.json["errors"]
    assert (error["pointer"], error["message"]) == (
        "/name",
        "Must be a name of the partner's own: the bank's is in it.",
    )


def test_no_character_that_unicode_says_cannot_be_seen_is_taken(client: FlaskClient) -> None:
    contract = contracts.load()
    create = contract.operations["createApp"]
    passed = [char for char in UNSEEN if not contract.body_faults(create, {"name": f"a{char}b"})]
    assert all(ord(char) > 0xFFFF for char in passed), "the contract itself refuses all that every engine can name"
    assert passed
    assert {_create(client, f"a{char}b").status_code for char in passed} == {422}


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_a_name_is_it_is_taken_or_refused(client: FlaskClient, name: str) -> None:
    assert _create(client, name).status_code in {201, 422}


def test_the_payer_reads_the_name_that_was_given(client: FlaskClient) -> None:
    partner = make_partner(client, name="缴费助手 Bot")
    page = Payer(client.application.test_client(), partner.pay_link()["payment_link"]["url"])
    assert "缴费助手 Bot" in page.text
