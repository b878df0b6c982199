"""A browser at the page of a link: bound to it by a cookie of 256 bits, for a quarter of an hour of wall time.

Whoever signs in gets another cookie and other forms. What the customer answers is decided by ``service``, once, in
however many browsers the page is open.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, field
from hashlib import sha256

from openteller_sandbox.account_links import service, store
from openteller_sandbox.account_links.service import Link
from openteller_sandbox.bank import Bank, World
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.customers import service as customers
from openteller_sandbox.customers.service import Customer, SignIn
from openteller_sandbox.partners import service as partners
from openteller_sandbox.worlds import service as worlds

LIFETIME_MS = 15 * MINUTE


@dataclass(slots=True)
class Visit:
    """A browser at a page. new_cookie: the value that its cookie has to get."""

    visit_hash: str = field(repr=False)
    account_link_id: str
    world: World
    csrf: str = field(repr=False)
    locale: str
    customer: Customer | None = field(repr=False)
    notice: str | None
    new_cookie: str | None = field(default=None, repr=False)

    def allows(self, csrf: str) -> bool:
        """Tell whether a form came from a page of this visit."""
        return hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())


def find_link(bank: Bank, token: str) -> tuple[Link, World, str] | None:
    """Give the link of a page's address, its world, and the name of the app that has started it."""
    tx = bank.db.read()
    link = service.by_token(tx, token)
    world = worlds.find(tx, link.world_id) if link else None
    app = partners.find(tx, link.app_id) if link else None
    return (link, world, app.name) if link and world and app else None


def begin(bank: Bank, link: Link, locale: str) -> str:
    """Begin a visit; give its cookie's value."""
    cookie, now = secrets.token_urlsafe(32), bank.clock.wall()
    with bank.db.act(link.world_id) as tx:
        tx.run(store.PURGE_VISITS, now=now)
        tx.run(
            store.INSERT_VISIT,
            visit_hash=_hash(cookie),
            world_id=link.world_id,
            account_link_id=link.account_link_id,
            csrf=secrets.token_urlsafe(24),
            locale=locale,
            customer_id=None,
            notice=None,
            expires_at=now + LIFETIME_MS,
        )
    return cookie


def find(bank: Bank, link: Link, world: World, cookie: str | None) -> Visit | None:
    """Give the visit of a browser; None where it has none at this link, or it is over."""
    if cookie is None:
        return None
    row = bank.db.read().one(store.FIND_VISIT, visit_hash=_hash(cookie), account_link_id=link.account_link_id)
    if row is None or row["expires_at"] <= bank.clock.wall():
        return None
    return Visit(
        visit_hash=row["visit_hash"],
        account_link_id=link.account_link_id,
        world=world,
        csrf=row["csrf"],
        locale=row["locale"],
        customer=customers.by_id(row["customer_id"]) if row["customer_id"] else None,
        notice=row["notice"],
    )


def sign_in(bank: Bank, visit: Visit, number: str, code: str) -> None:
    """Take a customer's number and code; who signs in gets another cookie and other forms."""
    with bank.db.act(visit.world.world_id) as tx:
        result, customer = customers.sign_in(tx, visit.world, number, code, bank.now(visit.world))
    visit.notice = {SignIn.WRONG: "WRONG_SIGN_IN", SignIn.LOCKED: "LOCKED"}.get(result)
    if customer is not None:
        visit.customer = customer
        visit.new_cookie, visit.csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(24)
    save(bank, visit)


def save(bank: Bank, visit: Visit) -> None:
    """Keep what a browser has done."""
    with bank.db.act(visit.world.world_id) as tx:
        tx.run(
            store.SAVE_VISIT,
            h=visit.visit_hash,
            to_visit_hash=_hash(visit.new_cookie) if visit.new_cookie else visit.visit_hash,
            to_csrf=visit.csrf,
            to_locale=visit.locale,
            to_customer_id=visit.customer.customer_id if visit.customer else None,
            to_notice=visit.notice,
        )


def _hash(cookie: str) -> str:
    return sha256(cookie.encode("utf-8", "surrogatepass")).hexdigest()
