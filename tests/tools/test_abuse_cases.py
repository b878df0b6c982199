"""The list of abuse cases is that of the tests, and there are enough of them."""

from __future__ import annotations

from pathlib import Path

from tools import abuse_cases


def test_there_are_at_least_sixty_cases_each_said_once_in_a_known_group() -> None:
    found = abuse_cases.cases()
    attempts = [case.attempt for case in found]
    assert len(attempts) == len(set(attempts)) >= 60
    assert {case.group for case in found} == set(abuse_cases.GROUPS)
    assert not [attempt for attempt in attempts if attempt[0].isupper() or attempt.endswith(".") or "|" in attempt]


def test_the_page_is_that_of_the_tests() -> None:
    assert abuse_cases.main(["--check"]) == 0


def test_a_case_counts_as_stopped_only_where_its_tests_pass(tmp_path: Path) -> None:
    file = tmp_path / "tests" / "test_some.py"
    file.parent.mkdir()
    file.write_text(
        "import pytest\n\n"
        '@pytest.mark.abuse("page", "does one thing")\ndef test_one() -> None: ...\n\n'
        '@pytest.mark.parametrize("n", [pytest.param(1, marks=pytest.mark.abuse("link", "does another"))])\n'
        "def test_two(n: int) -> None:\n    assert n == 2\n"
    )
    found = abuse_cases.cases(tmp_path)
    assert [(case.group, case.attempt, case.test) for case in found] == [
        ("link", "does another", "test_two"),
        ("page", "does one thing", "test_one"),
    ]
    seen = abuse_cases.run(tmp_path)
    assert seen == {"cases": 2, "stopped": 1, "not_stopped": ["does another"]}
