"""Queries, checked against the contract and converted; those that people ask again and again are read once.

Many ask for the same few things: the branches of a city, the rates of the day. What such a query comes to depends on
its text alone. Kept are only queries for open data none of whose parameters tells of a person, as a position does.
"""

from __future__ import annotations

from typing import Any

from werkzeug import Request

from openteller_sandbox.contract import Contract, Operation
from openteller_sandbox.http import checks
from openteller_sandbox.http.operations import Bound

_MOST = 1024
_LONGEST = 200
"""Bytes of a query that is kept: with what it comes to, all of them are some 2 MB at most."""

Read = tuple[dict[str, Any], dict[str, str]]


class Queries:
    """Reads the queries of requests.

    Args:
        contract: what they are checked against.
    """

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._kept: dict[tuple[str, bytes], Read] = {}

    def read(self, operation: Operation, bound: Bound, received: Request) -> Read:
        """Give the parameters of a request, converted and as they were sent.

        Raises:
            Problem: REQUEST_MALFORMED (unknown, repeated), FIELD_INVALID, FIELD_MISSING.
        """
        key = (operation.operation_id, received.query_string)
        read = self._kept.get(key)
        if read is None:
            asked = received.args.items(multi=True) if received.query_string else ()
            values, sent = checks.query_values(self._contract, operation, asked)
            read = bound.converted(values), sent
            if operation.open_data and len(received.query_string) <= _LONGEST and _is_public(operation, sent):
                if len(self._kept) >= _MOST:
                    self._kept.clear()
                self._kept[key] = read
        query, sent = read
        return dict(query), dict(sent)


def _is_public(operation: Operation, sent: dict[str, str]) -> bool:
    return all(parameter.public for parameter in operation.parameters if parameter.name in sent)
