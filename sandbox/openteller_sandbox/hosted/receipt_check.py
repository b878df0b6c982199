"""The page "is this receipt ours?", for whoever was shown one: from its QR code, or with its numbers."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.hosted.rendering import asked_locale, render
from openteller_sandbox.http.api import Api
from openteller_sandbox.receipts import service as receipts

_LONGEST, _LONGEST_TYPED = 400, 40


def add_receipt_check(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the pages. What stands in the address of the one from the QR code is on the receipt for everybody to see,
    and signed; number and code are sent in a body.
    """

    @pages.route("/receipt-check", methods=["GET", "POST"])
    def receipt_check() -> Response:
        api.count(ANONYMOUS)
        if request.method == "GET":
            return _page(None)
        typed = {name: request.form.get(name, "")[:_LONGEST_TYPED] for name in ("receipt_number", "verification_code")}
        return _page(receipts.verify(bank, typed, bank.now()))

    @pages.get("/R/<compact>")
    def from_qr_code(compact: str) -> Response:
        api.count(ANONYMOUS)
        return _page(receipts.verify(bank, {"compact": compact[:_LONGEST]}, bank.now()))


def _page(verdict: dict[str, Any] | None) -> Response:
    return render("receipt_check.html", asked_locale("zh-CN"), {"verdict": verdict})
