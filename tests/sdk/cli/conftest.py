"""A sandbox on this machine's loopback, an app of its own, and the command line called as that app."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.sdk import processes

from openteller import OpenTeller
from openteller._cli import commands
from openteller._cli.demo import story
from openteller._cli.demo.browser import Browser

ACCOUNT = "3100000029"
"""At SH-ELECTRICITY-01, where three bills are due on it."""


def openteller(*arguments: str, typed: str | None = None, **variables: str | None) -> Result:
    """Run a command with nothing of the caller's environment but the variables."""
    clean: dict[str, str | None] = {name: None for name in os.environ if name.startswith("OPENTELLER_")}
    return CliRunner().invoke(commands.openteller, arguments, input=typed, env=clean | variables)


@dataclass(frozen=True)
class Counter:
    """The command line of one app."""

    url: str
    app: dict[str, Any]
    file: Path

    def run(self, *arguments: str, typed: str | None = None) -> Result:
        return openteller(*arguments, typed=typed, OPENTELLER_BASE_URL=self.url, OPENTELLER_CREDENTIALS=str(self.file))

    def table(self, *arguments: str, typed: str | None = None) -> str:
        done = self.run(*arguments, typed=typed)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *arguments: str) -> Any:
        return json.loads(self.table(*arguments, "--json"))

    def pay(self, link: str) -> None:
        """Do on the page what a payer does, for one bill that is due."""
        with self.client() as client:
            answers = story.answers(story.cast_for(client))
        browser = Browser()
        story.walk(browser, browser.open(link), answers)

    def client(self) -> OpenTeller:
        return OpenTeller(self.url, client_id=self.app["client_id"], client_secret=self.app["client_secret"])


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a bank. Its payers come from one address, so that those of a whole run are more than a person's."""
    options = ("--clock", processes.MORNING, "--rate-limit-anonymous", "100000")
    with processes.sandbox(tmp_path_factory.mktemp("bank"), *options) as (found, _):
        yield found


@pytest.fixture(scope="module")
def new_counter(url: str, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Counter]:
    """Give an app, and with it a world, of its own."""

    def make(**form: Any) -> Counter:
        with OpenTeller(url, client_id="") as client:
            app = client.sandbox.create_app(name="柜台", **form)
        file = tmp_path_factory.mktemp("app") / "app.json"
        file.write_text(json.dumps(app.to_dict()), encoding="utf-8")
        return Counter(url, app.to_dict(), file)

    return make


@pytest.fixture(scope="module")
def counter(new_counter: Callable[..., Counter]) -> Counter:
    return new_counter()
