"""Whatever is sent, the answer is a refusal that says where the fault is, and nothing is written."""

from __future__ import annotations

import io
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.attacks.conftest import Unharmed
from tests.attacks.snapshot import snapshot
from tests.conftest import Partner
from tests.contract.good_requests import Good, paid, started_link
from tests.linked import POWER, link_customer
from tests.reminded import look
from werkzeug.test import TestResponse

from openteller_sandbox import contract as contracts
from openteller_sandbox.bank import Bank
from openteller_sandbox.http.checks import BODY_LIMIT

CONTRACT = contracts.load()
OPERATIONS = CONTRACT.operations
WITH_BODY = [name for name, operation in OPERATIONS.items() if operation.has_body]
POSTS = [name for name, operation in OPERATIONS.items() if operation.method == "POST"]
WITH_ID = [name for name, operation in OPERATIONS.items() if "{" in operation.path]
WITH_QUERY = [name for name, operation in OPERATIONS.items() if operation.query_names]
PAGED = [name for name, operation in OPERATIONS.items() if {"after", "limit"} <= operation.query_names]
NEVER_TWO = {"listStatements", "listStatementRows"}  # the walk makes one, and a reset takes it away
SEALED = [name for name in PAGED if name not in {"listEvents", *NEVER_TWO}]
"""Lists with a cursor of their own; the events' is the last event's identifier."""
QUERIES = {
    (parameter.name, name): parameter.type
    for name, operation in OPERATIONS.items()
    for parameter in operation.parameters
    if parameter.part == "query"
}


def refused(answer: TestResponse, *statuses: int) -> dict[str, Any]:
    """Check that an answer is problem details with one of these statuses; give its body."""
    assert answer.status_code in statuses, answer.text
    assert answer.mimetype == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    problem: dict[str, Any] = answer.json
    CONTRACT.check_component("Problem", problem)
    return problem


def places(problem: dict[str, Any]) -> list[str]:
    return [fault.get("pointer", fault.get("name")) for fault in problem["errors"]]


def send_raw(good: Good, partner: Partner, raw: bytes, content_type: str | None = "application/json") -> TestResponse:
    return good.send(partner, json=None, data=raw, content_type=content_type)


# Bodies that are no JSON.


def nested(depth: int, opening: str, closing: str) -> bytes:
    return (opening * depth + "1" + closing * depth).encode()


