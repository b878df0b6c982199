"""Importing billers and exchange rates: a bank that these tests change, on either engine."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.conftest import Partner, WallClock, make_bank, make_partner

from openteller_sandbox import app, clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.imports.files import opened
from openteller_sandbox.imports.outcome import Limit, Outcome, Watch, Wish
from openteller_sandbox.imports.refusals import Refusal, SourceError
from openteller_sandbox.settings import SEED_FOLDER

Record = dict[str, Any]


def seed(name: str) -> list[Record]:
    packed = (SEED_FOLDER / f"{name}.jsonl.gz").read_bytes()
    return [json.loads(line) for line in gzip.decompress(packed).decode().splitlines()]


BILLERS = seed("billers")
SHEETS = [record for record in seed("rate_sheets") if record["sheet"]["kind"] == "FX"]
ECB_FILE = Path(__file__).parents[3] / "tools" / "seed" / "data" / "fx_ecb.csv"
LAST_DAY = SHEETS[-1]["rows"][0]["reference_date"]


@pytest.fixture(scope="module")
def own_bank(tmp_path_factory: pytest.TempPathFactory, engine: str) -> Iterator[Bank]:
    bank = make_bank(tmp_path_factory.mktemp("imports"), WallClock(), engine=engine)
    yield bank
    bank.db.close()


@pytest.fixture(scope="module")
def anyone(own_bank: Bank) -> FlaskClient:
    return app.create_app(own_bank).test_client(use_cookies=False)


@pytest.fixture
def bring(own_bank: Bank, tmp_path: Path) -> Callable[..., Outcome]:
    def bring(kind: str, what: str | bytes | list[Record], *, refused: Any = None, **wish: Any) -> Outcome:
        file = tmp_path / "file"
        text = what if isinstance(what, (str, bytes)) else "\n".join(map(json.dumps, what))
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        with opened(str(file)) as source:
            watch = Watch(refused=refused.append if refused is not None else lambda _: None)
            return app.import_file(own_bank, kind, source, Wish(**wish), watch)

    return bring


def a_biller(number: int, **members: Any) -> Record:
    record = copy.deepcopy(BILLERS[0])
    return {**record, "biller_id": f"blr_imported{number}", "biller_code": f"XX-TEST-{number:02d}", **members}


@pytest.mark.both_engines
def test_billers_are_added_changed_and_deactivated_never_taken_away(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    same = bring("billers", BILLERS)
    assert (same.added, same.changed, same.unchanged) == (0, 0, len(BILLERS))
    held = anyone.get("/v1/billers").headers["ETag"]

    name = {"zh-CN": "进口电力", "en": "Imported Power"}
    without = {key: value for key, value in a_biller(1, name=name).items() if key not in {"biller_id", "updated_at"}}
    outcome = bring("billers", [without, {**BILLERS[1], "aliases": ["换了个名"]}])

    assert (outcome.added, outcome.changed) == (1, 1)
    assert anyone.get("/v1/billers", headers={"If-None-Match": held}).status_code == 200
    assert anyone.get("/v1/billers", query_string={"q": "进口电力"}).json["data"][0]["name"] == name
    assert anyone.get(f"/v1/billers/{BILLERS[1]['biller_id']}").json["aliases"] == ["换了个名"]

    replaced = bring("billers", BILLERS[:-1], replace=True)
    assert replaced.removed == 2
    assert anyone.get(f"/v1/billers/{BILLERS[-1]['biller_id']}").json["status"] == "DEACTIVATED"
    assert bring("billers", BILLERS).kept


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"category_code": "TIME_TRAVEL"}, "CODE_UNKNOWN"),
        ({"region": {**BILLERS[0]["region"], "adcode": "999999"}}, "CODE_UNKNOWN"),
        ({"status": "ASLEEP"}, "CODE_UNKNOWN"),
        ({"input_fields": [{**BILLERS[0]["input_fields"][0], "example": "no number"}]}, "EXAMPLE_INVALID"),
        ({"name": {"zh-CN": "@SUM(A1)", "en": "x"}}, "TEXT_FORMULA"),
        ({"biller_code": BILLERS[0]["biller_code"]}, "ID_OTHER"),
        ({"biller_id": BILLERS[0]["biller_id"]}, "CODE_OTHER"),
        ({"colour": "red"}, "FIELD_UNKNOWN"),
    ],
)
def test_a_biller_that_cannot_be_right_is_refused(bring: Callable[..., Outcome], members: Record, code: str) -> None:
    faults: list[Refusal] = []
    assert not bring("billers", [a_biller(2), {**a_biller(3), **members}], refused=faults).kept
    assert {fault.code for fault in faults} == {code}
    assert {fault.where for fault in faults} == {"line 2"}


def ecb(*days: tuple[str, str, str]) -> str:
    return "\n".join(["Date,USD,JPY,CNY,XYZ,", *(f"{day},{usd},170.5,{cny},3.3," for day, usd, cny in days)])


@pytest.mark.both_engines
def test_what_the_ecb_has_published_since_makes_boards_that_follow_the_last_one_and_are_announced(
    bring: Callable[..., Outcome], anyone: FlaskClient
) -> None:
    last = clock.parse(SHEETS[-1]["sheet"]["published_at"])
    between, first, second = (clock.bank_date(last + n * clock.DAY).isoformat() for n in (-1, 0, 1))
    partner = make_partner(anyone)
    partner.advance(to=f"{second}T23:59:59+08:00")
    assert bring("fx", ecb((first, "1.1600", "8.3000"))).added == 1

    outcome = bring("fx", ecb((second, "1.1700", "8.3100"), (LAST_DAY, "1.1", "8")))

    assert (outcome.kept, outcome.unchanged, outcome.refused, outcome.added) == (True, 1, 0, 3)
    board = partner.get("/v1/rates/fx", date=second).json["data"]
    dollar = next(row for row in board if row["base"] == "USD")
    assert Decimal(dollar["middle"]) == (Decimal("8.3100") * 100 / Decimal("1.1700")).quantize(Decimal("0.0001"))
    assert dollar["reference_date"] == second
    too_late = bring("fx", ecb((between, "1.1700", "8.3100")))
    assert (too_late.added, too_late.unchanged) == (0, 1)

    third = clock.bank_date(last + 2 * clock.DAY).isoformat()
    told = len(rates_changed(partner))
    assert bring("fx", ecb((third, "1.1700", "8.3100"))).added
    partner.advance(to=f"{third}T23:59:59+08:00")
    assert len(rates_changed(partner)) > told


def rates_changed(partner: Partner) -> list[Record]:
    found, after = [], {}
    while True:
        page = partner.get("/v1/events", limit=100, **after).json
        found += [event for event in page["data"] if event["type"] == "rate.changed"]
        if page["links"]["next"] is None:
            return found
        after = {"after": dict(parse_qsl(urlsplit(page["links"]["next"]).query))["after"]}


def test_the_ecb_s_file_is_taken_as_it_is_published(bring: Callable[..., Outcome], anyone: FlaskClient) -> None:
    header, *known = ECB_FILE.read_text(encoding="utf-8").splitlines()
    next_week = clock.bank_date(clock.parse(SHEETS[-1]["sheet"]["published_at"]) + 7 * clock.DAY).isoformat()
    later = ",".join([next_week, *known[-1].split(",")[1:]])
    newest_first = [header.replace("date", "Date"), later, *reversed(known)]
    faults: list[Refusal] = []

    outcome = bring("fx", "".join(f"{line},\n" for line in newest_first), refused=faults)

    assert faults == []
    assert (outcome.kept, outcome.read, outcome.unchanged) == (True, len(known) + 1, len(known))
    partner = make_partner(anyone)
    partner.advance(to=f"{next_week}T23:59:59+08:00")
    board = {row["base"]: Decimal(row["middle"]) for row in partner.get("/v1/rates/fx").json["data"]}
    per_euro = dict(zip(header.split(",")[1:], map(Decimal, known[-1].split(",")[1:]), strict=True))
    assert set(board) == {"EUR", *per_euro} - {"CNY"}
    assert board["IDR"] == (per_euro["CNY"] * 100 / per_euro["IDR"]).quantize(Decimal("0.0001"))


def test_days_before_the_last_board_are_told(bring: Callable[..., Outcome]) -> None:
    published = clock.parse(SHEETS[-1]["sheet"]["published_at"])
    between = clock.bank_date(published - clock.DAY).isoformat()
    assert between > LAST_DAY
    outcome = bring("fx", ecb((between, "1.17", "8.31")), dry_run=True)
    assert outcome.unchanged == 1


@pytest.mark.parametrize(
    ("day", "usd", "cny", "code"),
    [
        ("2030-01-01", "1.17", "83.1", "RATE_IMPLAUSIBLE"),
        ("2030-01-01", "1.1.7", "8.31", "RATE_MALFORMED"),
        ("2030-01-01", "-1.17", "8.31", "RATE_MALFORMED"),
        ("2030-01-01", "0", "8.31", "RATE_MALFORMED"),
        ("2030-01-01", "9" * 40, "8.31", "RATE_MALFORMED"),
        ("2030-01-01", "1.17", "N/A", "FIELD_MISSING"),
        ("2030-13-01", "1.17", "8.31", "FIELD_INVALID"),
        ("20300101", "1.17", "8.31", "FIELD_INVALID"),
        ("2030-01-01", "1.17,1", "8.31", "ROW_BROKEN"),
    ],
)
def test_a_day_that_cannot_be_right_is_refused(
    bring: Callable[..., Outcome], day: str, usd: str, cny: str, code: str
) -> None:
    faults: list[Refusal] = []
    assert not bring("fx", ecb((day, usd, cny)), refused=faults, dry_run=True).kept
    assert [fault.code for fault in faults] == [code]


def test_a_day_that_comes_twice_is_refused(bring: Callable[..., Outcome]) -> None:
    faults: list[Refusal] = []
    bring("fx", ecb(("2030-01-01", "1.1", "8"), ("2030-01-01", "1.2", "8")), refused=faults, dry_run=True)
    assert [fault.code for fault in faults] == ["DATE_DUPLICATE"]


def test_sheets_follow_the_chain_or_are_refused(bring: Callable[..., Outcome]) -> None:
    assert bring("fx", SHEETS[-5:]).unchanged == 5
    faults: list[Refusal] = []
    forged = copy.deepcopy(SHEETS[-1])
    forged["rows"][0]["middle"] = "1.0000"
    other = copy.deepcopy(SHEETS[-1])
    other["sheet"]["rate_sheet_id"] = "rsh_other0000000"
    outcome = bring("fx", [forged, other, {"sheet": 1}], refused=faults, limit=Limit(rows=0))
    assert not outcome.kept
    assert [fault.code for fault in faults] == ["CHAIN_BROKEN", "CHAIN_BROKEN", "ROW_BROKEN"]


def test_published_boards_are_never_taken_away(bring: Callable[..., Outcome]) -> None:
    with pytest.raises(SourceError, match="never taken away"):
        bring("fx", ecb(("2030-01-01", "1.1", "8")), replace=True)


ROWS = st.lists(
    st.lists(st.sampled_from(["2030-01-02", "", "N/A", "1.1", "nan", '"', "x", "1e9", "9" * 40]), max_size=6),
    max_size=3,
)
FILES = st.one_of(
    st.binary(max_size=80),
    ROWS.map(lambda rows: "\n".join(["Date,USD,JPY,CNY,XYZ,", *(",".join(row) for row in rows)]).encode()),
    st.sampled_from(
        [b"{}", b"[]", b"[1]", b'{"sheet":{"rate_sheet_id":1,"kind":"FX"},"rows":[]}', b'{"biller_code":[]}']
    ),
)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(file=FILES, kind=st.sampled_from(["fx", "billers"]))
def test_whatever_a_file_holds_is_kept_or_refused(bring: Callable[..., Outcome], file: bytes, kind: str) -> None:
    faults: list[Refusal] = []
    try:
        outcome = bring(kind, file, refused=faults, dry_run=True, limit=Limit(percent=100.0))
    except SourceError:
        return
    assert outcome.read >= outcome.refused == len({fault.where for fault in faults})
