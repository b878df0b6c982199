"""Each command once as a table and once as JSON, at a sandbox on loopback."""

from __future__ import annotations

import hashlib
import json
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import click
import pytest
from tests.sdk import processes
from tests.sdk.cli.conftest import ACCOUNT, Counter, openteller
from tests.sdk.test_cli import commands_of

from openteller._cli import commands, credentials
from openteller_sandbox.partners import service as partners

BILLER = "SH-ELECTRICITY-01"
TOP_UP = ("--biller", "CN-MOBILE_TOPUP-01", "--account", "8621000000013", "--amount", "50")


@dataclass(frozen=True)
class Case:
    """A command, words of its table, and where its operation is."""

    command: str
    table: str
    json: str
    shows_numbers: bool = False


@dataclass(frozen=True)
class Paid:
    """What a payment has left behind."""

    counter: Counter
    fetch: str
    bill: str
    payment: str
    dispute: str
    receipt: dict[str, Any]
    link: str
    consent: str


@pytest.fixture(scope="module")
def paid(counter: Counter) -> Paid:
    """Give a fetch of several bills, a payment that a payer has made, and a dispute about it."""
    fetch = counter.json("bills", "fetch", BILLER, ACCOUNT)
    payment = counter.json("payments", "create", "--category", "electricity", "--city", "上海", "--reference", "paid-1")
    counter.pay(payment["payment_link"]["url"])
    dispute = counter.json("disputes", "create", payment["payment_id"], "wrong_amount")["dispute_id"]
    receipt = counter.json("payments", "receipt", payment["payment_id"])
    bill, link = fetch["bills"][0]["bill_id"], counter.json("trigger", "account_link.confirmed")["data"]
    with counter.client() as client:
        power = client.billers.list(q=BILLER).first()
        assert power
        most = {"amount": "300.00", "currency": "CNY"}
        mandate = {
            "type": "bill_payment_mandate",
            "billers": [power.biller_id],
            "maximum_individual_amount": most,
            "periodic_limits": [{"period_type": "MONTH", "period_alignment": "CALENDAR", "amount": most}],
            "valid_from": "2026-09-01",
            "valid_to": "2027-08-31",
        }
        consent = client.sandbox.create_consent(authorization_details=[mandate]).consent_id
    ids = (fetch["bill_fetch_id"], bill, payment["payment_id"], dispute)
    return Paid(counter, *ids, receipt, link["account_link_id"], consent)


