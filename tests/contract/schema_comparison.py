"""Compares a marshmallow schema with the JSON Schema that it mirrors, and names each difference.

What a caller sends is compared to the last bound. What the bank sends is compared in names, types and what is required:
its bounds are held by the check of each record, and said twice they could only differ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from marshmallow import Schema, fields, missing, validate

from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern

Json = Mapping[str, Any]
Resolve = Callable[[Json], tuple[Json, str | None]]
"""Follows a ``$ref``: the schema, and the pointer that it came from."""

BOUNDS = {
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
    "object": ("minProperties", "maxProperties"),
    "integer": ("minimum", "maximum"),
}


def differences(
    schema: Schema, properties: Json, required: set[str], resolve: Resolve, *, sent_by_callers: bool
) -> Iterator[str]:
    """Name what differs between a marshmallow schema and members of the contract.

    Args:
        schema: the marshmallow schema.
        properties: the contract's schema of each member, by name.
        required: names that the contract requires.
        resolve: follows references of the contract.
        sent_by_callers: compare bounds, patterns, lists of values and defaults, too.
    """
    ours = {field.data_key or name: field for name, field in schema.fields.items()}
    for name in ours.keys() - properties.keys():
        yield f"{name}: not in the contract"
    for name, member in properties.items():
        if name not in ours:
            if not member.get("x-computed"):  # what is computed is joined as text
                yield f"{name}: not in the schema"
            continue
        if ours[name].required != (name in required):
            yield f"{name}: required is {ours[name].required} here"
        yield from _member(name, ours[name], member, resolve, sent_by_callers=sent_by_callers)


def _member(
    place: str, field: fields.Field[Any], member: Json, resolve: Resolve, *, sent_by_callers: bool
) -> Iterator[str]:
    target, pointer = resolve(member)
    node = {**target, **{name: value for name, value in member.items() if name != "$ref"}}
    component = (pointer or "").rpartition("/")[2]
    if isinstance(field, (fields.Nested, MoneyField)):
        wanted = _component(field, sent_by_callers=sent_by_callers)
        if wanted != component:
            yield f"{place}: {wanted} here, {component or node.get('type')} there"
        return
    yield from _kind(place, field, node)
    if sent_by_callers:
        yield from _constraints(place, field, node)
    elif field.validators:
        yield f"{place}: a bound that belongs to the contract's check of records"
    for part, inner, schema in _inner(field, node):
        if inner is None or not isinstance(schema, Mapping):
            yield f"{place}: says nothing about each {part}"
        else:
            yield from _member(f"{place} {part}", inner, schema, resolve, sent_by_callers=sent_by_callers)


def _component(field: fields.Nested | MoneyField, *, sent_by_callers: bool) -> str:
    """Name the component that a field stands for."""
    if isinstance(field, MoneyField):
        return "MoneyInput" if sent_by_callers else "Money"
    return str(getattr(field.schema, "component", ""))


def _inner(field: fields.Field[Any], node: Json) -> Iterator[tuple[str, fields.Field[Any] | None, Any]]:
    """Give what a list or a map holds, here and there."""
    if isinstance(field, fields.List) and node.get("type") == "array":
        yield "item", field.inner, node.get("items")
    if isinstance(field, fields.Dict) and node.get("type") == "object":
        yield "name", field.key_field, node.get("propertyNames")
        yield "value", field.value_field, node.get("additionalProperties")


def _kind(place: str, field: fields.Field[Any], node: Json) -> Iterator[str]:
    """Compare the type."""
    form = node.get("format") if node.get("format") in {"date", "date-time"} else None
    stated = "object with members" if "properties" in node else " ".join(filter(None, (node.get("type"), form)))
    ours = next((kind for class_, kind in _KINDS if isinstance(field, class_)), type(field).__name__)
    if ours != stated:
        yield f"{place}: {ours} here, {stated} there"
    if isinstance(field, fields.Enum) and node.get("x-extensible-enum") != [item.value for item in field.enum]:
        yield f"{place}: other values"


_KINDS: tuple[tuple[type[fields.Field[Any]], str], ...] = (
    (InstantField, "string date-time"),
    (DayField, "string date"),
    (fields.List, "array"),
    (fields.Dict, "object"),
    (fields.Boolean, "boolean"),
    (fields.Integer, "integer"),
    (fields.Float, "number"),
    (fields.Enum, "string"),
    (fields.String, "string"),
)


def _constraints(place: str, field: fields.Field[Any], node: Json) -> Iterator[str]:
    """Compare bounds, pattern, list of values and default."""
    ours, theirs = _ours(field, node["type"]), _theirs(node)
    for name in sorted(ours.keys() | theirs.keys()):
        if ours.get(name) != theirs.get(name):
            yield f"{place}: {name} is {ours.get(name)!r} here, {theirs.get(name)!r} there"


def _ours(field: fields.Field[Any], type_: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for validator in field.validators:
        match validator:
            case validate.Length(equal=None) | validate.Range(min_inclusive=True, max_inclusive=True):
                least, most = BOUNDS[type_]
                found |= {least: validator.min, most: validator.max}
            case Pattern():
                found["pattern"] = validator.pattern
            case validate.OneOf():
                found["enum"] = list(validator.choices)
            case _:
                found["validator"] = type(validator).__name__
    if field.load_default is not missing:
        default = field.load_default
        found["default"] = default() if callable(default) else default
    return {name: value for name, value in found.items() if value is not None}


def _theirs(node: Json) -> dict[str, Any]:
    names = {*BOUNDS[node["type"]], "pattern", "enum", "default"} if node["type"] in BOUNDS else {"enum", "default"}
    found = {name: node[name] for name in names if name in node}
    if node.get("format") in {"date", "date-time"}:  # their form is the field's own
        return {name: value for name, value in found.items() if name == "default"}
    return found
