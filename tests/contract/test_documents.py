"""The documents in `specs/` as documents: valid, complete, bounded, and exemplified.

Each test collects its faults over the whole contract and fails with all of them, each named by its JSON Pointer in the
merged document, so that one run is enough to mend everything.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from re import _constants as regex_names  # type: ignore[attr-defined]
from re import _parser as regex_parser  # type: ignore[attr-defined]
from typing import Any, NamedTuple

import jsonschema_rs
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from tools.merge_specs import DOCUMENTS, METHODS, SPECS, load_document, merge

Json = Any
SENSITIVITIES = {"PUBLIC", "INTERNAL", "PERSONAL", "SECRET"}
BASE = "urn:openteller:contract"
SUBSCHEMA = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")
SUBSCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
NAMED_SUBSCHEMAS = ("properties", "patternProperties", "$defs", "dependentSchemas")
EVERY_ANSWER = {"X-Request-Id", "RateLimit", "RateLimit-Policy", "Cache-Control", "Access-Control-Allow-Origin"}

COME_AGAIN = {"202", "429", "503"}


class Node(NamedTuple):
    """A part of the merged document and its JSON Pointer."""

    place: str
    value: Json


@cache
def contract() -> dict[str, Json]:
    return merge()


def child(node: Node, *keys: str | int) -> Node:
    place, value = node
    for key in keys:
        place += "/" + str(key).replace("~", "~0").replace("/", "~1")
        value = value[key]
    return Node(place, value)


def children(node: Node, *keys: str) -> Iterator[tuple[str, Node]]:
    """The named members under a path of keys; nothing when the path does not exist."""
    for key in keys:
        if not isinstance(node.value, dict) or key not in node.value:
            return
        node = child(node, key)
    for name in node.value:
        yield name, child(node, name)


def resolved(node: Node) -> Node:
    """The node itself, or what its `$ref` names."""
    while isinstance(node.value, dict) and "$ref" in node.value:
        pointer = node.value["$ref"].removeprefix("#")
        node = Node("", contract())
        for part in pointer[1:].split("/"):
            node = child(node, part.replace("~1", "/").replace("~0", "~"))
    return node


class Operation(NamedTuple):
    node: Node
    path: str
    method: str
    is_webhook: bool


@cache
def operations() -> tuple[Operation, ...]:
    root = Node("", contract())
    return tuple(
        Operation(child(item, method), path, method, kind == "webhooks")
        for kind in ("paths", "webhooks")
        for path, item in children(root, kind)
        for method in METHODS
        if method in item.value
    )


def parameters(operation: Operation) -> Iterator[Node]:
    item = Node(operation.node.place.rsplit("/", 1)[0], {})
    shared = contract()["webhooks" if operation.is_webhook else "paths"][operation.path].get("parameters", ())
    yield from (Node(f"{item.place}/parameters/{index}", value) for index, value in enumerate(shared))
    own = operation.node.value.get("parameters", ())
    yield from (child(operation.node, "parameters", index) for index in range(len(own)))


def responses(operation: Operation) -> Iterator[tuple[str, Node]]:
    yield from children(operation.node, "responses")


def bodies(operation: Operation) -> Iterator[Node]:
    """The request body, if there is one."""
    if "requestBody" in operation.node.value:
        yield child(operation.node, "requestBody")


def media_types(holder: Node) -> Iterator[tuple[str, Node]]:
    yield from children(holder, "content")


@cache
def holders() -> tuple[Node, ...]:
    """Everything outside `components.schemas` that has a schema: parameters, headers and media types, each once."""
    found: dict[str, Node] = {}

    def add(node: Node) -> None:
        node = resolved(node)
        if node.place in found:
            return
        if "schema" in node.value:
            found[node.place] = node
        for key in ("content", "headers"):
            for _, inner in children(node, key):
                add(inner)

    root = Node("", contract())
    for section in ("parameters", "headers", "requestBodies", "responses"):
        for _, component in children(root, "components", section):
            add(component)
    for operation in operations():
        for part in (*parameters(operation), *bodies(operation), *(response for _, response in responses(operation))):
            add(part)
    return tuple(found.values())


def subschemas(schema: Node) -> Iterator[Node]:
    """A schema and every schema written inside it; a `$ref` is not followed."""
    yield schema
    if not isinstance(schema.value, dict):
        return
    for key in SUBSCHEMA:
        if isinstance(schema.value.get(key), dict):
            yield from subschemas(child(schema, key))
    for key in SUBSCHEMAS:
        for index in range(len(schema.value.get(key, ()))):
            yield from subschemas(child(schema, key, index))
    for key in NAMED_SUBSCHEMAS:
        for _, inner in children(schema, key):
            yield from subschemas(inner)


@cache
def schemas() -> tuple[Node, ...]:
    """Every schema of the contract, inner ones too, each at the place where it is written."""
    roots = [schema for _, schema in children(Node("", contract()), "components", "schemas")]
    roots += [child(holder, "schema") for holder in holders()]
    return tuple(found for schema in roots for found in subschemas(schema))


def reachable(roots: list[Node]) -> set[str]:
    """The places of all schemas that a value of one of these can be made of."""
    places: set[str] = set()
    waiting = list(roots)
    while waiting:
        for schema in subschemas(waiting.pop()):
            if schema.place not in places:
                places.add(schema.place)
                if isinstance(schema.value, dict) and "$ref" in schema.value:
                    waiting.append(resolved(schema))
    return places


@cache
def sent_by_the_bank() -> frozenset[str]:
    """Schemas of answers, their headers, and the bodies of webhooks."""
    roots: list[Node] = []
    for operation in operations():
        carriers = [resolved(response) for _, response in responses(operation)]
        if operation.is_webhook:
            carriers = [resolved(child(operation.node, "requestBody"))]
        for carrier in carriers:
            roots += [child(media, "schema") for _, media in media_types(carrier) if "schema" in media.value]
            roots += [child(resolved(header), "schema") for _, header in children(carrier, "headers")]
    return frozenset(reachable(roots))


@cache
def sent_by_the_caller() -> frozenset[str]:
    """Schemas of the bodies that callers send."""
    roots: list[Node] = []
    for operation in operations():
        if not operation.is_webhook:
            for body in bodies(operation):
                roots += [child(media, "schema") for _, media in media_types(resolved(body))]
    return frozenset(reachable(roots))


def types(schema: Json) -> set[str]:
    declared = schema.get("type", ()) if isinstance(schema, dict) else ()
    return {declared} if isinstance(declared, str) else set(declared)


def assert_none(faults: list[str]) -> None:
    assert not faults, f"{len(faults)} fault(s):\n" + "\n".join(sorted(faults))


# --- the documents are OpenAPI -------------------------------------------------------------------------------------


def validator_faults(document: dict[str, Json], base_uri: str) -> list[str]:
    errors = OpenAPIV31SpecValidator(document, base_uri=base_uri).iter_errors()
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}" for error in errors]


@pytest.mark.parametrize("name", [name for name in DOCUMENTS if (SPECS / f"{name}.yaml").exists()])
def test_each_document_is_valid_openapi_on_its_own(name: str) -> None:
    path: Path = SPECS / f"{name}.yaml"

    assert_none(validator_faults(load_document(path), path.as_uri()))


def test_the_merged_document_is_valid_openapi() -> None:
    assert_none(validator_faults(contract(), BASE))


# --- examples --------------------------------------------------------------------------------------------------------


def closed(value: Json, open_places: frozenset[str], place: str = "") -> Json:
    """A copy whose objects take only the members that they name, so that a misspelt member of an example is found."""
    if isinstance(value, list):
        return [closed(item, open_places, f"{place}/{index}") for index, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    copy = {key: closed(item, open_places, f"{place}/{key}") for key, item in value.items()}
    names_members = isinstance(value.get("properties"), dict) and "object" in types(value)
    if names_members and "additionalProperties" not in value and place not in open_places:
        copy["unevaluatedProperties"] = False
    return copy


@cache
def registry() -> jsonschema_rs.Registry:
    """The contract for look-up by pointer; parts of a composition stay open, the whole is closed elsewhere."""
    parts = [
        child(schema, key, index)
        for schema in schemas()
        if isinstance(schema.value, dict)
        for key in SUBSCHEMAS
        for index in range(len(schema.value.get(key, ())))
    ]
    open_places = frozenset(resolved(part).place for part in parts)
    return jsonschema_rs.Registry([(BASE, closed(contract(), open_places))], draft=jsonschema_rs.Draft202012)


@cache
def validator(place: str) -> jsonschema_rs.Draft202012Validator:
    fragment = "".join(letter if letter.isalnum() or letter in "/~-._" else f"%{ord(letter):02X}" for letter in place)
    return jsonschema_rs.Draft202012Validator(
        {"$ref": f"{BASE}#{fragment}"}, registry=registry(), validate_formats=True
    )


def written_examples(node: Node) -> Iterator[Node]:
    """The examples beside a schema (in a parameter, header or media type)."""
    if "example" in node.value:
        yield child(node, "example")
    for _, named in children(node, "examples"):
        example = resolved(named)
        if "value" in example.value:
            yield child(example, "value")


def exemplified() -> Iterator[tuple[Node, Node]]:
    """Each (example, schema) of the contract; a default is an example that the bank promises."""
    for holder in holders():
        for example in written_examples(holder):
            yield example, child(holder, "schema")
    for schema in schemas():
        if isinstance(schema.value, dict):
            for index in range(len(schema.value.get("examples", ()))):
                yield child(schema, "examples", index), schema
            for key in ("example", "default"):
                if key in schema.value:
                    yield child(schema, key), schema


def test_every_example_is_valid_and_has_no_member_that_its_schema_does_not_name() -> None:
    assert_none(
        [
            f"{example.place}/{'/'.join(map(str, error.instance_path))}: {error.message[:200]}"
            for example, schema in exemplified()
            for error in validator(schema.place).iter_errors(example.value)
        ]
    )


def test_every_body_has_an_example() -> None:
    faults = []
    for operation in operations():
        carriers = [node for status, node in responses(operation) if status.startswith("2")]
        for carrier in (*carriers, *bodies(operation)):
            for name, media in media_types(resolved(carrier)):
                if not list(written_examples(media)):
                    faults.append(f"{carrier.place} {name}: has no example")
    assert_none(faults)


def test_every_named_schema_is_shown_by_an_example() -> None:
    shown = reachable([schema for _, schema in exemplified()])
    named = [schema for _, schema in children(Node("", contract()), "components", "schemas")]

    assert_none([f"{schema.place}: no example shows it" for schema in named if schema.place not in shown])


# --- patterns --------------------------------------------------------------------------------------------------------

VARIABLE = {regex_names.MAX_REPEAT, regex_names.MIN_REPEAT, regex_names.POSSESSIVE_REPEAT}
BACKTRACKING = {regex_names.GROUPREF, regex_names.GROUPREF_EXISTS, regex_names.ASSERT, regex_names.ASSERT_NOT}


def tokens(pattern: Json) -> Iterator[tuple[Json, Json]]:
    """Every (operator, argument) of a parsed pattern, inner ones too."""
    if isinstance(pattern, regex_parser.SubPattern):
        for operator, argument in pattern:
            yield operator, argument
            yield from tokens(argument)
    elif isinstance(pattern, (tuple, list)):
        for part in pattern:
            yield from tokens(part)


def pattern_fault(pattern: str) -> str | None:
    """What is wrong with a pattern: it must match whole values, mean the same everywhere, and run in linear time."""
    if re.search(r"\\[dDwWsSbBpP]", pattern):
        return "names a class whose meaning differs between engines; write it out, as [0-9]"
    parsed = regex_parser.parse(pattern)
    ends = [parsed[0], parsed[-1]] if len(parsed) > 1 else []
    if ends != [(regex_names.AT, regex_names.AT_BEGINNING), (regex_names.AT, regex_names.AT_END)]:
        return "is not anchored at both ends"
    for operator, argument in tokens(parsed):
        if operator in BACKTRACKING:
            return "looks around or back"
        if (
            operator in VARIABLE
            and argument[1] > 1
            and any(inner in VARIABLE and bounds[0] != bounds[1] for inner, bounds in tokens(argument[2]))
        ):
            return "has a repeat of varying length inside a repeat"
    return None


@pytest.mark.parametrize("pattern", ["^[0-9]{6}$", r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]{1,4})?$", "^(?:[0-9]{2},)*$"])
def test_an_anchored_linear_pattern_is_accepted(pattern: str) -> None:
    assert pattern_fault(pattern) is None


@pytest.mark.parametrize(
    "pattern", ["[0-9]+", "^[0-9]+", "^a|b$", r"^\d+$", r"^[\w-]+$", "^(?:[a-z]+)*$", "^(?=a)b$", "^(a)\\1$", "^"]
)
def test_a_loose_or_slow_pattern_is_found(pattern: str) -> None:
    assert pattern_fault(pattern) is not None


def test_every_pattern_is_anchored_portable_and_linear() -> None:
    patterns = [
        (f"{schema.place}/pattern", schema.value["pattern"])
        for schema in schemas()
        if isinstance(schema.value, dict) and isinstance(schema.value.get("pattern"), str)
    ]
    patterns += [
        (name.place, name.place.rsplit("/", 1)[1])
        for schema in schemas()
        for _, name in children(schema, "patternProperties")
    ]

    assert_none([f"{place}: {pattern!r} {fault}" for place, pattern in patterns if (fault := pattern_fault(pattern))])


# --- every field is described, classified and bounded ----------------------------------------------------------------


def fields() -> Iterator[Node]:
    """Every property, parameter and header."""
    for schema in schemas():
        yield from (field for _, field in children(schema, "properties"))
    yield from (holder for holder in holders() if "/content/" not in holder.place)


def is_described(field: Node) -> bool:
    return bool(field.value.get("description") or resolved(field).value.get("description"))


def is_classified(field: Node, seen: frozenset[str] = frozenset()) -> bool:
    """Whether a field says how sensitive it is, itself or through all that it is made of."""
    if "x-sensitivity" in field.value:
        return field.value["x-sensitivity"] in SENSITIVITIES
    target = resolved(field)
    if target.place != field.place:
        return target.place in seen or is_classified(target, seen | {target.place})
    if "items" in field.value:
        return is_classified(child(field, "items"), seen)
    if isinstance(field.value.get("additionalProperties"), dict):
        return is_classified(child(field, "additionalProperties"), seen)
    members = [member for _, member in children(field, "properties")]
    members += [child(field, key, index) for key in SUBSCHEMAS for index in range(len(field.value.get(key, ())))]
    return bool(members) and all(is_classified(member, seen) for member in members)


def test_every_field_is_described() -> None:
    assert_none([f"{field.place}: has no description" for field in fields() if not is_described(field)])


def test_every_field_says_how_sensitive_it_is() -> None:
    assert_none(
        [
            f"{field.place}: has no x-sensitivity of {sorted(SENSITIVITIES)}"
            for field in fields()
            if not is_classified(field)
        ]
    )


def bound_fault(schema: dict[str, Json]) -> str | None:
    """What an attacker or a fault could make too large. A boolean, null, const or enum is bounded by nature."""
    kinds = types(schema)
    if "const" in schema or "enum" in schema:
        return None
    if "string" in kinds and "maxLength" not in schema:
        return "a string without maxLength"
    if "array" in kinds and not {"maxItems", "items"} <= schema.keys():
        return "an array without maxItems and items"
    if kinds & {"integer", "number"} and not {"minimum", "maximum", "format"} <= schema.keys():
        return "a number without minimum, maximum and format"
    if "object" in kinds and schema.get("additionalProperties") and "maxProperties" not in schema:
        return "an object of any members without maxProperties"
    if not kinds and not {"$ref", "allOf", "anyOf", "oneOf", "not", "required", "properties"} & schema.keys():
        return "a schema without a type"
    return None


def test_every_value_is_bounded() -> None:
    assert_none(
        [
            f"{schema.place}: {fault}"
            for schema in schemas()
            if isinstance(schema.value, dict) and (fault := bound_fault(schema.value))
        ]
    )


def test_what_the_bank_sends_may_grow() -> None:
    """A reader that was written today must be able to take next year's values and members."""
    faults = []
    for schema in schemas():
        if schema.place in sent_by_the_bank() and isinstance(schema.value, dict):
            if "enum" in schema.value:
                faults.append(f"{schema.place}: a closed enum in an answer; write x-extensible-enum")
            if schema.value.get("additionalProperties") is False and schema.place not in sent_by_the_caller():
                faults.append(f"{schema.place}: additionalProperties: false in an answer")
            if "oneOf" in schema.value:
                faults.append(f"{schema.place}: oneOf in an answer")
    assert_none(faults)


