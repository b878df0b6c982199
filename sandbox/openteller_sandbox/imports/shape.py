"""What the contract's schema leaves open, and a file must still not bring: members that are not there, codes that
nobody knows, characters that break a line or a spreadsheet.

Made of a component once; a record is gone through beside it.
"""

from __future__ import annotations

import marshal
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from openteller_sandbox.contract import Contract
from openteller_sandbox.imports.refusals import Refusal, wrong

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ufeff\ufffd\ud800-\udfff]")
_TOO_MANY = "ITEMS_TOO_MANY"
_SCALARS = frozenset({"string", "number", "integer", "boolean"})
_MOST_ITEMS = 1000
_MOST_FAULTS = 100
_MOST_RIGHT, _LONGEST_RIGHT = 4096, 4096
# A spreadsheet takes these for a formula; a telephone number and an amount begin with a sign and a digit.
_FORMULA = re.compile(r"\s*(?:[=@|]|[+-](?![0-9 (]))")
_SUSPECT = re.compile(_CONTROL.pattern + r'|\\u[0-9a-f]{4}|\\[nrtbf]|"\s*(?:[=@|]|[+-](?![0-9 (]))')
_HINTS = (
    b"\\",
    b'"=',
    b'"@',
    b'"|',
    b'"+',
    b'"-',
    b'" ',
    b"\x7f",
    b"\xc2",
    b"\xe2\x80",
    b"\xe3\x80\x80",
    b"\xef\xbb",
    b"\xef\xbf",
)
"""What JSON in UTF-8 has one of where it has something suspect: quickly looked for, as most of it has none."""


class Shape:
    """A component, or a part of one.

    members: of an object, by name. items: of an array; most: how many of them there may be. values: of an open
    enumeration. kind: the JSON type. is_scalar: whether it is any text, number or truth value. is_plain: whether it is
    an object of such. is_long: whether it has lists of objects. computed: of an object, the members that the bank
    works out itself.
    """

    __slots__ = ("_right", "computed", "is_long", "is_plain", "is_scalar", "items", "kind", "members", "most", "values")

    def __init__(self, contract: Contract, schema: Mapping[str, Any]) -> None:
        node, _ = contract.resolve(schema)
        self.kind = str(node.get("type", ""))
        self.members = {
            name: Shape(contract, member)
            for name, member in node.get("properties", {}).items()
            if not member.get("x-computed")
        }
        self.computed = frozenset(name for name in node.get("properties", {}) if name not in self.members)
        self.items = Shape(contract, node["items"]) if "items" in node else None
        self.most = int(node.get("maxItems", _MOST_ITEMS))
        values = node.get("x-extensible-enum") or node.get("enum")
        self.values: frozenset[str] | None = frozenset(values) if values else None
        inner = [self.items, *self.members.values()]
        self.is_long = any(part and part.items and part.items.members for part in inner)
        self._right: set[bytes] = set()
        self.is_scalar = self.kind in _SCALARS and self.values is None
        self.is_plain = bool(self.members) and all(member.is_scalar for member in self.members.values())

    @classmethod
    def of(cls, contract: Contract, component: str) -> Shape:
        """Make the shape of a component."""
        shape = cls(contract, {"$ref": f"#/components/schemas/{component}"})
        shape.is_long = False  # no two records are the same
        return shape

    def at(self, path: str) -> Shape | None:
        """Give the part at a dotted path; None where there is none."""
        found: Shape | None = self
        for name in path.split("."):
            found = found.members.get(name) if found else None
        return found

    def paths(self, prefix: str = "") -> Iterator[str]:
        """Give the dotted path of every part that is no object of members."""
        for name, member in self.members.items():
            path = f"{prefix}{name}"
            if member.members:
                yield from member.paths(f"{path}.")
            else:
                yield path

    def look(self, record: Mapping[str, Any], line: bytes) -> tuple[list[Refusal], bool]:
        """Find what is wrong with a record, which is also given as JSON, and say whether its schema may be asked, too.

        It may not where there is too much: it finds something wrong with each of a million items, and keeps all of it.
        """
        found = list(islice(self.faults(record, texts=is_suspect(line)), _MOST_FAULTS))
        return found, len(found) < _MOST_FAULTS and not any(fault.code == _TOO_MANY for fault in found)

    def faults(self, value: object, field: str = "", *, texts: bool = True) -> Iterator[Refusal]:
        """Find what is wrong. What has another type than it should is left to the schema.

        texts: whether there may be something wrong with a text (see ``is_suspect``).
        """
        if isinstance(value, str):
            yield from self._text_faults(value, field)
        elif self.is_long and not texts:
            yield from self._faults_once(value, field)
        else:
            yield from self._inner_faults(value, field, texts=texts)

    def _faults_once(self, value: object, field: str) -> Iterator[Refusal]:
        """Find what is wrong; what was found right lately is not gone through again: hours are often the same."""
        try:
            key = marshal.dumps(cast("Any", value), 1)
        except ValueError:  # nested too deep: for the schema to refuse
            return
        if key in self._right:
            return
        found = list(self._inner_faults(value, field, texts=False))
        if not found and len(self._right) < _MOST_RIGHT and len(key) < _LONGEST_RIGHT:
            self._right.add(key)
        yield from found

    def _inner_faults(self, value: object, field: str, *, texts: bool) -> Iterator[Refusal]:
        if isinstance(value, list) and self.items is not None:
            if len(value) > self.most:
                yield wrong(field, _TOO_MANY, f"has {len(value):,} items, of which there may be {self.most}")
            elif texts or not self.items.is_scalar:
                for number, inner in enumerate(value):
                    yield from self.items.faults(inner, f"{field}.{number}", texts=texts)
        elif isinstance(value, dict) and self.kind == "object":
            if self.is_plain and not texts and value.keys() <= self.members.keys():
                return
            for name, inner in value.items():
                member = self.members.get(name)
                if member is None:
                    yield wrong(shown(f"{field}.{name}"), "FIELD_UNKNOWN", "there is no such member: leave it out")
                elif texts or not member._is_right(inner):
                    yield from member.faults(inner, f"{field}.{name}" if field else name, texts=texts)

    def _is_right(self, value: object) -> bool:
        """Tell at first sight that nothing is wrong with a value that has no suspect text."""
        return self.is_scalar or (self.values is not None and isinstance(value, str) and value in self.values)

    def _text_faults(self, text: str, field: str) -> Iterator[Refusal]:
        if _CONTROL.search(text):
            yield wrong(field, "TEXT_CONTROL", "holds control characters, or what was no text: take them out")
        elif self.values is not None and text not in self.values:
            yield wrong(field, "CODE_UNKNOWN", f"is none of {', '.join(sorted(self.values))}")
        elif _FORMULA.match(text):
            yield wrong(field, "TEXT_FORMULA", "begins as a spreadsheet's formula does: take that out")


def is_suspect(line: bytes) -> bool:
    """Tell whether any text of a JSON text, compact and not escaped, may be one that is refused."""
    return any(hint in line for hint in _HINTS) and _SUSPECT.search(line.decode()) is not None


def shown(path: str) -> str:
    """Give a member's name back as far as it is short and plain."""
    return re.sub(r"[^\w.-]", "?", path.strip("."))[:80]
