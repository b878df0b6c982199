"""Answers into models."""

from __future__ import annotations

import os
import threading
from typing import Any, TypeVar

import msgspec

from openteller._core.wire import Answer, Outcome
from openteller.errors import BrokenAnswer
from openteller.models._base import revive
from openteller.models.common import Problem

__all__ = ["decode", "decoder_of", "oauth_error", "problem_of"]

T = TypeVar("T")


_decoders: dict[type, msgspec.json.Decoder[Any]] = {}
_making = threading.Lock()


def _begin_again() -> None:
    """Let a forked child make decoders, whoever was making one in its parent."""
    global _making  # noqa: PLW0603 - a lock that another process holds
    _making = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_again)


def decoder_of(model: type[T]) -> msgspec.json.Decoder[T]:
    """Give a model's decoder.

    One thread at a time makes one: msgspec shows what it knows of a struct before it knows all of it, and a thread that
    uses it then takes the process down.
    """
    decoder = _decoders.get(model)
    if decoder is None:
        with _making:
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
        return decoder_of(model).decode(answer.body)
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
        return decoder_of(Problem).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None  # the status says enough


class _OAuthError(msgspec.Struct):
    error: str
    error_description: str = ""


def oauth_error(answer: Answer) -> tuple[str, str] | None:
    """Read an error of the token endpoint (RFC 6749 section 5.2) as (error, description)."""
    try:
        told = decoder_of(_OAuthError).decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return told.error, told.error_description
