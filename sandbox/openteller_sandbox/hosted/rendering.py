"""Turning values into pages: with headers against framing, caching, indexing and following, and in a language."""

from __future__ import annotations

from typing import Any

from flask import Response, make_response, render_template, request
from werkzeug.datastructures import Headers

from openteller_sandbox.bank import Bank
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.hosted.texts import LOCALES, notice, translator
from openteller_sandbox.http import Problem, addresses
from openteller_sandbox.http.answers import JSON
from openteller_sandbox.http.problems import MEDIA_TYPE, wait_headers
from openteller_sandbox.payments.model import Held


class _Onward(Response):
    """A redirect whose address goes out letter for letter as it was registered: werkzeug writes it anew as the response
    leaves, and fails there, where no page can be made of the failure, at a host that it cannot read.
    """

    def get_wsgi_headers(self, environ: object) -> Headers:  # noqa: ARG002 - as werkzeug calls it
        """Give the headers as they are."""
        return self.headers


def policy(leads_to: str = "") -> str:
    """Give the content security policy of a page; leads_to: an address to which its forms lead, over a redirect."""
    source = _source(leads_to)
    forms = f"'self' {source}" if source else "'self'"
    return (
        f"default-src 'none'; style-src 'self'; img-src 'self'; form-action {forms}; frame-ancestors 'none'; "
        "base-uri 'none'"
    )


def _source(url: str) -> str | None:
    """Give what a policy calls the place of an address, whole; of an IPv6 address, which no policy can name
    (CSP level 3, section 2.3.1), and of an app's own scheme, the scheme.
    """
    address = addresses.parse(url)
    if address is None:
        scheme = url.partition(":")[0].lower()
        return f"{scheme}:" if scheme not in {"", "http", "https"} else None
    return f"{address.scheme}:" if address.host.startswith("[") else address.origin


PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": policy(),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
_OF_PAYERS = ("/pay/", "/customer", "/account-link/", "/link-check", "/receipt-check", "/R/")
_OF_ANYBODY = {"/rates": "rates", "/branches": "places_branches", "/atms": "places_atms"}
"""Pages that nobody signs in to, and what they are called: each is the way back from those below it."""
_OF_CUSTOMERS = ("/oauth/authorize",)
_OF_PROGRAMS = ("/v1/", "/sandbox/", "/oauth/", "/.well-known/", "/openapi.json")
_DEFAULTS: dict[str, Any] = {
    "faults": {},
    "typed": {},
    "notice": None,
    "csrf": None,
    "code4": None,
    "step": None,
    "code": None,
    "account_label": None,
    "path": None,
    "back": None,
}


def render(template: str, locale: str, values: dict[str, Any], status: int = 200) -> Response:
    """Make a page in a language."""
    body = render_template(template, locale=locale, t=translator(locale), told=notice, **(_DEFAULTS | values))
    response = make_response(body, status)
    response.headers.update(PAGE_HEADERS)
    response.headers["Content-Language"] = locale
    return response


def problem_page(
    bank: Bank, problem: Problem, session: Session | None = None, held: Held | None = None, *, way_back: bool = True
) -> Response:
    """Tell a payer what is wrong, in the language of the session or the link, with a way back where there is one."""
    row = bank.contract.error_codes[problem.code]
    locale = session.locale if session else asked_locale(held.payment.locale if held else "zh-CN")
    values = {
        "message": row.display_message[locale],
        "error_code": row.code,
        "code": held.link_code if held and way_back else None,
        "csrf": session.csrf if session and way_back else None,
        "back": next(((path, name) for path, name in _OF_ANYBODY.items() if _below(path)), None),
    }
    response = render("problem.html", locale, values, row.status)
    response.headers.update(wait_headers(problem, row.status))
    return response


def _below(path: str) -> bool:
    return request.path == path or request.path.startswith(f"{path}/")


def person_asks() -> bool:
    """Tell whether a person looks at the answer: on a page unless JSON is asked for, elsewhere where HTML is."""
    if request.path.startswith(_OF_PROGRAMS) and not request.path.startswith(_OF_CUSTOMERS):
        return False
    accepted = request.accept_mimetypes
    if request.path.startswith((*_OF_PAYERS, *_OF_ANYBODY)) or any(kind == "text/html" for kind, _ in accepted):
        return accepted.quality("text/html") >= max(accepted.quality(JSON), accepted.quality(MEDIA_TYPE))
    return False


def foreign_origin() -> bool:
    """Tell whether a browser says that another site sent the form."""
    site = request.headers.get("Sec-Fetch-Site")
    return site is not None and site not in {"same-origin", "none"}


def see_other(path: str) -> Response:
    """Send a browser on after a form (303), which does not go along: to a page of the bank's, or a registered one."""
    return _Onward(status=303, headers=PAGE_HEADERS | {"Location": path, "Content-Length": "0"})


def asked_locale(fallback: str) -> str:
    """Give the language that the address asks for, else the fallback, but English to a browser that takes English and
    no Chinese at all: a payer who lists both reads what the bank, or the app in the chat, has chosen. A language is no
    state.
    """
    asked = request.args.get("lang")
    if asked in LOCALES:
        return str(asked)
    taken = {tag.lower().partition("-")[0] for tag, quality in request.accept_languages if quality > 0}
    return "en" if "en" in taken and not taken & {"zh", "*"} else fallback
