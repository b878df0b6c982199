"""Doing again what was done in a world, each deed at its own time, and telling what has come out otherwise."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from weakref import WeakValueDictionary

from openteller_sandbox.account_links import service as account_links
from openteller_sandbox.announcements import service as announcements
from openteller_sandbox.bank import Bank, Caller, World
from openteller_sandbox.branches import service as branches
from openteller_sandbox.clock import Clock, to_wire
from openteller_sandbox.consents import service as consents
from openteller_sandbox.customers import service as customers
from openteller_sandbox.db import Tx, in_memory
from openteller_sandbox.deeds import service as deeds
from openteller_sandbox.deeds.service import Deed
from openteller_sandbox.due import service as due
from openteller_sandbox.hosted import sessions
from openteller_sandbox.http import Problem, json_text
from openteller_sandbox.http.disturbance import HOLDS
from openteller_sandbox.oauth import service as oauth
from openteller_sandbox.partners import service as partners
from openteller_sandbox.payments import service as payments
from openteller_sandbox.reminders import service as reminders
from openteller_sandbox.replays import store
from openteller_sandbox.saved_billers import service as saved_billers
from openteller_sandbox.settings import AnswerCheck, RateLimits
from openteller_sandbox.worlds import service as worlds

CURRENT = "current"
MOST_TOLD = 100
_NO_LIMITS = RateLimits(app=2**40, anonymous=2**40)
_one_at_a_time = threading.Lock()
"""Each takes a bank's memory."""
MOST_WAITING = 8
"""Replays that run or wait for their turn in a process: each holds what it is compared with."""
_TRY_AGAIN_S = 5

Report = dict[str, Any]
"""The contract's ``ReplayReport``."""
Wsgi = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class NotRepeated(Exception):
    """A deed cannot be done at this place of the new life."""


def log(bank: Bank, caller: Caller, world_id: str, after: int, count: int) -> list[dict[str, Any]]:
    """Give what was done in the caller's world behind a number: the contract's ``Deed``, nothing personal.

    Raises:
        Problem: NOT_FOUND, another world.
    """
    _check_own(caller, world_id)
    tx, own_world = bank.db.read(), caller.world.world_id
    own = _own_apps(tx, caller)
    found = deeds.of_world(bank, tx, own_world, after, count)
    return [_shown(deed, whole=own is None or _is_of(tx, own_world, own, deed)) for deed in found]


def prepare(bank: Bank, caller: Caller, world_id: str) -> Replay:
    """Take what a replay needs, at one moment of the world.

    Raises:
        Problem: NOT_FOUND, another world; WORLD_LOG_INCOMPLETE; RATE_LIMITED, the world is being replayed already, or
            too many are.
    """
    _check_own(caller, world_id)
    own = caller.world.world_id
    if own in _under_way or len(_under_way) >= MOST_WAITING:
        text = "This world is being played again already." if own in _under_way else "Several worlds wait for theirs."
        raise Problem("RATE_LIMITED", text, retry_after=_TRY_AGAIN_S)
    with bank.db.act(own) as tx:  # nobody moves meanwhile
        done = deeds.of_world(bank, tx, own)
        if not done or done[0].name != deeds.BEGINNING:
            raise Problem("WORLD_LOG_INCOMPLETE", "The world is older than its log.")
        if len(done) > deeds.MOST:
            raise Problem("WORLD_LOG_INCOMPLETE", f"More than {deeds.MOST} deeds were done in it.")
        began_at = worlds.began_at(tx, caller.world)
        assert began_at is not None
        state, apps = store.state(tx, own), _own_apps(tx, caller)
        replay = Replay(bank, own, worlds.seed(tx, caller.world), began_at, done, state, apps)
    _under_way[own] = replay
    return replay


def _check_own(caller: Caller, world_id: str) -> None:
    if world_id not in {CURRENT, caller.world.world_id}:
        raise Problem("NOT_FOUND")


