"""A test client that holds every answer of an operation against the contract, and remembers what it has seen.

It asks more than the sandbox's own check of answers: the status and the error code must be documented for the
operation, the headers must be there and fit, and neither an undocumented member nor a value outside an open list may
come from the bank itself.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema_rs
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from openteller_sandbox.contract import Contract, Operation


class Observer(FlaskClient):
    """Calls the app and remembers: in ``answers`` and ``codes`` what was answered, in ``faults`` what was wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bank = self.application.extensions["openteller"]._bank
        self.contract: Contract = bank.contract
        self._public_url: str = bank.settings.public_url
        self.answers: Counter[tuple[str, int]] = Counter()
        self.codes: Counter[tuple[str, str]] = Counter()
        self.faults: set[str] = set()
        self._paths = [(_matcher(operation.path), operation) for operation in self.contract.operations.values()]
        self._validators: dict[int, jsonschema_rs.Validator] = {}  # of headers, by their schema in the document

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        response = super().open(*args, **kwargs)
        operation = self._operation(response.request.method, response.request.path)
        if operation is not None:
            found = self._faults(operation, response, has_body=response.request.method != "HEAD")
            self.faults |= {f"{operation.operation_id} {response.status_code}: {fault}" for fault in found}
        return response

    def _operation(self, method: str, path: str) -> Operation | None:
        wanted = "GET" if method == "HEAD" else method
        return next((one for pattern, one in self._paths if one.method == wanted and pattern.fullmatch(path)), None)

    def _faults(self, operation: Operation, response: TestResponse, *, has_body: bool) -> Iterator[str]:
        status = response.status_code
        self.answers[operation.operation_id, status] += 1
        documented = self.contract.at(operation.pointer)["responses"].get(str(status))
        if documented is None:
            yield "an undocumented status"
            return
        documented, _ = self.contract.resolve(documented)
        yield from self._header_faults(documented.get("headers", {}), response)
        if "content" not in documented:
            if response.data or "Content-Type" in response.headers:
                yield "a body that the contract does not have"
            return
        media_type = response.headers.get("Content-Type", "")
        media = documented["content"].get(media_type)
        if media is None:
            yield f"the media type {media_type}"
        elif has_body and media_type.endswith(("/json", "+json")):
            value = json.loads(response.data)
            yield from self._body_faults(operation, status, value, media_type)
            if status >= 400:
                yield from self._problem_faults(operation, status, value, response.headers["X-Request-Id"])

    def _header_faults(self, headers: Mapping[str, Any], response: TestResponse) -> Iterator[str]:
        for name, raw in headers.items():
            header, _ = self.contract.resolve(raw)
            text = response.headers.get(name)
            if text is None:
                yield f"no header {name}"
                continue
            value = int(text) if header["schema"]["type"] == "integer" and text.isdecimal() else text
            if not self._validator(header["schema"]).is_valid(value):
                yield f"the header {name} as {text!r}"

    def _validator(self, schema: Mapping[str, Any]) -> jsonschema_rs.Validator:
        if id(schema) not in self._validators:
            self._validators[id(schema)] = jsonschema_rs.validator_for(schema)
        return self._validators[id(schema)]

    def _body_faults(self, operation: Operation, status: int, value: Any, media_type: str) -> Iterator[str]:
        self.contract.check_answer(operation, status, value, media_type)
        answer, _ = self.contract.resolve(self.contract.at(operation.pointer)["responses"][str(status)])
        yield from schema_faults(self.contract, answer["content"][media_type]["schema"], value)

    def _problem_faults(self, operation: Operation, status: int, value: Any, response_id: str) -> Iterator[str]:
        code = value["code"]
        self.codes[operation.operation_id, code] += 1
        row = self.contract.error_codes[code]
        if not row.common and code not in operation.error_codes:
            yield f"the error code {code}, which the operation does not list"
        if value["type"] != f"{self._public_url}/errors/{code}":
            yield f"{code} with the type {value['type']}"
        if value["request_id"] != response_id:
            yield f"{code} with another request_id than X-Request-Id"
        told = (value["status"], value["title"], value["retryable"], value["source"], value["display_message"])
        if told != (status, row.title, row.retryable, row.source, row.display_message) or row.status != status:
            yield f"{code} told in other words than the contract's"


def schema_faults(contract: Contract, schema: Mapping[str, Any], value: Any, place: str = "") -> Iterator[str]:
    """Find members that a schema does not name, values that its lists do not have, and text longer than it allows."""
    schema, _ = contract.resolve(schema)
    if isinstance(value, dict):
        named, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, item in value.items():
            inner = named.get(name, others if isinstance(others, dict) else None)
            if inner is None:
                yield f"{place}/{name} is not documented"
            else:
                yield from schema_faults(contract, inner, item, f"{place}/{name}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from schema_faults(contract, schema["items"], item, f"{place}/{index}")
    elif isinstance(value, str):
        if value not in schema.get("x-extensible-enum", [value]):
            yield f"{place} has a value that is not in its list"
        if len(value) > schema.get("maxLength", len(value)):
            yield f"{place} is too long"


def _matcher(path: str) -> re.Pattern[str]:
    parts = re.split(r"\{[a-z_]+\}", path)
    return re.compile("([^/]+?)".join(map(re.escape, parts)))
