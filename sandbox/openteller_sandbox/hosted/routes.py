"""The payment page at ``/pay/{code}``, and the pages around it.

A GET changes nothing, as preview crawlers open links: not the payment, not a session. Every change is a form with a
token, answered with 303.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

from flask import Blueprint, Response, g, make_response, request

from openteller_sandbox.bank import ANONYMOUS, Bank, World
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.hosted import flow, sessions, typed, views
from openteller_sandbox.hosted.consent import add_consent
from openteller_sandbox.hosted.dashboard import add_dashboard
from openteller_sandbox.hosted.extending import add_extending
from openteller_sandbox.hosted.flow import FieldFaults, Step, Visit
from openteller_sandbox.hosted.link_check import add_link_check
from openteller_sandbox.hosted.linking import add_linking
from openteller_sandbox.hosted.place_pages import add_place_pages
from openteller_sandbox.hosted.rate_pages import add_rate_pages
from openteller_sandbox.hosted.receipt_check import add_receipt_check
from openteller_sandbox.hosted.reference import add_reference
from openteller_sandbox.hosted.rendering import (
    PAGE_HEADERS,
    asked_locale,
    foreign_origin,
    person_asks,
    problem_page,
    render,
    see_other,
)
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.hosted.texts import LOCALES, translator
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api
from openteller_sandbox.http.problems import MEDIA_TYPE
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.receipts import service as receipts

_COOKIE = sessions.COOKIE
_FORMS: dict[str, tuple[Step, Callable[[Visit], None]]] = {
    "place": (Step.PLACE, flow.choose_place),
    "biller": (Step.BILLER, flow.choose_biller),
    "account": (Step.ACCOUNT, flow.fill_account),
    "sign_in": (Step.SIGN_IN, flow.sign_in),
    "digits": (Step.DIGITS, flow.confirm_digits),
    "retry": (Step.RETRY, flow.retry),
    "bills": (Step.BILLS, flow.choose_bills),
    "amount": (Step.AMOUNT, flow.name_amount),
    "confirm": (Step.CONFIRM, flow.confirm),
}
# Ways back, allowed wherever no money has moved.
_WAYS_BACK: dict[str, Callable[[Visit], None]] = {
    "again": flow.choose_again,
    "leave": flow.leave,
    "change_amount": flow.change_amount,
}
_KEPT = ("Allow", "Retry-After")  # of a problem that becomes a page
_LINK_PROBLEMS = frozenset({"LINK_EXPIRED", "LINK_USED", "LINK_NOT_FOUND"})


@dataclass(frozen=True, slots=True)
class Browser:
    """A browser at a payment link."""

    held: Held
    world: World
    now: int
    session: Session | None

    @property
    def path(self) -> str:
        """Where its page is."""
        return f"/pay/{self.held.link_code}"


def blueprint(bank: Bank, api: Api) -> Blueprint:
    """Make the pages over a bank."""
    pages = Blueprint("hosted", __name__, static_folder="static", static_url_path="/static")
    _add_payment_page(pages, bank, api)
    add_link_check(pages, bank, api)
    add_receipt_check(pages, bank, api)
    add_rate_pages(pages, bank, api)
    add_place_pages(pages, bank, api)
    add_consent(pages, bank, api)
    add_dashboard(pages, bank, api)
    add_extending(pages, bank, api)
    add_linking(pages, bank, api)
    pages.after_app_request(lambda response: _for_people(bank, response))
    add_reference(pages, bank)
    pages.add_app_template_filter(views.yuan, "yuan")
    pages.add_app_template_filter(views.wire_yuan, "wire_yuan")
    pages.add_app_template_filter(views.second, "second")
    pages.add_app_template_filter(views.wire_second, "wire_second")
    pages.add_app_template_filter(views.percent, "percent")
    return pages


def _add_payment_page(pages: Blueprint, bank: Bank, api: Api) -> None:
    def at_link(view: Callable[[Bank, Browser], Response]) -> Callable[[str], Response]:
        """Count the request, and find the payment."""

        @wraps(view)
        def counted(code: str) -> Response:
            api.count(ANONYMOUS)
            g.browser = browser = _browser(bank, code)
            if request.method == "GET" and not browser.world.faults:  # changes nothing, and is not struck either
                return view(bank, browser)
            sent = typed.details(browser.held, browser.session, request)
            with deeds.doing(bank, browser.world, deeds.PAYER, typed.name_of(request), lambda: sent):
                g.browser = browser = replace(browser, now=bank.now(browser.world))
                api.disturb(browser.world)
                return view(bank, browser)

        return counted

    pages.add_url_rule("/pay/<code>", "show", at_link(_show), methods=["GET"])
    pages.add_url_rule("/pay/<code>", "act", at_link(_act), methods=["POST"])
    pages.add_url_rule("/pay/<code>/receipt", "receipt", at_link(_receipt), methods=["GET"])
    pages.add_url_rule("/pay/<code>/receipt", "print", at_link(_print), methods=["POST"])
    pages.add_url_rule("/pay/<code>/receipt.pdf", "pdf", at_link(_pdf), methods=["GET"])
    pages.add_url_rule("/pay/<code>/qr.svg", "qr_svg", at_link(_qr_svg), methods=["GET"])

    @pages.get("/.well-known/jwks.json")
    def keys() -> Response:
        response = make_response(json.dumps({"keys": [_jwk(key) for key in receipts.keys(bank.db.read())]}))
        response.headers.update({"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300"})
        return response


def _jwk(key: Mapping[str, Any]) -> dict[str, Any]:
    """Give a key with the members that RFC 7517 knows."""
    return {name: key[name] for name in ("kty", "crv", "x", "kid", "use", "alg")}


def _for_people(bank: Bank, response: Response) -> Response:
    """Put a page in the place of a problem's JSON, whatever it was, where a person looks at it."""
    if response.mimetype != MEDIA_TYPE or not person_asks():
        return response
    browser: Browser | None = g.get("browser")
    session, held = (browser.session, browser.held) if browser else (None, None)
    page = problem_page(bank, Problem(response.get_json()["code"]), session, held, way_back=False)
    page.headers.update({name: response.headers[name] for name in _KEPT if name in response.headers})
    return page


