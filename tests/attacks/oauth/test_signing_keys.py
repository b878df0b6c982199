"""What the authorization server signs: with a key that was published before, by the clock alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet
from tests.attacks.oauth.parties import ISSUER
from tests.conftest import WallClock, make_bank
from tests.sdk.cli.conftest import openteller

from openteller_sandbox.app import create_app
from openteller_sandbox.bank import Bank
from openteller_sandbox.oauth import keys, service

TEN_MINUTES, DAY = 600, 86_400


@pytest.fixture
def own(tmp_path: Path) -> Iterator[tuple[Bank, WallClock]]:
    """A bank whose keys nobody else turns."""
    clock = WallClock()
    opened = make_bank(tmp_path, clock)
    yield opened, clock
    opened.db.close()


def seen(bank: Bank) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give the metadata, and the keys of the server that are published."""
    http = create_app(bank).test_client()
    answer = http.get("/oauth/jwks")
    assert answer.mimetype == "application/jwk-set+json"
    return http.get("/.well-known/oauth-authorization-server").json, answer.json["keys"]


def signed_by(bank: Bank) -> str:
    """Verify the metadata with the published keys; give the name of the one that has signed."""
    said, published = seen(bank)
    token = jwt.decode(said["signed_metadata"], KeySet.import_key_set({"keys": published}), algorithms=["ES256"])
    return str(token.header["kid"])


def test_the_signed_metadata_are_the_metadata(client: FlaskClient, bank: Bank, wall: WallClock) -> None:
    said, published = seen(bank)
    token = jwt.decode(said.pop("signed_metadata"), KeySet.import_key_set({"keys": published}), algorithms=["ES256"])
    added = {name: token.claims[name] for name in token.claims.keys() - said.keys()}
    assert {name: token.claims[name] for name in said} == said
    assert added["iss"] == ISSUER
    assert added["iat"] * 1000 <= wall.at < added["exp"] * 1000
    assert added.keys() == {"iss", "iat", "exp"}


def test_a_kid_is_the_thumbprint_and_no_private_part_is_published(bank: Bank) -> None:
    for key in seen(bank)[1]:
        assert key["kid"] == ECKey.import_key(key).thumbprint()
        assert "d" not in key


def test_a_key_is_published_before_it_signs_and_after(own: tuple[Bank, WallClock]) -> None:
    bank, clock = own
    old = signed_by(bank)
    new = service.rotate_signing_key(bank).kid
    assert [key["kid"] for key in seen(bank)[1]] == [old, new]
    clock.advance(TEN_MINUTES - 1)
    assert signed_by(bank) == old
    clock.advance(1)
    assert signed_by(bank) == new
    assert [stage for _, stage in service.published_keys(bank)] == [keys.Stage.RETIRED, keys.Stage.ACTIVE]
    clock.advance(DAY - 1)
    assert [key["kid"] for key in seen(bank)[1]] == [old, new]
    clock.advance(1)
    assert [key["kid"] for key in seen(bank)[1]] == [new]


def test_what_the_last_key_has_signed_is_over_when_it_goes(own: tuple[Bank, WallClock]) -> None:
    bank, clock = own
    service.rotate_signing_key(bank)
    clock.advance(TEN_MINUTES - 1)
    last = seen(bank)[0]["signed_metadata"]
    published = KeySet.import_key_set({"keys": seen(bank)[1]})
    assert jwt.decode(last, published, algorithms=["ES256"]).claims["exp"] * 1000 <= clock.at + 1000 + keys.BELIEVED_MS


def test_a_key_that_waits_is_not_followed_by_another_one(own: tuple[Bank, WallClock]) -> None:
    bank, clock = own
    waiting = service.rotate_signing_key(bank)
    with pytest.raises(service.RotationPending):
        service.rotate_signing_key(bank)
    clock.advance(TEN_MINUTES)
    assert service.rotate_signing_key(bank).kid != waiting.kid
    assert [key.private is None for key in keys._known(bank.db.read())] == [True, False, False]


@pytest.mark.abuse("credentials", "signs the server's metadata with a key that has leaked")
def test_keys_that_have_leaked_are_gone_at_once(own: tuple[Bank, WallClock]) -> None:
    bank, _ = own
    leaked = seen(bank)[0]["signed_metadata"]
    new = service.rotate_signing_key(bank, at_once=True)
    assert signed_by(bank) == new.kid
    (only,) = seen(bank)[1]
    with pytest.raises(BadSignatureError):
        jwt.decode(leaked, ECKey.import_key({**only}), algorithms=["ES256"])


def test_the_command_tells_the_key_and_since_when_it_signs(tmp_path: Path) -> None:
    clock = WallClock()
    database = str(tmp_path / "bank.db")
    make_bank(tmp_path, clock, database=database).db.close()
    done = openteller("sandbox", "rotate-signing-key", "--database", database, "--at-once")
    assert done.exit_code == 0, done.output
    assert " signs from " in done.output
    assert openteller("sandbox", "rotate-signing-key", "--database", database).exit_code == 0
    again = openteller("sandbox", "rotate-signing-key", "--database", database)
    assert (again.exit_code, "is published already" in again.output) == (1, True)
    nowhere = openteller("sandbox", "rotate-signing-key", "--database", str(tmp_path / "none.db"))
    assert (nowhere.exit_code, "there is no database" in nowhere.output) == (1, True)
