"""Pages: the payment page at ``/pay/{code}``, the explanation of errors, the link check, the reference.

A GET changes nothing, as preview crawlers open links: not the payment, not a session. Every change is a form with a token, answered with 303.
"""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Blueprint, Response, make_response, redirect, render_template, request

from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.hosted import flow, sessions, views
from openteller_sandbox.hosted.flow import FieldFaults, Step, Visit
from openteller_sandbox.hosted.reference import add_reference
from openteller_sandbox.hosted.sessions import Session
from openteller_sandbox.hosted.texts import LOCALES, translator
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api
from openteller_sandbox.payments import records, receipts
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held

log = logging.getLogger("openteller_sandbox.hosted")

_COOKIE = "openteller_pay"
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "X-Robots-Tag": "noindex, nofollow",
}
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


def blueprint(bank: Bank, api: Api) -> Blueprint:
    """Make the pages over a bank."""
    pages = Blueprint("hosted", __name__, static_folder="static", static_url_path="/static")
    add_payment_page(pages, bank, api)
    add_link_check(pages, bank, api)
    add_reference(pages, bank)
    pages.add_app_template_filter(views.yuan, "yuan")
    pages.add_app_template_filter(views.wire_yuan, "wire_yuan")
    return pages


def add_payment_page(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add ``/pay/{code}`` with its QR code and receipt."""

    def page(view: Callable[..., Response]) -> Callable[..., Response]:
        """Count the request, and answer a refusal with a page instead of JSON."""

        @wraps(view)
        def guarded(code: str) -> Response:
            api.count(ANONYMOUS)
            try:
                return view(code, _payment(bank, code))
            except Problem as problem:
                return _problem_page(bank, problem)

        return guarded

    @pages.get("/pay/<code>")
    @page
    def show(code: str, held: Held) -> Response:
        session = sessions.find(bank, held.payment.payment_id, request.cookies.get(_COOKIE))
        return _show(bank, held, session)

    @pages.post("/pay/<code>")
    @page
    def act(code: str, held: Held) -> Response:
        session = sessions.find(bank, held.payment.payment_id, request.cookies.get(_COOKIE))
        if _foreign_origin():
            raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
        if session is None or request.form.get("step") == "start":
            return _start(bank, code, held)
        return _act(bank, code, held, session)

    @pages.get("/pay/<code>/receipt")
    @page
    def receipt(code: str, held: Held) -> Response:
        session = sessions.find(bank, held.payment.payment_id, request.cookies.get(_COOKIE))
        locale = session.locale if session else held.payment.locale
        shown = views.receipt(bank, held, session, locale) if session else None
        if shown is None:
            return redirect(f"/pay/{code}", 303)  # type: ignore[return-value]
        return _render("receipt.html", locale, code=code, **shown)

    @pages.get("/pay/<code>/qr.svg")
    @page
    def qr_svg(code: str, held: Held) -> Response:
        import segno  # noqa: PLC0415 - few starts need it

        buffer = io.BytesIO()
        segno.make(f"{bank.settings.public_url}/pay/{held.link_code}", error="m").save(buffer, kind="svg", scale=6, border=4, light="#ffffff")
        response = make_response(buffer.getvalue())
        response.headers.update({**_PAGE_HEADERS, "Content-Type": "image/svg+xml"})
        return response

    @pages.get("/.well-known/jwks.json")
    def keys() -> Response:
        response = make_response(json.dumps(receipts.public_keys(bank.db.read())))
        response.headers.update({"Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=300"})
        return response


def add_link_check(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the page "is this link ours?". The link is sent in a body: it is a secret."""

    @pages.route("/link-check", methods=["GET", "POST"])
    def link_check() -> Response:
        api.count(ANONYMOUS)
        answer = None
        if request.method == "POST":
            prefix = f"{bank.settings.public_url}/pay/"
            link = request.form.get("link", "").strip()
            ours = link.startswith(prefix) and records.by_code(bank.db.read(), link.removeprefix(prefix).split("?")[0]) is not None
            answer = "ours" if ours else "not_ours"
        from openteller_sandbox.status.service import OFFICIAL_ACCOUNTS  # noqa: PLC0415

        prefix = f"{bank.settings.public_url}/pay/"
        return _render("link_check.html", _locale("zh-CN"), answer=answer, prefix=prefix, accounts=OFFICIAL_ACCOUNTS)


def _payment(bank: Bank, code: str) -> Held:
    held = records.by_code(bank.db.read(), code)
    if held is None:
        raise Problem("LINK_NOT_FOUND")
    return held


def _start(bank: Bank, code: str, held: Held) -> Response:
    locale = request.form.get("lang", "")
    _, token = sessions.begin(bank, held, locale if locale in LOCALES else held.payment.locale)
    response = redirect(f"/pay/{code}", 303)
    secure = bank.settings.public_url.startswith("https://")
    response.set_cookie(_COOKIE, token, path=f"/pay/{code}", httponly=True, samesite="Lax", secure=secure)
    response.headers.update(_PAGE_HEADERS)
    return response  # type: ignore[return-value]


def _show(bank: Bank, held: Held, session: Session | None) -> Response:
    world = payments.world_of(bank, held)
    now = bank.now(world)
    locale = session.locale if session else _locale(held.payment.locale)
    if session is None:
        if flow.step_without_session(bank, held, now) is Step.RESULT:
            return _render("result.html", locale, code=held.link_code, mine=False, app_name="")
        return _render("landing.html", locale, code=held.link_code, **views.landing(bank, held, locale))
    try:
        return _show_step(bank, held, session, now)
    except Problem as problem:
        return _problem_page(bank, problem, session, held)


def _show_step(bank: Bank, held: Held, session: Session, now: int) -> Response:
    locale = session.locale
    step = flow.step(bank, held, session, now)
    if step is Step.BILLS:
        flow.take_only_bill(Visit(bank, payments.world_of(bank, held), held, session, {}, {}, now))
        step = flow.step(bank, held, session, now)
    common = {"code": held.link_code, "code4": held.code4, "csrf": session.csrf, "notice": session.notice, "step": step.value}
    if step is Step.RESULT:
        return _render("result.html", locale, **common, **views.result(bank, held, session, translator(locale)))
    return _render(f"{step.value}.html", locale, **common, **views.of_step(bank, held, session, step, now))


def _act(bank: Bank, code: str, held: Held, session: Session) -> Response:
    """Do what a form asks for, when it is the form of the step that is next."""
    world = payments.world_of(bank, held)
    now = bank.now(world)
    session.notice = None
    name = request.form.get("step", "")
    visit = Visit(bank, world, held, session, request.form.to_dict(), dict(request.form.lists()), now)
    if not session.allows(request.form.get("csrf", "")):
        session.notice = "FORM"
    elif name == "language":
        session.locale = "en" if session.locale == "zh-CN" else "zh-CN"
    else:
        step = flow.step(bank, held, session, now)
        if step is Step.BILLS:
            flow.take_only_bill(visit)
            step = flow.step(bank, held, session, now)
        if refusal := _do(visit, name, step):
            return refusal
    sessions.save(bank, session)
    response = redirect(f"/pay/{code}", 303)
    response.headers.update(_PAGE_HEADERS)
    return response  # type: ignore[return-value]


def _do(visit: Visit, name: str, step: Step) -> Response | None:
    """Run a form; give a page where it must be filled in again."""
    session = visit.session
    try:
        if name in _WAYS_BACK and step is not Step.RESULT:
            _WAYS_BACK[name](visit)
        elif name in _FORMS and _FORMS[name][0] is step:
            _FORMS[name][1](visit)
        else:
            session.notice = "FORM"
    except FieldFaults as faults:
        shown = views.of_step(visit.bank, visit.held, session, step, visit.now)
        common = {"code": visit.held.link_code, "code4": visit.held.code4, "csrf": session.csrf, "step": step.value, "notice": "FIELD"}
        return _render(f"{step.value}.html", session.locale, 422, **common, **shown, faults=faults.faults, typed=visit.form)
    except Problem as problem:
        if problem.code in {"LINK_EXPIRED", "LINK_USED", "LINK_NOT_FOUND"}:
            raise
        sessions.save(visit.bank, session)
        return _problem_page(visit.bank, problem, session, visit.held)
    return None


def _problem_page(bank: Bank, problem: Problem, session: Session | None = None, held: Held | None = None) -> Response:
    row = bank.contract.error_codes[problem.code]
    locale = session.locale if session else _locale("zh-CN")
    return _render(
        "problem.html",
        locale,
        row.status,
        message=row.display_message[locale],
        error_code=row.code,
        code=held.link_code if held else None,
        csrf=session.csrf if session else None,
    )


def _render(template: str, locale: str, status: int = 200, **values: Any) -> Response:
    defaults = {"faults": {}, "typed": {}, "notice": None, "csrf": None, "code4": None, "step": None, "code": None}
    body = render_template(template, locale=locale, t=translator(locale), **(defaults | values))
    response = make_response(body, status)
    response.headers.update(_PAGE_HEADERS)
    response.headers["Content-Language"] = locale
    return response


def _locale(fallback: str) -> str:
    """Give the language that the address asks for, else the fallback; a language is no state."""
    asked = request.args.get("lang", fallback)
    return asked if asked in LOCALES else fallback


def _foreign_origin() -> bool:
    """Tell whether a browser says that another site sent the form."""
    site = request.headers.get("Sec-Fetch-Site")
    return site is not None and site not in {"same-origin", "none"}


