"""The page "is this link ours?", for a payer who has got one."""

from __future__ import annotations

from flask import Blueprint, Response, request

from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.hosted.rendering import asked_locale, render
from openteller_sandbox.http.api import Api
from openteller_sandbox.payments import service as payments
from openteller_sandbox.status import service as status


def add_link_check(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the page. The link is sent in a body: it is a secret, and must not stand in an address."""
    prefix = f"{bank.settings.public_url}/pay/"

    @pages.route("/link-check", methods=["GET", "POST"])
    def link_check() -> Response:
        api.count(ANONYMOUS)
        answer = None
        if request.method == "POST":
            answer = "ours" if _is_ours(bank, prefix, request.form.get("link", "").strip()) else "not_ours"
        values = {"answer": answer, "prefix": prefix, "accounts": status.OFFICIAL_ACCOUNTS}
        return render("link_check.html", asked_locale("zh-CN"), values)


def _is_ours(bank: Bank, prefix: str, link: str) -> bool:
    """Tell whether the bank has issued a link; the address alone proves nothing."""
    code = link.removeprefix(prefix).partition("?")[0]
    return link.startswith(prefix) and payments.by_link(bank.db.read(), code) is not None
