"""Write the SDK's models and its table of operations from the contract.

    python tools/build_models.py            write sdk/openteller/models/*.py and sdk/openteller/_core/catalogue.py
    python tools/build_models.py --check    write nothing; exit 1, and say which, where one is out of date

A component that is an object becomes a frozen struct in the module of the document that defines it; a component that is
a string becomes the Python type of its values. Lengths and patterns are left out: a reader is tolerant.
"""

from __future__ import annotations

import argparse
import keyword
import re
import sys
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT)]

from tools.build_sync import formatted  # noqa: E402 - found by the line above
from tools.merge_specs import DOCUMENTS, METHODS, SPECS, load_document, merge  # noqa: E402 - found by the line above

COMMAND = "python tools/build_models.py"
MODELS = ROOT / "sdk" / "openteller" / "models"
CATALOGUE = ROOT / "sdk" / "openteller" / "_core" / "catalogue.py"
HIDDEN = {"PERSONAL", "SECRET"}
BY_HAND = {"Money": "openteller.money", "MoneyInput": "openteller.money"}
BASES = {"Payment": "PaymentMoves", "Reminder": "ReminderMoves"}
"""Models that have more to say than their members, and the class in ``_base`` or beside it that says it."""

Json = dict[str, Any]


@dataclass
class Module:
    """One module of models: the components of one document."""

    document: str
    models: list[str] = field(default_factory=list)
    enums: dict[str, tuple[list[str], str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The module's name: ``bill-payment.yaml`` is ``bill_payment``."""
        return self.document.replace("-", "_")


class Contract:
    """The merged document, and which document defines what."""

    def __init__(self) -> None:
        self.document = merge()
        self.schemas: dict[str, Json] = self.document["components"]["schemas"]
        documents = {name: load_document(SPECS / f"{name}.yaml") for name in DOCUMENTS}
        self.home = {
            schema: name
            for name, document in documents.items()
            for schema in document.get("components", {}).get("schemas", {})
        }
        self.requests = set(self._request_parts())
        self.enums = _enumerations(self)

    def schema(self, node: Json) -> Json:
        """Follow a reference."""
        return self.schemas[_target(node)] if "$ref" in node else node

    def _request_parts(self) -> Iterator[str]:
        """Components that only requests hold: the client's arguments, not models."""
        for _, _, operation in self.operations():
            for media in operation.get("requestBody", {}).get("content", {}).values():
                yield _target(media["schema"])
        yield from ("MoneyInput", "Inputs", "PaymentContext", "FaultMatch", "FaultEffect")
        yield from (
            "MandateInput",
            "MandateLimitInput",
            "EarlyWithdrawalInput",
            "RateChangeInput",
            "ExtraRepaymentInput",
        )

    def operations(self) -> Iterator[tuple[str, str, Json]]:
        """Give (path, method, operation)."""
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield path, method, item[method]

    def parameters(self, operation: Json) -> Iterator[Json]:
        """Give an operation's parameters, references followed."""
        for parameter in operation.get("parameters", ()):
            if "$ref" in parameter:
                yield self.document["components"]["parameters"][_target(parameter)]
            else:
                yield parameter


def _target(node: Json) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _camel(text: str) -> str:
    return "".join(part[:1].upper() + part[1:] for part in re.split(r"[_-]", text))


def _is_record(schema: Json) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _enumerations(contract: Contract) -> dict[tuple[str, str], str]:
    """Name the enumerations: (component, property or "") to the class's name.

    A component that is one has its own name. A property's is its own, such as ``MoneyAt``, where that tells it apart;
    one word alone, or one with several lists of values, goes with its owner, such as ``BranchStatus``. A list of one
    value is no choice yet.
    """
    lists = dict(_lists_of_values(contract))
    whole = {values: component for (component, name), values in lists.items() if not name}
    by_name: dict[str, set[tuple[str, ...]]] = {}
    for (_, name), values in lists.items():
        by_name.setdefault(name, set()).add(values)
    names = {}
    for (component, name), values in lists.items():
        if name and len(values) > 1:
            own = _camel(_singular(name, contract.schemas[component]["properties"][name]))
            is_clear = "_" in name and len(by_name[name]) == 1
            names[component, name] = whole.get(values) or (own if is_clear else component + own)
        elif not name:
            names[component, name] = component
    return names


def _lists_of_values(contract: Contract) -> Iterator[tuple[tuple[str, str], tuple[str, ...]]]:
    """Give each list of known values, with the component and the property that it stands at."""
    for component, schema in contract.schemas.items():
        if "x-extensible-enum" in schema:
            yield (component, ""), tuple(schema["x-extensible-enum"])
        for name, node in schema.get("properties", {}).items():
            inner = node.get("items", node)
            if "x-extensible-enum" in inner and component not in contract.requests:
                yield (component, name), tuple(inner["x-extensible-enum"])


def _singular(name: str, node: Json) -> str:
    return name.removesuffix("s") if node.get("type") == "array" else name


class Writer:
    """Writes one module."""

    def __init__(self, contract: Contract, module: Module) -> None:
        self.contract = contract
        self.module = module
        self.imports: dict[str, set[str]] = {}
        self.uses_days = False

    def text(self) -> str:
        """Give the module's source."""
        models = [self._model(name) for name in self.module.models]
        enums = [self._enum(name, *self.module.enums[name]) for name in sorted(self.module.enums)]
        names = sorted([*self.module.enums, *self.module.models])
        lines = [
            f"# Generated by `{COMMAND}` from specs/{self.module.document}.yaml. Edit that, not this.",
            f'"""Records of ``specs/{self.module.document}.yaml``: {self._title()}."""',
            "",
            "from __future__ import annotations",
            "",
            *self._import_lines(),
            "",
            f"__all__ = {names!r}",
            "",
            *enums,
            *models,
        ]
        return "\n".join(lines) + "\n"

    def _title(self) -> str:
        title = str(load_document(SPECS / f"{self.module.document}.yaml")["info"]["title"]).removeprefix("OpenTeller ")
        return title[:1].lower() + title[1:] if title[1:2].islower() else title

    def _import_lines(self) -> Iterator[str]:
        if self.uses_days:
            yield "import datetime as dt"
        if self.module.enums:
            yield "from enum import StrEnum"
        for module in sorted(self.imports):
            yield f"from {module} import {', '.join(sorted(self.imports[module]))}"

    def _use(self, module: str, name: str) -> str:
        if module != f"openteller.models.{self.module.name}":
            self.imports.setdefault(module, set()).add(name)
        return name

    def _enum(self, name: str, values: list[str], description: str) -> str:
        members = "\n".join(f'    {_constant(value)} = "{value}"' for value in values)
        text = _wrapped(_sentence(description) + " More values may come.")
        return f'class {name}(StrEnum):\n    """{text}"""\n\n{members}\n\n'

    def _model(self, name: str) -> str:
        schema = self.contract.schemas[name]
        required = set(schema.get("required", ()))
        members = [(part, node, part in required) for part, node in schema["properties"].items()]
        base = self._use(f"openteller.models.{'_moves' if name in BASES else '_base'}", BASES.get(name, "Model"))
        hidden = sorted(_attribute(part) for part, node, _ in members if self._sensitivity(node) in HIDDEN)
        renamed = {_attribute(part): part for part, _, _ in members if _attribute(part) != part}
        options = "frozen=True, kw_only=True" + (f", rename={renamed!r}" if renamed else "")
        lines = [f"class {name}({base}, {options}):", f'    """{_wrapped(schema["description"])}"""', ""]
        if hidden:
            self._use("typing", "ClassVar")
            lines += [f"    _hidden: ClassVar[frozenset[str]] = frozenset({hidden!r})", ""]
        for part, node, needed in members:
            lines.append(self._member(name, part, node, needed))
            lines.append(f'    """{_wrapped(self._describe(node))}"""')
        return "\n".join(lines) + "\n\n"

    def _member(self, component: str, part: str, node: Json, needed: bool) -> str:
        kind = self._type(component, part, node)
        return f"    {_attribute(part)}: {kind}" if needed else f"    {_attribute(part)}: {kind} | None = None"

    def _describe(self, node: Json) -> str:
        text: str = node.get("description") or self.contract.schema(node).get("description", "")
        return text

    def _sensitivity(self, node: Json) -> str:
        found: str = node.get("x-sensitivity") or self.contract.schema(node).get("x-sensitivity", "")
        return found

    def _type(self, component: str, part: str, node: Json) -> str:
        if "$ref" in node:
            return self._reference(_target(node))
        kinds = node.get("type")
        if isinstance(kinds, list):
            inner = [kind for kind in kinds if kind != "null"]
            return f"{self._type(component, part, node | {'type': inner[0]})} | None"
        if name := self.contract.enums.get((component, part)):
            known = self._known(name)
            return f"tuple[{known}, ...]" if kinds == "array" else known
        return self._plain(component, part, node)

    def _plain(self, component: str, part: str, node: Json) -> str:
        match node["type"]:
            case "array":
                return f"tuple[{self._type(component, part, node['items'])}, ...]"
            case "object":
                return self._mapping(component, part, node)
            case "string":
                return self._string(node)
            case "integer":
                return "int"
            case "number":
                return "float"
            case "boolean":
                return "bool"
        raise SystemExit(f"{component}.{part}: no Python type for {node['type']}")

    def _mapping(self, component: str, part: str, node: Json) -> str:
        values = node.get("additionalProperties")
        if isinstance(values, dict):
            return f"dict[str, {self._type(component, part, values)}]"
        return f"dict[str, {self._use('typing', 'Any')}]"

    def _string(self, node: Json) -> str:
        match node.get("format"):
            case "decimal":
                return self._use("openteller.models._base", "DecimalString")
            case "date":
                self.uses_days = True
                return "dt.date"
            case "date-time":
                return self._use("openteller.models._base", "Instant")
        return "str"

    def _reference(self, name: str) -> str:
        schema = self.contract.schemas[name]
        if name in BY_HAND:
            return self._use(BY_HAND[name], "Money")
        if _is_record(schema):
            return self._use(f"openteller.models.{self.contract.home[name].replace('-', '_')}", name)
        if (name, "") in self.contract.enums:
            return self._known(name)
        return self._plain(name, "", schema)

    def _known(self, name: str) -> str:
        home = next(module for module, names in ENUM_HOMES.items() if name in names)
        return f"{self._use('openteller.models._base', 'Open')}[{self._use(f'openteller.models.{home}', name)}]"


ENUM_HOMES: dict[str, set[str]] = {}


def _attribute(part: str) -> str:
    name = part.lstrip("$").replace("-", "_")
    name = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).lower()
    return f"{name}_" if keyword.iskeyword(name) else name


def _constant(value: str) -> str:
    name = re.sub(r"[^A-Za-z0-9]", "_", value).upper()
    return f"_{name}" if name[0].isdigit() else name


def _sentence(text: str) -> str:
    return text.strip().rstrip(".") + "."


def _wrapped(text: str) -> str:
    """Wrap a description as a docstring, indented by four."""
    text = " ".join(text.split()).replace("\\", "\\\\").replace('"""', "'''")
    text = _sentence(text) if not text.endswith(("?", "!", ":")) else text
    # Chinese characters take two columns, and the line is measured in columns.
    width = 108 - max((sum("一" <= one <= "鿿" for one in part) for part in textwrap.wrap(text, 100)), default=0)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return lines[0] if len(lines) == 1 else "\n    ".join(lines) + "\n    "


def _modules(contract: Contract) -> list[Module]:
    modules = {name: Module(name) for name in DOCUMENTS}
    for name, schema in contract.schemas.items():
        if _is_record(schema) and name not in contract.requests and name not in BY_HAND:
            modules[contract.home[name]].models.append(name)
    for (component, part), name in contract.enums.items():
        schema = contract.schemas[component]
        node = schema if not part else schema["properties"][part]
        values = node.get("items", node).get("x-extensible-enum") or schema["x-extensible-enum"]
        home = modules[contract.home[component if name not in contract.schemas else name]]
        if name not in home.enums:
            home.enums[name] = (list(values), str(node.get("description", "")))
    modules["common"].enums["ErrorCode"] = (sorted(contract.document["x-error-codes"]), "Why the bank refused.")
    ENUM_HOMES.clear()
    ENUM_HOMES.update({module.name: set(module.enums) for module in modules.values()})
    return [module for module in modules.values() if module.models or module.enums]


def _transitions(contract: Contract) -> str:
    return (
        f"# Generated by `{COMMAND}` from specs/. Edit those, not this.\n"
        '"""Which statuses of a payment may follow which, and which of a reminder."""\n\n'
        "from __future__ import annotations\n\n"
        f"{_table(contract, 'TRANSITIONS', 'PaymentStatus')}"
        f"{_table(contract, 'REMINDER_TRANSITIONS', 'ReminderStatus')}"
    )


def _table(contract: Contract, name: str, component: str) -> str:
    table: Mapping[str, Iterable[str]] = contract.schemas[component]["x-transitions"]
    rows = "\n".join(f"    {status!r}: {tuple(following)!r}," for status, following in table.items())
    return f"{name}: dict[str, tuple[str, ...]] = {{\n{rows}\n}}\n"


def _package(modules: list[Module]) -> str:
    homes = "\n".join(
        f"    {name!r}: {module.name!r}," for module in modules for name in sorted([*module.enums, *module.models])
    )
    stubs = "\n".join(
        f"    from openteller.models.{module.name} import {', '.join(sorted([*module.enums, *module.models]))}"
        for module in modules
    )
    names = sorted(["Model", *(name for module in modules for name in [*module.enums, *module.models])])
    return f'''# Generated by `{COMMAND}` from specs/. Edit those, not this.
"""The records of the contract, frozen; one module for each of its documents. All of them can be had from here."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from openteller.models._base import Model
{stubs}

__all__ = {names!r}

_HOMES = {{
    "Model": "_base",
{homes}
}}


def __getattr__(name: str) -> Any:
    if home := _HOMES.get(name):
        return getattr(import_module(f"openteller.models.{{home}}"), name)
    raise AttributeError(f"module 'openteller.models' has no attribute {{name!r}}")


def __dir__() -> list[str]:
    return list(_HOMES)
'''


def _catalogue(contract: Contract) -> str:
    rows = "\n\n".join(_operation(contract, path, method, one) for path, method, one in contract.operations())
    return f'''# Generated by `{COMMAND}` from specs/. Edit those, not this.
"""Every operation of the contract: where it is, what it needs, and what of it must not be shown."""

from __future__ import annotations

from openteller._core.operation import Key, Operation

{rows}
'''


def _operation(contract: Contract, path: str, method: str, operation: Json) -> str:
    name = operation["operationId"]
    parameters = list(contract.parameters(operation))
    keys = [one for one in parameters if one["name"] == "Idempotency-Key"]
    key = "Key.NONE" if not keys else "Key.REQUIRED" if keys[0].get("required") else "Key.OPTIONAL"
    scopes = [scope for way in operation["security"] for scopes in way.values() for scope in scopes]
    hidden = {one["name"] for one in parameters if one.get("x-sensitivity") in HIDDEN}
    for media in operation.get("requestBody", {}).get("content", {}).values():
        hidden |= _hidden_members(contract, media["schema"])
    constant = re.sub(r"(?<=[a-z])([A-Z])", r"_\1", name).upper()
    shown = f"frozenset({sorted(hidden)!r})" if hidden else "frozenset()"
    return (
        f"{constant} = Operation(name={name!r}, method={method.upper()!r}, path={path!r}, scope={scopes[0]!r}, "
        f"is_open={ ({} in operation['security'])!r}, key={key}, "
        f"is_repeatable={(method == 'get' or operation.get('x-repeatable', False))!r}, hidden={shown})"
    )


def _hidden_members(contract: Contract, node: Json) -> set[str]:
    return {name for name, part in contract.schema(node).get("properties", {}).items() if _has_hidden(contract, part)}


def _has_hidden(contract: Contract, node: Json) -> bool:
    """Tell whether a value, or something within it, is personal or secret."""
    schema = contract.schema(node)
    if node.get("x-sensitivity", schema.get("x-sensitivity")) in HIDDEN:
        return True
    inner = [*schema.get("properties", {}).values(), schema.get("items"), schema.get("additionalProperties")]
    return any(_has_hidden(contract, part) for part in inner if isinstance(part, dict))


def generate() -> dict[Path, str]:
    """Give every generated file with its text, formatted."""
    contract = Contract()
    modules = _modules(contract)
    files = {MODELS / f"{module.name}.py": Writer(contract, module).text() for module in modules}
    files[MODELS / "__init__.py"] = _package(modules)
    files[MODELS / "_transitions.py"] = _transitions(contract)
    files[CATALOGUE] = _catalogue(contract)
    return {path: formatted(path, text) for path, text in files.items()}


def main(arguments: list[str] | None = None) -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is out of date")
    check = parser.parse_args(arguments).check
    stale = [(path, text) for path, text in generate().items() if not path.exists() or path.read_text() != text]
    for path, text in stale:
        if check:
            print(f"{path.relative_to(ROOT)} is out of date: run {COMMAND}", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
