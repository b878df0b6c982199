"""Problem details (RFC 9457), made from the contract's list of error codes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from openteller_sandbox.contract import Contract, Fault

MEDIA_TYPE = "application/problem+json"
_MOST_FAULTS = 50
_MUST_SAY_WHEN = (429, 503)
_CHALLENGES = {"TOKEN_INVALID": "invalid_token", "INSUFFICIENT_SCOPE": "insufficient_scope"}


class Problem(Exception):
    """A refusal. ``detail`` is for a developer and holds no value that a caller sent.

    Args:
        code: a code of the contract's ``x-error-codes``.
        detail: what happened here and what to do; without it, the code's own remedy.
        faults: each single fault of the request.
        members: further members of the contract's ``Problem`` (``payment_id``, ``allowed``).
        retry_after: seconds of wall time to wait.
        headers: further headers of the answer.
    """

    def __init__(
        self,
        code: str,
        detail: str | None = None,
        *,
        faults: Sequence[Fault] = (),
        members: Mapping[str, Any] | None = None,
        retry_after: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.code = code
        self.detail = detail
        self.faults = tuple(faults)
        self.members = dict(members or {})
        self.retry_after = retry_after
        self.headers = dict(headers or {})


def field_invalid(pointer: str, message: str, code: str = "FIELD_INVALID") -> Problem:
    """Refuse one member of a body."""
    return Problem("FIELD_INVALID", "See errors[].", faults=[Fault("body", pointer, code, message)])


def unavailable() -> Problem:
    """Refuse what the database cannot do now: a full disk is not emptied in a second."""
    return Problem("BANK_UNAVAILABLE", retry_after=5)


def from_faults(faults: Sequence[Fault]) -> Problem:
    """Refuse a request for what the check has found in it."""
    missing = all(fault.code == "FIELD_MISSING" for fault in faults)
    return Problem("FIELD_MISSING" if missing else "FIELD_INVALID", "See errors[].", faults=faults)


def wait_headers(problem: Problem, status: int) -> dict[str, str]:
    """Give ``Retry-After``: always with 429 and 503, with others where the problem says how long."""
    seconds = problem.retry_after
    if seconds is None and status in _MUST_SAY_WHEN:
        seconds = 1
    return {} if seconds is None else {"Retry-After": str(seconds)}


def challenge(public_url: str, error: str | None, scheme: str = "Bearer") -> str:
    """Give ``WWW-Authenticate`` with the place of the metadata (RFC 9728 section 5.1); error: of RFC 6750 or 9449."""
    fault = f', error="{error}"' if error else ""
    algorithms = ', algs="ES256 PS256 EdDSA Ed25519"' if scheme == "DPoP" else ""
    place = f"{public_url}/.well-known/oauth-protected-resource"
    return f'{scheme} realm="openteller"{fault}{algorithms}, resource_metadata="{place}"'


def render(problem: Problem, contract: Contract, public_url: str, request_id: str) -> tuple[int, bytes, dict[str, str]]:
    """Give status, body and headers of a problem."""
    row = contract.error_codes[problem.code]
    body: dict[str, Any] = {
        "type": f"{public_url}/errors/{row.code}",
        "title": row.title,
        "status": row.status,
        "detail": problem.detail or row.remedy,
        "code": row.code,
        "request_id": request_id,
        "errors": [fault.wire() for fault in problem.faults[:_MOST_FAULTS]],
        "retryable": row.retryable,
        "source": row.source,
        "display_message": row.display_message,
        **problem.members,
    }
    headers = {"Content-Type": MEDIA_TYPE, "Cache-Control": "no-store"}
    headers |= wait_headers(problem, row.status)
    if row.status == 401 or row.code in _CHALLENGES:
        headers["WWW-Authenticate"] = challenge(public_url, _CHALLENGES.get(row.code))
    headers |= problem.headers
    return row.status, json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode(), headers
