"""``specs/oauth.yaml`` is a valid document, and the server does what it says: every path and no other, every answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import jsonschema_rs
import pytest
import yaml
from flask import Flask
from openapi_spec_validator import OpenAPIV31SpecValidator
from tests.attacks.oauth.browsers import Customer
from tests.attacks.oauth.conftest import LINKING
from tests.attacks.oauth.parties import CREDENTIALS, GONE, Client
from tests.attacks.oauth.test_code_flow import mandate
from tests.attacks.oauth.test_devices import GRANT
from tests.conftest import WallClock
from tools.merge_specs import SPECS
from werkzeug.test import TestResponse

METHODS = {"get", "put", "post", "delete"}


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return dict(yaml.safe_load((SPECS / "oauth.yaml").read_text(encoding="utf-8")))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS & item.keys():
            yield method.upper(), path, item[method]


def test_the_document_is_valid_and_says_how_sensitive_each_field_is(document: dict[str, Any]) -> None:
    OpenAPIV31SpecValidator(document).validate()
    for name, schema in document["components"]["schemas"].items():
        for member, of in schema.get("properties", {}).items():
            assert of.get("x-sensitivity") in {"PUBLIC", "INTERNAL", "PERSONAL", "SECRET"}, f"{name}.{member}"
            assert of.get("description"), f"{name}.{member}"


def test_the_server_has_these_paths_and_no_others(document: dict[str, Any], flask_app: Flask) -> None:
    there = {
        (method, rule.rule.replace("<", "{").replace(">", "}"))
        for rule in flask_app.url_map.iter_rules()
        if rule.endpoint.startswith("oauth.")
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    described = {(method, path) for method, path, _ in operations(document)}
    assert there == described


@pytest.fixture
def held_to(document: dict[str, Any]) -> Callable[[str, TestResponse], dict[str, Any]]:
    """Check an answer against what the document says of its operation."""
    found = {operation["operationId"]: operation for _, _, operation in operations(document)}

    def check(name: str, answer: TestResponse) -> dict[str, Any]:
        described = found[name]["responses"][str(answer.status_code)]
        if "$ref" in described:
            described = document["components"]["responses"][described["$ref"].rpartition("/")[2]]
        schema = described["content"]["application/json"]["schema"]
        jsonschema_rs.validator_for({**schema, "components": document["components"]}).validate(answer.json)
        return dict(answer.json or {})

    return check


def test_answers_are_as_the_document_says(
    held_to: Callable[[str, TestResponse], dict[str, Any]], flask_app: Flask, wall: WallClock
) -> None:
    http = flask_app.test_client(use_cookies=False)
    me = Client(http, wall)
    made = http.post(
        "/oauth/register",
        json={
            "client_name": "机器人",
            "profile": "fapi2",
            "client_uri": "https://bot.example",
            "jwks": {"keys": [me.key.as_dict(private=False)]},
        },
    )
    me.registration = held_to("register", made)
    token = held_to("token", me.grant(CREDENTIALS))["access_token"]
    held_to("introspect", me.post("/oauth/introspect", {"token": token}))
    held_to("revoke", me.post("/oauth/revoke", {"token": token}))
    held_to("introspect", me.post("/oauth/introspect", {"token": token}))
    place = f"/oauth/register/{me.client_id}"
    by = {"Authorization": f"Bearer {me.registration['registration_access_token']}"}
    read = held_to("readClient", http.get(place, headers=by))
    changed = held_to("changeClient", http.put(place, headers=by, json=read))
    held_to("changeClient", http.put(place, headers=by, json=read))
    by = {"Authorization": f"Bearer {changed['registration_access_token']}"}
    held_to("changeClient", http.put(place, headers=by, json={}))
    assert http.delete(place, headers=by).status_code == 204
    held_to("endClient", http.delete(place, headers=by))
    held_to("readClient", http.get(place, headers=by))
    asking = Client(http, wall).register(**LINKING)
    held_to("par", asking.post("/oauth/par", asking.request()))
    held_to("par", asking.post("/oauth/par", {}))
    held_to("par", http.post("/oauth/par", data=asking.request()))
    biller = http.get("/v1/billers?limit=1").json["data"][0]["biller_id"]
    details = json.dumps(mandate(biller_id=biller))
    browser = Customer(flask_app, asking.pushed(authorization_details=details)).sign_in().approve()
    tokens = held_to("token", asking.redeem(browser.returned["code"]))
    held_to("token", asking.refresh(tokens["refresh_token"]))
    held_to("introspect", asking.post("/oauth/introspect", {"token": tokens["access_token"]}))
    device = Client(http, wall).register(
        profile="baseline", token_endpoint_auth_method="none", jwks=GONE, grant_types=[GRANT]
    )
    begun = held_to("deviceAuthorization", device.post("/oauth/device_authorization", {"scope": "bills:read"}))
    held_to("token", device.grant({"grant_type": GRANT, "device_code": begun["device_code"]}))
    held_to("deviceAuthorization", device.post("/oauth/device_authorization", {}))
    held_to("deviceAuthorization", http.post("/oauth/device_authorization", data={"scope": "bills:read"}))
    held_to("serverMetadata", http.get("/.well-known/oauth-authorization-server"))
    held_to("resourceMetadata", http.get("/.well-known/oauth-protected-resource"))
    for name in ("token", "introspect", "revoke"):
        held_to(name, http.post(f"/oauth/{name}"))
        held_to(name, http.post(f"/oauth/{name}", data={"token": "x", "client_id": "x"}))
    held_to("register", http.post("/oauth/register"))
