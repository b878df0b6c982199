"""Operations of the contract bound to handlers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any, Generic, NamedTuple, TypeVar
from urllib.parse import quote

from marshmallow import missing

from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.contract import Operation
from openteller_sandbox.http.answers import JSON, STREAMS, Answer
from openteller_sandbox.http.front import Turn
from openteller_sandbox.http.request_log import MemoryRequestLog, RequestLog
from openteller_sandbox.http.schemas import ContractSchema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Later(Generic[T]):
    """An answer that waits for somebody else, such as a partner's server.

    The server goes on serving meanwhile: it calls ``wait`` outside of its thread, when all that was done by then is
    durable, and ``then`` in its thread again, with what ``wait`` gave. A WSGI host calls one after the other.

    Attributes:
        wait: waits, or computes.
        then: goes on.
        turn: where it waits: beside others; one after the other, as it computes for long; or not at all: it only lets
            others go first.
    """

    wait: Callable[[], T]
    then: Callable[[T], Answer | Later[Any]]
    turn: Turn = Turn.OTHERS


def give_way(then: Callable[[], Answer | Later[Any]]) -> Later[None]:
    """Let others go first, and go on then: for what takes long, and is done piece by piece."""
    return Later(lambda: None, lambda _: then(), Turn.GIVEN)


@dataclass(slots=True)
class Call:
    """A request that has passed the contract's check.

    path, query: converted values; sent_body: the JSON that was sent; body: what marshmallow made of it; now: bank
        time of the caller's world, epoch milliseconds; as_of: of which instant an answer with a strong ETag speaks, so
        that its bytes stay the same while the tag does; media_type: as what the caller wants the answer; takes_gzip:
        whether it may go out packed.
    """

    bank: Bank
    operation: Operation
    caller: Caller
    request_id: str
    now: int
    url_path: str
    path: dict[str, str]
    query: dict[str, Any] = field(repr=False)
    sent_query: dict[str, str] = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    sent_body: Any = field(default=None, repr=False)
    body: Any = field(default=None, repr=False)
    request_log: RequestLog = field(default_factory=MemoryRequestLog)
    as_of: int | None = None
    media_type: str = JSON
    takes_gzip: bool = False

    @property
    def is_stream(self) -> bool:
        """Whether the answer is a list without pages, beside which there are pages."""
        return self.media_type in STREAMS and len(self.operation.media_types) > 1

    @property
    def packed(self) -> bool:
        """Whether the answer goes out as gzip: pages are short, and left to a proxy; a file is sent as it is kept."""
        return self.is_stream and self.takes_gzip

    @property
    def limit(self) -> int:
        """How many rows a list may give."""
        return int(self.query.get("limit", 25))

    @property
    def has_cursor(self) -> bool:
        """Whether this is a later page of a list."""
        return "after" in self.sent_query

    def link(self, **changed: str | None) -> str:
        """Give this request's path and query, with some parameters changed or (None) left out."""
        query = {**self.sent_query, **changed}
        # Names are the contract's and need no quoting.
        text = "&".join(f"{name}={quote(value, safe='')}" for name, value in query.items() if value is not None)
        return f"{self.url_path}?{text}" if text else self.url_path

    def filters(self) -> str:
        """Give the query without its paging, in one order: what a cursor is tied to."""
        return repr(sorted((name, value) for name, value in self.sent_query.items() if name not in {"after", "limit"}))

    def normalised(self) -> str:
        """Name the representation that is asked for, whatever the order of its parameters."""
        shape = f"{self.media_type} gzip" if self.packed else self.media_type
        return f"{self.url_path}?{sorted(self.sent_query.items())!r} {shape}"


Handler = Callable[[Call], Answer | Later[Any]]


class Kept(NamedTuple):
    """What the log of a world keeps of a request whose body it must not have.

    Attributes:
        body: as it is sent when the request is done again, with something that means nothing where it told too much.
        held: what ``deeds.held`` then gives in its place.
    """

    body: Mapping[str, Any]
    held: Mapping[str, Any]


Keep = Callable[[Bank, Caller, Mapping[str, Any]], Kept]
"""Takes a converted body before it is handled."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A handler with the schemas that convert for it. keep: what the log has of a body that it must not have."""

    operation_id: str
    handler: Handler
    body: ContractSchema | None
    query: ContractSchema | None
    no_query: dict[str, Any]
    keep: Keep | None

    def converted(self, query: dict[str, Any]) -> dict[str, Any]:
        """Convert query parameters that have passed the check; what none at all come to is known already."""
        if self.query is None:
            return query
        if not query:
            return dict(self.no_query)
        converted: dict[str, Any] = _only(self.query, frozenset(query)).load(query)
        return {**_defaults(self.query), **converted}


@lru_cache(512)
def _only(schema: ContractSchema, names: frozenset[str]) -> ContractSchema:
    """Give a schema with the fields that are sent: each further one costs as much as one that is."""
    return type(schema)(only={name for name, field in schema.load_fields.items() if (field.data_key or name) in names})


@cache
def _defaults(schema: ContractSchema) -> dict[str, Any]:
    """Give what a schema makes of fields that are not sent."""
    return {
        field.attribute or name: field.load_default
        for name, field in schema.load_fields.items()
        if field.load_default is not missing
    }


class Routes:
    """The operations of one feature."""

    def __init__(self) -> None:
        self.bound: list[Bound] = []

    def operation(
        self,
        operation_id: str,
        *,
        body: type[ContractSchema] | None = None,
        query: type[ContractSchema] | None = None,
        keep: Keep | None = None,
    ) -> Callable[[Handler], Handler]:
        """Bind a handler to an operation of the contract.

        Args:
            operation_id: as in the contract; path, method, scopes and checks come from there.
            body: converts the JSON body.
            query: converts the query parameters; without one they stay as the contract's types say.
            keep: gives what the log of deeds has of the body; without one it has the body.
        """

        def bind(handler: Handler) -> Handler:
            schema = query() if query else None
            defaults = schema.load({}, partial=True) if schema else {}
            self.bound.append(Bound(operation_id, handler, body() if body else None, schema, defaults, keep))
            return handler

        return bind
