"""``openteller apps create`` for apps that ask customers: keys are made safely, what is printed is enough to call."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.sdk.cli.conftest import openteller

from openteller.oauth import SigningKey

CALLBACK = "https://bot.example/cb"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def create(url: str, *options: str) -> dict[str, Any]:
    done = openteller("apps", "create", "--name", "机器人", "--url", url, *options)
    assert done.exit_code == 0, done.output
    return dict(json.loads(done.stdout))


def test_an_app_that_asks_customers_has_a_key_and_its_credentials_work(url: str, here: Path) -> None:
    app = create(url, "--redirect-uri", CALLBACK)
    file, credentials = here / "openteller.key.json", here / "app.json"
    credentials.write_text(json.dumps(app), encoding="utf-8")
    listed = openteller("payments", "list", "--url", url, "--credentials", str(credentials))
    by_environment = {"OPENTELLER_CLIENT_ID": app["client_id"], "OPENTELLER_PRIVATE_KEY": str(file)}

    assert (app["profile"], app["redirect_uris"], "client_secret" in app) == ("fapi2", [CALLBACK], False)
    assert app["private_key"] == str(file) and stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SigningKey.load(file).to_jwk()["d"] not in json.dumps(app)
    assert listed.exit_code == 0, listed.output
    assert openteller("payments", "list", "--url", url, **by_environment).exit_code == 0


def test_a_key_that_is_there_is_used_and_never_written_over(url: str, here: Path) -> None:
    key = SigningKey.generate()
    key.save(here / "bot.key.json")
    create(url, "--redirect-uri", CALLBACK, "--key", "bot.key.json")
    (here / "openteller.key.json").write_text("somebody's", encoding="utf-8")
    done = openteller("apps", "create", "--name", "x", "--url", url, "--redirect-uri", CALLBACK)

    assert SigningKey.load(here / "bot.key.json").thumbprint == key.thumbprint
    assert done.exit_code == 2 and "cannot be made: File exists" in done.stderr
    assert (here / "openteller.key.json").read_text(encoding="utf-8") == "somebody's"


def test_a_key_of_an_app_that_was_refused_is_not_left_behind(url: str, here: Path) -> None:
    done = openteller("apps", "create", "--name", "x", "--url", url, "--redirect-uri", "http://bot.example/cb")

    assert done.exit_code == 1 and "invalid_redirect_uri" in done.stderr
    assert list(here.iterdir()) == []


@pytest.mark.parametrize("wrapped", [True, False], ids=["set", "key"])
def test_public_keys_can_be_given_by_themselves(url: str, here: Path, *, wrapped: bool) -> None:
    public = SigningKey.generate().public_jwk()
    (here / "jwks.json").write_text(json.dumps({"keys": [public]} if wrapped else public), encoding="utf-8")
    app = create(url, "--profile", "fapi2", "--jwks", "jwks.json")

    assert app["token_endpoint_auth_method"] == "private_key_jwt" and "private_key" not in app
    assert [file.name for file in here.iterdir()] == ["jwks.json"]


@pytest.mark.parametrize(
    ("options", "method", "secret"),
    [
        (("--profile", "public-data"), "client_secret_basic", True),
        (("--profile", "baseline", "--redirect-uri", CALLBACK), "client_secret_basic", True),
        (("--profile", "baseline", "--redirect-uri", CALLBACK, "--public"), "none", False),
        (("--profile", "baseline", "--redirect-uri", CALLBACK, "--key", "k.json"), "private_key_jwt", False),
        (("--profile", "baseline", "--device"), "client_secret_basic", True),
    ],
    ids=["data", "secret", "public", "key", "device"],
)
def test_other_profiles_authenticate_as_they_do(
    url: str, options: tuple[str, ...], method: str, *, secret: bool
) -> None:
    app = create(url, *options)
    assert (app["token_endpoint_auth_method"], "client_secret" in app) == (method, secret)


def test_a_device_is_registered_with_its_grant(url: str) -> None:
    app = create(url, "--profile", "baseline", "--public", "--device")
    assert set(app["grant_types"]) == {"urn:ietf:params:oauth:grant-type:device_code", "refresh_token"}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--redirect-uri", CALLBACK, "--return-url", "https://bot.example/done"), "--return-url is of apps without"),
        (("--key", "k.json", "--public"), "give one of them"),
        (("--key", "k.json", "--jwks", "private.json"), "give one of them"),
        (("--jwks", "private.json"), "holds a private key"),
        (("--jwks", "words.json"), "holds no public keys"),
        (("--key", "words.json"), "no private key of EC P-256"),
        (("--profile", "strict"), "'strict' is not one of"),
        (("--redirect-uri", CALLBACK, "--public"), "add --profile baseline"),
        (("--profile", "fapi2", "--device"), "add --profile baseline"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_is_told_and_nothing_is_made(url: str, here: Path, options: tuple[str, ...], said: str) -> None:
    key = SigningKey.generate().to_jwk()
    (here / "private.json").write_text(json.dumps(key), encoding="utf-8")
    (here / "words.json").write_text('{"otr_secret": 1}', encoding="utf-8")
    done = openteller("apps", "create", "--name", "x", "--url", url, *options)

    assert done.exit_code == 2 and said in done.stderr
    assert key["d"] not in done.output and "otr_secret" not in done.output
    assert {file.name for file in here.iterdir()} == {"private.json", "words.json"}