CASES = [
    Case(
        "branches near 39.91,116.40 --limit 3",
        r"^DISTANCE +NAME +OPEN +ADDRESS +BRANCH ID\n +487 m  示范银行北京",
        "data",
    ),
    Case("branches near 39.91,116.40 --open-now --radius 1000 --service CASH --limit 1", "no branch|DISTANCE", "data"),
    Case("branches find 静安 --city 上海", r"^NAME +OPEN +ADDRESS +BRANCH ID\n示范银行上海静安", "data"),
    Case("branches find 没有这个地方", r"^No branch fits\.$", "data"),
    Case("atms near 39.91,116.40 --limit 2", r"^DISTANCE +NAME +OPEN +ADDRESS +ATM ID\n.*自动柜员机 +open", "data"),
    Case("branches near -12.05,-77.04 --limit 1", r"^ *DISTANCE .*\n *[0-9]{1,2},[0-9]{3},[0-9]{3} m ", "data"),
    Case("branches near 39.91, 116.40 --limit 1", r"^DISTANCE .*\n +487 m  示范银行北京", "data"),
    Case("branches near -39.91 -116.40 --radius 9", r"^No branch fits\.$", "data"),
    Case(
        "branches show brn_au2bzlzn9t2t",
        r"(?s)^Branch +示范银行北京分行 · Demo.*^Now +open until 09-29 17:00$.*^Hours +MON–FRI 08:30–17:00, SAT–SUN "
        r".*^Special days +2026-10-01 – 2026-10-03  closed  国庆节$.*^Wait +[0-9]+ min.*^Other hours +CORPORATE MON–FRI"
        r".*^Phone +\+86-.*^Page +http://127.*/branches/brn_au2bzlzn9t2t$",
        "branch_id",
    ),
    Case(
        "atms show atm_88hbj43duh5i --crs bd09",
        r"(?s)^ATM +示范银行.*^Position +39\..* bd09$.*^Now +open$\nHours +MON–SUN 00:00–24:00$.*^Page +http.*/atms/",
        "atm_id",
    ),
    Case("atms near 0,0 --radius 10", r"^No cash machine fits\.$", "data"),
    Case("atms find 静安 --limit 2", r"^NAME +OPEN +ADDRESS +ATM ID\n示范银行上海静安", "data"),
    Case(
        "branches list --near 31.2304,121.4737 --bbox 121.3,31.1,121.6,31.3 --segment PRIVATE --limit 1",
        r"^DISTANCE .*\n.*示范银行上海",
        "data",
    ),
    Case("branches list --adcode 310106 --type COMMUNITY --accessibility LEVEL_ACCESS", r"静安|No branch fits", "data"),
    Case("atms list --city 苏州 --type BRANCH_LOBBY --limit 1", r"示范银行苏州|No cash machine fits", "data"),
    Case("rates fx", r"(?s)^CURRENCY +NAME .*\nEUR +欧元 .*\nCNY per UNIT, published 2026-09-29", "data"),
    Case("rates fx usd", r"\AC.*\nUSD +美元 +100 +669\.6402 .*\nCNY per UNIT.*\n\Z", "data"),
    Case("rates fx USD EUR --date 2026-09-28", r"(?s)\AC.*USD.*EUR[^\n]*\nCNY per UNIT", "data"),
    Case("rates fx USD --as-of 2026-09-28T10:00:00+08:00", r"^CNY per UNIT, published 2026-09-28 09:30:00", "data"),
    Case("rates history USD --from 2026-09-20 --to 2026-09-25", r"(?s)2026-09-20 .*\n2026-09-25 [^\n]*\n\Z", "data"),
    Case("rates deposits", r"^TIME_CNY_1Y +整存整取（一年） +P1Y +0\.95 % +CNY 50\.00$", "data"),
    Case("rates deposits --date 2024-10-22 --known-at 2024-10-22T12:00:00+08:00", r"^TIME_CNY_3Y .* 1\.55 % ", "data"),
    Case("rates sheets --kind deposit", r"^rsh_131i68cgbqpq +DEPOSIT +5 .* corrected by rsh_5fxbltqlq6wr$", "data"),
    Case("rates verify --kind deposit", r"^Sheets +1 to 7, none changed or missing$", "chains"),
    Case("rates loans", r"^HOME_FIRST +首套房贷款.* 3\.10 % .* 3\.1444 % ", "data"),
    Case("rates loans --purpose CAR", r"(?s)^PRODUCT.*\nCAR [^\n]*\n\Z", "data"),
    Case(
        "billers find 上海电费",
        r"^SH-ELECTRICITY-01 +沪汀示范电力 +Huting Demo Power +ELECTRICITY +上海市 +blr_",
        "data",
    ),
    Case("billers find 没有这个单位", r"^No biller fits", "data"),
    Case("billers show SH-ELECTRICITY-01", r"(?s)^Biller +沪汀示范电力 · Huting.*\naccount_number +户号 ", "biller_id"),
    Case(
        "billers show CN-MOBILE_TOPUP-01",
        r"(?s)^Fixed amounts +CNY 10\.00,.*^Rule ONE_OF +account_number, mob",
        "plans",
    ),
    Case("billers categories", r"^ELECTRICITY +电费 +Electricity +30$", "data"),
    Case("bills fetch SH-ELECTRICITY-01 ACCOUNT", r"(?s)^Account +\*{7}029\n.*^bil_\w+ +OPEN +2026-", "bills"),
    Case(
        "bills fetch sh-electricity-01 3100000086", r"^The biller answers later: openteller bills show bft_", "status"
    ),
    Case("bills fetch SH-ELECTRICITY-01 3100000037", r"^Status +NO_BILL$", "status"),
    Case("bills show FETCH", r"^Status +READY$", "bills"),
    Case("bills show BILL", r"(?s)^Outstanding +CNY .*^Can be paid +FULL$", "outstanding"),
    Case("payments create", r"^Link +http://127\.0\.0\.1:[0-9]+/pay/[a-z2-7]{26}$", "payment_link"),
    Case("payments create --category WATER --adcode 310000", r"(?s)^Category +WATER\nDivision +310000$", "adcode"),
    Case("payments create --biller SH-ELECTRICITY-01", r"^Biller +blr_8q9gfl0klcyu$", "biller_id"),
    Case(f"payments create {' '.join(TOP_UP)}", r"(?s)^Account +\*{9}0013\nAmount +CNY 50\.00$", "amount"),
    Case("payments create --bill BILL", r"^Total +CNY ", "allocations"),
    Case(
        "payments show PAYMENT", r"(?s)^Status +succeeded$.*^Receipt +rcp_.*^AT +STATUS +BY$.* succeeded +", "history"
    ),
    Case(
        "payments list --status succeeded",
        r"(?s)\ACREATED .*succeeded +BILLER +CNY 111\.85 +paid-1 +pay_\w+\n\Z",
        "data",
    ),
    Case("payments list --reference none", r"^No payment fits", "data"),
    Case(
        "payments receipt PAYMENT", r"(?s)^Account +\*{7}011$.*^In words +人民币壹佰壹拾壹元捌角伍分$", "receipt_number"
    ),
    Case("receipts verify NUMBER CODE", r"(?s)^Verdict +GENUINE$.*^Payment +VALID$.*^Total +CNY 111\.85$", "verdict"),
    Case("receipts verify --qr QR", r"(?s)^Verdict +GENUINE$.*^Total +CNY 111\.85$", "receipt"),
    Case("receipts verify --qr QR --offline", r"(?s)^Signed by +the bank, with .*^Total +CNY 111\.85$", "key_id"),
    Case("receipts keys", r"(?s)^SINCE +STATUS .*\n2026-09-29 .* +ACTIVE +Ed25519 +[0-9A-Za-z_-]{43}$", "keys"),
    Case("disputes show DISPUTE", r"(?s)^Type +WRONG_AMOUNT$.*^Decided by +2026-09-30 ", "decide_by"),
    Case("disputes list", r"^2026-09-29 .* +ASSIGNED +WRONG_AMOUNT +paid-1 +dsp_\w+$", "data"),
    Case("disputes list --status REJECTED", r"^No dispute fits", "data"),
    Case("statements list", r"^No statement fits", "data"),
    Case("account-links list", r"^2026-09-29 .* +ACTIVE +weibo +acl_\w+$", "data"),
    Case("account-links list --status FAILED", r"^No link fits", "data"),
    Case("account-links show LINKED", r"(?s)^Status +ACTIVE$.*^Customer +sub_.*^Holds since +2026-09-29 ", "subject"),
    Case("consents list --status active", r"^20.* +ACTIVE +saved-billers bills:read payments:read +cns_\w+$", "data"),
    Case("consents list --status CONSUMED", r"^No consent fits", "data"),
    Case("consents show CONSENT", r"(?s)^Status +ACTIVE$.*^Mandates +1$.*^Ends \(wall time\) +20", "expires_at"),
    Case(
        "consents usage CONSENT",
        r"(?s)^1 +IN_FORCE +0 +once +CNY 300\.00 +CNY 300\.00 *$.* MONTH +CNY 300\.00 +CNY 300\.00 +2026-10-01 ",
        "mandates",
    ),
    Case("status", r"(?s)^Bank +OPERATIONAL$.*^Bank time +2026-09-29 10:3", "bank_time"),
    Case("official-accounts", r"(?s)^weibo +V缴费 .*^Every payment link begins with http://127", "payment_link_prefix"),
    Case(
        "magic-values SH-ELECTRICITY-01", r"(?s)^DUE_BILL +account_number=3100000011 .*^62000001 +246810 ", "data", True
    ),
    Case("clock show", r"(?s)^Bank time +2026-09-29 10:3.*^Acts due +[0-9]+$", "bank_time"),
    Case("calc deposit TIME_CNY_1Y 10000", r"^Interest +CNY 95\.00$", "interest"),
    Case("calc deposit DEMAND_CNY 10000 --start 2026-01-01 --end 2026-07-01", r"^Paid in +CNY 10000\.00$", "interest"),
    Case(
        "calc loan HOME_FIRST 1000000 P5Y --fee 500",
        r"(?s)^Fee +CNY 500\.00$.*^First payment +CNY 18013\.16$",
        "total_interest",
    ),
    Case(
        "calc loan CAR 90000 P1Y --rate 0.04 --schedule",
        r"(?s)^ +1  2026-10-29 .*^ +12  2027-09-29 .* 0\.00$",
        "schedule",
    ),
    Case("calc fx sell 100 USD JPY", r"^Customer gets +JPY 15599$", "buy"),
    Case("calc fx sell 100 USD --as-of 2026-09-28T09:45:00+08:00", r"^Board of +2026-09-28 09:45", "as_of"),
    Case("calc fx buy 100 usd --notes", r"^USD NOTES_SELL +675\.0757 per 100$", "sell"),
]


