"""A chain of rate sheets is verified without the bank: what was changed, put in or taken out is found and named."""

from __future__ import annotations

import copy
import hashlib
import json
from datetime import datetime
from functools import cache
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.sdk.processes import ROOT
from tools.seed import rates as seed

from openteller import rates
from openteller.errors import BrokenChain, ConfigurationError
from openteller.models import RateSheet
from openteller.rates import verify_chain

JSON = dict[str, Any]


@cache
def _records() -> list[JSON]:
    built: list[JSON] = seed.build()["rate_sheets.jsonl.gz"]
    return built


@cache
def _kept(kind: str) -> str:
    """Sheets of the seed as the bank gives them, with members that it computes, the newest first."""
    records = [record for record in _records() if record["sheet"]["kind"] == kind]
    computed = {"FX": {"date": "2026-09-29", "is_carried_forward": True}, "LOAN": {"is_carried_forward": False}}
    sheets = [
        {
            **record["sheet"],
            "effective_to": "2026-09-29T09:30:00+08:00",
            rates.ROWS[kind]: [row | computed.get(kind, {}) for row in record["rows"]],
        }
        for record in records[-12:]
    ]
    return json.dumps(sheets[::-1], ensure_ascii=False)


def sheets(kind: str = "DEPOSIT") -> list[JSON]:
    found: list[JSON] = json.loads(_kept(kind))
    return found


def broken(changed: list[JSON], **how: Any) -> BrokenChain:
    with pytest.raises(BrokenChain) as caught:
        verify_chain(changed, **how)
    return caught.value


@pytest.mark.parametrize("kind", ["DEPOSIT", "LOAN", "FX"])
def test_sheets_as_they_were_published_hold_together(kind: str) -> None:
    newest_first = sheets(kind)
    chain = verify_chain(newest_first, noted=[newest_first[3]["hash"]])

    assert (chain.kind, chain.last, chain.head) == (kind, newest_first[0]["sequence"], newest_first[0]["hash"])
    assert [sheet.rate_sheet_id for sheet in chain.sheets] == [sheet["rate_sheet_id"] for sheet in newest_first[::-1]]
    assert verify_chain(newest_first[::-1]) == chain, "the order does not matter"


def test_records_are_verified_like_their_json() -> None:
    import msgspec

    from openteller.models._base import revive

    for kind in rates.ROWS:
        records = [msgspec.convert(sheet, RateSheet, dec_hook=revive) for sheet in sheets(kind)]
        assert verify_chain(records).head == sheets(kind)[0]["hash"]


