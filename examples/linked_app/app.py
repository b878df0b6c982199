"""The web app: pages and forms. The SDK sees to the bank; who is who, and what may be done, is decided here.

Whoever is signed in with the platform is the *actor*; the session holds nothing else that matters. The bank is told an
HMAC of the actor, and tokens are kept under the same name. Nothing about customers is stored by the app itself: links,
saved billers and payments are the bank's to tell.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, abort, flash, make_response, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from openteller import Money, OpenTeller, errors, user_ref
from openteller.models import AccountLink, MandateUsage

from . import paying
from .settings import Settings
from .texts import language, say

__all__ = ["create_app"]

BILLER_CODE = "SH-ELECTRICITY-01"
AT_MOST = Money("200.00")
"""What one payment may be; the customer reads it at the bank before allowing it."""
IN_A_MONTH = Money("500.00")
VALID_FOR = timedelta(days=180)
SCOPE = ["saved-billers", "bills:read", "payments:read"]
_LONGEST_NAME = 60
_MOST_SHOWN = 20


def create_app(settings: Settings, bank: OpenTeller) -> Flask:
    """Make the app.

    Args:
        settings: of this installation.
        bank: a client of an app that is registered with ``/linked`` and ``/allowed`` as redirect URIs.
    """
    app = Flask(__name__)
    # Lax: a form of another site brings no session along, and so does nothing; the bank's redirects bring it.
    app.config.update(SECRET_KEY=settings.key("session"), SESSION_COOKIE_SAMESITE="Lax", SESSION_COOKIE_HTTPONLY=True)
    app.jinja_env.globals.update(say=say, language=language)
    counter = _Counter(settings, bank)
    _add_pages(app, counter)
    _add_linking(app, counter)
    _add_consent(app, counter)
    _add_paying(app, counter)
    _add_reminding(app, counter)
    _add_answers(app, counter)
    return app


class _Counter:
    """The bank, for whoever is signed in."""

    def __init__(self, settings: Settings, bank: OpenTeller) -> None:
        self.settings = settings
        self.bank = bank
        self._key = settings.key("actors")

    @property
    def actor(self) -> str:
        """The HMAC of the account that the platform says this browser is of; nobody: 403."""
        account = session.get("account")
        if not account:
            abort(403)
        return user_ref(self._key, self.settings.channel, account)

    @property
    def mine(self) -> OpenTeller:
        """A client that calls with what this customer has allowed."""
        return self.bank.for_customer(self.actor)

    def link(self) -> AccountLink | None:
        """Give the actor's link, where it holds."""
        try:
            found = self.bank.account_links.find(channel=self.settings.channel, actor_ref=self.actor)
        except errors.NotFound:
            return None
        return found if found.status == "ACTIVE" else None

    def usage(self, link: AccountLink) -> MandateUsage | None:
        """Give how far the mandate that was given under a link is used up, where there is one."""
        found = self.bank.consents.usage(link.consent_id).mandates if link.consent_id else ()
        return found[0] if found else None

    def url_of(self, path: str) -> str:
        """Give an address of the app, as it is registered at the bank."""
        return self.settings.own_url + path


def _add_pages(app: Flask, counter: _Counter) -> None:
    @app.get("/")
    def home() -> str:
        if "account" not in session:
            return render_template("sign_in.html")
        link = counter.link()
        granted = counter.bank.authorization.get(counter.actor) if link else None
        saved = counter.mine.saved_billers.list().to_list(at_most=_MOST_SHOWN) if granted else []
        asked = counter.mine.reminders.list().to_list(at_most=_MOST_SHOWN) if granted else []
        usage = counter.usage(link) if link and granted else None
        known = {"account": session["account"], "link": link, "granted": granted, "saved": saved, "usage": usage}
        known["reminders"] = [each for each in asked if each.is_answerable]
        return render_template("home.html", **known, at_most=AT_MOST)

    @app.post("/sign-in")
    def sign_in() -> Response:
        """Stand in for signing in with the platform, which would say who this is."""
        account = request.form.get("account", "").strip()
        if not 1 <= len(account) <= _LONGEST_NAME:
            abort(400)
        session.clear()
        session["account"] = account
        return _home()

    @app.post("/sign-out")
    def sign_out() -> Response:
        session.clear()
        return _home()


def _add_linking(app: Flask, counter: _Counter) -> None:
    @app.post("/link")
    def link() -> Response:
        """Send the browser to the bank; in a chat the address would be sent to this account, in private."""
        begun = counter.bank.account_links.start(
            channel=counter.settings.channel,
            actor_ref=counter.actor,
            actor_label=session["account"],
            return_url=counter.url_of("/linked"),
            locale=language(),
        )
        assert begun.link_url is not None  # a link that was just started has one
        return redirect(begun.link_url, 303)

    @app.get("/linked")
    def linked() -> Response:
        """Confirm with the nonce that a browser has brought, for the account that *this* browser is signed in as."""
        if request.args.get("iss") != counter.bank.authorization.server().issuer:
            return _home("forged")
        try:
            counter.bank.account_links.finish(
                channel=counter.settings.channel, actor_ref=counter.actor, nonce=request.args.get("nonce", "")
            )
        except (errors.Conflict, errors.InvalidRequest):
            return _home("link_failed")
        return _home("linked")

    @app.post("/unlink")
    def unlink() -> Response:
        if link := counter.link():
            counter.bank.account_links.unlink(link.account_link_id)
        counter.bank.authorization.revoke(counter.actor)
        return _home("unlinked")