def words(case: Case, paid: Paid) -> list[str]:
    known = {
        "ACCOUNT": ACCOUNT,
        "FETCH": paid.fetch,
        "BILL": paid.bill,
        "PAYMENT": paid.payment,
        "DISPUTE": paid.dispute,
        "LINKED": paid.link,
        "CONSENT": paid.consent,
        "NUMBER": paid.receipt["receipt_number"],
        "CODE": paid.receipt["verification_code"],
        "QR": f"http://127.0.0.1:8080/R/{paid.receipt['signature']['compact']}",
    }
    return [known.get(word, word) for word in case.command.split()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.command)
def test_a_command_shows_a_table_or_the_wire_form_and_never_a_number_or_a_secret(case: Case, paid: Paid) -> None:
    table = paid.counter.run(*words(case, paid))
    wire = paid.counter.run(*words(case, paid), "--json")

    assert table.exit_code == wire.exit_code == 0, table.output + wire.output
    assert re.search(case.table, table.stdout, re.MULTILINE), table.stdout
    assert case.json in json.loads(wire.stdout)
    for shown in (table.output, wire.output):
        assert paid.counter.app["client_secret"] not in shown
        assert "Bearer" not in shown
        assert ACCOUNT not in shown or case.shows_numbers
        assert "8621000000013" not in shown or "billers show" in case.command


