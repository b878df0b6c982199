"""Answers: bodies are bytes, made of stored records joined with what is computed for the request."""

from __future__ import annotations

import json
import zlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, cast

from openteller_sandbox import clock
from openteller_sandbox.contract import Fault
from openteller_sandbox.http.front import Pieces
from openteller_sandbox.http.problems import Problem
from openteller_sandbox.settings import AnswerCheck

if TYPE_CHECKING:
    from openteller_sandbox.http.operations import Call

JSON = "application/json"
GEO_JSON = "application/geo+json"
CSV = "text/csv; charset=utf-8"
LINES = "application/x-ndjson"
STREAMS = frozenset({CSV, LINES})
"""What lists without pages are written in: made piece by piece, and packed for whoever takes that."""
_PACKING = 6  # a list without pages is a seventeenth then, for a third more of work


@dataclass(slots=True)
class Answer:
    """What goes out: a body of bytes, a status and headers.

    pieces: what is sent in place of the body, made while it is sent; for what is too long to be had whole.
    """

    body: bytes = field(repr=False)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = JSON
    pieces: Pieces | None = field(default=None, repr=False)


_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def json_text(value: object) -> str:
    """Write compact JSON with Chinese as it is."""
    return _JSON.encode(value)


def json_answer(value: object, status: int = 200, **headers: str) -> Answer:
    """Answer with a value."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(json_text(value).encode(), status, named)


def with_tail(record: str, tail: Mapping[str, Any]) -> str:
    """Add computed members to a stored record without parsing it."""
    return f"{record[:-1]},{json_text(tail)[1:]}" if tail else record


def page(
    call: Call,
    records: Sequence[str] | Sequence[bytes],
    next_cursor: str | None = None,
    *,
    begin: bytes = b'{"data":[',
    media_type: str = JSON,
    **extra: object,
) -> Answer:
    """Answer with a list: stored records joined, and its envelope.

    Args:
        call: the request.
        records: JSON texts, or their bytes, which saves writing a long page twice.
        next_cursor: where the next page begins, or None on the last one.
        begin: what stands before the first record.
        media_type: of the answer.
        extra: further members of the list, beside ``data``.
    """
    envelope: dict[str, Any] = {
        **extra,
        "links": {
            "self": call.link(),
            "next": call.link(after=next_cursor) if next_cursor else None,
            "prev": call.link(after=None) if call.has_cursor else None,
        },
        "meta": {"as_of": clock.to_wire(call.as_of or call.now), "count": len(records)},
    }
    if call.bank.settings.check_answers is AnswerCheck.ENVELOPE:
        empty = {"data": []} if media_type == JSON else json.loads(begin + b"]}")
        call.bank.contract.check_answer(call.operation, 200, empty | envelope, media_type)
    rest = json_text(envelope).encode()[1:]
    return Answer(b"".join((begin, _joined(records), b"],", rest)), media_type=media_type)


def _joined(records: Sequence[str] | Sequence[bytes]) -> bytes:
    """Join records of one kind: texts are written once, all together."""
    if records and isinstance(records[0], str):
        return ",".join(cast("Sequence[str]", records)).encode()
    return b",".join(cast("Sequence[bytes]", records))


def open_answer(
    call: Call, version: int, make: Callable[[], Answer], *, per_minute: bool = False, max_age_s: int = 60, of: int = 0
) -> Answer:
    """Answer with open data, or with what else has a version: a strong ETag, and 304 without making the body when the
    caller's copy is right.

    Args:
        call: the request.
        version: when the data behind the answer last changed, epoch milliseconds.
        make: makes the body.
        per_minute: the answer has members that depend on the clock; its ETag holds for a minute of bank time.
        max_age_s: how long caches may keep it.
        of: what else it depends on that its address does not say, such as which world it is of.
    """
    minute = call.now // clock.MINUTE if per_minute else 0
    identity = f"{version}:{minute}:{of}:{call.normalised()}"
    tag = f'"{blake2b(identity.encode(), digest_size=12).hexdigest()}"'
    headers = {
        "ETag": tag,
        "Last-Modified": _http_date(version),
        "Cache-Control": f"{'public' if call.caller.anonymous else 'private'}, max-age={max_age_s}",
    }
    if call.is_stream:
        headers["Vary"] = "Accept, Accept-Encoding"
    if _matches(call.headers.get("If-None-Match"), tag):
        return Answer(b"", 304, headers)
    call.as_of = minute * clock.MINUTE or version
    answer = make()
    answer.headers |= headers
    if answer.pieces and call.packed:
        answer.pieces = Pieces(_packed(answer.pieces))
        answer.headers["Content-Encoding"] = "gzip"
    return answer


def _packed(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Pack a body as gzip, piece for piece, so that no piece waits for others to be made; the same bytes each time."""
    packer = zlib.compressobj(_PACKING, wbits=31)
    for piece in pieces:
        yield packer.compress(piece) + packer.flush(zlib.Z_SYNC_FLUSH)
    yield packer.flush()


@lru_cache(256)
def _http_date(instant: int) -> str:
    return formatdate(instant / 1000, usegmt=True)


def _matches(sent: str | None, tag: str) -> bool:
    """Weak comparison, as RFC 9110 section 13.1.2 asks of If-None-Match."""
    if sent is None:
        return False
    return sent.strip() == "*" or tag in {part.strip().removeprefix("W/") for part in sent.split(",")}


def encode_cursor(call: Call, values: Iterable[object]) -> str:
    """Make the cursor of the row with these sort values; it fits this operation and these filters only."""
    payload = json_text(list(values)).encode()
    return urlsafe_b64encode(_seal(call, payload) + payload).rstrip(b"=").decode()


def decode_cursor(call: Call, *types: type) -> list[Any] | None:
    """Read the cursor of a request: its sort values, or None where there is none.

    Raises:
        Problem: REQUEST_MALFORMED, not a cursor that this list gave out for these filters.
    """
    text = call.query.get("after")
    if text is None:
        return None
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, payload = raw[:_SEAL_BYTES], raw[_SEAL_BYTES:]
        values = json.loads(payload) if seal == _seal(call, payload) else None
    except ValueError:
        values = None
    if not isinstance(values, list) or not _are(values, types):
        fault = Fault("query", "after", "FIELD_INVALID", "Not a cursor of this list with these filters.")
        raise Problem("REQUEST_MALFORMED", "Begin again without after.", faults=[fault])
    return values


def _are(values: list[Any], types: tuple[type, ...]) -> bool:
    return [type(value) for value in values] == list(types) and all(map(_storable, values))


def _storable(value: object) -> bool:
    """Whether a database takes a value. A forged cursor may hold a number of 300 digits, or half a character."""
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return not isinstance(value, str) or value.isprintable()


_SEAL_BYTES = 6


def _seal(call: Call, payload: bytes) -> bytes:
    """Tie a cursor to its list; against mix-ups, not against forgery: a cursor grants nothing."""
    scope = f"{call.operation.operation_id}?{call.filters()}".encode()
    return blake2b(payload, key=blake2b(scope, digest_size=32).digest(), digest_size=_SEAL_BYTES).digest()
