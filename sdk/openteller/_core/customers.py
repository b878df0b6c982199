"""Tokens of customers: kept in a store, renewed by one of all who share it, and used by the others."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from functools import partial
from typing import Any

import msgspec

from openteller._core.dpop import Prover
from openteller._core.forms import post_form
from openteller._core.grants import CustomerGrant
from openteller._core.jose import SigningKey
from openteller._core.metadata import discover
from openteller._core.setup import Credentials, Setup
from openteller._core.store import Kept, consult, store_of
from openteller._core.tokens import Grant, Tokens, grant_of, usable_for
from openteller._core.wire import Effect, Sleep, Token
from openteller.errors import (
    BankError,
    ConfigurationError,
    ConsentRequired,
    OpenTellerError,
    TimedOut,
    TokenStoreFailed,
)

__all__ = [
    "CustomerTokens",
    "Entry",
    "app_prover",
    "credentials_of",
    "entry_of",
    "keep",
    "kept_entry",
    "name_of",
    "told",
]

_CLAIM_SECONDS = 5.0
"""Of one who renews tokens and is not heard of again. Half of the time for which a bank gives the successor of a
rotated refresh token again: whoever takes over comes early enough to get the same one."""
_LOOK_AGAIN = 0.05
_LONGEST_NAME = 200


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is kept of one customer.

    Attributes:
        expires_at: of the access token, in seconds since 1970.
        lifetime: the seconds that the access token had.
        key: the private key that the tokens are bound to, where it is not the app's own.
        is_bound: whether they are bound to a key at all.
    """

    access_token: str
    expires_at: float
    lifetime: float
    scope: str
    refresh_token: str | None = None
    authorization_details: list[dict[str, Any]] = []
    key: dict[str, Any] | None = None
    is_bound: bool = True

    def __repr__(self) -> str:
        return "Entry()"


_ENTRY = msgspec.json.Decoder(Entry)


class CustomerTokens(Tokens):
    """The tokens of one customer; as a source of tokens, see ``Source``.

    What is at hand is used without a look at the store. The store is asked when it runs out or is refused; then of all
    threads, tasks and processes one renews it, and the others wait for what that one keeps.
    """

    must_finish = True  # a rotated refresh token that is thrown away costs the customer's consent

    def __init__(self, customer: str) -> None:
        super().__init__()
        self.customer = customer

    def obtain(self, setup: Setup, refused: str | None) -> Generator[Effect, Any, Token]:
        """Give what somebody else has kept, or renew it.

        Raises:
            ConsentRequired: nothing is kept of this customer, or the bank does not renew it any more.
        """
        name, store, ends = name_of(self.customer), store_of(setup), setup.monotonic() + setup.deadline
        while True:
            kept = yield from consult(partial(store.load, name))
            entry = _read(kept)
            token = _token(setup, entry)
            if setup.monotonic() < token.usable_until and token.value != refused:
                return token
            if entry.refresh_token is None:
                raise ConsentRequired("the customer's token has run out, and none came with it to renew it")
            assert kept is not None
            if (yield from consult(partial(store.claim, name, version=kept.version, seconds=_CLAIM_SECONDS))):
                left = max(ends - setup.monotonic(), 1e-3)
                renewed = yield from self._renew(setup.changed(deadline=left), kept, entry)
                if renewed is not None:
                    return renewed
            elif setup.monotonic() + _LOOK_AGAIN >= ends:
                raise TimedOut("refreshToken: another process was still at it at the deadline", retryable="later")
            else:
                yield Sleep(_LOOK_AGAIN)

    def _renew(self, setup: Setup, kept: Kept, entry: Entry) -> Generator[Effect, Any, Token | None]:
        """Renew tokens and keep them; None where somebody else has kept others meanwhile, which count."""
        name, store = name_of(self.customer), store_of(setup)
        try:
            renewed = yield from _refresh(setup, entry)
        except OpenTellerError as error:
            if not (isinstance(error, BankError) and error.code == "INVALID_GRANT"):
                yield from consult(partial(store.release, name, version=kept.version))
                raise
            if not (yield from consult(partial(store.swap, name, None, version=kept.version))):
                return None
            text = "the customer's consent has ended: the bank does not renew its tokens"
            raise ConsentRequired(text, request_id=error.request_id, attempts=error.attempts) from None
        content = msgspec.json.encode(renewed)
        if not (yield from consult(partial(store.swap, name, content, version=kept.version))):
            return None
        return _token(setup, renewed)


