"""``openteller apps create``: an app with a secret, or one that is registered with a key and may ask customers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from openteller._cli.calling import connected, dump, url_option
from openteller._cli.credentials import ANONYMOUS

if TYPE_CHECKING:
    from openteller import OpenTeller
    from openteller.oauth import SigningKey

__all__ = ["apps"]

_KEY_FILE = Path("openteller.key.json")
_DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"

Profile = Literal["public-data", "baseline", "fapi2"]
AuthMethod = Literal["private_key_jwt", "client_secret_basic", "none"]


@click.group()
def apps() -> None:
    """Manage apps, the credentials with which a program calls the bank."""


@apps.command(short_help="Make an app and print its credentials as JSON.")
@click.option("--name", required=True, help="What payers see as the partner's name.")
@click.option(
    "--return-url",
    "return_urls",
    multiple=True,
    help="Where the result page may lead back to; may be given several times. Of an app without the options below.",
)
@click.option(
    "--redirect-uri",
    "redirect_uris",
    multiple=True,
    help="Where a customer's browser comes back to, of an app that asks customers; may be given several times.",
)
@click.option(
    "--profile",
    type=click.Choice(["public-data", "baseline", "fapi2"]),
    help="How strictly the bank holds the app to it. [default: fapi2 with --redirect-uri]",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The app's private key: a file that is read, or made when it is missing, for its owner alone. "
    f"[default, for an app with a key and without --jwks: {_KEY_FILE}, which must not be there]",
)
@click.option(
    "--jwks",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="A file with the app's public keys (RFC 7517), whose private halves are kept elsewhere.",
)
@click.option("--public", is_flag=True, help="An app on its users' own machines: it has neither secret nor key.")
@click.option("--device", is_flag=True, help="An app that shows a code, for a device without a browser.")
@url_option
def create(
    *,
    name: str,
    return_urls: tuple[str, ...],
    redirect_uris: tuple[str, ...],
    profile: Profile | None,
    key: Path | None,
    jwks: Path | None,
    public: bool,
    device: bool,
    url: str,
    allow_http: bool,
) -> None:
    """Make an app in a running sandbox and print its credentials as JSON.

    The app gets a world of its own: its data and its clock are nobody else's. Its secret is shown this once: put it
    into a file, and name that with --credentials or OPENTELLER_CREDENTIALS. An app that asks customers is registered at
    the bank's registration endpoint (RFC 7591), with a key instead of a secret unless its profile is another.
    """
    registered = bool(redirect_uris or profile or key or jwks or public or device)
    if registered and return_urls:
        raise click.UsageError("--return-url is of apps without --redirect-uri, --profile, keys, --public and --device")
    if sum((key is not None, jwks is not None, public)) > 1:
        raise click.UsageError("--key, --jwks and --public are three ways of having a key or none: give one of them")
    if (public or device) and profile != "baseline":
        raise click.UsageError("--public and --device are of the profile baseline: add --profile baseline")
    with connected(url, ANONYMOUS, allow_http=allow_http) as client:
        if not registered:
            click.echo(dump(client.sandbox.create_app(name=name, return_urls=return_urls or None).to_dict()))
            return
        members: dict[str, Any] = {"name": name, "redirect_uris": redirect_uris or None, "profile": profile}
        if device:
            members["grant_types"] = _grants_of_device(redirect_uris, public=public)
        method = _auth_method(profile, redirect_uris, has_keys=bool(key or jwks), public=public)
        if method != "private_key_jwt":
            document = client.authorization.register(**members, auth_method=method).to_dict()
        elif jwks:
            document = client.authorization.register(**members, auth_method=method, jwks=_public(jwks)).to_dict()
        else:
            document = _with_key(client, key, members)
    click.echo(dump(document))


def _grants_of_device(redirect_uris: tuple[str, ...], *, public: bool) -> list[str]:
    by_browser = ["authorization_code"] if redirect_uris else []
    own = [] if public else ["client_credentials"]
    return [_DEVICE_CODE, "refresh_token", *by_browser, *own]


def _auth_method(
    profile: Profile | None, redirect_uris: tuple[str, ...], *, has_keys: bool, public: bool
) -> AuthMethod:
    """Give how an app shall authenticate: with a key where one is named, or its profile wants one."""
    if public:
        return "none"
    strict = profile == "fapi2" or (profile is None and bool(redirect_uris))
    return "private_key_jwt" if has_keys or strict else "client_secret_basic"


def _with_key(client: OpenTeller, path: Path | None, members: dict[str, Any]) -> dict[str, Any]:
    """Register an app with the key of a file, which is made where it is missing, and stays only if that goes well."""
    from openteller.oauth import SigningKey  # noqa: PLC0415 - an app with a secret needs none

    if path is not None and path.exists():
        return _registered(client, SigningKey.load(path), path, members)
    path = path or _KEY_FILE
    key = SigningKey.generate()
    key.save(path)
    try:
        return _registered(client, key, path, members)
    except BaseException:
        path.unlink()
        raise


def _registered(client: OpenTeller, key: SigningKey, path: Path, members: dict[str, Any]) -> dict[str, Any]:
    keys = {"keys": [key.public_jwk()]}
    made = client.authorization.register(**members, auth_method="private_key_jwt", jwks=keys)
    return {**made.to_dict(), "private_key": str(path.resolve())}


def _public(path: Path) -> dict[str, Any]:
    """Read a key set that holds nothing private, or one such key.

    Raises:
        click.UsageError: it is another thing.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        found = None
    keys = found.get("keys", [found]) if isinstance(found, dict) else None
    if not isinstance(keys, list) or not all(isinstance(one, dict) and "kty" in one for one in keys):
        raise click.UsageError(f"{path} holds no public keys: a JSON Web Key Set has them")
    if any("d" in one or "k" in one for one in keys):
        raise click.UsageError(f"{path} holds a private key, which nobody else may see: give it with --key")
    return {"keys": keys}
