"""The page on which a customer lets a consent last longer, or refuses: one of their own pages,
``/customer/{world_id}/extensions/{extension_id}``.

Before the customer whose consent it is has signed in, it shows nothing of it; to any other it is a page that is not
there. A GET changes nothing: preview crawlers open what stands in a chat.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, request

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank
from openteller_sandbox.consents import service as consents
from openteller_sandbox.consents.service import Extension
from openteller_sandbox.customers import service as customers
from openteller_sandbox.hosted import views
from openteller_sandbox.hosted.customer_sessions import Visit
from openteller_sandbox.hosted.dashboard import PATH, of_visit, page_locale, place_of, sign_in, with_cookie
from openteller_sandbox.hosted.dashboard_views import app_name
from openteller_sandbox.hosted.rendering import policy, render, see_other
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api
from openteller_sandbox.oauth import service as oauth

_EXTENSION = re.compile(r"cex_[0-9a-z]{4,44}")
_OVER = {"APPROVED": "extended", "REFUSED": "not_extended"}


def add_extending(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the page."""
    path = f"{PATH}/<world_id>/extensions/<extension_id>"
    shown, done = (of_visit(bank, api, view, signed_in=False) for view in (_show, _act))
    pages.add_url_rule(path, "customer_extension", shown, methods=["GET"])
    pages.add_url_rule(path, "customer_extension_act", done, methods=["POST"])


def _show(bank: Bank, visit: Visit, extension_id: str, notice: str | None = None, status: int = 200) -> Response:
    here = f"{PATH}/{visit.world.world_id}/extensions/{extension_id}"
    values: dict[str, Any] = {"here": here, "form_csrf": visit.csrf, "notice": notice}
    if visit.customer is None:
        said = {"sign_in_title": "extending", "sign_in_help": "extending_sign_in", "customers": customers.CUSTOMERS}
        page = render("customer_sign_in.html", page_locale(), values | said | {"home": here}, status)
        return with_cookie(bank, visit, page)
    extension = _own(bank, visit, extension_id)
    standing = consents.standing_of_extension(bank, bank.db.read(), visit.world, extension)
    if standing != "AWAITING":
        return _over(bank, visit, extension, standing)
    consent = oauth.find_consent(bank, extension.consent_id)
    assert consent is not None
    to = extension.return_url
    values |= {
        "app_name": app_name(bank, extension.app_id),
        "customer": visit.customer.name,
        "until_now": _day(consent.expires_at),
        "until": _day(extension.consent_expires_at),
        "scopes": consent.scope.split(),
        "mandates": [views.mandate(bank, detail) for detail in consent.details],
        "goes_to": urlsplit(to).hostname or to.partition(":")[0] if to else None,
    }
    response = render("extension.html", page_locale(), values, status)
    # A browser holds the place that a form leads to, over its redirect, against this list.
    response.headers["Content-Security-Policy"] = policy(to or "")
    return response


def _over(bank: Bank, visit: Visit, extension: Extension, standing: str) -> Response:
    """Tell how it has ended."""
    values = {
        "home": f"{PATH}/{visit.world.world_id}",
        "heading": _OVER.get(standing, "extension_gone"),
        "until": _day(extension.consent_expires_at) if standing == "APPROVED" else None,
        "back": _back(bank, extension) if standing in _OVER else None,
    }
    return render("extension_over.html", page_locale(), values, 200 if standing in _OVER else 410)


def _act(bank: Bank, visit: Visit, extension_id: str) -> Response:
    """Do what a form asks for, when it is one of this browser's."""
    step = request.form.get("step", "")
    below = f"/extensions/{extension_id}"
    if not visit.allows(request.form.get("csrf", "")):
        return _show(bank, visit, extension_id, "FORM", 422)
    if visit.customer is None and step == "sign_in":
        signed_in, why_not = sign_in(bank, visit)
        if signed_in is None:
            return _show(bank, visit, extension_id, why_not, 422)
        return with_cookie(bank, signed_in, see_other(place_of(signed_in, below)))
    if visit.customer is None or step not in {"approve", "refuse"}:
        return _show(bank, visit, extension_id, "FORM", 422)
    extension = _own(bank, visit, extension_id)
    answered = consents.answer_extension(
        bank, visit.world, extension_id, visit.customer.customer_id, approves=step == "approve"
    )
    back = _back(bank, extension) if answered else None
    return see_other(back or place_of(visit, below))


def _own(bank: Bank, visit: Visit, extension_id: str) -> Extension:
    """Give an extension that is for the customer who is signed in to answer.

    Raises:
        Problem: NOT_FOUND.
    """
    assert visit.customer is not None
    found = consents.get_extension(bank.db.read(), extension_id) if _EXTENSION.fullmatch(extension_id) else None
    if found is None or (found.world_id, found.customer_id) != (visit.world.world_id, visit.customer.customer_id):
        raise Problem("NOT_FOUND")
    return found


def _back(bank: Bank, extension: Extension) -> str | None:
    """Give the address that a browser is sent back to, with the issuer, as RFC 9207 has it for codes."""
    if extension.return_url is None:
        return None
    values = {"extension_id": extension.extension_id, "iss": bank.settings.public_url}
    return f"{extension.return_url}{'&' if '?' in extension.return_url else '?'}{urlencode(values)}"


def _day(instant: int) -> str:
    return clock.bank_date(instant).isoformat()