def _browser(bank: Bank, code: str) -> Browser:
    held = payments.by_link(bank.db.read(), code)
    if held is None:
        raise Problem("LINK_NOT_FOUND")
    world = payments.world_of(bank, held)
    return Browser(held, world, bank.now(world), _session(bank, held))


def _session(bank: Bank, held: Held) -> Session | None:
    return sessions.find(bank, held.payment.payment_id, request.cookies.get(_COOKIE))


def _show(bank: Bank, browser: Browser) -> Response:
    held, session = browser.held, browser.session
    if session is None:
        locale = asked_locale(held.payment.locale)
        if flow.step_without_session(bank, held, browser.now) is Step.RESULT:
            return render("result.html", locale, {"mine": False})
        return render("landing.html", locale, {"code": held.link_code, **views.landing(bank, held, locale)})
    try:
        step = _next_step(_visit(bank, browser, session))
        return _page_of(bank, browser, session, step)
    except Problem as problem:
        if problem.code in _LINK_PROBLEMS:
            raise
        return problem_page(bank, problem, session, held)


def _act(bank: Bank, browser: Browser) -> Response:
    """Do what a form asks for, when it is the form of the step that is next."""
    if foreign_origin():
        raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
    if browser.session is None:
        return _start(bank, browser)
    with bank.db.alone(f"page {browser.session.session_hash}"):  # its next form waits, also at another process
        return _act_alone(bank, replace(browser, session=_session(bank, browser.held)))


def _act_alone(bank: Bank, browser: Browser) -> Response:
    session, name = browser.session, request.form.get("step", "")
    if session is None or name == "start":
        return _start(bank, browser)
    session.notice = None
    response = None
    if not session.allows(request.form.get("csrf", "")):
        session.notice = "FORM"
    elif name == "language":
        session.locale = _other(session.locale)
    else:
        response = _do(_visit(bank, browser, session), browser, name)
    if response is None:
        sessions.save(bank, session)
        response = see_other(browser.path)
    return _with_cookie(bank, browser, response, session.new_token) if session.new_token else response


def _receipt(bank: Bank, browser: Browser) -> Response:
    session = browser.session
    shown = views.receipt(bank, browser.held, session, session.locale) if session else None
    if session is None or shown is None:
        return see_other(browser.path)
    values = {"code": browser.held.link_code, "csrf": session.csrf, "path": f"{browser.path}/receipt", **shown}
    return render("receipt.html", session.locale, values)