def _own_apps(tx: Tx, caller: Caller) -> Collection[str] | None:
    """Give the apps of a partner, or None where no other partner is in its world."""
    own = frozenset(partners.app_ids_of_partner(tx, caller.partner_id))
    return None if own.issuperset(partners.app_ids_of_world(tx, caller.world.world_id)) else own


def _is_of(tx: Tx, world_id: str, apps: Collection[str], deed: Deed) -> bool:
    """Tell whether a deed is one of these apps', or concerns what is theirs, or nobody's."""
    if deed.app_id:
        return deed.app_id in apps
    subject = _payers_subject(deed) if deed.actor == deeds.PAYER else deed.details.get("subject")
    return subject is None or not store.is_owned(subject) or store.owner(tx, world_id, subject) in apps


def _payers_subject(deed: Deed) -> str | None:
    """Give what somebody did something to on one of the bank's pages."""
    names = ("payment_id", "account_link_id", "extension_id", "reminder_id")
    return next((deed.details[name] for name in names if deed.details.get(name)), None)


def _shown(deed: Deed, *, whole: bool) -> dict[str, Any]:
    """Give a deed; of what is another partner's only what every app of the world feels."""
    details = deed.details
    subjects = {
        deeds.PARTNER: details.get("path"),
        deeds.PAYER: _payers_subject(deed),
        deeds.BANK: details.get("subject"),
        deeds.CLOCK: to_wire(details["to"]) if "to" in details else None,
    }
    return {
        "number": deed.number,
        "at": deed.bank_at,
        "actor": deed.actor,
        "app_id": deed.app_id if whole and deed.app_id else None,
        "name": deed.name,
        "subject": subjects.get(deed.actor) if whole else None,
    }


@dataclass(slots=True, eq=False, weakref_slot=True)
class Replay:
    """Another life of a world, in a bank in memory. before: how the world stands; apps: of which it is told what
    differs, None for all.
    """

    bank: Bank
    world_id: str
    seed: int
    began_at: int
    done: Sequence[Deed] = field(repr=False)
    before: store.Rows = field(repr=False)
    apps: Collection[str] | None = None
    wall: int = 0

    def run(self) -> Report:
        """Live it, and compare. Takes a few milliseconds for each deed."""
        try:
            with _one_at_a_time:
                return self._report()
        finally:
            _under_way.pop(self.world_id, None)

    def _report(self) -> Report:
        twin = self._twin()
        try:
            left_out = list(self._live(twin))
            self._note_announcements(twin)
            after = store.state(twin.db.read(), self.world_id)
        finally:
            twin.db.close()
        return {
            "world_id": self.world_id,
            "seed": str(self.seed),
            "deeds": len(self.done) - 1,
            "same": self.before == after,
            "state_hash": _hash(self.before),
            "replayed_hash": _hash(after),
            "differences": _first(_differences(self.before, after, self.apps)),
            "not_repeated": left_out[:MOST_TOLD],
        }

    def _twin(self) -> Bank:
        """Open a bank in memory that is as this one was when the world began; it asks nobody and sends nothing."""
        bank = self.bank
        settings = replace(bank.settings, check_answers=AnswerCheck.OFF, rate_limits=_NO_LIMITS, billers=None)
        clock = Clock(wall_ms=lambda: self.wall)
        twin = replace(bank, settings=settings, db=in_memory(), clock=clock, dispatching=False)
        beginning = self.done[0]
        self._set_clock(twin, beginning)
        with twin.db.act() as tx:
            store.copy_open_data(bank.db.read(), tx)
            branches.copy_waited_at(bank.db, tx, self.world_id)
        with twin.db.act() as tx, deeds.again(beginning):
            world = worlds.create(tx, self.began_at, self.world_id, seed=self.seed)
            store.copy_apps(bank.db.read(), tx, self.world_id, beginning.details["apps"])
            with deeds.beginning(twin, tx, world, ()):
                partners.begin(twin, tx, world)
        return twin

    def _live(self, twin: Bank) -> Iterator[dict[str, Any]]:
        """Do all of it; give what cannot be done."""
        assert self.bank.make_app is not None
        app = self.bank.make_app(twin, _identify)
        for deed in self.done[1:]:
            self._set_clock(twin, deed)
            try:
                self._repeat(twin, app, deed)
            except (NotRepeated, LookupError, Problem) as error:
                reason = str(error) if isinstance(error, NotRepeated) else type(error).__name__
                yield {"number": deed.number, "name": deed.name, "reason": reason}

    def _note_announcements(self, twin: Bank) -> None:
        """Note what an import has noted and nobody has been told yet: no deed of the world has."""
        names = store.columns("due_acts")
        for row in self.before["due_acts"]:
            act = dict(zip(names, row, strict=True))
            if act["kind"] == announcements.ANNOUNCED:
                announcements.schedule_again(twin, World(self.world_id), act["subject"], act["due_at"])

    def _set_clock(self, twin: Bank, deed: Deed) -> None:
        self.wall, twin.clock.base_offset_ms = deed.wall_at, deed.base_ms

    def _repeat(self, twin: Bank, app: Wsgi, deed: Deed) -> None:
        world, details = worlds.find(twin.db.read(), self.world_id), deed.details
        assert world is not None
        with deeds.again(deed):
            if _repeat_by_service(twin, world, deed):
                return
        if deed.actor == deeds.PARTNER:
            self._send(app, deed, _request(deed))
        elif deed.actor == deeds.PAYER:
            self._send(app, deed, _form(twin, world, details))
        elif deed.actor == deeds.CLOCK:
            worlds.move(twin, world, details["to"])
        else:
            if deed.name == announcements.ANNOUNCED:  # what an import has noted is in no deed
                announcements.schedule_again(twin, world, details["subject"], details["at"])
            with deeds.again(deed):
                if not due.repeat(twin, world, details):
                    raise NotRepeated("it is not due")

    def _send(self, app: Wsgi, deed: Deed, environ: dict[str, Any]) -> None:
        with deeds.again(deed):
            b"".join(app(environ, lambda *_: None))


