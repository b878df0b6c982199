"""The page "is this link ours?", for a payer who has got one: pasted alone, or with the message that it came in."""

from __future__ import annotations

import re
import unicodedata

from flask import Blueprint, Response, request

from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.hosted.rendering import asked_locale, render
from openteller_sandbox.http.api import Api
from openteller_sandbox.payments import service as payments
from openteller_sandbox.status import service as status

_IN_LINKS = r".~:/?#@!$&'*+=%\\-"
"""What else a link consists of, as part of a pattern's class."""
_OTHERS = re.compile(
    r"[a-z]:[/\\]"  # a scheme; also those that a browser mends
    r"|//|/pay/|https?:|javascript:|data:|localhost|xn--"
    r"|\w\.[^\W\d_]{2}"  # a name such as bank.example, in any script
    r"|[a-z0-9][\u3002\uff61][a-z0-9]"  # which browsers take for dots
    r"|(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}"
)
"""What may be a link, in small letters; rather too much than too little."""


def add_link_check(pages: Blueprint, bank: Bank, api: Api) -> None:
    """Add the page. The link is sent in a body: it is a secret, and must not stand in an address."""
    prefix = f"{bank.settings.public_url}/pay/"
    own = _own_links(bank.settings.public_url)

    @pages.route("/link-check", methods=["GET", "POST"])
    def link_check() -> Response:
        api.count(ANONYMOUS)
        answer = _answer(bank, own, request.form.get("link", "")) if request.method == "POST" else None
        values = {"answer": answer, "prefix": prefix, "accounts": status.OFFICIAL_ACCOUNTS}
        return render("link_check.html", asked_locale("zh-CN"), values)


def _own_links(public_url: str) -> re.Pattern[str]:
    """Give a pattern of the bank's payment links, with or without their scheme, that are no part of something longer.

    Before a scheme any letter of Chinese may stand; a name without one would begin with it.
    """
    scheme, _, place = public_url.partition("://")
    whole = rf"(?<![A-Za-z0-9_{_IN_LINKS}])(?i:{scheme}://)"
    short = rf"(?<![\w{_IN_LINKS}\u3002\uff0e\uff61])"
    ends = rf"(?:\?lang=[A-Za-z-]{{0,8}})?(?![A-Za-z0-9_{_IN_LINKS.replace('.', '')}]|\.[A-Za-z0-9])"
    return re.compile(rf"(?:{whole}|{short})(?i:{re.escape(place)})/pay/([a-z2-7]{{26}}){ends}")


def _answer(bank: Bank, own: re.Pattern[str], text: str) -> str:
    """Judge a text: ``ours``, ``not_ours``, or ``mixed`` where a link of the bank stands beside something else that may
    be one. The address alone proves nothing: the bank must have issued each of its links.
    """
    text = "".join(each for each in text if unicodedata.category(each) != "Cf")  # nobody sees them
    codes = own.findall(text)
    if not codes or not all(payments.by_link(bank.db.read(), code) for code in codes):
        return "not_ours"
    rest = own.sub(" ", text)
    others = (_OTHERS.search(form.lower()) for form in (rest, unicodedata.normalize("NFKC", rest)))
    return "mixed" if any(others) else "ours"