def test_what_a_caller_sends_is_closed() -> None:
    """An unknown member is a mistake of the caller, and is told so."""
    assert_none(
        [
            f"{schema.place}: an object in a request without additionalProperties"
            for schema in schemas()
            if schema.place in sent_by_the_caller()
            and "object" in types(schema.value)
            and "additionalProperties" not in schema.value
        ]
    )


# --- every operation is complete -------------------------------------------------------------------------------------


def text_faults(operation: Operation) -> Iterator[str]:
    value = operation.node.value
    if not re.fullmatch(r"[a-z][A-Za-z0-9]{2,50}", value.get("operationId", "")):
        yield "has no camelCase operationId"
    yield from (f"has no {key}" for key in ("summary", "description") if not value.get(key, "").strip())
    if len(value.get("tags", ())) != 1:
        yield "must have one tag"


def security_faults(operation: Operation) -> Iterator[str]:
    value = operation.node.value
    if "security" not in value:
        yield "has no security"
    declared = contract()["components"]["securitySchemes"]
    for alternative in value.get("security", ()):
        for name, scopes in alternative.items():
            flows = declared.get(name, {}).get("flows", {}).values()
            known = {scope for flow in flows for scope in flow["scopes"]}
            if name not in declared or not known.issuperset(scopes):
                yield f"asks for {name} {scopes}, which is not declared"