def name_of(customer: str) -> str:
    """Give the name that a store has a customer's tokens under.

    Raises:
        ConfigurationError: it is empty, or too long.
    """
    if not 1 <= len(customer) <= _LONGEST_NAME:
        raise ConfigurationError(f"customer is your own name for somebody, of 1 to {_LONGEST_NAME} characters")
    return f"customer:{customer}"


def keep(setup: Setup, customer: str, entry: Entry) -> Generator[Effect, Any, CustomerGrant]:
    """Keep the first tokens of a customer, in the place of what there was; give what was allowed."""
    name, store, content = name_of(customer), store_of(setup), msgspec.json.encode(entry)
    while True:
        kept = yield from consult(partial(store.load, name))
        version = kept.version if kept else 0
        if (yield from consult(partial(store.swap, name, content, version=version))):
            break
    if (source := setup.shared.customers.get(customer)) is not None:
        source.keep(_token(setup, entry))
    return told(customer, entry)


def kept_entry(setup: Setup, customer: str) -> Generator[Effect, Any, tuple[Kept, Entry] | None]:
    """Give what is kept of a customer; None where nothing is."""
    name, store = name_of(customer), store_of(setup)
    kept = yield from consult(partial(store.load, name))
    return (kept, _read(kept)) if kept else None


def told(customer: str, entry: Entry) -> CustomerGrant:
    """Give what a program may see of what is kept."""
    return CustomerGrant(
        customer=customer,
        scope=tuple(entry.scope.split()),
        authorization_details=tuple(entry.authorization_details),
        renewable=entry.refresh_token is not None,
        access_expires_at=datetime.fromtimestamp(entry.expires_at, UTC),
    )


def entry_of(setup: Setup, grant: Grant, key: SigningKey | None, asked: str) -> Entry:
    """Make what is kept of a grant. asked: the scope that it was asked with, which it has where it names none."""
    return Entry(
        access_token=grant.access_token,
        expires_at=setup.wall() + grant.expires_in,
        lifetime=grant.expires_in,
        scope=asked if grant.scope is None else grant.scope,
        refresh_token=grant.refresh_token,
        authorization_details=grant.authorization_details,
        key=key.to_jwk() if key else None,
    )


def _read(kept: Kept | None) -> Entry:
    if kept is None:
        raise ConsentRequired("there are no tokens of this customer: ask with client.authorization.start")
    try:
        return _ENTRY.decode(kept.content)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        pass  # what it holds is nobody's to see
    raise TokenStoreFailed("the token store holds something that this release cannot read", retryable="never")


def prover_of(setup: Setup, entry: Entry) -> Prover | None:
    """Give what signs the proofs for a customer's tokens; None where they are bearer tokens."""
    if not entry.is_bound:
        return None
    if entry.key is not None:
        return Prover(SigningKey(entry.key))
    return app_prover(setup)


def app_prover(setup: Setup) -> Prover:
    """Give what signs with the app's own key.

    Raises:
        ConfigurationError: the app has none.
    """
    if setup.credentials is None or setup.credentials.prover is None:
        raise ConfigurationError("these tokens are bound to the app's key: pass private_key")
    return setup.credentials.prover


def credentials_of(setup: Setup) -> Credentials:
    """Give the app's credentials.

    Raises:
        ConfigurationError: it has none.
    """
    if setup.credentials is None:
        raise ConfigurationError("client.authorization needs an app: pass client_id, and private_key or client_secret")
    return setup.credentials


def _token(setup: Setup, entry: Entry) -> Token:
    left = entry.expires_at - setup.wall()
    return Token(entry.access_token, setup.monotonic() + usable_for(left, entry.lifetime), prover_of(setup, entry))


def _refresh(setup: Setup, entry: Entry) -> Generator[Effect, Any, Entry]:
    """Give the entry with a new access token (RFC 6749 section 6)."""
    assert entry.refresh_token is not None
    credentials, prover = credentials_of(setup), prover_of(setup, entry)
    if credentials.are_public:
        # An answer that nobody waits for would cost the consent: what has begun gets its whole time.
        setup = setup.changed(deadline=max(setup.deadline, setup.timeout))
    metadata = yield from discover(setup)
    form = {"grant_type": "refresh_token", "refresh_token": entry.refresh_token}
    outcome = yield from post_form(
        setup, "refreshToken", metadata.token_endpoint, form, credentials=credentials, prover=prover
    )
    grant = grant_of("refreshToken", outcome, prover)
    key = SigningKey(entry.key) if entry.key else None
    renewed = entry_of(setup, grant, key, entry.scope)
    return msgspec.structs.replace(
        renewed,
        refresh_token=grant.refresh_token or entry.refresh_token,
        authorization_details=grant.authorization_details or entry.authorization_details,
        is_bound=entry.is_bound,
    )
