"""How a client is set up: where the bank is, who calls, how long to wait."""

from __future__ import annotations

import ipaddress
import json
import os
import random
import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from openteller import __version__
from openteller._core.shared import Shared
from openteller.errors import ConfigurationError
from openteller.hooks import Hook

if TYPE_CHECKING:
    from openteller._core.customers import CustomerTokens
    from openteller._core.dpop import Prover
    from openteller._core.jose import SigningKey
    from openteller._core.store import TokenStore

__all__ = ["Credentials", "Setup", "credentials_from", "read_credentials", "setup_from"]

SANDBOX = "http://127.0.0.1:8080"
_HEADER_NAME = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz")
_RESERVED = {
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "dpop",
    "expect",
    "host",
    "idempotency-key",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
_OF_CALLS = re.compile("/v1/*$")
"""What a base URL does not end with: the client would ask for ``/v1/v1/status``."""
_NOT_IN_A_HOST = frozenset('\\<>"`{}|^%')


@dataclass(frozen=True, slots=True)
class Credentials:
    """An app's name, and its secret or its key. Its ``repr`` shows none of them.

    Attributes:
        client_secret: "" where it has none.
        prover: holds the app's private key, which authenticates it and which its tokens are bound to.
    """

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False, default="")
    prover: Prover | None = field(repr=False, default=None)

    @property
    def are_public(self) -> bool:
        """Whether the app can prove nothing: a public client (RFC 6749 section 2.1)."""
        return not self.client_secret and self.prover is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """Everything that a call must know beside its arguments.

    Attributes:
        base_url: without a slash at the end.
        timeout: seconds for one try.
        deadline: seconds for a call with all its tries, pauses and the token.
        max_retries: tries beside the first.
        headers: sent with every call.
        monotonic, random: time that only grows, in seconds; a number from 0 to 1.
        wall: seconds since 1970, for what others compare with their clocks.
        store: where customers' tokens are kept.
        customer: whose tokens calls are made with; None for the app's own.
        shared: what clients over one driver have learnt of the bank.
    """

    base_url: str
    credentials: Credentials | None
    timeout: float = 10.0
    deadline: float = 30.0
    max_retries: int = 3
    headers: tuple[tuple[str, str], ...] = (
        ("accept", "application/json, */*;q=0.1"),  # some operations have another type only, such as files
        ("accept-encoding", "gzip"),
        ("user-agent", f"openteller-python/{__version__}"),
    )
    hooks: tuple[Hook, ...] = ()
    monotonic: Callable[[], float] = time.monotonic
    random: Callable[[], float] = random.random
    wall: Callable[[], float] = time.time
    store: TokenStore | None = field(default=None, repr=False)
    customer: CustomerTokens | None = field(default=None, repr=False)
    shared: Shared = field(default_factory=Shared, repr=False)

    @property
    def calls_as_somebody(self) -> bool:
        """Whether calls carry a token: a customer's, or the app's own."""
        return self.customer is not None or (self.credentials is not None and not self.credentials.are_public)

    @property
    def who(self) -> str:
        """Who calls, without a name."""
        if self.customer is not None:
            return "for a customer"
        return "anonymous" if self.credentials is None else "with credentials"

    def for_customer(self, customer: str) -> Setup:
        """Give a copy whose calls are made with a customer's tokens.

        Raises:
            ConfigurationError: there is no app, or no such name can be.
        """
        from openteller._core.customers import CustomerTokens, credentials_of, name_of  # noqa: PLC0415 - few need them

        credentials_of(self)
        name_of(customer)
        source = self.shared.customers.get(customer)
        if source is None:
            source = self.shared.customers[customer] = CustomerTokens(customer)
        return replace(self, customer=source)

    def changed(self, **options: Any) -> Setup:
        """Give a copy with other options.

        Raises:
            ConfigurationError: an option's value cannot be.
        """
        given = {name: value for name, value in options.items() if value is not None}
        if "headers" in given:
            given["headers"] = _merged(self.headers, given["headers"])
        if "hooks" in given:
            given["hooks"] = _all_callable(given["hooks"])
        changed = replace(self, **given)
        changed.check()
        return changed

    def check(self) -> None:
        """Look whether the numbers make sense.

        Raises:
            ConfigurationError: one does not.
        """
        for name in ("timeout", "deadline"):
            seconds = getattr(self, name)
            if not isinstance(seconds, int | float) or not 0 < seconds < 1e6:
                raise ConfigurationError(f"{name} is a number of seconds above 0")
        _check_count("max_retries", self.max_retries)


def setup_from(base_url: str | None, credentials: Credentials | None, *, allow_http: bool, **options: Any) -> Setup:
    """Make a setup of a client's arguments; the environment fills in what is missing.

    Raises:
        ConfigurationError: an argument cannot be.
    """
    url = _base_url(base_url or os.environ.get("OPENTELLER_BASE_URL") or SANDBOX)
    if not allow_http and not _is_private_enough(url):
        raise ConfigurationError(
            "base_url is http:// to another machine: tokens would travel in clear text. Use https://, or say "
            "allow_http=True where the network is your own"
        )
    return Setup(base_url=url, credentials=credentials).changed(**options)


