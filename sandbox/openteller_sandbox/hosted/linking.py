"""The page on which a customer links a social account, or refuses: ``/account-link/{token}``.

A GET changes nothing, as preview crawlers open what stands in a chat. Before anybody has signed in the page tells no
more than which app asks; afterwards it shows the account, masked, as the warning that matters is to know one's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Response, request

from openteller_sandbox.account_links import service, visits
from openteller_sandbox.account_links.service import Link
from openteller_sandbox.account_links.visits import Visit
from openteller_sandbox.bank import ANONYMOUS, Bank, World
from openteller_sandbox.customers import service as customers
from openteller_sandbox.hosted.rendering import asked_locale, foreign_origin, policy, render, see_other
from openteller_sandbox.hosted.texts import LOCALES, channel_name, translator
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api

_COOKIE = "openteller_link"


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser at the page of a link. path: where that is; visit: None until it has begun."""

    path: str
    link: Link
    world: World
    app_name: str
    visit: Visit | None

    @property
    def locale(self) -> str:
        """In which language it reads."""
        return self.visit.locale if self.visit else asked_locale(self.link.locale)


def add_linking(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the page."""

    @pages.route(f"{service.PATH}/<token>", methods=["GET", "POST"])
    def link_account(token: str) -> Response:
        api.count(ANONYMOUS)
        browser = _browser(bank, token)
        if browser is None:
            return render("link_gone.html", asked_locale("zh-CN"), {}, 404)
        if request.method == "GET":
            return _page(bank, browser)
        if foreign_origin():
            raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
        if browser.visit is None:
            return _begin(bank, browser)
        with bank.db.alone(f"link {browser.visit.visit_hash}"):  # its next form waits, also at another process
            return _act(bank, _browser(bank, token) or browser)


def _browser(bank: Bank, token: str) -> Browser | None:
    found = visits.find_link(bank, token)
    if found is None:
        return None
    link, world, app_name = found
    visit = visits.find(bank, link, world, request.cookies.get(_COOKIE))
    return Browser(f"{service.PATH}/{token}", link, world, app_name, visit)


def _begin(bank: Bank, browser: Browser) -> Response:
    """Begin a visit where there is something to answer."""
    if browser.link.status != "AWAITING" or not browser.link.is_open(bank.now(browser.world)):
        return see_other(browser.path)
    locale = request.form.get("lang", "")
    cookie = visits.begin(bank, browser.link, locale if locale in LOCALES else browser.link.locale)
    return _with_cookie(bank, browser, see_other(browser.path), cookie)


def _act(bank: Bank, browser: Browser) -> Response:
    """Do what a form asks for, when it is one of this page."""
    visit, step = browser.visit, request.form.get("step", "")
    if visit is None or step == "start":
        return _begin(bank, browser)
    visit.notice = None
    if not visit.allows(request.form.get("csrf", "")):
        visit.notice = "FORM"
    elif step == "language":
        visit.locale = "en" if visit.locale == "zh-CN" else "zh-CN"
    elif step == "sign_in" and visit.customer is None:
        number, code = (request.form.get(name, "").strip() for name in ("customer_number", "demo_code"))
        visits.sign_in(bank, visit, number, code)
        response = see_other(browser.path)
        return _with_cookie(bank, browser, response, visit.new_cookie) if visit.new_cookie else response
    elif step in {"approve", "refuse"} and visit.customer is not None:
        return _answer(bank, browser, visit.customer.customer_id, approves=step == "approve")
    else:
        visit.notice = "FORM"
    visits.save(bank, visit)
    return see_other(browser.path)


def _answer(bank: Bank, browser: Browser, customer_id: str, *, approves: bool) -> Response:
    """Keep the customer's answer, and send the browser where the nonce goes."""
    answered = service.answer(bank, browser.world, browser.link.account_link_id, customer_id, approves=approves)
    link = service.get(bank.db.read(), browser.link.account_link_id)
    if not answered or not approves or link is None or link.return_url is None:
        return see_other(browser.path)
    return see_other(_back(bank, link, link.return_url))


def _back(bank: Bank, link: Link, return_url: str) -> str:
    """Give the address that a browser is sent back to, with the issuer, as RFC 9207 has it for codes."""
    nonce = service.nonce_of(bank, link)
    values = {"account_link_id": link.account_link_id, "nonce": nonce, "iss": bank.settings.public_url}
    return f"{return_url}{'&' if '?' in return_url else '?'}{urlencode(values)}"


def _page(bank: Bank, browser: Browser) -> Response:
    link, visit, locale = browser.link, browser.visit, browser.locale
    values: dict[str, Any] = {
        "path": browser.path,
        "csrf": visit.csrf if visit else None,
        "notice": visit.notice if visit else None,
        "app_name": browser.app_name,
        "channel": channel_name(link.channel, translator(locale)),
    }
    is_open = link.is_open(bank.now(browser.world))
    if link.status == "APPROVED" and is_open and visit and visit.customer:
        return _approved(bank, browser, visit, values)
    if link.status != "AWAITING" or not is_open:
        return render("link_gone.html", locale, values | {"csrf": None}, 410)
    if visit is None:
        return render("link_landing.html", locale, values)
    if visit.customer is None:
        return render("link_sign_in.html", locale, values | {"customers": customers.CUSTOMERS})
    goes_to = urlsplit(link.return_url).hostname or link.return_url.partition(":")[0] if link.return_url else None
    values |= {"account": link.actor_masked, "customer": visit.customer.name, "goes_to": goes_to}
    response = render("link_approve.html", locale, values)
    # A browser holds the place that a form leads to, over its redirect, against this list.
    response.headers["Content-Security-Policy"] = policy(link.return_url or "")
    return response


def _approved(bank: Bank, browser: Browser, visit: Visit, values: dict[str, Any]) -> Response:
    """Tell the customer who has approved what is left to do: in no other browser, and to nobody else."""
    link = browser.link
    if visit.customer is None or visit.customer.customer_id != link.customer_id:
        return render("link_gone.html", visit.locale, values | {"csrf": None}, 410)
    back = _back(bank, link, link.return_url) if link.return_url else None
    nonce = None if back else service.nonce_of(bank, link)
    return render("link_approved.html", visit.locale, values | {"back": back, "nonce": nonce})


def _with_cookie(bank: Bank, browser: Browser, response: Response, cookie: str) -> Response:
    secure = bank.settings.public_url.startswith("https://")
    response.set_cookie(_COOKIE, cookie, path=browser.path, httponly=True, samesite="Lax", secure=secure)
    return response