@pytest.mark.parametrize(
    ("command", "operation"),
    [
        ("branches near 39.91,116.40 --limit 2", "/v1/branches?near=39.91,116.4&limit=2"),
        ("rates fx USD", "/v1/rates/fx?base=USD"),
        ("billers categories", "/v1/biller-categories"),
        ("official-accounts", "/v1/official-accounts"),
    ],
)
def test_json_is_what_the_bank_has_sent(counter: Counter, command: str, operation: str) -> None:
    path, _, query = operation.partition("?")
    with counter.client() as client:
        sent = client.request("GET", path, query=dict(part.split("=") for part in query.split("&") if part)).parsed

    assert counter.json(*command.split()) == sent


@pytest.mark.parametrize(
    ("command", "query"),
    [
        ("--near 39.91,116.40 --radius 5000 --q 支行", {"near": "39.91,116.40", "radius_m": "5000", "q": "支行"}),
        ("--bbox 121.3,31.1,121.6,31.3 --crs gcj02", {"bbox": "121.3,31.1,121.6,31.3", "crs": "gcj02"}),
        ("--adcode 310106 --open-now", {"adcode": "310106", "open_now": "true"}),
        ("--open-at 2026-10-10T16:30:00+08:00", {"open_at": "2026-10-10T16:30:00+08:00"}),
        ("--city 上海 --accessibility SIGN_LANGUAGE", {"city": "上海", "accessibility": "SIGN_LANGUAGE"}),
    ],
)
@pytest.mark.parametrize("kind", ["branches", "atms"])
def test_each_filter_of_places_is_what_the_bank_is_asked(
    counter: Counter, kind: str, command: str, query: dict[str, str]
) -> None:
    with counter.client() as client:
        sent: Any = client.request("GET", f"/v1/{kind}", query={**query, "limit": "3"}).parsed
    found = counter.json(kind, "list", *command.split(), "--limit", "3")

    assert [one["name"] for one in found["data"]] == [one["name"] for one in sent["data"]]
    assert [one["location"] for one in found["data"]] == [one["location"] for one in sent["data"]]


def test_the_nearest_go_on_where_a_page_ended(counter: Counter) -> None:
    first = counter.table("atms", "near", "39.91,116.40", "--limit", "2")
    after = re.search(r"^There is more: --after (\S+)$", first, re.MULTILINE)
    assert after
    second = counter.table("atms", "near", "39.91,116.40", "--limit", "2", "--after", after[1])

    assert not set(re.findall(r"atm_\w+", first)) & set(re.findall(r"atm_\w+", second))


