"""The handlers that docs/webhooks.md shows for three frameworks take what the bank has signed, and nothing else."""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

import anyio
import django
import pytest
from django.conf import settings
from django.test import Client as DjangoClient
from django.urls import path
from tests.docs import snippets
from tests.sdk import processes

from openteller import webhooks

PAGE = snippets.ROOT / "docs" / "webhooks.md"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
BODY = (
    b'{"event_id":"evt_5h7j9l1n3q5s7u9w","type":"payment.succeeded","timestamp":"2026-09-29T10:32:10+08:00",'
    b'"data":{"payment_id":"pay_2b4d6f8h0k1m","partner_reference":"order-1","status":"succeeded","version":5}}'
)
Post = Callable[[bytes, dict[str, str]], tuple[int, str]]


@pytest.fixture
def handled() -> list[str]:
    return []


@pytest.fixture
def names(handled: list[str]) -> Iterator[dict[str, Any]]:
    """Run the page's recipes, and only those."""
    with snippets.namespace() as found:
        found |= {"WEBHOOK_SECRET": SECRET, "handle": lambda event: handled.append(event.event_id)}
        recipes = [one for one in snippets.blocks(PAGE) if "handle(event)\n    return" in one.text]
        assert len(recipes) == 3
        for recipe in recipes:
            snippets.run(recipe, found)
        yield found


def flask(names: dict[str, Any]) -> Post:
    client = names["flask_app"].test_client()

    def post(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = client.post("/bank-webhook", data=body, headers={"Content-Type": "application/json", **headers})
        return answer.status_code, answer.text

    return post


def fastapi(names: dict[str, Any]) -> Post:
    def post(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        sent: list[dict[str, Any]] = []
        head = [(name.encode(), value.encode()) for name, value in headers.items()]
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "path": "/bank-webhook",
            "raw_path": b"/bank-webhook",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json"), *head],
        }

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            sent.append(message)

        anyio.run(names["fastapi_app"], scope, receive, send)
        text = b"".join(message.get("body", b"") for message in sent)
        return int(sent[0]["status"]), text.decode()

    return post


def of_django(names: dict[str, Any]) -> Post:
    urls = types.ModuleType("urls_of_the_recipe")
    urls.urlpatterns = [path("bank-webhook", names["bank_webhook_of_django"])]  # type: ignore[attr-defined]
    sys.modules[urls.__name__] = urls
    if not settings.configured:
        settings.configure(
            ROOT_URLCONF=urls.__name__,
            ALLOWED_HOSTS=["*"],
            SECRET_KEY="of a test",
            MIDDLEWARE=["django.middleware.csrf.CsrfViewMiddleware"],
        )
        django.setup()
    django.urls.clear_url_caches()
    client = DjangoClient(enforce_csrf_checks=True)

    def post(body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        answer = client.post("/bank-webhook", body, content_type="application/json", headers=headers)
        return answer.status_code, answer.content.decode()

    return post


@pytest.mark.parametrize("framework", [flask, fastapi, of_django])
def test_a_recipe_takes_what_is_signed_and_refuses_the_rest(
    framework: Callable[[dict[str, Any]], Post], names: dict[str, Any], handled: list[str]
) -> None:
    post = framework(names)

    assert post(BODY, webhooks.sign(BODY, SECRET)) == (204, "")
    assert handled == ["evt_5h7j9l1n3q5s7u9w"]

    status, text = post(BODY, webhooks.sign(BODY, "whsec_" + "A" * 32))
    assert status == 400 and "no signature fits" in text
    status, text = post(BODY, webhooks.sign(BODY, SECRET, timestamp=1_000_000_000))
    assert status == 400 and "somebody may have sent it again" in text
    status, text = post(BODY.replace(b":", b": "), webhooks.sign(BODY, SECRET))
    assert status == 400 and "written anew" in text
    status, text = post(BODY, {})
    assert status == 400 and "webhook-id" in text
    assert len(handled) == 1


def test_the_page_of_webhooks_is_run(tmp_path: Any) -> None:
    """Both frameworks are there in this environment, so that no recipe of the page is passed over."""
    assert {block.mark for block in snippets.blocks(PAGE)} == {"", "needs fastapi", "needs django"}
    assert processes.ROOT == snippets.ROOT