def _print(bank: Bank, browser: Browser) -> Response:
    """Have the PDF made: not for a GET, which crawlers send, and not while anybody waits; or change the language."""
    session = browser.session
    if foreign_origin():
        raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
    if session is not None and request.form.get("step") == "language":
        with bank.db.alone(f"page {session.session_hash}"):  # its next form waits, also at another process
            _change_language(bank, _session(bank, browser.held))
        return see_other(f"{browser.path}/receipt")
    if session is None or browser.held.payment.receipt_id is None or not views.is_payer(browser.held, session):
        return see_other(browser.path)
    if session.allows(request.form.get("csrf", "")):
        receipts.ask_for_print(bank, browser.held)
    return see_other(f"{browser.path}/receipt")


def _change_language(bank: Bank, session: Session | None) -> None:
    if session is not None and session.allows(request.form.get("csrf", "")):
        session.locale = _other(session.locale)
        sessions.save(bank, session)


def _other(locale: str) -> str:
    return "en" if locale == "zh-CN" else "zh-CN"


def _pdf(bank: Bank, browser: Browser) -> Response:
    """Give the PDF to the payer, in the session in which they have signed in; everybody else is sent to the page."""
    made = receipts.pdf(bank, browser.held) if views.is_payer(browser.held, browser.session) else None
    if made is None:
        return see_other(f"{browser.path}/receipt" if browser.session else browser.path)
    response = make_response(made)
    response.headers.update({**PAGE_HEADERS, "Content-Type": "application/pdf"})
    response.headers["Content-Disposition"] = 'attachment; filename="receipt.pdf"'
    return response


def _qr_svg(bank: Bank, browser: Browser) -> Response:
    import segno  # noqa: PLC0415 - few starts need it

    buffer = io.BytesIO()
    code = segno.make(f"{bank.settings.public_url}{browser.path}", error="m")
    code.save(buffer, kind="svg", scale=6, border=4, light="#ffffff")
    response = make_response(buffer.getvalue())
    response.headers.update({**PAGE_HEADERS, "Content-Type": "image/svg+xml"})
    return response


def _start(bank: Bank, browser: Browser) -> Response:
    """Begin a session where there is something to pay."""
    if flow.step_without_session(bank, browser.held, browser.now) is Step.RESULT:
        return see_other(browser.path)
    locale = request.form.get("lang", "")
    token = sessions.begin(bank, browser.held, locale if locale in LOCALES else browser.held.payment.locale)
    return _with_cookie(bank, browser, see_other(browser.path), token)


def _with_cookie(bank: Bank, browser: Browser, response: Response, token: str) -> Response:
    secure = bank.settings.public_url.startswith("https://")
    response.set_cookie(_COOKIE, token, path=browser.path, httponly=True, samesite="Lax", secure=secure)
    return response


def _visit(bank: Bank, browser: Browser, session: Session) -> Visit:
    lists = dict(request.form.lists())
    return Visit(bank, browser.world, browser.held, session, request.form.to_dict(), lists, browser.now)


def _next_step(visit: Visit) -> Step:
    """Say which step is next; where there is one bill, it needs no choice."""
    step = flow.step(visit.bank, visit.held, visit.session, visit.now)
    if step is not Step.BILLS:
        return step
    flow.take_only_bill(visit)
    return flow.step(visit.bank, visit.held, visit.session, visit.now)


def _do(visit: Visit, browser: Browser, name: str) -> Response | None:
    """Run a form; give a page where it must be filled in again."""
    session = visit.session
    step = _next_step(visit)
    try:
        if name in _WAYS_BACK and step is not Step.RESULT:
            _WAYS_BACK[name](visit)
        elif name in _FORMS and _FORMS[name][0] is step:
            _FORMS[name][1](visit)
        else:
            session.notice = "FORM"
    except FieldFaults as faults:
        session.notice = faults.notice
        marks = {"faults": faults.faults, "typed": visit.form}
        return _page_of(visit.bank, browser, session, step, marks, 422)
    except Problem as problem:
        if problem.code in _LINK_PROBLEMS:
            raise
        sessions.save(visit.bank, session)
        return problem_page(visit.bank, problem, session, visit.held)
    return None


def _page_of(
    bank: Bank, browser: Browser, session: Session, step: Step, marks: dict[str, Any] | None = None, status: int = 200
) -> Response:
    held = browser.held
    values: dict[str, Any] = {
        "code": held.link_code,
        "code4": held.code4,
        "csrf": session.csrf,
        "notice": session.notice,
        "step": step.value,
        **(marks or {}),
    }
    if step is Step.RESULT:
        values |= views.result(bank, held, session, translator(session.locale))
    else:
        values |= views.of_step(bank, held, session, step, browser.now)
    return render(f"{step.value}.html", session.locale, values, status)
