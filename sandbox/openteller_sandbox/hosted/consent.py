"""The pages on which a customer signs in and allows, or refuses, what a client asks for: ``/oauth/authorize``.

They are the bank's: no other page frames them, they keep nothing in a cache, every field of the request is shown and
escaped, and where the browser goes afterwards was fixed before anybody signed in. Nothing is pre-approved; all is
approved, or nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, Response, make_response, request

from openteller_sandbox import clock
from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.customers import service as customers
from openteller_sandbox.hosted import views
from openteller_sandbox.hosted.rendering import (
    PAGE_HEADERS,
    asked_locale,
    foreign_origin,
    person_asks,
    policy,
    render,
    see_other,
)
from openteller_sandbox.hosted.texts import channel_name, translator
from openteller_sandbox.http import Problem
from openteller_sandbox.http.answers import json_text
from openteller_sandbox.http.api import Api
from openteller_sandbox.oauth import authorization, devices
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.oauth.authorization import Interaction, Redirected
from openteller_sandbox.oauth.model import Client, Profile, Refusal

PATH = "/oauth/authorize"
_COOKIE = "openteller_authorize_"
_PARAMETERS = frozenset(
    {
        "account_link_id",
        "consent_id",
        "authorization_details",
        "client_id",
        "code_challenge",
        "code_challenge_method",
        "dpop_jkt",
        "redirect_uri",
        "request",
        "request_uri",
        "resource",
        "response_mode",
        "response_type",
        "scope",
        "state",
        "ui_locales",
    }
)


def add_consent(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the authorization endpoint and its pages."""

    @pages.get(PATH)
    def authorize() -> Response:
        api.count(ANONYMOUS)
        return _told(bank, lambda: _arrive(bank))

    @pages.route("/device", methods=["GET", "POST"])
    def device() -> Response:
        api.count(ANONYMOUS)
        return _device(bank)

    @pages.route(f"{PATH}/<interaction_id>", methods=["GET", "POST"])
    def interact(interaction_id: str) -> Response:
        api.count(ANONYMOUS)
        return _told(bank, lambda: _interact(bank, interaction_id))


def _told(bank: Bank, act: Callable[[], Response]) -> Response:
    """Do something, and tell who must know where it cannot be done: the client, or whoever looks at the browser."""
    try:
        return act()
    except Redirected as redirected:
        refusal = redirected.refusal
        answer = {"error": refusal.error, "error_description": refusal.description}
        return see_other(authorization.back(bank, redirected.redirect_uri, redirected.state, **answer))
    except Refusal as refusal:
        if person_asks():
            return render("not_authorized.html", asked_locale("zh-CN"), {"error_name": refusal.error}, 400)
        body = json_text({"error": refusal.error, "error_description": refusal.description})
        response = make_response(body, 400)
        response.headers.update({**PAGE_HEADERS, "Content-Type": "application/json"})
        return response


def _arrive(bank: Bank) -> Response:
    """Take a browser that a client has sent."""
    sent = _sent()
    client = oauth.find_client(bank, sent.get("client_id", ""))
    if client is None or (bank.settings.fapi_only and client.profile is not Profile.FAPI2):
        raise Refusal("invalid_request", "The client is unknown.")
    if "request_uri" in sent:
        place = sent["request_uri"]
        if not place.startswith(authorization.REQUEST_URI):
            raise Refusal("invalid_request_uri")
        reference = place.removeprefix(authorization.REQUEST_URI)
    else:
        reference = _unpushed(bank, client, sent)
    interaction = authorization.visit(bank, client, reference, _cookie_of_request)
    return _with_cookie(bank, interaction, see_other(_place(interaction)))


def _device(bank: Bank) -> Response:
    """Take the code that a device shows (RFC 8628 section 3.3): typed, as no address has one."""
    locale, notice = asked_locale("zh-CN"), None
    if request.method == "POST":
        if foreign_origin():
            raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
        try:
            interaction = devices.visit(bank, request.form.get("user_code", ""), _cookie_of_request)
        except Refusal:
            notice = "USER_CODE"
        else:
            return _with_cookie(bank, interaction, see_other(_place(interaction)))
    return render("device.html", locale, {"notice": notice}, 422 if notice else 200)


def _sent() -> dict[str, str]:
    """Give the parameters that this endpoint knows; others are ignored (RFC 6749 section 3.1)."""
    lists = {name: values for name, values in request.args.lists() if name in _PARAMETERS}
    if any(len(values) != 1 for values in lists.values()):
        raise Refusal("invalid_request", "A parameter is given more than once.")
    return {name: values[0] for name, values in lists.items()}


def _unpushed(bank: Bank, client: Client, sent: dict[str, str]) -> str:
    asked = authorization.check(bank, client, sent)
    if client.must_push:
        refusal = Refusal("invalid_request", "This client pushes its requests (RFC 9126).")
        raise Redirected(refusal, asked.redirect_uri, asked.state)
    return authorization.push(bank, asked, visits_ms=authorization.UNPUSHED_MS)