def members(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where the texts, numbers and truths of a record are, but for what the bank computes."""
    if isinstance(value, dict):
        named = [(name, member) for name, member in value.items() if name not in rates.ROW_COMPUTED | {"effective_to"}]
        return [found for name, member in named for found in members(member, (*path, name))]
    if isinstance(value, list):
        return [found for number, member in enumerate(value) for found in members(member, (*path, number))]
    return [path]


def changed_at(record: Any, path: tuple[Any, ...]) -> None:
    """Make another value of the same form there."""
    *way, last = path
    for step in way:
        record = record[step]
    value = record[last]
    if isinstance(value, bool):
        record[last] = not value
    elif isinstance(value, int):
        record[last] = value + 1
    else:
        record[last] = ("9" if value[:1] != "9" else "8") + value[1:]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_whatever_is_changed_in_a_sheet_is_found_and_the_sheet_named(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(["DEPOSIT", "LOAN", "FX"]))
    found = sheets(kind)
    place = data.draw(st.integers(0, len(found) - 1))
    able = [path for path in members(found[place]) if path not in (("sequence",), ("kind",), ("rate_sheet_id",))]
    path = data.draw(st.sampled_from(able))
    before = copy.deepcopy(found[place])
    changed_at(found[place], path)
    assert found[place] != before

    error = broken(found)

    assert error.rate_sheet_id == found[place]["rate_sheet_id"], path
    assert error.reason in {"hash", "form"}


@pytest.mark.parametrize("name", ["sequence", "rate_sheet_id", "kind"])
def test_another_place_name_or_kind_is_found(name: str) -> None:
    found = sheets()
    found[2][name] = {"sequence": 99, "rate_sheet_id": "rsh_zzzzzzzz", "kind": "LOAN"}[name]

    with pytest.raises((BrokenChain, ConfigurationError)):
        verify_chain(found)


def test_a_sheet_that_was_made_anew_does_not_fit_the_one_after_it() -> None:
    """Who changes a sheet can give it a hash that fits; then the next one follows another."""
    found = sheets()
    facts = {name: found[3][name] for name in found[3] if name not in rates.SHEET_COMPUTED | {"hash"}}
    facts["source"] = "mine"
    rows = found[3]["deposit_rates"]
    found[3] |= facts | {"hash": seed.chain_hash(facts, rows)}

    error = broken(found)

    assert (error.reason, error.rate_sheet_id) == ("link", found[2]["rate_sheet_id"])


def test_a_chain_that_was_made_anew_from_there_on_lacks_the_hash_that_was_noted() -> None:
    found = sheets()
    noted = found[0]["hash"]
    previous: JSON = {}
    for sheet in found[::-1]:
        facts = {name: sheet[name] for name in sheet if name not in rates.SHEET_COMPUTED | {"hash", "previous_hash"}}
        facts |= {"source": "mine"} | ({"previous_hash": previous["hash"]} if previous else {})
        sheet |= facts | {"hash": seed.chain_hash(facts, sheet["deposit_rates"])}  # noqa: PLW2901 - changed in its place
        previous = sheet

    assert verify_chain(found).last == 7
    assert broken(found, noted=[noted]).reason == "noted"


@pytest.mark.parametrize("place", range(1, 6))
def test_a_sheet_that_is_missing_or_there_twice_is_found(place: int) -> None:
    found = sheets()

    assert broken(found[:place] + found[place + 1 :]).reason == "gap"
    assert broken([*found, found[place]]).reason == "gap"


def test_the_end_and_the_beginning_may_be_missing_and_are_told() -> None:
    chain = verify_chain(sheets()[1:-2])

    assert (chain.first, chain.last) == (3, 6)


def test_rows_may_be_put_in_no_other_order() -> None:
    found = sheets()
    found[0]["deposit_rates"].reverse()

    assert broken(found).rate_sheet_id == found[0]["rate_sheet_id"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"previous_hash": "0" * 64},
        {"published_at": 5},
        {"effective_from": "soon"},
        {"published_at": "2026-09-01T00:00:00"},
    ],
)
def test_a_sheet_that_says_what_no_sheet_says_is_refused(wrong: JSON) -> None:
    first = sheets()[-1]
    facts = {name: first[name] for name in first if name not in rates.SHEET_COMPUTED | {"hash"}} | wrong
    forged = first | facts | {"hash": seed.chain_hash(facts, first["deposit_rates"])}

    assert broken([forged]).reason in {"link", "form"}


def test_a_sheet_with_half_a_character_is_refused() -> None:
    found = sheets()
    found[0]["source"] = "\ud800"

    assert broken(found).reason == "form"


def test_what_is_no_chain_is_a_mistake_of_the_program() -> None:
    without = [{name: value for name, value in sheet.items() if name != "deposit_rates"} for sheet in sheets()]
    for given_ in ([], without, sheets() + sheets("LOAN"), [{}], ["rsh_1"]):
        with pytest.raises(ConfigurationError):
            verify_chain(given_)  # type: ignore[arg-type] # that is what it is about


def test_what_held_is_told_by_what_was_known() -> None:
    chain = verify_chain(sheets())

    def held(as_of: str, known_at: str | None = None) -> int | None:
        known = datetime.fromisoformat(known_at) if known_at else None
        found = chain.sheet_at(datetime.fromisoformat(as_of), known_at=known)
        return found.sequence if found else None

    assert held("2024-10-22T12:00:00+08:00") == 6, "corrected on the day after"
    assert held("2024-10-22T12:00:00+08:00", "2024-10-23T14:59:59+08:00") == 5
    assert held("2025-05-20T23:00:00+08:00") == 6, "the next one was published, and did not hold yet"
    assert held("2022-12-31T23:59:59+08:00") is None
    with pytest.raises(ConfigurationError, match="offset"):
        chain.sheet_at(datetime(2024, 10, 22))  # noqa: DTZ001 - that is what it is about


def test_the_contract_says_the_same_of_what_is_computed() -> None:
    schemas = yaml.safe_load((ROOT / "specs/rates.yaml").read_text(encoding="utf-8"))["components"]["schemas"]

    def computed(name: str) -> set[str]:
        return {member for member, schema in schemas[name]["properties"].items() if schema.get("x-computed")}

    assert computed("RateSheet") == rates.SHEET_COMPUTED
    assert computed("DepositRate") | computed("LoanRate") | computed("FxQuote") == rates.ROW_COMPUTED


def test_a_hash_is_of_the_text_that_the_contract_describes() -> None:
    sheet = sheets()[0]
    facts = {name: value for name, value in sheet.items() if name not in rates.SHEET_COMPUTED | {"hash"}}
    lines = [
        json.dumps(one, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        for one in [facts, *sheet["deposit_rates"]]
    ]

    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == sheet["hash"]
