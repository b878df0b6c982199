"""HTTP for every feature: operations of the contract bound to handlers, checks, problems, paging, conditional GET,
quotas, idempotency.

A feature's ``routes`` declares ``routes = Routes()`` and binds handlers with ``@routes.operation("listBranches")``;
path, method, parameters, scopes and bodies come from the contract. A handler takes a ``Call`` and gives an
``Answer``, or ``Later`` where it must wait for somebody else.
"""

from openteller_sandbox.http.answers import (
    Answer,
    decode_cursor,
    encode_cursor,
    json_answer,
    json_text,
    open_answer,
    page,
    with_tail,
)
from openteller_sandbox.http.front import Pieces, Turn
from openteller_sandbox.http.operations import Call, Kept, Later, Routes, give_way
from openteller_sandbox.http.problems import Problem
from openteller_sandbox.http.schemas import ContractSchema

__all__ = [
    "Answer",
    "Call",
    "ContractSchema",
    "Kept",
    "Later",
    "Pieces",
    "Problem",
    "Routes",
    "Turn",
    "decode_cursor",
    "encode_cursor",
    "give_way",
    "json_answer",
    "json_text",
    "open_answer",
    "page",
    "with_tail",
]
