"""What the pages show is what happens: every snippet runs against a sandbox, and its output is compared."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.docs import snippets
from tests.sdk import processes

from openteller import OpenTeller

PAGES = sorted(page for page in (snippets.ROOT / "docs").glob("*.md") if "```python" in page.read_text("utf-8"))
SERVICES = (
    "branches-and-atms",
    "rates",
    "calculators",
    "billers-and-bills",
    "payments",
    "receipts",
    "disputes",
    "statements",
    "account-links",
    "events",
    "webhooks",
    "status",
    "sandbox",
)


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    many = {"OPENTELLER_RATE_LIMIT_ANONYMOUS": "100000"}  # all pages are read within a minute
    with processes.sandbox(tmp_path_factory.mktemp("bank"), "--clock", processes.MORNING, env=many) as (url, _):
        yield url


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_snippets_of_a_page_print_what_it_shows(
    page: Path, counter: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with OpenTeller(counter, client_id="") as anonymous:
        app = anonymous.sandbox.create_app(name="My bot", return_urls=["https://bot.example/done"])
    monkeypatch.setenv("OPENTELLER_BASE_URL", counter)
    monkeypatch.setenv("OPENTELLER_CLIENT_ID", app.client_id)
    monkeypatch.setenv("OPENTELLER_CLIENT_SECRET", app.client_secret)
    monkeypatch.chdir(tmp_path)

    with snippets.namespace() as names:
        for block in snippets.blocks(page):
            if block.language == "python":
                printed = snippets.run(block, names)
                assert snippets.settled(printed) == snippets.settled(block.shown), f"{page.name}:{block.line}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", ["branches-and-atms", "rates", "calculators"])
def test_open_data_is_read_with_curl_as_told(page: str, counter: str, tmp_path: Path) -> None:
    (told,) = [each.text for each in snippets.blocks(snippets.ROOT / "docs" / f"{page}.md") if "curl" in each.text]
    script = told.replace("http://127.0.0.1:8080", counter)

    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )

    assert done.returncode == 0, done.stderr
    assert '"as_of"' in done.stdout or '"rate_sheet_id"' in done.stdout
    assert '"data":[]' not in done.stdout
    if page == "branches-and-atms":
        assert len((tmp_path / "shanghai.csv").read_bytes().splitlines()) > 50


def test_each_service_has_a_page_with_snippets_one_of_them_async() -> None:
    for name in (*SERVICES, "client"):
        text = (snippets.ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
        assert text.count("```python") >= 3, name
        assert "AsyncOpenTeller" in text, name