@pytest.mark.parametrize("kind", ["branches", "atms"])
def test_places_are_downloaded_in_each_shape(counter: Counter, kind: str, tmp_path: Any) -> None:
    asked = (kind, "export", "--city", "苏州", "--service", "SELF_SERVICE" if kind == "branches" else "CASH_DEPOSIT")
    one = kind.removesuffix("es" if kind == "branches" else "s")
    query = urlencode({"city": "苏州", "service": asked[-1], "limit": "100"})
    request = Request(f"{counter.url}/v1/{kind}?{query}", headers={"Accept": "application/geo+json"})
    with urlopen(request) as answer:
        page = json.load(answer)
    ids = [feature["id"] for feature in page["features"]]
    assert 3 < len(ids) < 100

    table = counter.table(*asked)
    assert table.splitlines()[0].startswith(f"{one}_id,{one}_code,")
    assert [line.partition(",")[0] for line in table.splitlines()[1:]] == ids
    lines = [json.loads(line) for line in counter.table(*asked, "--format", "ndjson").splitlines()]
    assert [line[f"{one}_id"] for line in lines] == ids
    assert counter.table(*asked, "--format", "geojson", "--output", str(tmp_path / "places")) == ""
    kept = json.loads((tmp_path / "places").read_text(encoding="utf-8"))
    assert kept["type"] == "FeatureCollection"
    assert [(each["id"], each["geometry"]) for each in kept["features"]] == [
        (each["id"], each["geometry"]) for each in page["features"]
    ]
    assert kept["features"][0]["properties"].keys() == page["features"][0]["properties"].keys()


def test_a_download_of_nothing_is_a_collection_without_features(counter: Counter) -> None:
    found = counter.table("branches", "export", "--format", "geojson", "--near", "0,0", "--radius", "10")

    assert json.loads(found) == {"type": "FeatureCollection", "features": []}


def test_some_currencies_of_the_board_are_a_page_of_their_own(counter: Counter) -> None:
    page = counter.json("rates", "fx", "USD", "JPY")

    assert [quote["base"] for quote in page["data"]] == ["USD", "JPY"]
    assert page["meta"]["count"] == 2


def test_a_list_goes_on_where_its_page_ended(counter: Counter) -> None:
    first = counter.table("billers", "find", "电", "--limit", "2")
    after = re.search(r"^There is more: --after (\S+)$", first, re.MULTILINE)
    assert after

    second = counter.table("billers", "find", "电", "--limit", "2", "--after", after.group(1))

    assert not set(re.findall(r"blr_\w+", first)) & set(re.findall(r"blr_\w+", second))


def test_a_number_typed_at_the_prompt_goes_to_the_biller_and_the_prompt_not_into_the_answer(counter: Counter) -> None:
    done = counter.run("bills", "fetch", BILLER, "-", "--json", typed=f" {ACCOUNT} \n")

    assert json.loads(done.stdout)["account_ref_masked"] == "*******029"
    assert "户号 · Account number" in done.stderr


def test_a_field_can_be_named_instead_of_the_account(counter: Counter) -> None:
    done = counter.run("bills", "fetch", BILLER, "--input", "account_number=-", typed=f"{ACCOUNT}\n")

    assert done.exit_code == 0, done.output
    assert re.search(r"^Account +\*{7}029$", done.stdout, re.MULTILINE)


def test_a_slow_biller_s_answer_is_there_when_its_time_has_come(counter: Counter) -> None:
    """It answers eight seconds of bank time later, and the test clock moves."""
    fetch = counter.json("bills", "fetch", BILLER, "3100000086")
    assert fetch["status"] == "PROCESSING"

    counter.table("clock", "advance", "10s")

    assert re.search(r"^Status +READY$", counter.table("bills", "show", fetch["bill_fetch_id"]), re.MULTILINE)
    assert counter.json("bills", "fetch", BILLER, ACCOUNT, "--wait")["status"] == "READY"


def test_the_same_command_with_the_same_reference_makes_one_payment(counter: Counter) -> None:
    command = ("payments", "create", "--category", "GAS", "--city", "Shanghai", "--reference", "once-1")

    assert counter.json(*command)["payment_id"] == counter.json(*command)["payment_id"]
    assert len(counter.json("payments", "list", "--reference", "once-1")["data"]) == 1


