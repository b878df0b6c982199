"""What an operator can set, and nothing that a request can."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

SEED_FOLDER = Path(__file__).with_name("seed")


class AnswerCheck(StrEnum):
    """How much of each answer is compared with the contract before it leaves.

    Records are always checked when they are written; this is about what is sent.
    """

    OFF = "off"
    ENVELOPE = "envelope"  # what is computed for the request: lists' envelopes and tails
    ALL = "all"  # the whole body; tests run so


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimits:
    """Token buckets in wall time: as many requests at once, refilled over ``window_s`` seconds."""

    app: int = 6000
    anonymous: int = 120
    window_s: int = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class BillerLeg:
    """How billers are asked over HTTP.

    url: what the port's paths begin with, without a trailing slash. token: shown to whoever answers there. timeout_s:
    for one question, from the connection to the last byte of its answer. pause_s: for how long nobody is asked after
    a time-out: a biller that hangs holds up one question, and not each that comes.
    """

    url: str
    token: str = field(default="", repr=False)
    timeout_s: float = 5.0
    pause_s: float = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The sandbox's settings.

    database: a path, or a ``sqlite:///`` or ``postgresql://`` URL, which may hold a password. public_url: what links
        begin with, without a trailing slash. seed: a folder of contract-shaped records.
    trusted_proxies: addresses whose ``X-Forwarded-For`` is believed. webhook_loopback: whether webhooks may go to this
        machine's own loopback addresses, as they must while a partner develops on it. webhook_lease_s: after so long
        others take over what the server's dispatcher has claimed. billers: where billers are asked over HTTP; without
        it, those of the bank's own process.
    fapi_only: whether clients of the profile fapi2 alone get tokens. dpop_nonce: whether DPoP proofs need a nonce.
    """

    database: str = field(default="openteller-sandbox.db", repr=False)
    public_url: str = "http://127.0.0.1:8080"
    seed: Path = SEED_FOLDER
    check_answers: AnswerCheck = AnswerCheck.ENVELOPE
    rate_limits: RateLimits = RateLimits()
    trusted_proxies: frozenset[str] = frozenset()
    webhook_loopback: bool = True
    webhook_lease_s: float = 30.0
    billers: BillerLeg | None = None
    fapi_only: bool = False
    dpop_nonce: bool = False
