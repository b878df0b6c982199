"""A customer's own pages at ``/customer``: what they have allowed which app, since when and until when, what they have
paid, with the receipts, and an end to all of it. Over every app of a world, as a bank sees its customers.

A GET changes nothing. Every change is a form that only a page of this browser can have made, answered with 303.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, make_response, request

from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import SignIn
from openteller_sandbox.hosted import customer_sessions, dashboard_views, exports
from openteller_sandbox.hosted.customer_sessions import COOKIE, Visit
from openteller_sandbox.hosted.rendering import PAGE_HEADERS, asked_locale, foreign_origin, render, see_other
from openteller_sandbox.hosted.texts import LOCALES
from openteller_sandbox.http import Problem
from openteller_sandbox.http.api import Api
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.payments.model import Held
from openteller_sandbox.receipts import service as receipts
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.worlds import service as worlds

PATH = "/customer"
_WORLD = re.compile(r"wld_[0-9a-z]{4,44}")
_PAYMENT = re.compile(r"pay_[0-9a-z]{4,44}")
_LINK = re.compile(r"acl_[0-9a-z]{4,44}")
_SAVED = re.compile(r"svb_[0-9a-z]{4,44}")
_REMINDER = re.compile(r"rmd_[0-9a-z]{4,44}")
_ANSWERS = {
    "remind_pay": ("PAY", ""),
    "remind_later": ("LATER", "postponed"),
    "remind_decline": ("DECLINE", "declined"),
}
"""What a form of a reminder asks for, and what a page says then."""
_REFUSALS = {
    "NOT_FOUND": "REMINDER_GONE",
    "INVALID_TRANSITION": "REMINDER_GONE",
    "BILL_ALREADY_PAID": "REMINDER_GONE",
    "BILL_CHANGED": "REMINDER_CHANGED",
    "BILLS_NOT_PAYABLE_TOGETHER": "REMINDER_OLDER",
    "FIELD_INVALID": "REMINDER_DAY",
}
_DONE = frozenset({"declined", "forgotten", "postponed", "revoked", "signed_out", "unlinked"})
"""What a page may be told to say first; it is in the address, and changes nothing."""
_LONGEST = 40
_FILES = {"json": (exports.as_json, "application/json"), "csv": (exports.as_csv, "text/csv; charset=utf-8")}

View = Callable[..., Response]


def add_dashboard(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the pages."""

    def visited(view: View, *, signed_in: bool = True) -> View:
        return of_visit(bank, api, view, signed_in=signed_in)

    @pages.get(PATH)
    def customer() -> Response:
        api.count(ANONYMOUS)
        return see_other(_in_language(f"{PATH}/{partners.DEMO_WORLD_ID}"))

    home = f"{PATH}/<world_id>"
    paid = f"{home}/payments/<payment_id>"
    pages.add_url_rule(home, "customer_home", visited(_show, signed_in=False), methods=["GET"])
    pages.add_url_rule(home, "customer_act", visited(_act, signed_in=False), methods=["POST"])
    pages.add_url_rule(paid, "customer_payment", visited(_payment), methods=["GET"])
    pages.add_url_rule(paid, "customer_print", visited(_print), methods=["POST"])
    pages.add_url_rule(f"{paid}/receipt.pdf", "customer_pdf", visited(_pdf), methods=["GET"])
    pages.add_url_rule(f"{home}/export.<kind>", "customer_export", visited(_export), methods=["GET"])


def of_visit(bank: Bank, api: Api, view: View, *, signed_in: bool = True) -> View:
    """Make the view of a page: count the request, and find out whose browser it is; who has to sign in first is sent
    there.
    """

    @wraps(view)
    def counted(world_id: str, **path: str) -> Response:
        api.count(ANONYMOUS)
        visit = _visit(bank, world_id)
        if request.method == "POST" and foreign_origin():
            raise Problem("REQUEST_MALFORMED", "The form was sent from another site.")
        if signed_in and visit.customer is None:
            return see_other(place_of(visit))
        return view(bank, visit, **path)

    return counted


def _visit(bank: Bank, world_id: str) -> Visit:
    world = worlds.find(bank.db.read(), world_id) if _WORLD.fullmatch(world_id) else None
    if world is None:
        raise Problem("NOT_FOUND")
    return customer_sessions.visit(bank, world, request.cookies.get(COOKIE))


