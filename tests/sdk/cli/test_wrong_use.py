"""What is wrong is told in one line that says what to do, with no account number and no secret in it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from pytest_httpserver import HTTPServer
from tests.sdk import processes
from tests.sdk.cli.conftest import ACCOUNT, Counter, openteller

BILLER = "SH-ELECTRICITY-01"


def line_of(done: Result, code: int) -> str:
    """Give the error's line; what goes before it is the usage that every usage error begins with."""
    assert done.exit_code == code, done.output
    assert done.stdout == ""
    assert ACCOUNT not in done.output
    *before, line = done.stderr.splitlines()
    assert all(re.match(r"Usage: |Try |$", each) for each in before), done.stderr
    assert line.startswith("Error: ")
    return line


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("branches near abc", "give latitude,longitude in degrees, latitude first: 39.91,116.40"),
        ("branches near 116.40,39.91", "latitude first"),
        ("branches near nan,1", "latitude first"),
        ("branches near 1e1,1_0", "latitude first"),
        ("branches near -1", "latitude first"),
        ("branches near -12,3,-4", "latitude first"),
        ("branches near -x", "No such option '-x'"),
        ("atms list --near 39.91,1_0", "latitude first"),
        ("atms list --bbox 1e1,2,3e1,4", "longitude first"),
        ("atms near 39.91", "latitude first"),
        ("branches near 39.91,116.40 --limit 0", "0 is not in the range"),
        ("branches list --bbox 1,2,3", "give west,south,east,north in degrees"),
        ("atms list --bbox 121.6,31.3,121.3,31.1", "longitude first"),
        ("branches list --bbox nan,1,2,3", "longitude first"),
        ("branches list --open-at 2026-10-10T16:30:00", "with an offset"),
        ("branches list --crs mars", "'mars' is not one of"),
        ("atms list --segment PRIVATE", "No such option '--segment'"),
        ("branches export --format xlsx", "'xlsx' is not one of"),
        ("branches export --format geojson --crs bd09", "GeoJSON is always in WGS-84"),
        ("rates fx DOLLAR", "such as USD"),
        ("rates fx --date tomorrow", "give a day such as 2026-09-29"),
        ("rates fx --as-of 2026-09-29T09:00:00", "with an offset"),
        ("rates verify --file a --save b", "there is nothing to keep"),
        ("rates verify --file no-such-file", "has no sheets"),
        ("bills fetch", "Missing argument 'BILLER'"),
        (f"bills fetch {BILLER}", "give ACCOUNT, or - to type it at a prompt"),
        (f"bills fetch {BILLER} {ACCOUNT} {ACCOUNT}", "unexpected extra argument"),
        (f"bills fetch {BILLER} 张三 沪A12345", "unexpected extra argument"),
        (f"bills fetch {BILLER} - --input {ACCOUNT}", "give name=value"),
        (f"bills {ACCOUNT}", "No such command"),
        (ACCOUNT, "No such command"),
        (f"--{ACCOUNT}", "No such option"),
        ("payments create --biller x --bill y", "each makes another kind of link"),
        (f"payments create --account {ACCOUNT}", "belong to --biller"),
        ("payments create --city 上海 --adcode 310000", "give one of them"),
        ("payments create --biller x --amount 1,5", "give an amount in plain digits"),
        ("clock advance", "give DURATION, such as 1h, or --to an instant"),
        ("clock advance 1x", "such as 2d, 1h30m or 90s"),
        ("clock advance --to 2026-09-30T09:00:00", "with an offset"),
        ("clock advance 99999999999999999999d", "such as 2d"),
        ("clock advance 500d", "500d is too far: the clock moves on by at most 400d at once"),
        ("clock advance -1h", "bank time only moves forward"),
        ("clock advance --to -1", "bank time only moves forward"),
        ("status --url http://127.0.0.1:9/v1", "--url is where the bank is, and each call adds its own path"),
        ("calc loan HOME_FIRST 1000000 P5Y --rate 3%", "0.0310 is 3.10 %"),
        ("calc loan HOME_FIRST 1000000 P5Y --extra 50000", "give number=amount, such as 24=50000"),
        ("calc loan HOME_FIRST 1000000 P5Y --rate-change x=0.03", "give number=fraction, such as 13=0.0300"),
        ("calc fx sell 100 USD --as-of 2026-09-28", "an offset"),
        ("calc deposit TIME_CNY_1Y 1000 --part 5", "give --withdraw, too"),
        ("calc fx give 1 USD", "is not one of"),
        ("status --url ftp://bank.example", "--url begins with http"),
        ("status --url http://bank.example", "--allow-http"),
        ("payments list --url https://bank.example", "give --credentials FILE, or set OPENTELLER_CLIENT_ID"),
    ],
)
def test_a_wrong_use_is_told_with_code_2_and_nothing_is_sent(command: str, reason: str) -> None:
    line = line_of(openteller(*command.split(), OPENTELLER_BASE_URL="http://127.0.0.1:9"), 2)

    assert reason in line
    assert "张三" not in line and "沪A" not in line


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        ("billers show blr_000000000000", "BILLER_NOT_FOUND"),
        ("billers show XX-NOBODY-01", "openteller billers find WORDS"),
        (f"bills fetch {ACCOUNT} {BILLER}", "openteller billers find WORDS"),
        ("magic-values XX-NOBODY-01", "openteller billers find WORDS"),
        (f"bills fetch {BILLER} 123", f"openteller billers show {BILLER}"),
        (f"bills fetch {BILLER} 3100000045", "ACCOUNT_NOT_PAYABLE"),
        (f"bills fetch {BILLER} 3100000078", "BILLER_QUERY_FAILED"),
        (f"payments create --biller {BILLER} --account {ACCOUNT}", "then payments create --bill ID"),
        (f"payments create --biller {BILLER} --account {ACCOUNT} --amount 5", "then payments create --bill ID"),
        ("payments create --city 鼓楼", "give --adcode"),
        ("payments create --bill bil_none", "No bill that this app has fetched"),
        ("payments show pay_none", "NOT_FOUND"),
        ("payments show ../../x?y=1", "NOT_FOUND"),
        ("payments create --biller CN-MOBILE_TOPUP-01 --account 8621000000013 --amount 5", "takes 10.00 to 500.00 CNY"),
        ("payments create --category ELECTRICTY", "openteller billers categories"),
        ("listen --forward-to 127.0.0.1:9 --events payments.*", "payment.created, payment.authorising"),
        ("payments list --status paid", "Must be one of created"),
        ("branches near 39.91,116.40 --service TEA", "Must be one of ACCOUNT_OPENING"),
        ("branches list --radius 500", "radius_m: Needs near"),
        ("branches list --adcode 310106 --city 上海", "adcode"),
        ("branches list --open-now --open-at 2026-10-10T16:30:00+08:00", "not for both"),
        ("atms list --accessibility LIFT", "Must be one of WHEELCHAIR_ACCESS"),
        ("atms export --city 亚特兰蒂斯", "city"),
        ("branches show brn_000000000000", "NOT_FOUND"),
        ("branches export --output /no/such/folder/x.csv --city 苏州", "cannot be written"),
        ("rates fx XXX USD", "the board does not have XXX: openteller rates fx"),
        ("rates fx XXX", "base"),
        ("rates fx --date 2000-01-01", "Is before the first sheet"),
        ("rates history USD --to 2000-01-01", "Is before the first sheet"),
        ("rates deposits --currency EUR", "currency"),
        ("clock advance --to 2020-01-01T00:00:00Z", "CLOCK_BACKWARD"),
        ("calc deposit NONE 1", "/product_code"),
        ("events tail --after none", "after"),
    ],
)
def test_a_refusal_of_the_bank_is_told_with_code_1(counter: Counter, command: str, reason: str) -> None:
    assert reason in line_of(counter.run(*command.split()), 1)