def test_a_link_can_be_cancelled_once(counter: Counter) -> None:
    payment = counter.json("payments", "create")["payment_id"]

    assert re.search(r"^Link +(?!http)\w+$", counter.table("payments", "cancel", payment), re.MULTILINE)
    again = counter.run("payments", "cancel", payment)
    assert (again.exit_code, "INVALID_TRANSITION" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("how", "then"), [("1h", "11:3"), ("90s", "10:3"), ("1h30m", "12:0"), ("--to 2026-09-30T09:00:00+08:00", "09:00")]
)
def test_the_clock_is_moved_and_set_back(new_counter: Callable[..., Counter], how: str, then: str) -> None:
    counter = new_counter()
    counter.table("payments", "create")

    moved = counter.table("clock", "advance", *how.split())
    reset = counter.table("reset")

    assert re.search(rf"^Bank time +2026-09-(29|30) {then}", moved, re.MULTILINE), moved
    assert re.search(r"^Bank time +2026-09-29 10:3", reset, re.MULTILINE)
    assert re.search(r"^Deleted +1 payments, 0 bill fetches, [123] events$", reset, re.MULTILINE)
    assert counter.json("reset")["deleted"]["payments"] == 0
    assert "bank_time" in counter.json("clock", "advance", "1s")


def test_events_are_a_line_each(paid: Paid) -> None:
    lines = paid.counter.table("events", "tail", "--type", "payment.succeeded").splitlines()
    (event,) = [
        json.loads(line) for line in paid.counter.table("events", "tail", "--json").splitlines() if "succeeded" in line
    ]

    assert len(lines) == 1
    assert re.fullmatch(
        r"2026-09-29 10:3\S+  payment\.succeeded +evt_\w+ +pay_\w+  paid-1  succeeded  version [0-9]+", lines[0]
    )
    assert event["data"]["payment_id"] == paid.payment
    assert "payment.succeeded" not in paid.counter.table("events", "tail", "--after", event["event_id"])


@pytest.fixture
def environment_of(counter: Counter) -> dict[str, str]:
    return {"OPENTELLER_BASE_URL": counter.url, "OPENTELLER_CREDENTIALS": str(counter.file)}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_events_are_followed_until_ctrl_c_which_ends_quietly(
    counter: Counter, environment_of: dict[str, str], tmp_path: Any, number: signal.Signals
) -> None:
    first = counter.json("payments", "create")["payment_id"]
    with processes.running("events", "tail", "--follow", "--json", cwd=tmp_path, env=environment_of) as running:
        running.read_until(first)
        second = counter.json("payments", "create")["payment_id"]
        running.read_until(second)
        code, said = running.end(number)

    assert code == 0
    assert all(json.loads(line)["event_id"] for line in said.splitlines())


def test_at_a_sandbox_of_this_machine_the_demo_app_does_and_says_so(url: str) -> None:
    done = openteller("payments", "list", "--url", url)

    assert done.exit_code == 0
    assert done.stderr == f"As the demo app {credentials.DEMO.client_id}, whose secret is published.\n"
    assert (credentials.DEMO.client_id, credentials.DEMO.client_secret) == (
        partners.DEMO_APP_ID,
        partners.DEMO_CLIENT_SECRET,
    )


def test_an_app_is_taken_from_the_option_then_from_the_environment_then_from_its_file(counter: Counter) -> None:
    """Each of these names the app of the test beside another one that does not exist."""
    app = counter.app
    good = {"OPENTELLER_CLIENT_ID": app["client_id"], "OPENTELLER_CLIENT_SECRET": app["client_secret"]}
    bad = {"OPENTELLER_CLIENT_ID": "app_none", "OPENTELLER_CLIENT_SECRET": "none"}
    at = ("payments", "list", "--url", counter.url)

    for done in (
        openteller(*at, "--credentials", str(counter.file), **bad),
        openteller(*at, "--client-id", app["client_id"], **(good | {"OPENTELLER_CLIENT_ID": "app_none"})),
        openteller(*at, **good, OPENTELLER_CREDENTIALS="/nowhere"),
        openteller(*at, OPENTELLER_CREDENTIALS=str(counter.file)),
    ):
        assert (done.exit_code, done.stderr) == (0, "")