def _show(bank: Bank, visit: Visit, notice: str | None = None, status: int = 200) -> Response:
    done = request.args.get("done", "")
    values: dict[str, Any] = {
        "home": f"{PATH}/{visit.world.world_id}",
        "form_csrf": visit.csrf,
        "notice": notice,
        "done": done if done in _DONE else None,
    }
    if visit.customer is None:
        page = render("customer_sign_in.html", page_locale(), values | {"customers": customers.CUSTOMERS}, status)
        return with_cookie(bank, visit, page)
    before = request.args.get("before", "")
    shown = dashboard_views.overview(
        bank, visit.world, visit.customer, before if _PAYMENT.fullmatch(before) else "", page_locale()
    )
    return render("customer.html", page_locale(), values | shown, status)


def _act(bank: Bank, visit: Visit) -> Response:
    """Do what a form asks for, when it is one of this browser's."""
    step = request.form.get("step", "")
    if not visit.allows(request.form.get("csrf", "")):
        return _show(bank, visit, "FORM", 422)
    if visit.customer is None:
        if step != "sign_in":
            return _show(bank, visit, "FORM", 422)
        signed_in, why_not = sign_in(bank, visit)
        if signed_in is None:
            return _show(bank, visit, why_not, 422)
        return with_cookie(bank, signed_in, see_other(place_of(signed_in)))
    if step == "sign_out":
        customer_sessions.end(bank, visit)
        return _without_cookie(visit, see_other(place_of(visit, done="signed_out")))
    act, member, done = _CHANGES.get(step, (None, "", ""))
    if act is not None and act(bank, visit, request.form.get(member, "")):
        return see_other(place_of(visit, done=done))
    if step in _ANSWERS and _REMINDER.fullmatch(request.form.get("reminder_id", "")):
        return _answer(bank, visit, step)
    return _show(bank, visit, "FORM", 422)


def sign_in(bank: Bank, visit: Visit) -> tuple[Visit | None, str | None]:
    """Take a customer's number and code of the form; give the visit that has begun, or what to say instead."""
    number, code = (request.form.get(name, "").strip()[:_LONGEST] for name in ("customer_number", "demo_code"))
    with bank.db.act(visit.world.world_id) as tx:
        result, customer = customers.sign_in(tx, visit.world, number, code, bank.now(visit.world))
    if customer is None:
        return None, "LOCKED" if result is SignIn.LOCKED else "WRONG_SIGN_IN"
    return customer_sessions.begin(bank, visit.world, customer), None


def _revoke(bank: Bank, visit: Visit, consent_id: str) -> bool:
    """End a consent of the customer who is signed in; False where it is not theirs. Ended twice, it is ended."""
    assert visit.customer is not None
    own = oauth.consents_of_customer(bank.db.read(), visit.world.world_id, visit.customer.customer_id)
    if not any(consent.consent_id == consent_id for consent in own):
        return False
    oauth.revoke_consent(bank, consent_id)
    return True


def _unlink(bank: Bank, visit: Visit, account_link_id: str) -> bool:
    """Unlink a social account of the customer who is signed in; False where it is not theirs, or not linked."""
    assert visit.customer is not None
    if not _LINK.fullmatch(account_link_id):
        return False
    return account_links.unlink_as_customer(bank, visit.world, account_link_id, visit.customer.customer_id)


def _forget(bank: Bank, visit: Visit, saved_biller_id: str) -> bool:
    """Forget an account that an app has saved for the customer who is signed in; False where it is not there."""
    assert visit.customer is not None
    if not _SAVED.fullmatch(saved_biller_id):
        return False
    return saved_billers.forget_as_customer(bank, visit.world, saved_biller_id, visit.customer.customer_id)


_CHANGES: Mapping[str, tuple[Callable[[Bank, Visit, str], bool], str, str]] = {
    "revoke": (_revoke, "consent_id", "revoked"),
    "unlink": (_unlink, "account_link_id", "unlinked"),
    "forget": (_forget, "saved_biller_id", "forgotten"),
}
"""What a form may ask for: who does it, which member of the form names the thing, and what is said afterwards."""