@pytest.mark.parametrize("words", ["", "  "])
def test_no_words_are_nothing_to_look_for(words: str) -> None:
    assert "give words to look for" in line_of(openteller("atms", "find", words), 2)


def test_a_receipt_that_is_not_there_yet_says_what_to_watch(counter: Counter) -> None:
    payment = counter.json("payments", "create")["payment_id"]

    assert "openteller events tail --follow" in line_of(counter.run("payments", "receipt", payment), 1)


def test_a_receipt_that_never_comes_is_not_waited_for(counter: Counter) -> None:
    payment = counter.json("payments", "create")["payment_id"]
    counter.json("payments", "cancel", payment)

    line = line_of(counter.run("payments", "receipt", payment), 1)

    assert "RECEIPT_NOT_AVAILABLE" in line and "cancelled" in line
    assert "tail" not in line


def test_a_drill_that_there_is_none_is_no_drill_that_failed(counter: Counter) -> None:
    assert "no drill biller-slo, but biller-slow" in line_of(counter.run("drill", "biller-slo"), 2)


def test_a_bank_without_tls_is_told_so(counter: Counter) -> None:
    line = line_of(counter.run("status", "--url", counter.url.replace("http:", "https:")), 1)

    assert "does not speak TLS" in line
    assert line.endswith(f"a sandbox is at {counter.url}")


def test_a_reference_that_another_payment_has_names_that_payment(counter: Counter) -> None:
    payment = counter.json("payments", "create", "--reference", "twice-1")["payment_id"]

    line = line_of(counter.run("payments", "create", "--reference", "twice-1", "--category", "WATER"), 1)

    assert f"openteller payments show {payment}" in line


@pytest.mark.parametrize("command", ["status", "bills fetch xx-1 -", "payments create", "events tail --follow"])
def test_a_sandbox_that_is_down_is_told_with_how_to_start_one(counter: Counter, command: str) -> None:
    nobody = f"http://127.0.0.1:{processes.free_port()}"
    done = openteller(*command.split(), "--url", nobody, OPENTELLER_CREDENTIALS=str(counter.file))

    assert "start one with: openteller sandbox serve" in line_of(done, 1)


