"""A browser's session on the payment page: bound to one payment by a cookie of 256 bits, for half an hour of wall
time.
"""

from __future__ import annotations

import hmac
import json
import secrets
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from openteller_sandbox import ids
from openteller_sandbox.bank import Bank
from openteller_sandbox.clock import MINUTE
from openteller_sandbox.db import Tx
from openteller_sandbox.hosted import store
from openteller_sandbox.payments.model import Choice, Held

COOKIE = "openteller_pay"
LIFETIME_MS = 30 * MINUTE


@dataclass(slots=True)
class Session:
    """What a browser has done so far. digits: -1 once the account's last digits are confirmed, else how often they
    were wrong; browser: names it in the world's log, and opens nothing; new_token: the value that its cookie has to
    get.
    """

    session_hash: str = field(repr=False)
    world_id: str
    payment_id: str
    csrf: str = field(repr=False)
    locale: str
    category_code: str | None
    adcode: str | None
    choice: Choice = field(repr=False)
    browser: str | None = None
    digits: int = 0
    customer_id: str | None = None
    attempt_id: str | None = None
    notice: str | None = None
    new_token: str | None = field(default=None, repr=False)

    @property
    def digits_confirmed(self) -> bool:
        """Whether the payer has shown to know the account that the partner filled in."""
        return self.digits < 0 or not self.choice.from_partner

    def allows(self, csrf: str) -> bool:
        """Tell whether a form came from a page of this session."""
        return hmac.compare_digest(csrf.encode("utf-8", "replace"), self.csrf.encode())


def begin(bank: Bank, held: Held, locale: str) -> str:
    """Begin a session for a payment; give its cookie's value."""
    token = _new_token()
    payment = held.payment
    session = Session(
        session_hash=_hash(token),
        world_id=held.world_id,
        payment_id=payment.payment_id,
        csrf=_new_csrf(),
        locale=locale,
        category_code=payment.category_code,
        adcode=payment.adcode,
        choice=held.choice,
        browser=ids.new("brw"),
    )
    now = bank.clock.wall()
    with bank.db.act(held.world_id) as tx:
        tx.run(store.PURGE, now=now)
        tx.run(store.INSERT, **_row(session), expires_at=now + LIFETIME_MS)
    return token


def find(bank: Bank, payment_id: str, token: str | None) -> Session | None:
    """Give the session of a cookie, where it belongs to this payment and is not over."""
    if token is None:
        return None
    row = bank.db.read().one(store.FIND, session_hash=_hash(token), payment_id=payment_id)
    if row is None or row["expires_at"] <= bank.clock.wall():
        return None
    return _session(row)


def save(bank: Bank, session: Session) -> None:
    """Keep what a session has done, and let it live another half hour."""
    values = {f"to_{name}": value for name, value in _row(session).items() if name not in _FIXED}
    with bank.db.act(session.world_id) as tx:
        tx.run(store.SAVE, s=session.session_hash, **values, to_expires_at=bank.clock.wall() + LIFETIME_MS)


def renew(bank: Bank, session: Session) -> None:
    """Give a session another cookie and other forms: whoever has known them before the sign-in has no part in what
    follows.
    """
    session.new_token = _new_token()
    before, session.session_hash, session.csrf = session.session_hash, _hash(session.new_token), _new_csrf()
    with bank.db.act(session.world_id) as tx:
        tx.run(store.RENEW, s=before, to_session_hash=session.session_hash, to_csrf=session.csrf)


def adopt(bank: Bank, world_id: str, browser: str) -> tuple[str, str]:
    """Give a session that is known by its browser another cookie; give its value, and what its forms must have.

    Raises:
        LookupError: there is none.
    """
    token = _new_token()
    with bank.db.act(world_id) as tx:
        row = tx.one(store.OF_BROWSER, world_id=world_id, browser=browser)
        if row is None:
            raise LookupError(browser)
        tx.run(store.RENEW, s=row["session_hash"], to_session_hash=_hash(token), to_csrf=row["csrf"])
    return token, str(row["csrf"])


def reset(tx: Tx, world_id: str) -> None:
    """End every session of a world."""
    for statement in store.RESET:
        tx.run(statement, world_id=world_id)


_FIXED = ("session_hash", "world_id", "payment_id", "csrf", "browser")


def _row(session: Session) -> dict[str, Any]:
    values = asdict(session) | {"choice": json.dumps(asdict(session.choice), ensure_ascii=False)}
    del values["new_token"]
    return values


def _session(row: Any) -> Session:
    names = [name for name in Session.__dataclass_fields__ if name not in {"choice", "new_token"}]
    return Session(**{name: row[name] for name in names}, choice=Choice(**json.loads(row["choice"])))


def _new_token() -> str:
    return secrets.token_urlsafe(32)


def _new_csrf() -> str:
    return secrets.token_urlsafe(24)


def _hash(token: str) -> str:
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