def _answer(bank: Bank, visit: Visit, step: str) -> Response:
    """Take an answer to a reminder of the customer who is signed in; who pays is led to the page of a link."""
    assert visit.customer is not None
    answer, done = _ANSWERS[step]
    form = {name: request.form.get(name, "").strip()[:_LONGEST] for name in ("reminder_id", "remind_on")}
    who = visit.customer.customer_id, form["reminder_id"]
    try:
        payment_id = reminders.answer_at_bank(
            bank, visit.world, *who, answer, remind_on=form["remind_on"], locale=page_locale()
        )
    except Problem as problem:
        return _show(bank, visit, _REFUSALS.get(problem.code, "REMINDER_NOT_NOW"), 422)
    if payment_id is None:
        return see_other(place_of(visit, done=done))
    held = payments.held(bank.db.read(), payment_id)
    assert held is not None
    return see_other(_in_language(f"/pay/{held.link_code}"))


def _payment(bank: Bank, visit: Visit, payment_id: str) -> Response:
    held, locale = _own(bank, visit, payment_id), page_locale()
    values = {
        "home": f"{PATH}/{visit.world.world_id}",
        "here": f"{PATH}/{visit.world.world_id}/payments/{payment_id}",
        "form_csrf": visit.csrf,
        **dashboard_views.payment(bank, held, locale),
    }
    return render("customer_payment.html", locale, values)


def _print(bank: Bank, visit: Visit, payment_id: str) -> Response:
    """Have the PDF made: not for a GET, and not while anybody waits."""
    held = _own(bank, visit, payment_id)
    if held.payment.receipt_id is not None and visit.allows(request.form.get("csrf", "")):
        receipts.ask_for_print(bank, held)
    return see_other(place_of(visit, f"/payments/{payment_id}"))


def _pdf(bank: Bank, visit: Visit, payment_id: str) -> Response:
    made = receipts.pdf(bank, _own(bank, visit, payment_id))
    if made is None:
        return see_other(place_of(visit, f"/payments/{payment_id}"))
    return _file(made, "application/pdf", "receipt.pdf")


def _export(bank: Bank, visit: Visit, kind: str) -> Response:
    """Give all that the bank keeps of the customer, or their payments as a table."""
    if kind not in _FILES:
        raise Problem("NOT_FOUND")
    assert visit.customer is not None
    write, media_type = _FILES[kind]
    return _file(write(bank, visit.world, visit.customer), media_type, f"openteller-customer.{kind}")


def _file(body: bytes, media_type: str, name: str) -> Response:
    response = make_response(body)
    response.headers.update({**PAGE_HEADERS, "Content-Type": media_type})
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _own(bank: Bank, visit: Visit, payment_id: str) -> Held:
    """Give a payment of the customer who is signed in.

    Raises:
        Problem: NOT_FOUND.
    """
    held = payments.held(bank.db.read(), payment_id) if _PAYMENT.fullmatch(payment_id) else None
    assert visit.customer is not None
    if held is None or (held.world_id, held.customer_id) != (visit.world.world_id, visit.customer.customer_id):
        raise Problem("NOT_FOUND")
    return held


def page_locale() -> str:
    """Give the language of the page."""
    return asked_locale("zh-CN")


def place_of(visit: Visit, below: str = "", *, done: str = "") -> str:
    """Give the address of a page, in the language that was asked for; what was done is said there."""
    return _in_language(f"{PATH}/{visit.world.world_id}{below}", done=done)


def _in_language(place: str, *, done: str = "") -> str:
    asked = request.args.get("lang")
    query = {**({"lang": asked} if asked in LOCALES else {}), **({"done": done} if done else {})}
    return f"{place}?{urlencode(query)}" if query else place


def with_cookie(bank: Bank, visit: Visit, response: Response) -> Response:
    """Give the browser the cookie of its visit."""
    response.set_cookie(
        COOKIE,
        visit.token,
        path=f"{PATH}/{visit.world.world_id}",
        httponly=True,
        samesite="Strict",
        secure=bank.settings.public_url.startswith("https://"),
    )
    return response


def _without_cookie(visit: Visit, response: Response) -> Response:
    response.delete_cookie(COOKIE, path=f"{PATH}/{visit.world.world_id}")
    return response