def test_a_wrong_secret_is_told_without_it(counter: Counter) -> None:
    wrong = {"OPENTELLER_CLIENT_ID": counter.app["client_id"], "OPENTELLER_CLIENT_SECRET": "ots_wrong_secret"}

    line = line_of(openteller("payments", "list", "--url", counter.url, **wrong), 1)

    assert "its secret or key is wrong" in line
    assert "check OPENTELLER_CLIENT_ID and OPENTELLER_CLIENT_SECRET" in line
    assert "where the bank's database is new" in line
    assert "ots_wrong_secret" not in line


def test_a_scope_that_is_missing_is_told_with_who_has_it(new_counter: Callable[..., Counter]) -> None:
    line = line_of(new_counter(scopes=["open-data"]).run("payments", "list"), 1)

    assert "payments:read" in line
    assert "openteller apps create" in line


def test_half_of_a_pair_is_told(counter: Counter) -> None:
    at = ("payments", "list", "--url", counter.url)

    assert "OPENTELLER_CLIENT_ID" in line_of(openteller(*at, OPENTELLER_CLIENT_SECRET="ots_x"), 2)
    assert "the app's secret is missing" in line_of(openteller(*at, "--client-id", "app_x"), 2)
    both = ("--client-id", "app_x", "--credentials", str(counter.file))
    assert "give one of them" in line_of(openteller(*at, *both), 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("client_secret=ots_hidden", "is no JSON"),
        ('["ots_hidden"]', "lacks client_id or client_secret"),
        ('{"client_id": "app_x", "client_secret": 1, "x": "ots_hidden"}', "lacks client_id or client_secret"),
    ],
)
def test_a_credentials_file_that_is_none_is_told_without_what_it_holds(
    tmp_path: Path, content: str | None, reason: str
) -> None:
    file = tmp_path / "app.json"
    if content is not None:
        file.write_text(content, encoding="utf-8")

    line = line_of(openteller("payments", "list", "--credentials", str(file)), 2)

    assert reason in line
    assert "ots_hidden" not in line


def test_an_answer_that_is_no_bank_s_is_told(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/v1/status").respond_with_data("<p>hello</p>", content_type="text/html")

    done = openteller("status", OPENTELLER_BASE_URL=httpserver.url_for("/"), OPENTELLER_CLIENT_ID=None)

    assert done.exit_code == 1
    assert "Error: " in done.stderr


def test_a_payment_of_which_nothing_is_known_says_how_to_repeat_it(httpserver: HTTPServer) -> None:
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300}
    httpserver.expect_request("/oauth/token").respond_with_json(token)
    none = {
        "data": [],
        "links": {"self": "/", "next": None, "prev": None},
        "meta": {"as_of": "2026-09-29T10:30:00+08:00"},
    }
    httpserver.expect_request("/v1/payments", method="GET").respond_with_json(none)
    broken = httpserver.expect_request("/v1/payments", method="POST")
    broken.respond_with_data("<p>\x1b[2J\n</p>", content_type="text/html")
    site = {
        "OPENTELLER_BASE_URL": httpserver.url_for("/"),
        "OPENTELLER_CLIENT_ID": "a",
        "OPENTELLER_CLIENT_SECRET": "b",
    }

    line = line_of(openteller("payments", "create", "--reference", "order-7", **site), 1)

    assert line.endswith("with --reference order-7 nothing is made twice")
    assert "idempotency_key" not in line


def test_events_that_break_off_say_where_to_go_on(httpserver: HTTPServer) -> None:
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300}
    event = {
        "event_id": "evt_1",
        "type": "payment.created",
        "timestamp": "2026-09-29T10:30:00+08:00",
        "data": {"payment_id": "pay_1\x1b[2J", "version": 1},
    }
    page = {
        "data": [event],
        "links": {"self": "/v1/events", "next": "/v1/events?after=evt_1", "prev": None},
        "meta": {"as_of": "2026-09-29T10:30:00+08:00", "count": 1},
    }
    httpserver.expect_request("/oauth/token").respond_with_json(token)
    httpserver.expect_oneshot_request("/v1/events").respond_with_json(page)
    httpserver.expect_request("/v1/events").respond_with_json({"code": "x"}, status=403)
    site = {
        "OPENTELLER_BASE_URL": httpserver.url_for("/"),
        "OPENTELLER_CLIENT_ID": "a",
        "OPENTELLER_CLIENT_SECRET": "b",
    }

    done = openteller("events", "tail", **site)

    assert done.exit_code == 1
    assert done.stderr.endswith("go on with --after evt_1\n")
    assert "\x1b" not in done.stdout
    assert json.dumps("pay_1")[1:-1] in done.stdout
