"""Merge the service documents in `specs/` into the one contract that all code reads.

    python tools/merge_specs.py            write sandbox/openteller_sandbox/openapi.json
    python tools/merge_specs.py --check    write nothing; exit 1 when that file is not what `specs/` says

It decides names and places only: every document's parts keep their content, references between documents become local
ones, and whatever two documents both define is an error, never a silent choice.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

__all__ = ["COMMAND", "DOCUMENTS", "OUTPUT", "SPECS", "SpecError", "load_document", "main", "merge", "merge_text"]

ROOT = Path(__file__).resolve().parent.parent
SPECS = ROOT / "specs"
OUTPUT = ROOT / "sandbox" / "openteller_sandbox" / "openapi.json"
COMMAND = "python tools/merge_specs.py"
DOCUMENTS = (
    "common",
    "branches",
    "rates",
    "bill-payment",
    "receipts",
    "disputes",
    "statements",
    "account-links",
    "consents",
    "reminders",
    "events",
    "webhooks",
    "status",
    "sandbox",
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
# The order in which OpenAPI 3.1 lists the members of a document and of its components.
DOCUMENT_ORDER = ("openapi", "info", "servers", "security", "tags", "paths", "webhooks", "components")
COMPONENT_ORDER = (
    "securitySchemes",
    "parameters",
    "headers",
    "requestBodies",
    "responses",
    "links",
    "examples",
    "callbacks",
    "pathItems",
    "schemas",
)
FOREIGN_REF = re.compile(r"[a-z0-9-]+\.yaml(#/.+)")

Json = Any
Document = dict[str, Json]


class SpecError(Exception):
    """The documents cannot be merged; the message names document and place."""


class StrictLoader(yaml.SafeLoader):
    """YAML 1.2 as JSON people read it: no dates, no base-60 numbers, no `yes`, and no key twice."""


def _unique_mapping(loader: StrictLoader, node: yaml.MappingNode) -> dict[Hashable, Json]:
    seen: set[Hashable] = set()
    for key_node, _ in node.value:
        key: Hashable = loader.construct_object(key_node, deep=True)
        if key in seen:
            raise SpecError(f"{node.start_mark.name}:{key_node.start_mark.line + 1}: the key {key!r} stands twice")
        seen.add(key)
    return dict(loader.construct_mapping(node, deep=True))


StrictLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag == "tag:yaml.org,2002:null"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _unique_mapping)
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"(?:true|false)$"), ["t", "f"])
StrictLoader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"-?(?:0|[1-9][0-9]*)$"), list("-0123456789"))
StrictLoader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"-?(?:0|[1-9][0-9]*)\.[0-9]+$"), list("-0123456789")
)


def load_document(path: Path) -> Document:
    """One document as plain JSON values, anchors expanded.

    Raises:
        SpecError: a key stands twice, a key is no string, or the file is no mapping.
    """
    with path.open(encoding="utf-8") as stream:
        loaded = yaml.load(stream, StrictLoader)  # noqa: S506 - StrictLoader is a SafeLoader
    if not isinstance(loaded, dict):
        raise SpecError(f"{path.name}: not an OpenAPI document")
    return {_text_key(path.name, key): _plain(path.name, value) for key, value in loaded.items()}


def _text_key(name: str, key: object) -> str:
    if not isinstance(key, str):
        raise SpecError(f"{name}: the key {key!r} must be quoted")
    return key


def _plain(name: str, value: Json) -> Json:
    """A copy that shares nothing (an alias is the same object as its anchor) and has text keys only."""
    if isinstance(value, dict):
        return {_text_key(name, key): _plain(name, item) for key, item in value.items()}
    return [_plain(name, item) for item in value] if isinstance(value, list) else value


def merge(specs: Path = SPECS) -> Document:
    """The merged contract of the documents in a folder.

    Raises:
        SpecError: a name is defined twice, a reference leads nowhere, or an operation would change its security.
    """
    documents = {
        f"{name}.yaml": load_document(specs / f"{name}.yaml") for name in DOCUMENTS if (specs / f"{name}.yaml").exists()
    }
    if "common.yaml" not in documents:
        raise SpecError(f"{specs}: there is no common.yaml")
    common = documents["common.yaml"]
    merged: Document = {
        "openapi": _agreed(documents, "openapi"),
        "info": _info(documents),
        "servers": _joined(documents, "servers"),
        "security": common["security"],
        "tags": [],
        "paths": _united(documents, "paths"),
        "webhooks": _united(documents, "webhooks"),
        "components": _components(documents),
    }
    merged["tags"] = _used_tags(documents, merged)
    for key in _extension_names(documents):
        merged[key] = _united(documents, key)
    _refuse_inherited_security(documents)
    _refuse_duplicate_operations(documents)
    _refuse_dangling_references(merged)
    return merged


def _agreed(documents: Mapping[str, Document], key: str) -> Json:
    common = documents["common.yaml"][key]
    for name, document in documents.items():
        if document.get(key) != common:
            raise SpecError(f"{name}: {key} is {document.get(key)!r}, but {common!r} in common.yaml")
    return common


def _info(documents: Mapping[str, Document]) -> Document:
    versions = {name: document["info"].get("version") for name, document in documents.items()}
    if len(set(versions.values())) != 1:
        raise SpecError(f"the documents must have one version, but have {versions}")
    common = documents["common.yaml"]["info"]
    # Its first paragraph says that common.yaml is no service; the conventions after it hold for the whole contract.
    conventions = common.get("description", "").partition("\n\n")[2]
    return {
        "title": "OpenTeller",
        "version": common["version"],
        "summary": "A bank's counter for social apps: branches, rates, and bills paid on a page of the bank.",
        "description": conventions.strip(),
        **{key: common[key] for key in ("contact", "license") if key in common},
        "x-generated": f"from the documents in specs/ by {COMMAND}; edit those, not this file",
    }


def _joined(documents: Mapping[str, Document], key: str) -> list[Json]:
    joined: list[Json] = []
    for document in documents.values():
        joined += [item for item in document.get(key, ()) if item not in joined]
    return joined


def _used_tags(documents: Mapping[str, Document], merged: Document) -> list[Json]:
    """Each tag once, in document order; a tag without operations would be an empty chapter in every reference."""
    used = {tag for _, operation in _operations(merged) for tag in operation.get("tags", ())}
    tags = [tag for tag in _joined(documents, "tags") if tag["name"] in used]
    names = [tag["name"] for tag in tags]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"these tags are described differently in two documents: {', '.join(twice)}")
    if unknown := sorted(used.difference(names)):
        raise SpecError(f"these tags are used but not declared: {', '.join(unknown)}")
    return tags


def _united(documents: Mapping[str, Document], key: str) -> Document:
    """A mapping member of all documents as one, with local references; a name in two documents is an error."""
    united: Document = {}
    origin: dict[str, str] = {}
    for document_name, document in documents.items():
        for name, value in document.get(key, {}).items():
            if name in united:
                raise SpecError(f"{document_name}: {key} {name!r} is defined in {origin[name]} already")
            united[name], origin[name] = _localised(value), document_name
    return united


def _components(documents: Mapping[str, Document]) -> Document:
    sections = {section for document in documents.values() for section in document.get("components", {})}
    if unknown := sorted(sections.difference(COMPONENT_ORDER)):
        raise SpecError(f"unknown kinds of components: {', '.join(unknown)}")
    components: Document = {}
    for section in COMPONENT_ORDER:
        own = {
            name: {section: _without_reexports(section, document.get("components", {}).get(section, {}))}
            for name, document in documents.items()
        }
        if merged := _united(own, section):
            components[section] = merged
    return components


def _without_reexports(section: str, members: Document) -> Document:
    """A component that only refers to its namesake elsewhere (as each document's security scheme does) is that one."""
    return {
        name: value
        for name, value in members.items()
        if not (isinstance(value, dict) and _local(str(value.get("$ref", ""))) == f"#/components/{section}/{name}")
    }


def _local(reference: str) -> str:
    match = FOREIGN_REF.fullmatch(reference)
    return match[1] if match else reference


def _localised(value: Json) -> Json:
    """A copy in which each reference to a sibling document is a local one."""
    if isinstance(value, dict):
        return {
            key: _local(item) if key in ("$ref", "operationRef") and isinstance(item, str) else _localised(item)
            for key, item in value.items()
        }
    return [_localised(item) for item in value] if isinstance(value, list) else value


def _extension_names(documents: Mapping[str, Document]) -> list[str]:
    known = {*DOCUMENT_ORDER}
    names: list[str] = []
    for document_name, document in documents.items():
        for key in document:
            if key in known or key in names:
                continue
            if not key.startswith("x-"):
                raise SpecError(f"{document_name}: the merge does not know the member {key!r}")
            names.append(key)
    return names


def _operations(document: Document) -> Iterator[tuple[str, Document]]:
    for kind in ("paths", "webhooks"):
        for path, item in document.get(kind, {}).items():
            for method in METHODS:
                if method in item:
                    yield f"{method.upper()} {path}", item[method]


def _refuse_inherited_security(documents: Mapping[str, Document]) -> None:
    """An operation without its own `security` takes its document's; merged, it would take that of common.yaml."""
    shared = documents["common.yaml"]["security"]
    for name, document in documents.items():
        for place, operation in _operations({"paths": document.get("paths", {})}):
            if "security" not in operation and document.get("security") != shared:
                raise SpecError(f"{name}: {place} needs a security of its own")


def _refuse_duplicate_operations(documents: Mapping[str, Document]) -> None:
    seen: dict[str, str] = {}
    for name, document in documents.items():
        for place, operation in _operations(document):
            operation_id = operation.get("operationId")
            if operation_id in seen:
                raise SpecError(f"{name}: {place} has the operationId {operation_id!r} of {seen[operation_id]}")
            if operation_id:
                seen[operation_id] = f"{place} in {name}"


def _refuse_dangling_references(merged: Document) -> None:
    for place, reference in _references(merged, "#"):
        if not reference.startswith("#/"):
            raise SpecError(f"{place}: {reference!r} leads out of the contract")
        target: Json = merged
        for part in reference[2:].split("/"):
            token = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or token not in target:
                raise SpecError(f"{place}: {reference!r} leads nowhere")
            target = target[token]


def _references(value: Json, place: str) -> Iterator[tuple[str, str]]:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in members:
        if key == "$ref" and isinstance(item, str):
            yield place, item
        else:
            yield from _references(item, f"{place}/{str(key).replace('~', '~0').replace('/', '~1')}")


def merge_text(specs: Path = SPECS) -> str:
    """The merged contract as it is committed: UTF-8 JSON, one member per line."""
    return json.dumps(merge(specs), ensure_ascii=False, indent=1) + "\n"


def main(arguments: list[str] | None = None, *, specs: Path = SPECS, output: Path = OUTPUT) -> int:
    """Run the command; 0 when the file is written or right, 1 otherwise."""
    parser = argparse.ArgumentParser(prog=COMMAND, description="Merge specs/*.yaml into one contract.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail when the committed file is stale")
    options = parser.parse_args(arguments)
    try:
        text = merge_text(specs)
    except (SpecError, yaml.YAMLError) as error:
        sys.stderr.write(f"specs: {error}\n")
        return 1
    current = output.read_text(encoding="utf-8") if output.exists() else None
    if options.check:
        if text == current:
            return 0
        sys.stderr.write(f"{output.name} is not what specs/ says; run: {COMMAND}\n")
        return 1
    if text != current:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
