"""The merge of the service documents: nothing is lost, renamed or chosen silently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tools.merge_specs import SpecError, load_document, merge

from tools import merge_specs

COMMON = """
openapi: 3.1.1
info: {title: Common, version: 0.1.0, description: "No service.\\n\\nConventions."}
servers: [{url: 'http://127.0.0.1:8080'}]
security: [{oauth: []}]
tags: [{name: common}]
paths: {}
components:
  securitySchemes: {oauth: {type: http, scheme: bearer}}
  schemas:
    Name: &name {type: string}
    Nickname: *name
x-error-codes: {NOT_FOUND: {status: 404}}
"""

BRANCHES = """
openapi: 3.1.1
info: {title: Branches, version: 0.1.0}
servers: [{url: 'http://127.0.0.1:8080'}]
security: [{oauth: []}]
tags: [{name: branches}]
paths:
  /v1/branches:
    get:
      operationId: listBranches
      tags: [branches]
      responses:
        '200': {description: Rows., content: {application/json: {schema: {$ref: '#/components/schemas/Branch'}}}}
components:
  securitySchemes: {oauth: {$ref: 'common.yaml#/components/securitySchemes/oauth'}}
  schemas:
    Branch: {type: object, properties: {name: {$ref: 'common.yaml#/components/schemas/Name'}}}
"""

RATES = """
openapi: 3.1.1
info: {title: Rates, version: 0.1.0}
servers: [{url: 'http://127.0.0.1:8080'}]
security: [{oauth: []}]
tags: [{name: rates}]
paths:
  /v1/rates/fx: {get: {operationId: getFxBoard, tags: [rates], responses: {'200': {description: The board.}}}}
webhooks:
  rateChanged: {post: {operationId: onRateChanged, tags: [rates], responses: {'204': {description: Taken.}}}}
components:
  schemas: {FxQuote: {type: object}}
"""


@pytest.fixture
def specs(tmp_path: Path) -> Path:
    for name, text in (("common", COMMON), ("branches", BRANCHES), ("rates", RATES)):
        (tmp_path / f"{name}.yaml").write_text(text, encoding="utf-8")
    return tmp_path


def change(specs: Path, name: str, old: str, new: str) -> None:
    path = specs / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_references_between_documents_become_local(specs: Path) -> None:
    branch = merge(specs)["components"]["schemas"]["Branch"]

    assert branch["properties"]["name"] == {"$ref": "#/components/schemas/Name"}


def test_parts_of_all_documents_stand_in_the_order_of_the_documents(specs: Path) -> None:
    merged = merge(specs)

    assert list(merged["paths"]) == ["/v1/branches", "/v1/rates/fx"]
    assert list(merged["webhooks"]) == ["rateChanged"]
    assert list(merged["components"]["schemas"]) == ["Name", "Nickname", "Branch", "FxQuote"]
    assert merged["x-error-codes"] == {"NOT_FOUND": {"status": 404}}


def test_a_tag_without_operations_and_a_repeated_server_are_left_out(specs: Path) -> None:
    merged = merge(specs)

    assert [tag["name"] for tag in merged["tags"]] == ["branches", "rates"]
    assert merged["servers"] == [{"url": "http://127.0.0.1:8080"}]


def test_a_component_that_only_refers_to_its_namesake_is_that_component(specs: Path) -> None:
    assert merge(specs)["components"]["securitySchemes"] == {"oauth": {"type": "http", "scheme": "bearer"}}


def test_aliases_are_expanded_into_values_of_their_own(specs: Path) -> None:
    schemas = load_document(specs / "common.yaml")["components"]["schemas"]

    assert schemas["Nickname"] == schemas["Name"]
    assert schemas["Nickname"] is not schemas["Name"]


def test_the_document_says_that_it_is_generated_and_how_where_readers_of_the_reference_do_not_see_it(
    specs: Path,
) -> None:
    info = merge(specs)["info"]

    assert merge_specs.COMMAND in info["x-generated"]
    assert info["description"] == "Conventions."


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("FxQuote:", "Branch:", "'Branch' is defined in branches.yaml"),
        ("/v1/rates/fx:", "/v1/branches:", "'/v1/branches' is defined in branches.yaml"),
        ("getFxBoard", "listBranches", "operationId 'listBranches' of GET /v1/branches in branches.yaml"),
        ("onRateChanged", "getFxBoard", "operationId 'getFxBoard' of GET /v1/rates/fx in rates.yaml"),
        ("{type: object}", "{$ref: 'common.yaml#/components/schemas/Nobody'}", "leads nowhere"),
        ("{type: object}", "{$ref: 'https://elsewhere.example/a.json'}", "leads out of the contract"),
        ("[rates], responses: {'200'", "[fx], responses: {'200'", "not declared: fx"),
        ("security: [{oauth: []}]", "security: []", "GET /v1/rates/fx needs a security of its own"),
        ("version: 0.1.0", "version: 0.2.0", "must have one version"),
        ("openapi: 3.1.1", "openapi: 3.0.3", "openapi is '3.0.3'"),
        ("tags: [{name: rates}]", "tags: [{name: rates}, {name: branches, summary: B}]", "described differently"),
        ("FxQuote: {type: object}", "FxQuote: {type: object, type: string}", "'type' stands twice"),
        ("FxQuote: {type: object}", "FxQuote: {404: string}", "404 must be quoted"),
        ("components:", "more: {}\ncomponents:", "does not know the member 'more'"),
    ],
)
def test_what_two_documents_disagree_about_is_refused_by_name(specs: Path, old: str, new: str, message: str) -> None:
    change(specs, "rates", old, new)

    with pytest.raises(SpecError) as refusal:
        merge(specs)

    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("2026-09-29", "2026-09-29"), ("10:30", "10:30"), ("no", "no"), ("on", "on"), ("0755", "0755"), ("12", 12)],
)
def test_yaml_is_read_as_json_people_read_it(tmp_path: Path, written: str, meant: Any) -> None:
    """YAML 1.1 would make a date, a number of minutes, two booleans and an octal number of the first five."""
    (tmp_path / "common.yaml").write_text(f"example: {written}\n", encoding="utf-8")

    assert load_document(tmp_path / "common.yaml") == {"example": meant}


def test_check_names_the_command_when_the_file_is_stale_and_writes_nothing(
    specs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out" / "openapi.json"

    assert merge_specs.main(["--check"], specs=specs, output=output) == 1
    assert merge_specs.COMMAND in capsys.readouterr().err
    assert not output.exists()

    assert merge_specs.main([], specs=specs, output=output) == 0
    assert merge_specs.main(["--check"], specs=specs, output=output) == 0
    assert json.loads(output.read_text(encoding="utf-8")) == merge(specs)


def test_a_broken_document_is_reported_not_raised(specs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(specs, "rates", "FxQuote:", "Branch:")

    assert merge_specs.main([], specs=specs, output=specs / "openapi.json") == 1
    assert "Branch" in capsys.readouterr().err


def test_the_committed_contract_is_what_the_documents_say() -> None:
    assert merge_specs.main(["--check"]) == 0