def _repeat_by_service(twin: Bank, world: World, deed: Deed) -> bool:
    """Do again what no request that can be sent again has done; False where one has."""
    name, details = deed.name, deed.details
    if name == oauth.CLIENT_CHANGED:
        oauth.change_client_again(twin, world, deed.app_id, details)
    elif name == oauth.CLIENT_ENDED:
        oauth.end_client_again(twin, world, deed.app_id)
    elif name in oauth.CONSENT_DEEDS:
        oauth.repeat(twin, world, name, details, deed.app_id)
    elif name in consents.DEEDS:
        consents.repeat(twin, world, name, details)
    elif name == saved_billers.FORGET:
        saved_billers.forget_as_customer(twin, world, details["saved_biller_id"], details["customer_id"])
    elif name == reminders.ANSWER:
        reminders.repeat(twin, world, details)
    elif deed.actor == deeds.PAYER and "account_link_id" in details:
        account_links.repeat(twin, world, details)
    else:
        return False
    return True


_under_way: WeakValueDictionary[str, Replay] = WeakValueDictionary()
"""By world. One that nobody waits for any more, as its server has ended, is forgotten with its request."""


def _identify(twin: Bank, token: str, proof: object) -> Caller | None:  # noqa: ARG001 - as the application calls it
    """Take an app at its word, and that a customer has allowed it: the log says who has sent what."""
    tx, (app_id, _, consent_id) = twin.db.read(), token.partition("~")
    app = partners.find(tx, app_id)
    world = worlds.find(tx, app.world_id) if app else None
    if app is None or world is None:
        return None
    if not consent_id:
        return Caller(world, frozenset(app.scopes), app_id, app.partner_id)
    consent = oauth.find_consent(twin, consent_id)
    if consent is None:
        return None
    scopes, customer_id = frozenset(consent.scope.split()), consent.customer_id
    subject = oauth.subject(twin, app.partner_id, world.world_id, customer_id)
    return Caller(world, scopes, app_id, app.partner_id, consent_id, customer_id, subject)


