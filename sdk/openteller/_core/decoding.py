"""Answers into models."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from openteller._core.wire import Answer, Outcome
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


def decode(name: str, model: type[T], outcome: Outcome) -> T:
    """Turn a 2xx answer into a model.

    Raises:
        BrokenAnswer: it is no JSON, or not what the contract says. The bank may have acted: the error has the key.
    """
    answer = outcome.answer
    media = answer.headers.get("content-type", "")
    if not _is_json(media):
        kind = media.partition(";")[0] or "of no type"
        raise _broken(outcome, f"{name}: the answer is {kind}, not JSON; is base_url right?")
    try:
        return _decoder(model).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        text = str(error)
    raise _broken(outcome, f"{name}: the answer is not what the contract says: {text}")


def _is_json(media: str) -> bool:
    return "json" in media.lower()


def _broken(outcome: Outcome, text: str) -> BrokenAnswer:
    answer, attempts, key = outcome
    return BrokenAnswer(
        text,
        status=answer.status,
        request_id=answer.headers.get("x-request-id"),
        idempotency_key=key,
        attempts=attempts,
        retryable="same_key" if key else "never",
    )


def problem_of(answer: Answer) -> Problem | None:
    """Read problem details (RFC 9457); None where there are none."""
    if not _is_json(answer.headers.get("content-type", "")):
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