UNREADABLE: dict[str, bytes] = {
    "empty": b"",
    "blank": b" \n",
    "half an object": b'{"name":',
    "a trailing comma": b'{"name": "a",}',
    "two texts": b"{}{}",
    "single quotes": b"{'name': 'a'}",
    "a comment": b"{} // nothing",
    "a control character": b'{"name": "\x00"}',
    "not a number": b'{"seconds": NaN}',
    "an infinity": b'{"seconds": Infinity}',
    "minus infinity": b'{"seconds": -Infinity}',
    "a leading zero": b'{"seconds": 060}',
    "a number of 5000 digits": b'{"seconds": ' + b"9" * 5000 + b"}",
    "a member twice": b'{"name": "a", "name": "b"}',
    "a member twice, deeper": b'{"inputs": {"a": "1", "a": "2"}}',
    "a member twice, once escaped": b'{"name": "a", "n\\u0061me": "b"}',
    "a bomb of arrays": b"[" * 30_000,
    "a bomb of objects": b'{"a":' * 10_000,
    "a closed bomb": nested(20_000, "[", "]"),
    "nested just too deep": nested(33, '{"a":', "}"),
    "not UTF-8": b'{"name": "\xff"}',
    "an overlong encoding": b'{"name": "\xc0\x80"}',
    "an encoded surrogate": b'{"name": "\xed\xa0\x80"}',
    "UTF-16": '{"name": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"name": "a"}',
    "a form": b"name=a",
    "a zip": b"PK\x03\x04",
}


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_what_is_no_json_is_malformed(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    with unharmed():
        for name, raw in UNREADABLE.items():
            problem = refused(send_raw(good[operation_id], attacker, raw), 400)
            assert problem["code"] == "REQUEST_MALFORMED", name
            assert [fault["in"] for fault in problem["errors"]] == ["body"], name


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_json_that_is_no_object_is_refused_as_a_whole(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    with unharmed():
        for raw in (b"[]", b'"text"', b"null", b"true", b"0", b"1e400", b"-1e400", nested(30, "[", "]")):
            problem = refused(send_raw(good[operation_id], attacker, raw), 422)
            assert places(problem) == [""]


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_a_body_of_another_kind_is_refused(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    raw = json.dumps(good[operation_id].fresh_body()).encode()
    kinds = (None, "", "text/plain", "text/json", "application/xml", "application/jsonp", "multipart/form-data")
    charsets = ("latin-1", "utf-16", "gbk", "no-such")
    with unharmed():
        for kind in (*kinds, *(f"application/json; charset={name}" for name in charsets)):
            problem = refused(send_raw(good[operation_id], attacker, raw, kind), 415)
            assert problem["code"] == "UNSUPPORTED_MEDIA_TYPE"
    assert send_raw(good[operation_id], attacker, raw, "application/json; charset=UTF-8").status_code < 300


# Bodies that are JSON, but not what is asked for.

FULL: dict[str, Any] = {
    "partner_reference": "made-anew",
    "inputs": {},
    "amount": {"amount": "50.00", "currency": "CNY"},
    "return_url": "https://bot.example/done",
    "locale": "zh-CN",
    "expires_in": 3600,
    "metadata": {"page": "autumn"},
    "context": {"channel": "weibo", "conversation_ref": "c_8f1e2d3c4b5a", "message_ref": "m_1", "campaign": "autumn"},
}


@pytest.fixture(scope="module")
def full(good: dict[str, Good], attacker: Partner) -> dict[str, Good]:
    """The same requests with every member that they may have at once."""
    topup = "CN-MOBILE_TOPUP-01"
    yuan = good["calculateDeposit"].body["amount"]
    direct = FULL | {"biller_id": attacker.biller(topup)["biller_id"], "inputs": attacker.magic(topup, "DUE_BILL")}
    loan: dict[str, Any] = {
        "rate": "0.0335",
        "repayment_type": "EQUAL_PRINCIPAL",
        "start_date": "2026-09-01",
        "upfront_fee": yuan,
    }
    loan["rate_changes"] = [{"from_number": 2, "rate": "0.0300"}]
    loan["extra_repayments"] = [{"number": 2, "amount": yuan, "effect": "SHORTER_TERM"}]
    more = {
        "createPayment": direct,
        "createApp": {"return_urls": ["https://bot.example/done"], "scopes": ["open-data"]},
        "calculateDeposit": {"start_date": "2026-09-01", "early_withdrawal": {"date": "2026-10-01", "amount": yuan}},
        "calculateLoan": loan,
        "triggerEvent": {"payment_id": "pay_zzzzzzzz"},
        "calculateFx": {"settlement": "TT", "date": "2026-09-01"},
        "createSavedBiller": {"label": "老家"},
        "createMandatePayment": {"metadata": {"page": "autumn"}, "bill_ids": ["bil_zzzzzzzz"]},
        "createSandboxConsent": {"customer_number": "62000001", "scopes": ["bills:read"], "dpop_jkt": "x" * 43},
    }
    found = {}
    for name in WITH_BODY:
        request = good[name]
        body = more[name] if name in {"createPayment", "triggerEvent"} else request.body | more.get(name, {})
        found[name] = replace(request, body=body)
    return found


def nodes(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    """Give every member and item inside a body, with the way to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inner:
        yield (*path, key), item
        yield from nodes(item, (*path, key))


def replaced(body: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Give a copy of a body with another value in one place."""
    copy = json.loads(json.dumps(body))
    node = copy
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = value
    return copy


def pointer(path: tuple[str | int, ...]) -> str:
    return "".join(f"/{step}" for step in path)


OTHER_KINDS: tuple[Any, ...] = (
    None,
    True,
    1.5,
    -1,
    10**30,
    1e308,
    [],
    ["x"],
    {},
    {"x": "y"},
    "\x00",
    "\ud800",
    "x" * 20_000,
)


def is_possible(node: Any, value: Any) -> bool:
    """Tell whether another value of the same kind might be a right one."""
    if isinstance(node, (dict, list)):
        return type(node) is type(value) and not isinstance(value, str)
    return False


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_a_value_that_does_not_fit_is_refused_where_it_stands(
    operation_id: str, full: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """Of another type, too long, too large, no text: in every place of the body, each alone."""
    request = full[operation_id]
    with unharmed():
        for path, node in nodes(request.body):
            for value in OTHER_KINDS:
                if is_possible(node, value):
                    continue
                problem = refused(request.send(attacker, json=replaced(request.fresh_body(), path, value)), 422)
                assert any(place.startswith(pointer(path)) for place in places(problem)), (path, value, problem)


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_an_empty_or_odd_text_is_refused_where_it_stands(
    operation_id: str, full: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """What a pattern with ``$``, or digits of another script, would let through."""
    request = full[operation_id]
    free = {
        "/name",
        "/metadata/page",
        "/description",
        "/actor_label",
        "/label",
    }  # a name and a note may hold what they like, within a line
    with unharmed():
        for path, node in nodes(request.body):
            if not isinstance(node, str) or pointer(path) in free:
                continue
            for value in (
                "",
                f"{node}\n",
                f" {node}",
                f"{node}\u200b",
                "\u0661\u0662\uff13",
                "' OR 1=1 --",
                "../../etc/passwd",
            ):
                problem = refused(request.send(attacker, json=replaced(request.fresh_body(), path, value)), 404, 422)
                assert problem["code"] in {"FIELD_INVALID", "BILLER_NOT_FOUND"}, (path, value)


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_an_unknown_member_is_refused_by_name(
    operation_id: str, full: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = full[operation_id]
    maps = {("metadata",), ("inputs",)}
    closed = [path for path, node in nodes(request.body) if isinstance(node, dict) and path not in maps]
    with unharmed():
        for path in ((), *closed):
            body = replaced({"root": request.fresh_body()}, ("root", *path, "surplus"), 1)["root"]
            problem = refused(request.send(attacker, json=body), 422)
            told = {(fault["pointer"], fault["code"]) for fault in problem["errors"]}
            assert (f"{pointer(path)}/surplus", "FIELD_UNKNOWN") in told


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_a_name_that_may_be_a_value_in_the_wrong_place_is_not_repeated(
    operation_id: str, full: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = full[operation_id]
    odd = ("3100000011", "\u738b\u6653\u660e", "\ud800", "a\x00", "x" * 5000, "a/b~c", "")
    with unharmed():
        for name in odd:
            answer = request.send(attacker, json={**request.fresh_body(), name: 1})
            problem = refused(answer, 422)
            assert "/(name not shown)" in places(problem)
            assert not name or name not in answer.text


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_a_member_that_is_missing_is_named(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = good[operation_id]
    schema, _ = CONTRACT.resolve(
        CONTRACT.at(f"{request.operation.pointer}/requestBody/content/application~1json/schema")
    )
    with unharmed():
        for name in schema.get("required", ()):
            body = {member: value for member, value in request.fresh_body().items() if member != name}
            problem = refused(request.send(attacker, json=body), 422)
            assert problem["code"] == "FIELD_MISSING"
            assert places(problem) == [f"/{name}"]


def test_many_faults_are_told_but_not_without_end(attacker: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        body = {"name": "a", **{f"member_{number}": 1 for number in range(90)}}
        assert len(refused(attacker.post("/sandbox/v1/apps", body), 422)["errors"]) == 50


@pytest.mark.parametrize(
    "instant", ["2026-12-31T23:59:60Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z", "2026-10-01"]
)
def test_an_instant_that_no_clock_shows_is_refused(instant: str, attacker: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        assert set(places(refused(attacker.post("/sandbox/v1/clock:advance", {"to": instant}), 422))) == {"/to"}


NO_DAYS = (
    "0000-01-01",
    "-001-01-01",
    "2026-02-30",
    "2026-13-01",
    "20260929",
    "2026-W40-2",
    "2026-9-1",
    "\u0662026-09-01",
)


@pytest.mark.parametrize("day", NO_DAYS)
def test_a_day_that_no_calendar_has_is_refused(
    day: str, attacker: Partner, good: dict[str, Good], unharmed: Unharmed
) -> None:
    with unharmed():
        for path, name in (
            ("/v1/rates/deposits", "date"),
            ("/v1/rates/loans", "date"),
            ("/v1/rates/fx", "date"),
            ("/v1/rates/fx/history", "from"),
            ("/v1/rates/fx/history", "to"),
        ):
            query = {name: day} | ({"base": "USD"} if "history" in path else {})
            assert set(places(refused(attacker.get(path, **query), 422))) == {name}
        for operation_id, name in (
            ("calculateDeposit", "start_date"),
            ("calculateDeposit", "end_date"),
            ("calculateLoan", "start_date"),
            ("calculateFx", "date"),
        ):
            request = good[operation_id]
            problem = refused(request.send(attacker, json=request.fresh_body() | {name: day}), 422)
            assert set(places(problem)) == {f"/{name}"}


# Sizes.


@pytest.mark.parametrize("operation_id", WITH_BODY)
def test_a_body_that_is_too_large_is_refused(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """Whether it says so, says less, or does not say how long it is."""
    request = good[operation_id]
    raw = json.dumps(request.fresh_body()).encode().ljust(BODY_LIMIT + 1)
    declared = {"CONTENT_LENGTH": str(10**12)}
    chunked = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
    with unharmed():
        for environ, body in (({}, raw), (declared, b"{}"), (chunked, raw)):
            stream = io.BytesIO(body)
            more = {} if environ is not chunked else {"input_stream": stream}
            answer = request.send(
                attacker,
                json=None,
                content_type="application/json",
                environ_overrides=environ,
                **(more or {"data": body}),
            )
            assert refused(answer, 413)["code"] == "BODY_TOO_LARGE"
    just_right = json.dumps(request.fresh_body()).encode().ljust(BODY_LIMIT)
    answer = send_raw(request, attacker, just_right)
    done = answer.status_code == 409 or answer.json.get("code") == "ACCOUNT_LINK_NONCE_INVALID"
    assert answer.status_code < 300 or done, "done before, and so read to its end"


@pytest.mark.parametrize("operation_id", [name for name in POSTS if name not in WITH_BODY])
def test_a_body_where_none_belongs_is_not_read(operation_id: str, good: dict[str, Good], attacker: Partner) -> None:
    """It has no meaning, so that it can do no harm; it is no part of what an idempotency key stands for."""
    for raw in (b"{", b'{"a":' * 9000, b"\xff", b"x" * (BODY_LIMIT + 1)):
        path = good[operation_id].path
        if operation_id == "cancelPayment":
            path = OPERATIONS[operation_id].path.replace("{payment_id}", attacker.pay_link()["payment_id"])
        headers = {**attacker.headers, "Idempotency-Key": f"key-of-{path[-20:]}"}
        first = replace(good[operation_id], path=path).send(attacker, data=raw, headers=headers)
        assert first.status_code in {200, 201}
        if operation_id == "cancelPayment":
            assert attacker.client.post(path, headers=headers).data == first.data


# Identifiers.


IMPOSSIBLE_IDS = (
    "..%2f..%2fetc%2fpasswd",
    "%2e%2e%2f",
    "..",
    "%00",
    "{own}%00",
    "{own}%0a",
    "{own}%20",
    "%F0%9F%92%A9",
    "%ff%fe",
    "%25",
    "*",
    "'%20OR%201=1%20--",
    "{OWN}",
    "x" * 5000,
    "null",
    "-1",
)


@pytest.mark.parametrize("operation_id", WITH_ID)
def test_an_identifier_that_names_nothing_is_not_found(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """Also where a decoded slash leads to another path: no operation but this one may answer."""
    request = good[operation_id]
    template, filled = request.operation.path.split("/"), request.path.split("/")
    index = next(number for number, part in enumerate(template) if "{" in part)
    own, colon, verb = filled[index].partition(":")
    with unharmed():
        for form in IMPOSSIBLE_IDS:
            filled[index] = form.replace("{own}", own).replace("{OWN}", own.upper()) + colon + verb
            answer = replace(request, path="/".join(filled)).send(attacker)
            assert refused(answer, 404, 405)["code"] in {"NOT_FOUND", "METHOD_NOT_ALLOWED"}, form


# Query parameters.


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_an_unknown_parameter_is_refused_by_name(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = good[operation_id]
    with unharmed():
        for name, told in (
            ("surplus", "surplus"),
            ("limit[]", "(name not shown)"),
            ("3100000011", "(name not shown)"),
            ("", "(name not shown)"),
            ("x" * 3000, "(name not shown)"),
        ):
            problem = refused(request.send(attacker, query_string={**request.query, name: "1"}), 400)
            assert problem["code"] == "REQUEST_MALFORMED"
            assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [("query", told)]


@pytest.mark.parametrize("operation_id", WITH_QUERY)
def test_a_repeated_parameter_is_refused_by_name(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = good[operation_id]
    with unharmed():
        for name in request.operation.query_names:
            rest = [(other, str(value)) for other, value in request.query.items() if other != name]
            problem = refused(request.send(attacker, query_string=[*rest, (name, "1"), (name, "1")]), 400)
            assert places(problem) == [name]


NEVER_RIGHT = {
    "integer": ("", "1.0", "1e1", "0x1", " 1", "\u0661", "true", "9" * 30, "-1"),
    "boolean": ("", "1", "True", "yes"),
}
NO_TEXT = ("\x00", "a\x00b", "x" * 3000)


@pytest.mark.parametrize(("name", "operation_id"), QUERIES)
def test_a_query_value_that_does_not_fit_is_refused_by_name(
    name: str, operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    request = good[operation_id]
    with unharmed():
        for text in (*NEVER_RIGHT.get(QUERIES[name, operation_id], ()), *NO_TEXT):
            problem = refused(request.send(attacker, query_string={**request.query, name: text}), 422)
            assert places(problem) == [name] * len(problem["errors"]), text
            assert problem["errors"]


@pytest.mark.parametrize(("name", "operation_id"), QUERIES)
def test_bytes_that_are_no_text_do_no_harm_in_a_query(
    name: str, operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """Percent signs that encode nothing, and bytes that are no UTF-8: found or not, but never a fault of ours."""
    request = good[operation_id]
    with unharmed():
        for raw in ("%ff%fe", "%c0%80", "%ed%a0%80", "%zz", "%", "%E4%BD", "+", "%F0%9F%92%A9", "%25%25", "_%25"):
            assert request.send(attacker, query_string=f"{name}={raw}").status_code in {200, 400, 422}


# Cursors.


@pytest.fixture(scope="module")
def cursors(bank: Bank, good: dict[str, Good], attacker: Partner) -> dict[str, str]:
    """A true cursor of each list, for its good request with a limit of one row."""
    for scenario in ("POSTED_TWICE", "REVERSED"):
        attacker.pay_link()
        good["createFault"].send(attacker)
        started_link(attacker)
        dispute = {"payment_id": paid(bank, attacker, scenario), "type": "DUPLICATE"}
        assert attacker.post("/v1/disputes", dispute).status_code == 201
        linked = good["listSavedBillers"].user
        assert linked and linked.save(scenario=scenario)
        assert look(linked, linked.save(POWER, scenario)).status_code == 200
        link_customer(attacker)
    narrow = {"listBillers": {"category_code": "ELECTRICITY"}, "listAtms": {}, "listPayments": {}}
    found = {}
    for name in SEALED:
        request = good[name]
        query = {**narrow.get(name, request.query), "limit": 1}
        links = request.send(attacker, query_string=query).json["links"]
        assert links["next"], name
        found[name] = links["next"].partition("after=")[2].partition("&")[0]
    return found


@pytest.mark.parametrize("operation_id", SEALED)
def test_a_cursor_that_this_list_did_not_give_is_refused(
    operation_id: str, good: dict[str, Good], cursors: dict[str, str], attacker: Partner, unharmed: Unharmed
) -> None:
    request = good[operation_id]
    own = cursors[operation_id]
    foreign = [cursor for name, cursor in cursors.items() if name != operation_id]
    with unharmed():
        for cursor in ("x", "AAAA", "0" * 512, own[:-1], own[1:], own[::-1], f"{own}A", own.swapcase(), *foreign):
            problem = refused(request.send(attacker, query_string={**request.query, "after": cursor}), 400, 422)
            assert places(problem) == ["after"], cursor


@pytest.mark.parametrize(
    ("operation_id", "filters"),
    [
        ("listBranches", {"near": "31.230,121.470", "q": "a"}),
        ("listAtms", {"city": "\u5317\u4eac\u5e02"}),
        ("listRateSheets", {"kind": "LOAN"}),
        ("listFxHistory", {"base": "EUR"}),
        ("listBillers", {"category_code": "WATER"}),
        ("listPayments", {"status": "created"}),
    ],
)
def test_a_cursor_of_other_filters_is_refused(
    operation_id: str,
    filters: dict[str, str],
    good: dict[str, Good],
    cursors: dict[str, str],
    attacker: Partner,
) -> None:
    answer = good[operation_id].send(attacker, query_string={**filters, "after": cursors[operation_id]})
    assert places(refused(answer, 400)) == ["after"]


@pytest.mark.parametrize("operation_id", SEALED)
def test_a_cursor_with_a_forged_place_does_no_harm(
    operation_id: str, good: dict[str, Good], cursors: dict[str, str], attacker: Partner, unharmed: Unharmed
) -> None:
    """A cursor is sealed against mix-ups, not against an attacker who has read the code: it grants nothing."""
    from openteller_sandbox.http import answers

    real = urlsafe_b64decode(cursors[operation_id] + "==")
    place = json.loads(real[answers._SEAL_BYTES :])
    odd_numbers = (0, -1, 2**62, 2**63, -(2**63) - 1, 2**64, 10**100)
    odd_texts = ("", "\x00", "\ud800", "x" * 200, "%", "\U0010ffff")
    forms = [[value if type(part) is int else part for part in place] for value in odd_numbers]
    forms += [[value if type(part) is str else part for part in place] for value in odd_texts]
    forms += [[], [None], [True], [1.5], {}, [[place]], place * 2]
    request = good[operation_id]
    with unharmed():
        for form in forms:
            forged = forge(request, attacker, json.dumps(form).encode())
            answer = request.send(attacker, query_string={**request.query, "after": forged})
            if answer.status_code != 200:
                refused(answer, 400, 422)


def forge(request: Good, attacker: Partner, payload: bytes) -> str:
    """Seal a payload as the server does."""
    from openteller_sandbox.http import answers
    from openteller_sandbox.http.operations import Call

    call = object.__new__(Call)
    call.operation = request.operation
    call.sent_query = {name: str(value) for name, value in request.query.items()}
    return urlsafe_b64encode(answers._seal(call, payload) + payload).rstrip(b"=").decode()


def test_an_event_that_is_nobodys_is_no_place_to_go_on(attacker: Partner, unharmed: Unharmed) -> None:
    with unharmed():
        for cursor in ("evt_aaaaaaaaaaaaaaaaaaaa", "evt_", "x", "evt_\x00aaaaaaaa", "evt_" + "a" * 500):
            assert set(places(refused(attacker.get("/v1/events", after=cursor), 422))) == {"after"}


# Headers.


def test_a_key_that_does_not_fit_is_refused_by_name(attacker: Partner, unharmed: Unharmed) -> None:
    body = {"partner_reference": "with-an-odd-key"}
    with unharmed():
        for key in ("", "x" * 65, "a b", "\xe9", "a\tb", "x" * 5000):
            headers = {**attacker.headers, "Idempotency-Key": key}
            problem = refused(attacker.client.post("/v1/payments", json=body, headers=headers), 422)
            assert [(fault["in"], fault["name"]) for fault in problem["errors"]] == [
                ("header", "Idempotency-Key")
            ] * len(problem["errors"])


@pytest.mark.parametrize("operation_id", OPERATIONS)
def test_an_authorization_that_is_no_token_is_refused(
    operation_id: str, good: dict[str, Good], attacker: Partner, unharmed: Unharmed
) -> None:
    """Open data, too: who shows a wrong token must know, and not be counted as anonymous in silence."""
    token = attacker.headers["Authorization"]
    odd = ("", "Bearer", "Bearer ", "Bearer  x", token + "x", token[:-1], f"{token} x", "Basic YTpi", "Bearer \xe9")
    with unharmed():
        for value in (*odd, "Bearer " + "x" * 9000, token.replace("Bearer ", "Token "), f"{token}, {token}"):
            answer = good[operation_id].send(attacker, headers={"Authorization": value})
            assert refused(answer, 401)["code"] == "TOKEN_INVALID"
            assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]


# Bodies that nobody has thought of.

texts = st.text(max_size=40) | st.sampled_from(
    ["CNY", "50.00", "blr_8q9gfl0klcyu", "\ud800", "\x00", "2026-09-29", "P1Y"]
)
numbers = st.integers() | st.floats() | st.sampled_from([0, -1, 2**31, 2**63, 10**400])
leaves = st.none() | st.booleans() | numbers | texts
members = st.sampled_from(
    sorted({name for schema in CONTRACT.at("/components/schemas").values() for name in schema.get("properties", ())})
)
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(members | st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize("operation_id", WITH_BODY)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(data=st.data())
def test_no_body_breaks_an_operation(
    operation_id: str, data: st.DataObject, full: dict[str, Good], attacker: Partner, bank: Bank
) -> None:
    """Wild bodies, and good ones with wild values in some places: refused and without effect, or answered."""
    request = full[operation_id]
    if data.draw(st.booleans()):
        body = request.fresh_body()
        paths = [path for path, _ in nodes(body)]
        for path in sorted(data.draw(st.sets(st.sampled_from(paths), min_size=1, max_size=2)), key=len, reverse=True):
            body = replaced(body, path, data.draw(leaves if len(path) > 1 else values))
    else:
        body = data.draw(st.dictionaries(members | st.text(max_size=8), values, max_size=5) | values)
    refused_or_answered(request, attacker, body, bank)


@pytest.mark.parametrize("operation_id", [name for name in POSTS if name not in WITH_BODY])
@settings(max_examples=6, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(body=st.dictionaries(members | st.text(max_size=8), values, max_size=5) | values)
def test_no_body_breaks_an_operation_that_takes_none(
    operation_id: str, body: Any, good: dict[str, Good], attacker: Partner, bank: Bank
) -> None:
    """It is not read, and the whole work is done each time."""
    refused_or_answered(good[operation_id], attacker, body, bank)


def refused_or_answered(request: Good, attacker: Partner, body: Any, bank: Bank) -> None:
    before = snapshot(bank)
    answer = send_raw(request, attacker, json.dumps(body).encode())
    if answer.status_code >= 400:
        refused(answer, 400, 404, 409, 413, 422, 429, 502, 503)
        assert snapshot(bank) == before


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/v1/branches", {"near": "Shanghai"}, "Must be latitude,longitude, such as 39.91,116.40."),
        ("/v1/atms", {"near": "116.40;39.91"}, "Must be latitude,longitude, such as 39.91,116.40."),
        ("/v1/billers", {"adcode": "shangh"}, "Must be six digits (GB/T 2260), such as 310000."),
        ("/v1/billers", {"category_code": "water"}, "Must be the code of a category, such as ELECTRICITY."),
    ],
)
def test_a_parameter_of_the_wrong_form_is_told_its_form_in_words(
    attacker: Partner, path: str, query: dict[str, str], message: str
) -> None:
    body = refused(attacker.get(path, **query), 422)
    assert [error["message"] for error in body["errors"]] == [message]


def test_every_pattern_that_a_caller_can_miss_is_put_in_words() -> None:
    """A bare pattern is for machines; what is shown to a developer says what is asked for, with an example."""
    bare = set()
    for operation in OPERATIONS.values():
        for parameter in operation.parameters:
            # Identifiers and cursors are opaque; the name of a customer is one.
            if parameter.part != "path" and not parameter.name.endswith("_id") and parameter.name != "customer":
                faults = CONTRACT.parameter_faults(operation, parameter, "\u0001")
                bare |= {(parameter.name, fault.message) for fault in faults if "^" in fault.message}
    assert bare <= {("after", message) for _, message in bare}, "a cursor is opaque"