def _add_consent(app: Flask, counter: _Counter) -> None:
    @app.post("/allow")
    def allow() -> Response:
        """Ask for a mandate. Its state is kept in the session of this browser, and nowhere else."""
        link = counter.link()
        if link is None:
            return _home("not_linked")
        asked = counter.bank.authorization.start(
            redirect_uri=counter.url_of("/allowed"),
            scope=SCOPE,
            authorization_details=[_mandate(counter.bank)],
            account_link_id=link.account_link_id,  # so that nobody else can answer it, and it ends with the link
            locale=language(),
        )
        session["bank_state"] = asked.state
        return redirect(asked.url, 303)

    @app.get("/allowed")
    def allowed() -> Response:
        """Take the answer to what *this* browser has begun."""
        state = session.pop("bank_state", "")
        try:
            counter.bank.authorization.finish(request.url, state=state, customer=counter.actor)
        except errors.InvalidCallback:
            return _home("forged")
        except errors.AuthorizationRefused:
            return _home("refused")
        return _home("now_allowed")


def _add_paying(app: Flask, counter: _Counter) -> None:
    @app.post("/save")
    def save() -> Response:
        """Save an account at the biller. Its number goes to the bank, and is kept nowhere else."""
        form = request.form
        counter.mine.saved_billers.create(
            biller_id=_biller_id(counter.bank),
            inputs={"account_number": form.get("account_number", "").strip()},
            label=form.get("label", "").strip() or None,
        )
        return _home("saved")

    @app.post("/pay")
    def pay() -> Response:
        """Pay what is due on a saved account within the mandate; beyond it, lead the customer to the bank."""
        result = paying.pay(counter.bank, counter.mine, request.form.get("saved_biller_id", ""))
        if result.link_url:
            return redirect(result.link_url, 303)
        flash(say(result.text).format(amount=result.amount, at=result.at))
        return _home()


def _add_reminding(app: Flask, counter: _Counter) -> None:
    @app.post("/reminders/pay")
    def pay_reminder() -> Response:
        """Pay the bill of a reminder: the bank says whether that is within the mandate, or for its own page."""
        reminder_id = request.form.get("reminder_id", "")
        reminder = counter.mine.reminders.get(reminder_id)
        # Each state of a reminder is answered once: pressed twice, the second payment has a number that is taken.
        reference = f"butler-{reminder_id}-{reminder.version}"
        payment = counter.mine.reminders.pay(reminder_id, partner_reference=reference, locale=language())
        if payment.status == "created":
            return redirect(payment.payment_link.url, 303)
        flash(say("paid").format(amount=payment.total))
        return _home()

    @app.post("/reminders/later")
    def postpone_reminder() -> Response:
        tomorrow = counter.bank.status.get().bank_time.date() + timedelta(days=1)
        counter.mine.reminders.postpone(request.form.get("reminder_id", ""), remind_on=tomorrow)
        return _home("reminded_tomorrow")

    @app.post("/reminders/decline")
    def decline_reminder() -> Response:
        counter.mine.reminders.decline(request.form.get("reminder_id", ""))
        return _home("not_reminded")


def _biller_id(bank: OpenTeller) -> str:
    return next(one.biller_id for one in bank.billers.list(q=BILLER_CODE) if one.biller_code == BILLER_CODE)


def _mandate(bank: OpenTeller) -> dict[str, Any]:
    """Give what the customer shall allow: one biller, so much at once and in a month, for half a year."""
    today = bank.status.get().bank_time.date()
    return {
        "type": "bill_payment_mandate",
        "billers": [_biller_id(bank)],
        "maximum_individual_amount": AT_MOST,
        "periodic_limits": [{"period_type": "MONTH", "period_alignment": "CALENDAR", "amount": IN_A_MONTH}],
        "valid_from": today,
        "valid_to": today + VALID_FOR,
    }


def _add_answers(app: Flask, counter: _Counter) -> None:
    bank = urlsplit(counter.settings.bank_url)
    forms = f"form-action 'self' {bank.scheme}://{bank.netloc}"
    policy = f"default-src 'none'; style-src 'self'; {forms}; frame-ancestors 'none'; base-uri 'none'"

    @app.errorhandler(errors.ConsentRequired)
    def consent_required(_: errors.ConsentRequired) -> Response:
        """Forget what is left of it, so that the page asks anew."""
        counter.bank.authorization.revoke(counter.actor)
        return _home("ask_again")

    @app.errorhandler(errors.OpenTellerError)
    def trouble(error: errors.OpenTellerError) -> Response:
        app.logger.warning("%r", error)
        told = error.display_message if isinstance(error, errors.BankError) else None
        flash((told.en if language() == "en" else told.zh_cn) if told else say("bank_trouble"))
        if request.endpoint == "home":  # which cannot be shown: to lead there again would be a circle
            return make_response(render_template("base.html", account=session.get("account")), 503)
        return _home()

    @app.errorhandler(403)
    def nobody(_: Exception) -> tuple[str, int]:
        """Whoever is not signed in, any more or at all, signs in first."""
        flash(say("sign_in_first"))
        return render_template("sign_in.html"), 403

    @app.after_request
    def guard(answer: Response) -> Response:
        """Nothing but our own; forms lead here and, by a redirect, to the bank."""
        answer.headers["Content-Security-Policy"] = policy
        answer.headers["Referrer-Policy"] = "no-referrer"  # addresses that the bank sends back to hold codes
        answer.headers["Cache-Control"] = "no-store"
        return answer


def _home(text: str | None = None) -> Response:
    if text:
        flash(say(text))
    return redirect(url_for("home"), 303)
