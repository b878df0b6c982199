"""Answers into models."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from openteller._core.wire import Answer
from openteller.errors import BrokenAnswer
from openteller.models._base import revive
from openteller.models.common import Problem

__all__ = ["decode", "oauth_error", "problem_of"]

T = TypeVar("T")


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}


def _decoder(model: type[T]) -> msgspec.json.Decoder[T]:
    """Give a model's decoder. Two threads may make the same one at once, which harms nobody."""
    decoder = _decoders.get(model)
    if decoder is None:
        decoder = _decoders[model] = msgspec.json.Decoder(model, dec_hook=revive)
    return decoder


def decode(name: str, model: type[T], answer: Answer, attempts: int) -> T:
    """Turn a 2xx answer into a model.

    Raises:
        BrokenAnswer: it is no JSON, or not what the contract says.
    """
    known: dict[str, Any] = {
        "status": answer.status,
        "request_id": answer.headers.get("x-request-id"),
        "attempts": attempts,
        "retryable": "never",
    }
    media = answer.headers.get("content-type", "")
    if "json" not in media:
        text = f"{name}: the answer is {media.partition(';')[0] or 'of no type'}, not JSON; is base_url right?"
        raise BrokenAnswer(text, **known)
    try:
        return _decoder(model).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BrokenAnswer(f"{name}: the answer is not what the contract says: {error}", **known) from None


def problem_of(answer: Answer) -> Problem | None:
    """Read problem details (RFC 9457); None where there are none."""
    if "json" not in answer.headers.get("content-type", ""):
        return None
    try:
        return _decoder(Problem).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the status says enough


class _OAuthError(msgspec.Struct):
    error: str
    error_description: str = ""


def oauth_error(answer: Answer) -> tuple[str, str] | None:
    """Read an error of the token endpoint (RFC 6749 section 5.2) as (error, description)."""
    try:
        told = _decoder(_OAuthError).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return told.error, told.error_description