def credentials_from(
    client_id: str | None, client_secret: str | None, private_key: SigningKey | str | os.PathLike[str] | None = None
) -> Credentials | None:
    """Give the credentials that were passed, or stand in the environment, or in a file that it names; None for an
    anonymous client.

    An empty ``client_id`` without a secret asks for an anonymous client, and an empty ``client_secret`` beside a
    ``client_id`` for a public one, whatever the environment holds.

    Raises:
        ConfigurationError: only half of them is there, or more than one way to prove who the app is.
    """
    if client_id == "" and not client_secret and not private_key:
        return None
    if not all(part is None or isinstance(part, str) for part in (client_id, client_secret)):
        raise ConfigurationError("client_id and client_secret are strings")
    if client_secret and private_key:
        raise ConfigurationError("an app has client_secret or private_key: pass the one that it is registered with")
    is_public = bool(client_id) and client_secret == "" and not private_key
    client_id = client_id or os.environ.get("OPENTELLER_CLIENT_ID")
    if not is_public and not private_key and not client_secret:
        client_secret = os.environ.get("OPENTELLER_CLIENT_SECRET")
        private_key = None if client_secret else os.environ.get("OPENTELLER_PRIVATE_KEY")
    if not client_id and not client_secret and not private_key:
        file = os.environ.get("OPENTELLER_CREDENTIALS")
        if not file:
            return None
        client_id, client_secret, private_key = read_credentials(file)
    if not client_id or not (client_secret or private_key or is_public):
        missing = "client_secret" if client_id else "client_id"
        raise ConfigurationError(f"{missing} is missing: pass it, or set OPENTELLER_{missing.upper()}")
    return Credentials(client_id, client_secret or "", _prover(private_key) if private_key else None)


def read_credentials(file: str | os.PathLike[str]) -> tuple[str, str | None, str | None]:
    """Read a file as ``openteller apps create`` prints it; give client_id, client_secret and the file of the key.

    Raises:
        ConfigurationError: it holds no credentials; what it holds is not told.
    """
    where = f"the credentials file {os.fspath(file)}"
    try:
        found = json.loads(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{where} cannot be read: {error.strerror}") from None
    except ValueError:
        raise ConfigurationError(f"{where} is no JSON: {_HOW_TO_MAKE_ONE}") from None
    match found:
        case {"client_id": str(client_id), "client_secret": str(client_secret)} if client_id and client_secret:
            return client_id, client_secret, None
        case {"client_id": str(client_id), "private_key": str(private_key)} if client_id and private_key:
            return client_id, None, private_key
    raise ConfigurationError(
        f"{where} lacks client_id or client_secret, or private_key in its place: {_HOW_TO_MAKE_ONE}"
    )


_HOW_TO_MAKE_ONE = "openteller apps create --name NAME > FILE makes one"


def _prover(private_key: object) -> Prover:
    from openteller._core.dpop import Prover  # noqa: PLC0415 - most clients have a secret
    from openteller._core.jose import SigningKey  # noqa: PLC0415 - likewise

    if isinstance(private_key, SigningKey):
        return Prover(private_key)
    if isinstance(private_key, str | os.PathLike):
        return Prover(SigningKey.load(private_key))
    raise ConfigurationError("private_key is a SigningKey, or the path of a file that holds one")


def _base_url(text: object) -> str:
    if not isinstance(text, str):
        raise ConfigurationError("base_url is a string: https://bank.example")
    try:
        parts = urlsplit(text.strip())
        _ = parts.port
    except ValueError as error:
        raise ConfigurationError(f"base_url is no URL: {error}") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ConfigurationError("base_url begins with http:// or https:// and names a host")
    if not _can_be_a_host(parts.hostname) or _NOT_IN_A_HOST & set(parts.netloc):
        raise ConfigurationError("base_url names a host that cannot be")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError("base_url holds scheme, host, port and path, and nothing else")
    if _OF_CALLS.search(parts.path):
        raise ConfigurationError("base_url is where the bank is, and each call adds its own path: leave out /v1")
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}"


def _can_be_a_host(name: str) -> bool:
    try:
        name.encode("idna")
    except UnicodeError:
        return False
    return name.isprintable() and " " not in name


def _is_private_enough(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or value < 0:
        raise ConfigurationError(f"{name} is a whole number, 0 or more")


def _all_callable(hooks: object) -> tuple[Hook, ...]:
    given = tuple(hooks) if isinstance(hooks, Iterable) else (None,)
    if not all(callable(hook) for hook in given):
        raise ConfigurationError("hooks are functions in a list: hooks=[hooks.log()]")
    return given


def _merged(old: tuple[tuple[str, str], ...], new: object) -> tuple[tuple[str, str], ...]:
    """Put headers over others.

    Raises:
        ConfigurationError: a header is the client's own matter, or cannot be sent.
    """
    if not isinstance(new, Mapping) or not all(isinstance(part, str) for pair in new.items() for part in pair):
        raise ConfigurationError("headers are strings by their names: {'X-Team': 'bills'}")
    merged = dict(old)
    for name, value in new.items():
        low = name.lower()
        if not low or not set(low) <= _HEADER_NAME or low in _RESERVED:
            raise ConfigurationError(f"the header {name!r} cannot be set here")
        if not value.isascii() or not value.isprintable():
            raise ConfigurationError(f"the value of the header {name!r} must be printable ASCII")
        merged[low] = value
    return tuple(merged.items())
