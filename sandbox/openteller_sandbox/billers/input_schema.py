"""A biller's input fields as JSON Schema, for partners: it leaves out what only the page of the bank asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from openteller_sandbox.billers.model import Biller

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(biller: Biller) -> dict[str, Any]:
    """Give the contract's ``InputSchema`` of a biller."""
    hidden = biller.page_only
    fields = [field.facts for field in biller.input_fields if field.name not in hidden]
    required = [field["name"] for field in fields if field["required"]]
    choices: list[dict[str, list[str]]] = []
    together: dict[str, list[str]] = {}
    for group in biller.facts["input_groups"]:
        names = [name for name in group["fields"] if name not in hidden]
        if group["rule"] == "ALL_OF":
            together |= {name: [other for other in names if other != name] for name in names}
        elif len(names) == len(group["fields"]):
            choices += [{"required": [name]} for name in names]
    return {
        "$schema": DIALECT,
        "title": biller.facts["biller_code"],
        "type": "object",
        "required": required,
        "additionalProperties": False,
        "properties": {field["name"]: _property(field) for field in fields},
        **({"oneOf": choices} if choices else {}),
        **({"dependentRequired": together} if together else {}),
    }


def _property(field: Mapping[str, Any]) -> dict[str, Any]:
    members = {
        "type": "string",
        "title": field["label"]["zh-CN"],
        "description": field["help"]["zh-CN"],
        "minLength": field["min_length"],
        "maxLength": field["max_length"],
        "pattern": field.get("pattern"),
        "format": "date" if field["data_type"] == "DATE" else None,
        "enum": [choice["value"] for choice in field["values"]] if "values" in field else None,
        "examples": [field["example"]] if "example" in field else None,
        "x-check-digit": field.get("check_digit"),
    }
    return {name: value for name, value in members.items() if value is not None}
