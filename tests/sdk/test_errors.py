"""The errors: one tree, nothing else, and nothing in them that must not be seen."""

from __future__ import annotations

import pickle
import re
from collections.abc import Iterator

import msgspec
import pytest
from tests.sdk import doubles

from openteller import errors
from openteller.errors import BankError, ConfigurationError, OpenTellerError
from openteller.models import Problem
from openteller.models._base import revive

PROBLEM = msgspec.json.decode(
    msgspec.json.encode({**doubles.PROBLEM, "allowed": ["cancelled"], "payment_id": "pay_1"}),
    type=Problem,
    dec_hook=revive,
)


def below(kind: type[OpenTellerError]) -> Iterator[type[OpenTellerError]]:
    for child in kind.__subclasses__():
        yield child
        yield from below(child)


def drawn() -> dict[str, str]:
    """Read the tree at the head of the module: each class and the one above it."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        found = re.fullmatch(r"    ([│├└─ ]*)([A-Z]\w+)( {2,}.*)?", line)
        if not found:
            continue
        depth = len(found[1])
        above = [(deep, name) for deep, name in above if deep < depth]
        parents[found[2]] = above[-1][1] if above else "Exception"
        above.append((depth, found[2]))
    return parents


def all_errors() -> list[OpenTellerError]:
    known = {
        "code": "SOME_CODE",
        "status": 418,
        "request_id": "rqs_1",
        "idempotency_key": "key-1",
        "retryable": "same_key",
        "attempts": 3,
    }
    made: list[OpenTellerError] = []
    for kind in [OpenTellerError, *below(OpenTellerError)]:
        more = {"problem": PROBLEM, "retry_after": 1.5} if issubclass(kind, BankError) else {}
        made.append(kind("What happened, and what to do.", **known, **more))
    return made


def test_the_tree_that_is_drawn_is_the_tree_that_is() -> None:
    kinds = {OpenTellerError, *below(OpenTellerError)}

    assert drawn() == {kind.__name__: kind.__bases__[0].__name__ for kind in kinds}
    assert sorted(errors.__all__) == sorted(kind.__name__ for kind in kinds)


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: type(error).__name__)
def test_an_error_survives_pickling_with_all_that_it_knows(error: OpenTellerError) -> None:
    again = pickle.loads(pickle.dumps(error))

    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert (str(again), repr(again), again.args) == (str(error), repr(error), error.args)
    if isinstance(error, BankError):
        assert again.errors[0].pointer == "/amount"
        assert (again.allowed, again.payment_id) == (("cancelled",), "pay_1")
        assert again.display_message.zh_cn == "填写的信息有误。"


@pytest.mark.parametrize("error", all_errors(), ids=lambda error: type(error).__name__)
def test_every_error_says_what_it_is(error: OpenTellerError) -> None:
    assert str(error) == "What happened, and what to do. [rqs_1]"
    assert repr(error) == f"{type(error).__name__}(418, SOME_CODE, rqs_1)"


def test_an_error_without_problem_details_has_empty_ones() -> None:
    error = errors.Conflict("Refused.", status=409)

    assert (error.errors, error.allowed, error.payment_id, error.display_message) == ((), (), None, None)
    assert (error.code, error.retryable, error.attempts) == ("REFUSED", "never", 0)


@pytest.mark.parametrize(
    ("status", "name"),
    [
        (400, "InvalidRequest"),
        (401, "AuthenticationFailed"),
        (403, "PermissionDenied"),
        (404, "NotFound"),
        (405, "InvalidRequest"),
        (409, "Conflict"),
        (410, "LinkGone"),
        (413, "InvalidRequest"),
        (422, "InvalidRequest"),
        (429, "RateLimited"),
        (500, "BankFailure"),
        (503, "BankFailure"),
        (599, "BankFailure"),
    ],
)
def test_a_status_has_its_class(status: int, name: str) -> None:
    assert errors.for_status(status).__name__ == name


def test_every_status_of_the_contract_has_a_line_in_the_tree() -> None:
    statuses = {status for _, _, operation in doubles.operations() for status in operation["responses"]}
    shown = errors.__doc__ or ""

    for status in sorted(statuses):
        if status[0] == "4":
            name = errors.for_status(int(status)).__name__
            line = next(line for line in shown.splitlines() if f" {name} " in f"{line} ")
            assert status in line or name == "NotFound", (status, line)


def test_a_configuration_error_is_a_value_error_too() -> None:
    with pytest.raises(ValueError, match="cannot"):
        raise ConfigurationError("It cannot work.")