def expected_errors(operation: Operation) -> set[str]:
    """The error answers that an operation cannot be without, seen from what it takes."""
    expected = {"400", "429", "500"}
    security = operation.node.value.get("security", ())
    if any(security):
        expected |= {"401"}
    if security and {} not in security:
        expected |= {"403"}
    if "{" in operation.path:
        expected |= {"404"}
    if "requestBody" in operation.node.value:
        expected |= {"413", "415", "422"}
    if any(status < "300" and any(media_types(resolved(answer))) for status, answer in responses(operation)):
        expected |= {"406"}
    return expected


def answer_faults(operation: Operation) -> Iterator[str]:
    answers = {status: resolved(response) for status, response in responses(operation)}
    if missing := sorted(expected_errors(operation) - answers.keys()):
        yield f"has no answer {', '.join(missing)}"
    for status, answer in answers.items():
        kinds = [name for name, _ in media_types(answer)]
        if status >= "400" and kinds != ["application/problem+json"]:
            yield f"answers {status} with {kinds}, not with problem details"
        wanted = EVERY_ANSWER | ({"Retry-After"} if status in COME_AGAIN else set())
        if absent := sorted(wanted - answer.value.get("headers", {}).keys()):
            yield f"answer {status} lacks the headers {', '.join(absent)}"
    named = {resolved(parameter).value["name"].lower() for parameter in parameters(operation)}
    if ("304" in answers) != ("if-none-match" in named):
        yield "must have both If-None-Match and 304, or neither"


