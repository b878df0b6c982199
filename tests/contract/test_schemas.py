"""The marshmallow schemas say what the contract says: names, types, what is required and, for requests, every bound."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from marshmallow import Schema, fields, validate
from tests.contract.schema_comparison import differences

from openteller_sandbox import app as wiring
from openteller_sandbox import contract as contracts
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern

CONTRACT = contracts.load()
for feature in wiring.FEATURES:
    wiring._module(feature, "routes")  # declares the schemas

AS_SEEDED = "open data of the seed: checked when it is loaded, stored and sent as it is"
COMPUTED = "worked out for one answer and checked whole before it is sent"
ENVELOPE = "the envelope of a list, made by http.answers.page"
WITHOUT_A_SCHEMA = {
    "Money": "converted by MoneyField",
    "MoneyInput": "converted by MoneyField",
    "Inputs": "a map of strings: a Dict field",
    "Metadata": "a map of strings: a Dict field",
    "PaymentLink": "computed for each answer from the row, by payments.records.link",
    "Problem": "made by http.problems.render",
    "ProblemItem": "made by contract.Fault.wire",
    "ListLinks": ENVELOPE,
    "ListMeta": ENVELOPE,
    **dict.fromkeys(
        (name for name in CONTRACT.at("/components/schemas") if name.endswith("List")),
        ENVELOPE,
    ),
    **dict.fromkeys(
        (
            "Biller",
            "BillerCategory",
            "Cutoff",
            "Fee",
            "FeeSlab",
            "InputField",
            "InputFieldValue",
            "InputGroup",
            "MaintenanceWindow",
            "Plan",
            "Region",
            "ServiceHours",
        ),
        AS_SEEDED,
    ),
    **dict.fromkeys(
        (f"{thing}{shape}" for thing in ("Branch", "Atm") for shape in ("Feature", "FeatureCollection")),
        "made of a record by branches.shapes",
    ),
    **dict.fromkeys(("RemovedBranch", "RemovedAtm"), "made for a page of changes by branches.routes"),
    "PointGeometry": "made of a record by branches.shapes",
    **dict.fromkeys(
        ("RateSheet", "DepositRate", "RateTier", "LoanRate", "ReferenceRate", "Repricing", "FxQuote"),
        AS_SEEDED,
    ),
    **dict.fromkeys(("DepositCalculation", "DepositEntry", "EarlyWithdrawal", "LoanCalculation"), COMPUTED),
    **dict.fromkeys(("LoanInstalment", "ExtraRepayment", "RateChange", "FxPeriod"), COMPUTED),
    **dict.fromkeys(("FxCalculation", "FxLeg", "Rounding"), COMPUTED),
    "InputSchema": COMPUTED,
    "InputSchemaProperty": COMPUTED,
}


def registered() -> list[type[ContractSchema]]:
    """The schemas of the sandbox, without those that a test has made."""
    return [schema for schema in ContractSchema.registry if schema.__module__.startswith("openteller_sandbox.")]


@cache
def reachable(*roots: str) -> frozenset[str]:
    """The components that a value of some schemas, given by JSON pointer, can be made of."""
    found: set[str] = set()

    seen: set[str] = set()

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            reference = node.get("$ref")
            if isinstance(reference, str) and reference not in seen:
                seen.add(reference)
                if reference.startswith("#/components/schemas/"):
                    found.add(reference.rpartition("/")[2])
                visit(CONTRACT.at(reference[1:]))
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    for root in roots:
        visit(CONTRACT.at(root))
    return frozenset(found)


def requests() -> frozenset[str]:
    return reachable(
        *(f"{operation.pointer}/requestBody" for operation in CONTRACT.operations.values() if operation.has_body)
    )


def answers() -> frozenset[str]:
    return reachable(*(f"{operation.pointer}/responses" for operation in CONTRACT.operations.values()))


def of_component(schema: type[ContractSchema]) -> Iterator[str]:
    mirrored = CONTRACT.at(f"/components/schemas/{schema.component}")
    return differences(
        schema(),
        mirrored["properties"],
        set(mirrored.get("required", ())),
        CONTRACT.resolve,
        sent_by_callers=schema.component in requests(),
    )


def of_query(schema: type[ContractSchema]) -> Iterator[str]:
    operation = CONTRACT.operations[schema.query_of]
    nodes = [CONTRACT.resolve(node)[0] for node in CONTRACT.at(operation.pointer).get("parameters", ())]
    query = {node["name"]: node for node in nodes if node["in"] == "query"}
    members = {name: node["schema"] for name, node in query.items()}
    required = {name for name, node in query.items() if node.get("required")}
    return differences(schema(), members, required, CONTRACT.resolve, sent_by_callers=True)


@pytest.mark.parametrize("schema", [each for each in registered() if each.component], ids=lambda each: each.component)
def test_a_schema_says_what_its_component_says(schema: type[ContractSchema]) -> None:
    assert not list(of_component(schema))


@pytest.mark.parametrize("schema", [each for each in registered() if each.query_of], ids=lambda each: each.query_of)
def test_a_query_schema_says_what_its_operation_says(schema: type[ContractSchema]) -> None:
    assert not list(of_query(schema))


def test_nothing_is_mirrored_twice() -> None:
    mirrored = [schema.component or f"query of {schema.query_of}" for schema in registered()]
    assert len(mirrored) == len(set(mirrored))


def test_every_component_that_is_sent_has_a_schema_or_a_reason_to_have_none() -> None:
    """Objects only: text and numbers are fields of their owners."""
    sent = requests() | answers()
    objects = {name for name in sent if CONTRACT.at(f"/components/schemas/{name}")["type"] == "object"}
    mirrored = {schema.component for schema in registered() if schema.component}
    assert objects - mirrored - WITHOUT_A_SCHEMA.keys() == set()
    assert mirrored - objects == set(), "mirrored, but sent nowhere"
    assert WITHOUT_A_SCHEMA.keys() - objects == set(), "excused, but sent nowhere"
    assert WITHOUT_A_SCHEMA.keys() & mirrored == set(), "excused, but mirrored"


def test_every_query_has_a_schema() -> None:
    asked = {name for name, operation in CONTRACT.operations.items() if operation.query_names}
    assert asked == {schema.query_of for schema in registered() if schema.query_of}


# That the comparison notices: a small contract, a schema that fits it, and schemas that have each drifted in one point.

PROPERTIES: dict[str, Any] = {
    "code": {"type": "string", "minLength": 1, "maxLength": 8, "pattern": "^[a-z]+$"},
    "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
    "colour": {"type": "string", "enum": ["red", "green"]},
    "from": {"type": "string", "format": "date-time", "minLength": 20, "maxLength": 40},
    "on": {"type": "string", "format": "date"},
    "price": {"$ref": "#/components/schemas/MoneyInput"},
    "name": {"$ref": "#/components/schemas/LocalizedText"},
    "tags": {"type": "array", "maxItems": 2, "items": {"type": "string", "maxLength": 5}},
    "notes": {
        "type": "object",
        "maxProperties": 3,
        "propertyNames": {"type": "string", "minLength": 1, "maxLength": 4},
        "additionalProperties": {"type": "string", "maxLength": 6},
    },
    "later": {"type": "boolean", "x-computed": True},
}
REQUIRED = {"code"}


class _Name(Schema):
    component = "LocalizedText"


class _Other(Schema):
    component = "CodedText"


FITTING: dict[str, fields.Field[Any]] = {
    "code": fields.String(required=True, validate=(validate.Length(1, 8), Pattern("^[a-z]+$"))),
    "count": fields.Integer(validate=validate.Range(1, 9), load_default=3),
    "colour": fields.String(validate=validate.OneOf(["red", "green"])),
    "from_": InstantField(data_key="from"),
    "on": DayField(),
    "price": MoneyField(),
    "name": fields.Nested(_Name),
    "tags": fields.List(fields.String(validate=validate.Length(max=5)), validate=validate.Length(max=2)),
    "notes": fields.Dict(
        keys=fields.String(validate=validate.Length(1, 4)),
        values=fields.String(validate=validate.Length(max=6)),
        validate=validate.Length(max=3),
    ),
}


def drifted(**changed: fields.Field[Any] | None) -> list[str]:
    """Compare the small contract with a schema that has other fields in some places, or (None) none."""
    members = {name: field for name, field in (FITTING | changed).items() if field is not None}
    return list(differences(Schema.from_dict(members)(), PROPERTIES, REQUIRED, CONTRACT.resolve, sent_by_callers=True))


def test_what_fits_has_no_differences() -> None:
    assert drifted() == []


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"code": None}, "code: not in the schema"),
        ({"surplus": fields.String()}, "surplus: not in the contract"),
        ({"from_": None, "from_at": InstantField()}, "from: not in the schema"),
        ({"on": DayField(required=True)}, "on: required is True here"),
        ({"code": fields.String(validate=FITTING["code"].validators)}, "code: required is False here"),
        ({"on": fields.String()}, "on: string here, string date there"),
        ({"on": InstantField()}, "on: string date-time here, string date there"),
        ({"from_": DayField(data_key="from")}, "from: string date here, string date-time there"),
        ({"colour": fields.Integer()}, "colour: integer here, string there"),
        ({"colour": fields.Boolean()}, "colour: boolean here, string there"),
        ({"colour": MoneyField()}, "colour: MoneyInput here, string there"),
        ({"name": fields.Nested(_Other)}, "name: CodedText here, LocalizedText there"),
        ({"name": fields.Dict()}, "name: object here, object with members there"),
        ({"code": fields.List(fields.String(), required=True)}, "code: array here, string there"),
        (
            {"code": fields.String(required=True, validate=(validate.Length(1, 9), Pattern("^[a-z]+$")))},
            "code: maxLength is 9 here, 8 there",
        ),
        (
            {"code": fields.String(required=True, validate=(validate.Length(1, 8), Pattern("^[a-z]*$")))},
            "code: pattern is '^[a-z]*$' here, '^[a-z]+$' there",
        ),
        (
            {"code": fields.String(required=True, validate=validate.Length(1, 8))},
            "code: pattern is None here, '^[a-z]+$' there",
        ),
        (
            {"count": fields.Integer(validate=validate.Range(0, 9), load_default=3)},
            "count: minimum is 0 here, 1 there",
        ),
        ({"count": fields.Integer(validate=validate.Range(1, 9))}, "count: default is None here, 3 there"),
        (
            {"count": fields.Integer(validate=validate.Range(1, 9, max_inclusive=False), load_default=3)},
            "count: validator is 'Range' here, None there",
        ),
        ({"colour": fields.String(load_default="red")}, "colour: default is 'red' here, None there"),
        (
            {"colour": fields.String(validate=validate.OneOf(["red"]))},
            "colour: enum is ['red'] here, ['red', 'green'] there",
        ),
        (
            {"tags": fields.List(fields.String(validate=validate.Length(max=6)), validate=validate.Length(max=2))},
            "tags item: maxLength is 6 here, 5 there",
        ),
        (
            {"tags": fields.List(fields.String(validate=validate.Length(max=5)))},
            "tags: maxItems is None here, 2 there",
        ),
        (
            {"notes": fields.Dict(values=fields.String(validate=validate.Length(max=6)))},
            "notes: says nothing about each name",
        ),
    ],
)
def test_a_schema_that_has_drifted_is_found(changed: dict[str, fields.Field[Any]], difference: str) -> None:
    assert difference in drifted(**changed)


def test_a_bound_on_what_the_bank_sends_is_found() -> None:
    """There the contract's own check is the only one."""
    schema = Schema.from_dict({"colour": fields.String(validate=validate.Length(max=3))})()
    members = {"colour": PROPERTIES["colour"]}
    found = list(differences(schema, members, set(), CONTRACT.resolve, sent_by_callers=False))
    assert found == ["colour: a bound that belongs to the contract's check of records"]
