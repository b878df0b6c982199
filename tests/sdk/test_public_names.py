"""What a program may import, and what an import costs it."""

from __future__ import annotations

import ast
import inspect
import json
import pkgutil
import subprocess
import sys
from types import ModuleType

import pytest
from tests.sdk import processes
from tests.sdk.processes import ROOT

import openteller
from openteller import errors, hooks, models
from openteller._async import client as async_client
from openteller._sync import client as sync_client

NAMES = {
    "AsyncOpenTeller",
    "CurrencyMismatch",
    "Money",
    "OpenTeller",
    "OpenTellerError",
    "RawAnswer",
    "__version__",
    "errors",
    "geo",
    "hooks",
    "models",
    "oauth",
    "rates",
    "receipts",
    "statements",
    "user_ref",
    "webhooks",
}
PUBLIC_MODULES = {"errors", "geo", "hooks", "models", "money", "oauth", "rates", "receipts", "statements", "webhooks"}


def loaded_after(code: str) -> set[str]:
    """Run code in a new interpreter; give the names of the modules that it has then."""
    script = f"{code}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=processes.environment(),
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=processes.PATIENCE_S,
    )
    return set(json.loads(done.stdout))


def test_the_public_names_are_these() -> None:
    assert set(openteller.__all__) == NAMES
    assert set(dir(openteller)) == NAMES
    for name in NAMES:
        assert getattr(openteller, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'Unicorn'"):
        openteller.Unicorn  # noqa: B018


def test_a_star_imports_the_public_names() -> None:
    found: dict[str, object] = {}
    exec("from openteller import *", found)

    assert set(found) - {"__builtins__"} == NAMES


def test_every_public_name_is_explained() -> None:
    apart = (openteller.money, openteller.oauth, openteller.rates, openteller.receipts, openteller.webhooks)
    for module in (errors, hooks, models, *apart):
        for name in module.__all__:
            value = getattr(module, name)
            is_alias = not inspect.isclass(value) and not inspect.isfunction(value)
            assert is_alias or inspect.getdoc(value), f"{module.__name__}.{name}"


@pytest.mark.parametrize("client", [sync_client, async_client], ids=["blocking", "async"])
def test_every_method_is_explained(client: ModuleType) -> None:
    kind = next(getattr(client, name) for name in client.__all__)
    services = sorted(name for name, member in vars(kind).items() if hasattr(member, "attrname"))
    bank = kind()

    assert "payments" in services
    for service in services:
        assert inspect.getdoc(vars(kind)[service]), service
        for name, member in inspect.getmembers(getattr(bank, service), callable):
            assert name.startswith("_") or inspect.getdoc(member), f"{service}.{name}"


def test_modules_that_are_not_public_say_so_by_their_name() -> None:
    assert {
        module.name for module in pkgutil.iter_modules(openteller.__path__) if module.name[0] != "_"
    } == PUBLIC_MODULES


def test_importing_imports_neither_the_transport_nor_the_models() -> None:
    loaded = loaded_after("import openteller")
    ours = {name for name in loaded if name.partition(".")[0] == "openteller"}

    assert ours == {"openteller"}
    assert not loaded & {"httpx2", "httpcore2", "msgspec", "anyio", "ssl", "asyncio", "trio", "click", "flask"}


def test_errors_and_money_come_without_the_models() -> None:
    loaded = loaded_after("from openteller import Money, OpenTellerError, errors, hooks")

    assert not {name for name in loaded if name.startswith(("openteller.models", "openteller._", "msgspec", "httpx2"))}


@pytest.mark.parametrize("module", ["receipts", "webhooks"])
def test_verifying_comes_without_a_client_and_without_the_models(module: str) -> None:
    loaded = loaded_after(f"from openteller import {module}")

    ours = {name for name in loaded if name.startswith("openteller")}
    assert ours == {"openteller", "openteller._ed25519", "openteller.errors", f"openteller.{module}"}
    assert not loaded & {"msgspec", "cryptography", "httpx2", "ssl", "asyncio"}


def test_a_client_comes_without_the_transport_and_without_the_other_client() -> None:
    loaded = loaded_after("import openteller\nopenteller.OpenTeller()")

    assert not loaded & {"httpx2", "anyio", "asyncio", "openteller._async.client", "openteller.models.rates"}


def test_a_client_over_wsgi_never_needs_the_transport() -> None:
    code = (
        "import openteller\n"
        "def app(environ, start_response):\n"
        "    start_response('200 OK', [('Content-Type', 'application/json')])\n"
        "    return [b'{}']\n"
        "openteller.OpenTeller(wsgi_app=app).request('GET', '/v1/status')\n"
    )

    assert not loaded_after(code) & {"httpx2", "anyio", "asyncio"}


def test_no_type_of_the_transport_is_in_the_public_face() -> None:
    """Whoever pins another release of it, or wants another transport, is not held by us."""
    for path in sorted((ROOT / "sdk" / "openteller").rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        imported = {
            name.partition(".")[0]
            for node in ast.walk(tree)
            for name in (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
        }
        if path.parent.name != "_drivers":
            assert not imported & {"httpx2", "httpcore2", "anyio"}, path
