"""What docs/command-line.md shows is what happens: its commands are run in order, and their output is compared."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import Result
from tests.sdk import processes
from tests.sdk.cli.conftest import Counter, openteller
from tests.sdk.test_cli import commands_of

from openteller._cli import commands

PAGE = (processes.ROOT / "docs" / "command-line.md").read_text(encoding="utf-8")
TYPED = "3100000029"
_BLOCK = re.compile(r"^(?:<!-- the payer pays (\S+) -->\n)?```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Those of the seed have twelve characters and are always the same.
_NAME = re.compile(r"\b[a-z]{3}_[0-9a-z]{20}\b|http://[0-9.:]+/pay/[a-z2-7]{26}|\b[0-9A-Z]{4}(?:-[0-9A-Z]{4}){1,2}\b")
# What is different each time, beside identifiers, links and numbers of receipts.
_VOLATILE = (
    (_NAME.pattern, "…"),
    (r"(Check code +)[0-9]{4}", r"\1…"),
    (r"(Wall time +|\"wall_time\": \")[0-9T:+ -]+", r"\1…"),
    (r"(2026-09-[0-9]{2}[ T][0-9]{2}:[0-9])[0-9]:[0-9]{2}", r"\1…"),
    (r"(--after )\S+", r"\1…"),
    (r"(Wait +)[0-9]+ min, [0-9]+ before, as of \S+ \S+", r"\1…"),
    (r"  [0-9]+ ms  ", "  … ms  "),
    (r"(the code beside it is )[0-9]{4}", r"\1…"),
    (r"(Seed +)[0-9]+", r"\1…"),
    (r"(State +)[0-9a-f]{64}", r"\1…"),
    (r"( (?:ACTIVE|RETIRED) +Ed25519 +)\S+", r"\1…"),
    (r"\bsub_[0-9A-Za-z_-]{26}", "sub_…"),
    (r"whsec_[A-Za-z0-9+/]+=*", "…"),
    (r"\b[0-9]+ ms\b", "… ms"),
    (r"\b[0-9a-f]{64}\b", "…"),
)


def settled(text: str) -> str:
    for pattern, replacement in _VOLATILE:
        text = re.sub(pattern, replacement, text)
    return text.strip()


def steps() -> Iterator[tuple[str, str, str]]:
    """Give each command with its output, and before the first of a block the reference of the payment to pay."""
    for reference, block in _BLOCK.findall(PAGE):
        for number, step in enumerate(block.split("$ openteller ")[1:]):
            command, _, output = step.partition("\n")
            yield reference if number == 0 else "", command, output


def run(counter: Counter, command: str) -> Result:
    words = [word.strip('"') for word in command.split()]
    variables = {"OPENTELLER_BASE_URL": counter.url, "OPENTELLER_CREDENTIALS": str(counter.file)}
    return openteller(*words, typed=f"{TYPED}\n", **variables)


def test_each_command_prints_what_the_page_shows(
    counter: Counter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Identifiers of the page stand for those that come up here, and are put in their place in later commands."""
    monkeypatch.chdir(tmp_path)
    real: dict[str, str] = {}
    for reference, command, expected in steps():
        if reference:
            counter.pay(counter.json("payments", "list", "--reference", reference)["data"][0]["payment_link"]["url"])
        done = run(counter, " ".join(real.get(word, word) for word in command.split()))
        assert settled(done.output.replace(counter.url, "http://127.0.0.1:8080")) == settled(expected), command
        assert done.exit_code == 0 or "Error: " in expected, command
        real |= zip(_NAME.findall(expected), _NAME.findall(done.output), strict=True)


@pytest.mark.parametrize("path", list(commands_of(commands.openteller)), ids=" ".join)
def test_the_page_tells_of_each_command(path: tuple[str, ...]) -> None:
    assert f"openteller {' '.join(path)}" in PAGE.replace("\n", " ")


def test_the_page_is_in_the_list_of_pages() -> None:
    assert "(command-line.md)" in (processes.ROOT / "docs" / "README.md").read_text(encoding="utf-8")
