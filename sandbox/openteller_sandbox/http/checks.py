"""The contract's check of a request, before anything is looked up. 400: it cannot be read. 422: a value is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from werkzeug import Request

from openteller_sandbox.contract import Contract, Fault, Operation, from_text, showable
from openteller_sandbox.http.problems import Problem, from_faults

_READ = "openteller.body"
"""In the environment: what was read already."""
BODY_LIMIT = 64 * 1024
_DEPTH_LIMIT = 32
_SURROGATE_OR_NUL = re.compile("[\x00\ud800-\udfff]")


def path_values(contract: Contract, operation: Operation, values: dict[str, str]) -> dict[str, str]:
    """Check the identifiers in a path.

    Raises:
        Problem: NOT_FOUND; what is no identifier of this kind names nothing.
    """
    for parameter in operation.parameters:
        if parameter.part == "path" and contract.parameter_faults(operation, parameter, values[parameter.name]):
            raise Problem("NOT_FOUND")
    return values


def query_values(
    contract: Contract, operation: Operation, sent: Iterable[tuple[str, str]]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Check query parameters; give them converted and as they were sent.

    Raises:
        Problem: REQUEST_MALFORMED (unknown, repeated), FIELD_INVALID, FIELD_MISSING.
    """
    texts: dict[str, str] = {}
    unreadable: list[Fault] = []
    for name, text in sent:
        if name not in operation.query_names:
            unreadable.append(Fault("query", showable(name), "FIELD_UNKNOWN", "This operation has no such parameter."))
        elif name in texts:
            unreadable.append(Fault("query", name, "FIELD_INVALID", "Must be given once."))
        texts[name] = text
    if unreadable:
        raise Problem("REQUEST_MALFORMED", "See errors[].", faults=unreadable)
    values: dict[str, Any] = {}
    faults: list[Fault] = []
    for parameter in operation.parameters:
        if parameter.part != "query":
            continue
        if parameter.name in texts:
            value = values[parameter.name] = from_text(texts[parameter.name], parameter.type)
            faults += _unstorable(value, Fault("query", parameter.name, "FIELD_INVALID", "Must be plain text."))
            faults += contract.parameter_faults(operation, parameter, value)
        elif parameter.required:
            faults.append(Fault("query", parameter.name, "FIELD_MISSING", "This parameter is required."))
    if faults:
        raise from_faults(faults)
    return values, texts


def header_values(contract: Contract, operation: Operation, request: Request) -> dict[str, str]:
    """Check the header parameters that the operation has.

    Raises:
        Problem: FIELD_MISSING, FIELD_INVALID.
    """
    values: dict[str, str] = {}
    faults: list[Fault] = []
    for parameter in operation.parameters:
        if parameter.part != "header":
            continue
        value = request.headers.get(parameter.name)
        if value is not None:
            values[parameter.name] = value
            faults += contract.parameter_faults(operation, parameter, value)
        elif parameter.required:
            faults.append(Fault("header", parameter.name, "FIELD_MISSING", "This header is required."))
    if faults:
        raise from_faults(faults)
    return values


def json_body(contract: Contract, operation: Operation, request: Request) -> Any:
    """Read and check a JSON body; give it parsed.

    Raises:
        Problem: BODY_TOO_LARGE, UNSUPPORTED_MEDIA_TYPE, REQUEST_MALFORMED, FIELD_INVALID, FIELD_MISSING.
    """
    if not operation.has_body:
        return None
    raw = read_body(request)
    if not _is_json(request):
        raise Problem("UNSUPPORTED_MEDIA_TYPE")
    value = _parse(raw)
    faults = list(_unstorable_members(value, "")) if b"\\u" in raw else []
    if faults := faults or contract.body_faults(operation, value):
        raise from_faults(faults)
    return value


def _is_json(request: Request) -> bool:
    """Whether the body is said to be JSON in UTF-8; parameters are taken apart only where there are any."""
    return request.content_type == "application/json" or (
        request.mimetype == "application/json" and request.mimetype_params.get("charset", "utf-8").lower() == "utf-8"
    )


def read_body(request: Request) -> bytes:
    """Read a body that is not too large; it can be asked for again.

    Raises:
        Problem: BODY_TOO_LARGE.
    """
    if (request.content_length or 0) > BODY_LIMIT:
        raise Problem("BODY_TOO_LARGE")
    raw: bytes | None = request.environ.get(_READ)
    if raw is None:
        raw = request.environ[_READ] = request.stream.read(BODY_LIMIT + 1)
    if len(raw) > BODY_LIMIT:
        raise Problem("BODY_TOO_LARGE")
    return raw


def _parse(raw: bytes) -> Any:
    try:
        return read_json(raw)
    except ValueError as error:
        fault = Fault(
            "body",
            "",
            "FIELD_INVALID",
            "Not a JSON text (RFC 8259) in UTF-8, or one that repeats a member or nests too deep.",
        )
        raise Problem("REQUEST_MALFORMED", "See errors[].", faults=[fault]) from error


def read_json(raw: bytes) -> Any:
    """Read a JSON text from outside.

    Raises:
        ValueError: it is none (RFC 8259), not in UTF-8, repeats a member, or nests too deep.
    """
    try:
        value = _JSON.decode(raw.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nests too deep") from error
    if _depth(value) > _DEPTH_LIMIT:
        raise ValueError("nests too deep")
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _number(text: str) -> int | float:
    """Read 60.0 as the integer that JSON Schema takes it for."""
    value = float(text)
    return int(value) if value.is_integer() else value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is repeated")
    return members


_JSON = json.JSONDecoder(parse_constant=_no_constant, parse_float=_number, object_pairs_hook=_unique)


def _depth(value: Any) -> int:
    depth, level = 0, [value]
    while level and depth <= _DEPTH_LIMIT:
        depth += 1
        level = [
            item
            for node in level
            if isinstance(node, (dict, list))
            for item in (node.values() if isinstance(node, dict) else node)
        ]
    return depth


def _unstorable(value: object, fault: Fault) -> list[Fault]:
    return [fault] if isinstance(value, str) and _SURROGATE_OR_NUL.search(value) else []


def _unstorable_members(value: Any, pointer: str) -> Iterable[Fault]:
    """Find text that no database keeps: NUL, and half a surrogate pair."""
    if isinstance(value, str):
        yield from _unstorable(value, Fault("body", pointer, "FIELD_INVALID", "Must be plain text."))
    elif isinstance(value, dict):
        for name, item in value.items():
            place = f"{pointer}/{showable(name)}"
            yield from _unstorable(name, Fault("body", place, "FIELD_UNKNOWN", "There is no such member."))
            yield from _unstorable_members(item, place)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unstorable_members(item, f"{pointer}/{index}")