def _request(deed: Deed) -> dict[str, Any]:
    details = deed.details
    environ = _environ(details["method"], details["path"], (details["body"] or "").encode("utf-8", "surrogateescape"))
    token = f"{deed.app_id}~{details['consent_id']}" if "consent_id" in details else deed.app_id
    environ |= {"HTTP_AUTHORIZATION": f"Bearer {token}", "CONTENT_TYPE": "application/json"}
    if details["key"] is not None:
        environ["HTTP_IDEMPOTENCY_KEY"] = details["key"]
    return environ


def _form(twin: Bank, world: World, details: Mapping[str, Any]) -> dict[str, Any]:
    held = payments.held(twin.db.read(), details["payment_id"])
    if held is None:
        raise NotRepeated("there is no such payment")
    form, cookie = dict(details["form"]), ""
    if details["browser"]:
        cookie, csrf = sessions.adopt(twin, world.world_id, details["browser"])
        form["csrf"] = [csrf if details["csrf"] else ""]
    if "demo_code" in form:
        right = customers.code_of(form["customer_number"][0]) if form["demo_code"] == ["right"] else None
        form["demo_code"] = [right or "wrong"]
    path = f"/pay/{held.link_code}{details['page']}"
    environ = _environ(details["method"], path, urlencode(form, doseq=True).encode())
    return environ | {"CONTENT_TYPE": "application/x-www-form-urlencoded", "HTTP_COOKIE": f"{sessions.COOKIE}={cookie}"}


def _environ(method: str, path: str, body: bytes) -> dict[str, Any]:
    return {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "replay",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "HTTP_HOST": "replay",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "CONTENT_LENGTH": str(len(body)),
        HOLDS: True,  # nobody waits for an answer that is held back
    }


def _hash(rows: store.Rows) -> str:
    digest = sha256()
    for name, table in rows.items():
        digest.update(f"{name} {len(table)}\n".encode())
        for row in table:
            digest.update(json_text(row).encode("utf-8", "surrogatepass") + b"\n")
    return digest.hexdigest()


def _differences(before: store.Rows, after: store.Rows, apps: Collection[str] | None) -> Iterator[dict[str, Any]]:
    """Name what differs, row by row: not the values, which may be personal; which row, where it is of these apps."""
    for name, compared in store.COMPARED.items():
        columns = store.columns(name)
        places = [columns.index(column) for column in compared.key]
        one, other = (_by_key(rows[name], places) for rows in (before, after))
        if list(one) == list(other) and one == other:
            continue
        differing = [key for key in dict.fromkeys([*one, *other]) if one.get(key) != other.get(key)]
        for key in differing:
            members = _members(columns, one.get(key), other.get(key))
            is_told = apps is None or _app_of(columns, one.get(key) or other[key]) in apps
            yield {"what": name, "subject": "/".join(map(str, key))[:200] if is_told else "", "members": members}
        if not differing:
            yield {"what": name, "subject": "", "members": ["order"]}


def _app_of(columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> str:
    return rows[0][columns.index("app_id")] if "app_id" in columns else ""


def _by_key(rows: Iterable[tuple[Any, ...]], places: Sequence[int]) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
    found: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for row in rows:
        found.setdefault(tuple(row[place] for place in places), []).append(row)
    return found


def _members(columns: Sequence[str], one: Sequence[Any] | None, other: Sequence[Any] | None) -> list[str]:
    if one is None or other is None:
        return ["only replayed" if one is None else "only before"]
    if len(one) != len(other):
        return ["count"]
    pairs = [pair for rows in zip(one, other, strict=True) for pair in zip(columns, *rows, strict=True)]
    members: list[str] = []
    for column, was, is_ in pairs:
        if was != is_:
            members += [f"{column}.{name}" for name in _wire_members(was, is_)] if column == "wire" else [column]
    return list(dict.fromkeys(members))[:50]


def _wire_members(was: str, is_: str) -> list[str]:
    one, other = json.loads(was), json.loads(is_)
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


def _first(differences: Iterator[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each, _ in zip(differences, range(MOST_TOLD), strict=False)]
