"""The page "is this link ours?", for a payer who has got one: pasted alone, or with the message that it came in."""

from __future__ import annotations

import re
import unicodedata

from flask import Blueprint, Response, request

from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.bank import ANONYMOUS, Bank
from openteller_sandbox.branches import service as branches
from openteller_sandbox.hosted.rate_pages import currencies
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
_PLACES = (
    r"/pay/(?P<pay>[a-z2-7]{26})(?:/receipt)?"
    r"|/account-link/(?P<link>[a-z2-7]{26})"
    r"|/customer(?:/wld_[0-9a-z]{4,44}(?:/extensions/cex_[0-9a-z]{4,44})?)?"
    r"|/oauth/authorize\?client_id=app_[0-9a-z]{4,44}&request_uri=[A-Za-z0-9%:._~-]{1,200}"
    r"|/device"
)
"""Pages of the bank whose addresses stand in chats, and say by themselves what is paid or allowed there."""
_OPEN = (
    r"/(?:rates(?:/(?P<currency>[A-Z]{3}))?|branches|atms)"
    r"|/branches/(?P<branch>brn_[0-9a-z]{1,44})|/atms/(?P<atm>atm_[0-9a-z]{1,44})"
)
"""Pages that anybody may read; they are the bank's whatever is asked of them."""
_ASKED = r"A-Za-z0-9._~:/?#@&=+%\-"
"""What a query or fragment consists of, as part of a pattern's class, as far as every chat takes it for the link. What
comes after, such as a comma or Chinese, is looked at like all else: a chat may make a link of its own of it.
"""
_SAID = {"ours": "pay", "open": "open"}


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
    """Give a pattern of the bank's pages, with or without their scheme, that are no part of something longer.

    Before a scheme any letter of Chinese may stand; a name without one would begin with it.
    """
    scheme, _, place = public_url.partition("://")
    whole = rf"(?<![A-Za-z0-9_{_IN_LINKS}])(?i:{scheme}://)"
    short = rf"(?<![\w{_IN_LINKS}\u3002\uff0e\uff61])"
    ends = rf"(?![A-Za-z0-9_{_IN_LINKS.replace('.', '')}]|\.[A-Za-z0-9])"
    exact = rf"(?:{_PLACES})(?:\?lang=[A-Za-z-]{{0,8}})?{ends}"
    asked = rf"(?P<open>{_OPEN})(?:(?P<asked>[?#][{_ASKED}]*)(?![{_ASKED}\\])|{ends})"
    return re.compile(rf"(?:{whole}|{short})(?i:{re.escape(place)})(?:{exact}|{asked})")


def _answer(bank: Bank, own: re.Pattern[str], text: str) -> str:
    """Judge a text: ``ours``, payment links; ``open``, pages that anybody may read; ``page``, also another page of the
    bank; ``not_ours``; or ``mixed``, where a link of the bank stands beside something else that may be one. Of a link
    with a secret, of a place or of a currency, the address proves nothing: the bank must have such a page.
    """
    seen = "".join(each for each in text if unicodedata.category(each) != "Cf")  # nobody sees them
    found = list(own.finditer(seen))
    quoted = {each["currency"] for each in found if each["currency"]}
    if not found or quoted - currencies(bank, quoted) or not all(_is_issued(bank, each) for each in found):
        return "not_ours"
    # What nobody sees may end a link in a chat: then what seems to be asked of a page is looked at, too.
    rest = own.sub(" ", seen) if seen == text else own.sub(lambda each: f" {each['asked'] or ''}", seen)
    others = (_OTHERS.search(form.lower()) for form in (rest, unicodedata.normalize("NFKC", rest)))
    if any(others):
        return "mixed"
    return next((said for said, part in _SAID.items() if all(each[part] for each in found)), "page")


def _is_issued(bank: Bank, found: re.Match[str]) -> bool:
    tx = bank.db.read()
    if found["pay"]:
        return payments.by_link(tx, found["pay"]) is not None
    if found["branch"] or found["atm"]:
        places = branches.BRANCHES if found["branch"] else branches.ATMS
        return branches.is_known(bank.db, places, found["branch"] or found["atm"])
    return found["link"] is None or account_links.by_token(tx, found["link"]) is not None