def test_what_apps_create_prints_is_a_credentials_file(url: str, tmp_path: Any) -> None:
    file = tmp_path / "app.json"
    file.write_text(openteller("apps", "create", "--name", "x", "--url", url).stdout, encoding="utf-8")

    assert openteller("payments", "list", "--url", url, "--credentials", str(file)).exit_code == 0


def test_every_command_that_calls_the_bank_takes_the_common_options() -> None:
    elsewhere = {("sandbox", "serve"), ("sandbox", "dispatch"), ("sandbox", "billers"), ("demo",), ("apps", "create")}
    elsewhere.add(("sandbox", "rotate-receipt-key"))
    elsewhere.add(("sandbox", "rotate-signing-key"))
    elsewhere |= {("sandbox", "import", kind) for kind in ("branches", "atms", "billers", "fx")}
    for path in commands_of(commands.openteller):
        command: click.Command | None = commands.openteller
        for name in path:
            assert isinstance(command, click.Group)
            command = command.get_command(click.Context(command), name)
        if command and not isinstance(command, click.Group) and path not in elsewhere:
            options = {option for parameter in command.params for option in parameter.opts}
            assert {"--url", "--json", "--client-id", "--credentials", "--allow-http"} <= options, path
            assert "--client-secret" not in options


def test_a_statement_is_shown_downloaded_and_compared(new_counter: Callable[..., Counter], tmp_path: Any) -> None:
    counter = new_counter()
    payment = counter.json("payments", "create", "--category", "electricity", "--city", "上海", "--reference", "day-1")
    counter.pay(payment["payment_link"]["url"])
    counter.table("clock", "advance", "18h")
    (statement,) = counter.json("statements", "list", "--date", "2026-09-29")["data"]
    name = statement["statement_id"]
    shown, same = counter.table("statements", "show", name), counter.table("statements", "get", name)
    rows = counter.table("statements", "rows", name)
    file, books = tmp_path / "statement.csv", tmp_path / "books.csv"
    counter.table("statements", "download", name, "--output", str(file))
    echoed = counter.run("statements", "download", name)
    books.write_text("order,partner_reference,amount,status\n7,day-1,111.85,succeeded\n", encoding="utf-8-sig")
    agreed = counter.table("statements", "reconcile", str(books))
    itself = counter.table("statements", "reconcile", str(file), "--date", "2026-09-29", "--type", "payment")
    books.write_text("partner_reference,amount\nday-2,1.00\n", encoding="utf-8")
    differs = counter.run("statements", "reconcile", str(books), "--date", "2026-09-29")
    wire = counter.run("statements", "reconcile", str(books), "--json")
    nowhere = counter.run("statements", "download", name, "--output", str(tmp_path / "none" / "statement.csv"))

    assert re.search(rf"^SHA-256 +{statement['sha256']}$", shown, re.MULTILINE)
    assert shown == same
    assert re.search(r"^PAYMENT +day-1 +CNY 111\.85 +CNY 0\.00 +SUCCEEDED +2026-09-29 ", rows, re.MULTILINE), rows
    assert hashlib.sha256(file.read_bytes()).hexdigest() == statement["sha256"]
    assert echoed.stdout_bytes == file.read_bytes()
    assert agreed == itself == "2026-09-29, version 1: 1 agree, 0 differ.\n"
    assert (differs.exit_code, wire.exit_code, nowhere.exit_code) == (3, 3, 1)
    assert re.search(
        r"(?s)^MISSING_AT_MINE +PAYMENT +day-1 +- +CNY 111\.85$.*^MISSING_AT_BANK +PAYMENT +day-2 +CNY 1\.00 +-$",
        differs.stdout,
        re.MULTILINE,
    ), differs.stdout
    assert [(each["kind"], each["mine"] is None) for each in json.loads(wire.stdout)["differences"]] == [
        ("MISSING_AT_MINE", True),
        ("MISSING_AT_BANK", False),
    ]


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"a,b\n1,2\n", "needs a first line with the names partner_reference and amount"),
        (b"", "needs a first line with the names partner_reference and amount"),
        (b"partner_reference,amount\nx,1e3\n", "row 1 of yours: an amount is a finite number in plain digits"),
        (b"partner_reference,amount\nx\n", "row 1 of yours: it has no amount"),
        (b'partner_reference,amount\n"x,1\n', "is no CSV in UTF-8"),
        (b"partner_reference,amount,status\nx,1,succeded\n", "row 1 of yours: a status is a word of the statement"),
        ("partner_reference,amount\n电费,1\n".encode("gbk"), "is no CSV in UTF-8"),
    ],
)
def test_books_that_cannot_be_read_are_told_of(counter: Counter, tmp_path: Any, file: bytes, said: str) -> None:
    books = tmp_path / "books.csv"
    books.write_bytes(file)
    done = counter.run("statements", "reconcile", str(books))
    assert done.exit_code == 2
    assert done.stdout == ""
    assert said in done.stderr