def code_faults(operation: Operation) -> Iterator[str]:
    registered = contract()["x-error-codes"]
    statuses = operation.node.value.get("responses", {})
    for code in operation.node.value.get("x-error-codes", ()):
        if code not in registered:
            yield f"gives {code}, which is not in the registry of codes"
        elif str(registered[code]["status"]) not in statuses:
            yield f"gives {code}, but has no answer {registered[code]['status']}"


def create_faults(operation: Operation) -> Iterator[str]:
    """A create tells a reader (and a test tool) how to read what it created, where that can be read by itself."""
    can_be_read = any(other.path.startswith(f"{operation.path}/{{") for other in operations())
    if operation.method != "post" or "201" not in operation.node.value.get("responses", {}) or not can_be_read:
        return
    answer = resolved(child(operation.node, "responses", "201"))
    gets = {other.node.value.get("operationId") for other in operations() if other.method == "get"}
    readers = {resolved(link).value.get("operationId") for _, link in children(answer, "links")}
    if not readers & gets:
        yield "creates, but its 201 has no link to a GET"
    if unknown := sorted(str(reader) for reader in readers - {o.node.value.get("operationId") for o in operations()}):
        yield f"links to unknown operations: {', '.join(unknown)}"


@pytest.mark.parametrize(
    "check", [text_faults, security_faults, answer_faults, code_faults, create_faults], ids=lambda check: check.__name__
)
def test_every_operation_is_complete(check: Callable[[Operation], Iterator[str]]) -> None:
    of_webhooks = (text_faults,)
    assert_none(
        [
            f"{operation.node.place} ({operation.node.value.get('operationId')}): {fault}"
            for operation in operations()
            if not operation.is_webhook or check in of_webhooks
            for fault in check(operation)
        ]
    )


def test_every_error_code_is_complete() -> None:
    wanted = {"status", "retryable", "source", "title", "meaning", "remedy", "display_message"}
    codes = contract()["x-error-codes"]

    assert_none(
        [
            f"{code}: lacks {sorted(wanted - entry.keys())}"
            for code, entry in codes.items()
            if not wanted <= entry.keys()
        ]
    )


def test_the_error_codes_in_examples_agree_with_the_registry() -> None:
    """A problem in an example must be one that the bank could really give."""
    faults = []
    registered = contract()["x-error-codes"]
    for _, response in children(Node("", contract()), "components", "responses"):
        for _, media in media_types(response):
            for example in written_examples(media):
                shown, entry = example.value, registered.get(example.value.get("code"), {})
                faults += [
                    f"{example.place}/{key}: {shown.get(key)!r}, but {entry.get(key)!r} in the registry"
                    for key in ("status", "retryable", "source", "title", "display_message")
                    if shown.get(key) != entry.get(key)
                ]
    assert_none(faults)


def test_the_contract_is_plain_json() -> None:
    """Nothing that only YAML can say has slipped in."""
    assert json.loads(json.dumps(contract())) == contract()
