"""The merged contract at run time: operations, error codes, and validators compiled from it.

Everything that the sandbox knows about the wire it reads here, from the committed ``openapi.json``; nothing is said
twice in code. Validators are compiled when they are first needed. They find what is wrong with a request; marshmallow
only converts what has passed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

import jsonschema_rs

from openteller_sandbox import clock

_DOCUMENT = Path(__file__).with_name("openapi.json")
_URI = "urn:openteller:contract"
_SHOWABLE_NAME = re.compile(r"[A-Za-z][A-Za-z_-]{0,36}[0-9]{0,2}")
_INTEGER = re.compile(r"-?[0-9]{1,18}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,12})?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})"
)

_TYPE_NAMES = {
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
    "object": "an object",
    "array": "an array",
    "null": "null",
}

_NO_WORDS: Mapping[str, str] = MappingProxyType({})

Part = Literal["body", "query", "path", "header"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with a request; never repeats the value."""

    part: Part
    where: str
    code: str
    message: str

    def wire(self) -> dict[str, str]:
        """Give the contract's ``ProblemItem``."""
        place = "pointer" if self.part == "body" else "name"
        return {"in": self.part, place: self.where, "code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """A row of ``x-error-codes``."""

    code: str
    status: int
    retryable: str
    source: str
    title: str
    meaning: str
    remedy: str
    display_message: dict[str, str]
    common: bool


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query or header parameter of an operation. public: whether its values may be kept by whoever serves them."""

    name: str
    part: Part
    required: bool
    type: str
    public: bool


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the contract, as far as the server needs it.

    scopes: what a token must hold; anonymous: whether a caller may come without one; media_types: what the
    answer to what succeeds can be written as, the usual one first; none where it has no body.
    """

    operation_id: str
    method: str
    path: str
    tag: str
    scopes: frozenset[str]
    anonymous: bool
    parameters: tuple[Parameter, ...]
    has_body: bool
    error_codes: frozenset[str]
    pointer: str
    query_names: frozenset[str] = field(default=frozenset())
    media_types: tuple[str, ...] = ()

    @property
    def open_data(self) -> bool:
        """Whether this is tier T0: anyone may read it."""
        return self.anonymous and "open-data" in self.scopes


class ContractError(Exception):
    """Something that the sandbox made does not fit the contract: a fault of ours."""


class Contract:
    """The merged OpenAPI document with everything derived from it."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.version: str = document["info"]["version"]
        self._validators: dict[str, jsonschema_rs.Validator] = {}
        self.error_codes = {code: _error_code(code, row) for code, row in document["x-error-codes"].items()}
        self.operations = {operation.operation_id: operation for operation in self._read_operations()}

    @cached_property
    def _registry(self) -> jsonschema_rs.Registry:
        return jsonschema_rs.Registry([(_URI, self.document)])

    @cached_property
    def _expected(self) -> dict[str, str]:
        """What patterns ask for in words (``x-expected``), by pattern."""
        return {node["pattern"]: node["x-expected"] for node in _objects(self.document) if "x-expected" in node}

    def validator(
        self, pointer: str, formats: Mapping[str, Callable[[str], bool]] | None = None
    ) -> jsonschema_rs.Validator:
        """Give the compiled validator of the schema at a JSON pointer of the document.

        formats: own checks of formats, the same at each call for a pointer.
        """
        found = self._validators.get(pointer)
        if found is None:
            found = self._validators[pointer] = jsonschema_rs.Draft202012Validator(
                {"$ref": f"{_URI}#{quote(pointer, safe='/~:')}"},
                registry=self._registry,
                validate_formats=True,
                formats=dict(formats or {}),
                mask="the value",
                pattern_options=jsonschema_rs.RegexOptions(),
            )
        return found

    def check_record(self, component: str, value: object) -> None:
        """Check a record that the sandbox made, before it is stored. Computed members may be missing.

        Raises:
            ContractError: it does not fit; the message names the places, never the values.
        """
        self._check(self._stored_pointer(component), value, component)

    def record_faults(self, component: str, value: object) -> list[Fault]:
        """Find what is wrong with a record that somebody brings. Computed members must be missing."""
        validator = self.validator(self._stored_pointer(component))
        if validator.is_valid(value):
            return []
        return [fault for error in validator.iter_errors(value) for fault in _body_faults(error, self._expected)]

    def check_answer(self, operation: Operation, status: int, value: object, media_type: str | None = None) -> None:
        """Check a whole answer of JSON.

        media_type: as what it is written; without it, as the first that the contract names.

        Raises:
            ContractError: it does not fit, or the operation has no such answer.
        """
        pointer = self._answer_pointer(operation.operation_id, status, media_type)
        self._check(pointer, value, f"{operation.operation_id} {status}")

    def check_component(self, component: str, value: object) -> None:
        """Check a complete value, computed members included, against a component.

        Raises:
            ContractError: it does not fit.
        """
        self._check(f"/components/schemas/{component}", value, component)

    def body_faults(self, operation: Operation, value: object) -> list[Fault]:
        """Find what is wrong with a JSON body."""
        pointer = f"{operation.pointer}/requestBody/content/application~1json/schema"
        errors = self.validator(pointer, _SENT).iter_errors(value)
        return [fault for error in errors for fault in _body_faults(error, self._expected)]

    def parameter_faults(self, operation: Operation, parameter: Parameter, value: object) -> list[Fault]:
        """Find what is wrong with a parameter's value. Of one that is too short or too long nothing else is said."""
        validator = self.validator(self._parameter_pointer(operation.operation_id, parameter.name), _SENT)
        errors = list(validator.iter_errors(value))
        of_length = [error for error in errors if error.kind.name in _LENGTHS]
        return [
            Fault(parameter.part, parameter.name, "FIELD_INVALID", _message(error, self._expected))
            for error in of_length or errors
        ]

    def resolve(self, node: Mapping[str, Any]) -> tuple[Mapping[str, Any], str | None]:
        """Follow a ``$ref``; give the node and the pointer it came from."""
        pointer = None
        while "$ref" in node:
            pointer = str(node["$ref"])[1:]
            node = self.at(pointer)
        return node, pointer

    def at(self, pointer: str) -> Any:
        """Give the node at a JSON pointer."""
        node: Any = self.document
        for token in pointer.split("/")[1:]:
            node = node[int(token) if isinstance(node, list) else token.replace("~1", "/").replace("~0", "~")]
        return node

    def _check(self, pointer: str, value: object, what: str) -> None:
        validator = self.validator(pointer)
        if validator.is_valid(value):
            return
        places = [
            f"/{'/'.join(map(str, error.instance_path))} {_message(error)}" for error in validator.iter_errors(value)
        ]
        raise ContractError(f"{what} does not fit the contract: {'; '.join(places[:5])}")

    @cache  # noqa: B019 - one Contract lives as long as the process
    def _stored_pointer(self, component: str) -> str:
        """Register the stored form of a component: the same, with nothing computed required."""
        schema = self.at(f"/components/schemas/{component}")
        computed = {name for name, node in schema["properties"].items() if node.get("x-computed")}
        if not computed:
            return f"/components/schemas/{component}"
        pointer = f"stored:{component}"
        self._validators[pointer] = jsonschema_rs.Draft202012Validator(
            {
                "$id": f"{_URI}:stored:{component}",
                "properties": {
                    name: False
                    if name in computed
                    else {"$ref": f"{_URI}#/components/schemas/{component}/properties/{name}"}
                    for name in schema["properties"]
                },
                "required": [name for name in schema["required"] if name not in computed],
                "type": "object",
            },
            registry=self._registry,
            validate_formats=True,
            mask="the value",
            pattern_options=jsonschema_rs.RegexOptions(),
        )
        return pointer

    @cache  # noqa: B019 - likewise
    def _answer_pointer(self, operation_id: str, status: int, media_type: str | None) -> str:
        operation = self.operations[operation_id]
        responses = self.at(operation.pointer)["responses"]
        if str(status) not in responses:
            raise ContractError(f"{operation_id} has no answer {status} in the contract")
        response, pointer = self.resolve(responses[str(status)])
        media = media_type or next(iter(response["content"]))
        base = pointer or f"{operation.pointer}/responses/{status}"
        return f"{base}/content/{media.replace('/', '~1')}/schema"

    @cache  # noqa: B019 - likewise
    def _parameter_pointer(self, operation_id: str, name: str) -> str:
        operation = self.operations[operation_id]
        for index, node in enumerate(self.at(operation.pointer)["parameters"]):
            resolved, pointer = self.resolve(node)
            if resolved["name"] == name:
                return f"{pointer or f'{operation.pointer}/parameters/{index}'}/schema"
        raise KeyError(name)

    def _read_operations(self) -> Iterable[Operation]:
        for path, item in self.document["paths"].items():
            for method, node in item.items():
                yield self._operation(path, method, node)

    def _operation(self, path: str, method: str, node: Mapping[str, Any]) -> Operation:
        security = node.get("security", self.document["security"])
        parameters = tuple(self._parameter(raw) for raw in node.get("parameters", []))
        return Operation(
            operation_id=node["operationId"],
            method=method.upper(),
            path=path,
            tag=node["tags"][0],
            scopes=frozenset(scope for way in security for scope in way.get("oauth", [])),
            anonymous={} in security,
            parameters=parameters,
            has_body="requestBody" in node,
            error_codes=frozenset(node.get("x-error-codes", [])),
            pointer=f"/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}",
            query_names=frozenset(parameter.name for parameter in parameters if parameter.part == "query"),
            media_types=_written_as(node["responses"]),
        )

    def _parameter(self, raw: Mapping[str, Any]) -> Parameter:
        node, _ = self.resolve(raw)
        schema, _ = self.resolve(node["schema"])
        public = (node.get("x-sensitivity") or schema.get("x-sensitivity")) == "PUBLIC"
        return Parameter(node["name"], node["in"], node.get("required", False), schema.get("type", "string"), public)


def _written_as(responses: Mapping[str, Any]) -> tuple[str, ...]:
    kinds = (tuple(response.get("content", ())) for status, response in sorted(responses.items()) if status < "300")
    return next(filter(None, kinds), ())


@cache
def load() -> Contract:
    """Load the committed contract; all banks of a process share it, and what has been compiled of it."""
    return Contract(json.loads(_DOCUMENT.read_bytes()))


def from_text(text: str, kind: str) -> object:
    """Turn a query parameter's text into the JSON value that its schema speaks of; what does not parse stays text,
    for the schema to refuse.
    """
    if kind == "integer" and _INTEGER.fullmatch(text):
        return int(text)
    if kind == "boolean" and text in {"true", "false"}:
        return text == "true"
    return text


def _error_code(code: str, row: Mapping[str, Any]) -> ErrorCode:
    return ErrorCode(
        code=code,
        status=row["status"],
        retryable=row["retryable"],
        source=row["source"],
        title=row["title"],
        meaning=row["meaning"],
        remedy=row["remedy"],
        display_message=row["display_message"],
        common=row.get("x-common", False),
    )


def _is_day(text: str) -> bool:
    """Tell whether this is a full-date that the calendar has: RFC 3339 knows a year 0, the bank does not."""
    try:
        return bool(_DAY.fullmatch(text) and date.fromisoformat(text))
    except ValueError:
        return False


def _is_instant(text: str) -> bool:
    """Tell whether this is a date-time that a clock shows: none of the bank's has leap seconds."""
    try:
        return bool(_INSTANT.fullmatch(text)) and clock.parse(text) is not None
    except ValueError:
        return False


_LENGTHS = frozenset({"minLength", "maxLength"})
_SENT = {"date": _is_day, "date-time": _is_instant}
"""What a caller sends must be a value that can be converted; records are made of such values."""


def showable(name: str) -> str:
    """Give a member or parameter name back only where it cannot be a value that slipped into the wrong place."""
    return name if _SHOWABLE_NAME.fullmatch(name) else "(name not shown)"


def _objects(node: Any) -> Iterator[dict[str, Any]]:
    """Give every JSON object within a value."""
    inner: Iterable[Any] = ()
    if isinstance(node, dict):
        yield node
        inner = node.values()
    elif isinstance(node, list):
        inner = node
    for child in inner:
        yield from _objects(child)


def _body_faults(error: jsonschema_rs.ValidationError, expected: Mapping[str, str]) -> Iterable[Fault]:
    base = "".join(f"/{_escape(step)}" for step in error.instance_path)
    detail = error.kind.as_dict()
    match error.kind.name:
        case "required":
            yield Fault("body", f"{base}/{detail['property']}", "FIELD_MISSING", "This member is required.")
        case "additionalProperties" | "unevaluatedProperties":
            for name in detail["unexpected"]:
                yield Fault("body", f"{base}/{_escape(name)}", "FIELD_UNKNOWN", "There is no such member.")
        case _:
            yield Fault("body", base, "FIELD_INVALID", _message(error, expected))


def _escape(step: str | int) -> str:
    return str(step) if isinstance(step, int) else showable(step).replace("~", "~0").replace("/", "~1")


def _message(error: jsonschema_rs.ValidationError, expected: Mapping[str, str] = _NO_WORDS) -> str:
    """Say what a value must be, of a pattern in the contract's words where it has some.

    The library's own text is not used: it may hold a member's name that is really a value.
    """
    kind = error.kind.name
    if kind == "pattern" and (words := expected.get(error.kind.as_dict()["pattern"])):
        return f"Must be {words}."
    say = _MESSAGES.get(kind)
    return say(error.kind.as_dict(), kind) if say else f"Does not fit the contract ({kind})."


def _say_type(detail: dict[str, Any], kind: str) -> str:  # noqa: ARG001 - all sayers look alike
    wanted = detail["types"] if "types" in detail else [detail.get("type", "")]
    return f"Must be {' or '.join(_TYPE_NAMES.get(str(name), str(name)) for name in wanted)}."


def _say_length(detail: dict[str, Any], kind: str) -> str:
    return f"Must have at {_bound(kind)} {detail['limit']} characters."


def _say_range(detail: dict[str, Any], kind: str) -> str:
    return f"Must be at {_bound(kind)} {detail['limit']}."


def _say_count(detail: dict[str, Any], kind: str) -> str:
    return f"Must have at {_bound(kind)} {detail['limit']} members."


def _bound(kind: str) -> str:
    return "least" if kind.startswith("min") else "most"


_MESSAGES: dict[str, Callable[[dict[str, Any], str], str]] = {
    "required": lambda detail, _: f"Lacks {detail['property']}.",
    "type": _say_type,
    "minLength": _say_length,
    "maxLength": _say_length,
    "minimum": _say_range,
    "maximum": _say_range,
    "minItems": _say_count,
    "maxItems": _say_count,
    "minProperties": _say_count,
    "maxProperties": _say_count,
    "pattern": lambda detail, _: f"Must match {detail['pattern']}",
    "enum": lambda detail, _: f"Must be one of {', '.join(map(str, detail['options']))}.",
    "format": lambda detail, _: f"Must be a {detail['format']}.",
    "uniqueItems": lambda *_: "Must not hold the same item twice.",
    "propertyNames": lambda *_: "A member's name is not allowed here.",
    "not": lambda *_: "These members do not go together; the operation's description says which do.",
}