def test_what_was_made_before_is_shown_as_it_stands(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter()
    made = counter.json("payments", "create", "--reference", "again-1")
    counter.json("payments", "cancel", made["payment_id"])

    again = counter.run("payments", "create", "--reference", "again-1")

    assert "Made before with --reference again-1" in again.stderr
    assert processes.value_of(again.stdout, "Payment") == made["payment_id"]
    assert processes.value_of(again.stdout, "Status") == "cancelled"
    assert made["payment_link"]["url"] not in again.stdout
    assert "Made before" not in counter.run("payments", "create", "--reference", "again-2").stderr


def test_an_app_that_may_only_make_payments_makes_one_with_a_reference(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter(scopes=["payments:create"])

    assert processes.value_of(counter.table("payments", "create", "--reference", "blind-1"), "Status") == "created"


def test_the_last_events_are_the_last(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter()
    for number in range(3):
        counter.json("payments", "create", "--reference", f"last-{number}")

    lines = counter.table("events", "tail", "--limit", "2").splitlines()

    assert [line.split()[5] for line in lines] == ["last-1", "last-2"]


def test_refunds_are_listed_and_shown(new_counter: Callable[..., Counter]) -> None:
    counter = new_counter()
    payment = counter.json("payments", "create", "--category", "ELECTRICITY", "--adcode", "310000")["payment_id"]
    assert counter.table("refunds", "list", payment) == "Nothing of it goes back.\n"
    for status in ("authorising", "authorised", "processing", "refund_pending"):
        counter.json("transition", payment, status)

    listed = counter.table("refunds", "list", payment)

    refund = listed.split()[-1]
    assert "PENDING" in listed and refund.startswith("ref_")
    shown = counter.table("refunds", "show", refund)
    assert processes.value_of(shown, "Payment") == payment
    assert counter.json("refunds", "show", refund)["status"] == "PENDING"
    dispute = counter.run("refunds", "show", "ref_none")
    assert (dispute.exit_code, dispute.stdout) == (1, "")


def test_a_dispute_that_is_open_is_named(paid: Paid) -> None:
    done = paid.counter.run("disputes", "create", paid.payment, "DUPLICATE")

    assert done.exit_code == 1
    assert done.stderr.endswith(f"it is: openteller disputes show {paid.dispute}\n")


def test_a_consent_is_asked_to_last_longer_and_ended_and_so_is_a_link(counter: Counter) -> None:
    consent = counter.json("trigger", "consent.extended")["data"]["consent_id"]
    until = (datetime.now(UTC) + timedelta(days=300)).isoformat(timespec="seconds")
    asked = counter.table("consents", "extend", consent, "--until", until)
    assert re.search(
        r"(?s)^Status +AWAITING$.*^Page +http://.*/customer/wld_\w+/extensions/cex_\w+$", asked, re.MULTILINE
    ), asked
    assert counter.table("consents", "usage", consent) == "It has no mandate.\n"
    assert re.search(r"^Status +REVOKED$", counter.table("consents", "revoke", consent), re.MULTILINE)
    done = counter.run("consents", "extend", consent, "--until", until)
    assert (done.exit_code, "CONSENT_NOT_ACTIVE" in done.stderr) == (1, True), done.stderr
    link = counter.json("trigger", "account_link.confirmed")["data"]["account_link_id"]
    assert re.search(
        r"(?s)^Status +UNLINKED$.*^Reason +BY_PARTNER$", counter.table("account-links", "unlink", link), re.MULTILINE
    )