def _interact(bank: Bank, interaction_id: str) -> Response:
    interaction = _own(bank, interaction_id)
    if request.method == "GET":
        return _page(bank, interaction)
    if foreign_origin():
        raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
    with bank.db.alone(f"authorize {interaction_id}"):  # its next form waits, also at another process
        return _act(bank, _own(bank, interaction_id))


def _own(bank: Bank, interaction_id: str) -> Interaction:
    """Give the interaction of the browser that asks."""
    interaction = authorization.find(bank, interaction_id, request.cookies.get(_cookie_name(interaction_id)))
    if interaction is None:
        raise Refusal("invalid_request_uri")
    return interaction


def _act(bank: Bank, interaction: Interaction) -> Response:
    """Do what a form asks for, when it is one of this page."""
    step = request.form.get("step", "")
    if not interaction.allows(request.form.get("csrf", "")):
        interaction.notice = "FORM"
    elif step == "language":
        interaction.locale = "en" if interaction.locale == "zh-CN" else "zh-CN"
    elif step == "sign_in" and interaction.customer is None:
        number, code = (request.form.get(name, "").strip() for name in ("customer_number", "demo_code"))
        if not authorization.sign_in(bank, interaction, number, code):
            return _page(bank, interaction, {"customer_number": number}, 422)
        return _with_cookie(bank, interaction, see_other(_place(interaction)))
    elif step == "refuse" or (step == "approve" and interaction.customer):
        decide = authorization.approve if step == "approve" else authorization.refuse
        place = decide(bank, interaction)
        return see_other(place or _place(interaction))
    else:
        interaction.notice = "FORM"
    authorization.save(bank, interaction)
    return see_other(_place(interaction))


def _page(bank: Bank, interaction: Interaction, typed: Mapping[str, str] | None = None, status: int = 200) -> Response:
    locale, asked = interaction.locale, interaction.asked
    values: dict[str, Any] = {
        "path": _place(interaction),
        "csrf": interaction.csrf,
        "notice": interaction.notice,
        "app_name": interaction.client.app.name,
        "goes_to": urlsplit(asked.redirect_uri).hostname or asked.redirect_uri.partition(":")[0],
        "of_device": asked.of_device,
    }
    if interaction.decided:
        return render("decided.html", locale, values | {"csrf": None})
    if interaction.customer is None:
        values |= {"customers": customers.CUSTOMERS, "typed": typed or {}}
        return render("authorize_sign_in.html", locale, values, status)
    before = oauth.find_consent(bank, asked.consent_id) if asked.consent_id else None
    until = clock.bank_date(oauth.renewed_until(bank, before))
    values |= {
        "customer": interaction.customer.name,
        "scopes": asked.scope.split(),
        "mandates": [views.mandate(bank, detail) for detail in asked.details],
        "until": until.isoformat(),
        "asked_from": _asked_from(bank, interaction),
    }
    values |= _changes(bank, interaction)
    response = render("consent.html", locale, values)
    # A browser holds the place that a form leads to, over its redirect, against this list.
    response.headers["Content-Security-Policy"] = policy(asked.redirect_uri)
    return response


def _changes(bank: Bank, interaction: Interaction) -> dict[str, Any]:
    """Give what a request changes of a consent that there is; nothing where it is for a new one."""
    asked = interaction.asked
    before = oauth.find_consent(bank, asked.consent_id) if asked.consent_id else None
    if before is None:
        return {"changes": False}
    had, wants = before.scope.split(), asked.scope.split()
    return {
        "changes": True,
        "scopes": [scope for scope in wants if scope not in had],
        "scopes_ended": [scope for scope in had if scope not in wants],
        "mandates": [views.mandate(bank, each) for each in asked.details if each not in before.details],
        "mandates_ended": [views.mandate(bank, each) for each in before.details if each not in asked.details],
    }


def _asked_from(bank: Bank, interaction: Interaction) -> str | None:
    """Name the linked account from whose chat a request comes, masked."""
    named = interaction.asked.account_link_id
    link = account_links.get(bank.db.read(), named) if named else None
    return f"{channel_name(link.channel, translator(interaction.locale))} {link.actor_masked}" if link else None


def _place(interaction: Interaction) -> str:
    return f"{PATH}/{interaction.interaction_id}"


def _cookie_name(interaction_id: str) -> str:
    return f"{_COOKIE}{interaction_id}"


def _cookie_of_request(bank: Bank, request_hash: str) -> Interaction | None:
    """Give the interaction that this browser has begun with a request, if it has one."""
    for name, value in request.cookies.items():
        if name.startswith(_COOKIE):
            found = authorization.find(bank, name.removeprefix(_COOKIE), value)
            if found is not None and found.request_hash == request_hash:
                return found
    return None


def _with_cookie(bank: Bank, interaction: Interaction, response: Response) -> Response:
    if interaction.cookie:
        response.set_cookie(
            _cookie_name(interaction.interaction_id),
            interaction.cookie,
            max_age=authorization.INTERACTION_MS // clock.SECOND,
            path=PATH,
            httponly=True,
            samesite="Lax",
            secure=bank.settings.public_url.startswith("https://"),
        )
    return response
