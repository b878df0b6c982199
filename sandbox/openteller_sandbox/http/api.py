"""The way of a request: identify, count, authorise, check, handle, answer. One place, the same for every operation."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any, cast

from flask import Flask, Response, g, request
from werkzeug import Request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.local import LocalProxy
from werkzeug.routing import BaseConverter

from openteller_sandbox.bank import ANONYMOUS, Bank, Caller, World
from openteller_sandbox.contract import ContractError, Fault, Operation
from openteller_sandbox.db import DatabaseError, EngineUnavailable
from openteller_sandbox.http import checks, negotiation
from openteller_sandbox.http.answers import GEO_JSON, JSON, Answer, json_text
from openteller_sandbox.http.disturbance import Disturb, Lost, cut, hand_over, undisturbed
from openteller_sandbox.http.exchange import Exchange, Proof
from openteller_sandbox.http.front import Front, Reply, Waiting, finished
from openteller_sandbox.http.limits import TokenBuckets
from openteller_sandbox.http.operations import Bound, Call, Later, Routes
from openteller_sandbox.http.problems import MEDIA_TYPE, Problem, render, unavailable
from openteller_sandbox.http.queries import Queries
from openteller_sandbox.http.request_log import request_log
from openteller_sandbox.settings import AnswerCheck

log = logging.getLogger("openteller_sandbox.http")

_TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_EXPOSED = (
    "DPoP-Nonce, ETag, Last-Modified, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, "
    "X-Request-Id"
)
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, DPoP, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
_DEFAULTS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_NO_BODY = (204, 304)
_WHOLE_JSON = (JSON, GEO_JSON)
_NO_DEEDS = frozenset(
    {
        "advanceClock",  # what falls due on the way, and each move of the clock, is one
        "resetWorld",  # begins a new log
        "replayWorld",
        # What partners' servers are told, and have answered, is not the world's.
        "createWebhookEndpoint",
        "updateWebhookEndpoint",
        "deleteWebhookEndpoint",
        "rotateWebhookSecret",
        "testWebhookEndpoint",
        "resendWebhookDelivery",
    }
)
_OTHER_API = ("/v1/", "/sandbox/", "/oauth/", "/.well-known/", "/openapi.json")
_PAGES = "/oauth/authorize"  # a browser goes there; no script of another site does (RFC 9700)
Identify = Callable[[Bank, str, Proof | None], Caller | None]
Doing = Callable[[Bank, World, str, str, Callable[[], Mapping[str, Any]], str], AbstractContextManager[None]]
"""Makes what happens in a block a deed: bank, world, actor, name, what it takes to do it again, app."""


class _Ready(Response):
    """A response whose headers are complete: when it leaves, Flask adds none and takes none away."""

    default_mimetype = None
    automatically_set_content_length = False

    def get_wsgi_headers(self, environ: object) -> Headers:  # noqa: ARG002 - as werkzeug calls it
        """Give the headers as they are."""
        return self.headers


class _Identifier(BaseConverter):
    """A segment of a path up to a colon, behind which a verb stands."""

    regex = "[^/:]+"


class Api:
    """Mounts operations on a Flask app and takes each request through the same steps.

    Args:
        app: where to mount.
        bank: what handlers work with.
        identify: finds the caller that an access token stands for, with what came to prove that it is the caller's;
            raises a problem where that proof is no good.
        disturb: lets the faults of a world strike.
        doing: makes what a request does a deed of its world.
        wait: sleeps for some seconds; where the server holds answers back itself it is never called.
    """

    def __init__(
        self,
        app: Flask,
        bank: Bank,
        identify: Identify,
        disturb: Disturb = undisturbed,
        doing: Doing = lambda *_: nullcontext(),
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._app = app
        self._bank = bank
        self._identify = identify
        self._disturb = disturb
        self._doing = doing
        self._wait = wait
        self.requests = request_log(bank.db)
        self._queries = Queries(bank.contract)
        limits = bank.settings.rate_limits
        self._apps = TokenBuckets("app", limits.app, limits.window_s)
        self._addresses = TokenBuckets("anonymous", limits.anonymous, limits.window_s)
        self._methods: dict[str, set[str]] = {}
        self._front = Front(app.wsgi_app)
        app.wsgi_app = self._front  # type: ignore[method-assign] # how Flask wants it to be wrapped
        app.url_map.converters["identifier"] = _Identifier
        app.url_map.merge_slashes = (
            False  # a path with an empty segment names nothing; a redirect would be no answer of the contract
        )
        app.before_request(self._begin)
        app.after_request(lambda response: self._finish(g.exchange, response))
        app.register_error_handler(Exception, lambda error: _response(self._refuse(g.exchange, error)))

    def mount(self, features: Sequence[Routes]) -> None:
        """Bind every handler.

        Raises:
            ContractError: an operation of the contract has no handler, or a handler no operation.
        """
        missing = set(self._bank.contract.operations)
        for routes in features:
            for bound in routes.bound:
                operation = self._bank.contract.operations.get(bound.operation_id)
                if operation is None or bound.operation_id not in missing:
                    raise ContractError(f"{bound.operation_id} is bound twice, or not in the contract")
                missing.remove(bound.operation_id)
                self._mount(operation, bound)
        if missing:
            raise ContractError(f"operations without a handler: {', '.join(sorted(missing))}")
        for rule, methods in self._methods.items():
            preflight = self._preflight(methods)
            self._app.add_url_rule(
                rule, f"preflight {rule}", preflight, methods=["OPTIONS"], provide_automatic_options=False
            )

    def _mount(self, operation: Operation, bound: Bound) -> None:
        rule = re.sub(r"\{([a-z_]+)\}", r"<identifier:\1>", operation.path)
        methods = [operation.method, *(["HEAD"] if operation.method == "GET" else [])]
        self._methods.setdefault(rule, set()).update(methods)

        def view(**path: str) -> Response:
            g.exchange.operation = operation
            answer = self._respond(g.exchange, operation, lambda: self._handled(g.exchange, operation, bound, path))
            while isinstance(answer, Later):
                answer = self._respond(g.exchange, operation, lambda later=answer: later.then(later.wait()))  # type: ignore[misc]
            return _response(answer)

        def short(received: Request, path: dict[str, str]) -> Reply | Waiting:
            exchange = Exchange(received, operation)
            answer = self._respond(exchange, operation, lambda: self._handled(exchange, operation, bound, path))
            return self._reply(exchange, operation, answer)

        self._app.add_url_rule(rule, operation.operation_id, view, methods=methods, provide_automatic_options=False)
        self._front.add(operation, short)

    def _reply(self, exchange: Exchange, operation: Operation, answer: Answer | Later[Any]) -> Reply | Waiting:
        """Complete an answer that leaves without Flask, or say what it waits for."""
        if isinstance(answer, Later):
            later = answer

            def resume(result: object) -> Reply | Waiting:
                return self._reply(exchange, operation, self._respond(exchange, operation, lambda: later.then(result)))

            def fail(error: Exception) -> Reply:
                return finished(self._reply(exchange, operation, self._refuse(exchange, error)))

            return Waiting(later.wait, resume, fail, later.turn)
        self._note(exchange, answer.status)
        headers = _headers(answer)
        sent, body = [*headers.items(), *self._added(exchange, headers)], answer.pieces or answer.body
        if self._hand_over(exchange):
            sent, body = cut(sent, body)
        return Reply(answer.status, sent, body)

    def _respond(
        self, exchange: Exchange, operation: Operation, act: Callable[[], Answer | Later[Any]]
    ) -> Answer | Later[Any]:
        try:
            answer = act()
            if (
                self._bank.settings.check_answers is AnswerCheck.ALL
                and isinstance(answer, Answer)
                and answer.media_type in _WHOLE_JSON
                and answer.body
            ):
                value = json.loads(answer.body)
                self._bank.contract.check_answer(operation, answer.status, value, answer.media_type)
            return answer  # noqa: TRY300 - what is checked may fail, too
        except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
            return self._refuse(exchange, error)

    def _handled(
        self, exchange: Exchange, operation: Operation, bound: Bound, path: dict[str, str]
    ) -> Answer | Later[Any]:
        caller = self._admit(exchange, operation)
        if caller.anonymous or operation.operation_id in _NO_DEEDS:
            return self._handle(exchange, operation, bound, path, caller)
        if operation.method == "GET" and not caller.world.faults:  # changes nothing, and is not struck either
            return self._handle(exchange, operation, bound, path, caller)
        details = self._details(exchange.received, operation, bound, caller)
        with self._doing(self._bank, caller.world, "PARTNER", operation.operation_id, details, caller.app_id):
            return self._handle(exchange, operation, bound, path, caller)

    def _details(
        self, received: Request, operation: Operation, bound: Bound, caller: Caller
    ) -> Callable[[], dict[str, Any]]:
        """Say what the log has of a request. What it has of a secret is found before the request changes anything."""
        if bound.keep is None or bound.body is None:
            return partial(_sent, received, caller.consent_id)
        try:
            body = bound.body.load(checks.json_body(self._bank.contract, operation, received))
        except Problem:  # refused for its body, as without one
            return partial(_request_line, received, caller.consent_id)
        kept = bound.keep(self._bank, caller, body)
        return lambda: _request_line(received, caller.consent_id, json_text(kept.body)) | {"held": kept.held}

    def _handle(
        self, exchange: Exchange, operation: Operation, bound: Bound, path: dict[str, str], caller: Caller
    ) -> Answer | Later[Any]:
        contract, received = self._bank.contract, exchange.received
        self._strike(exchange, caller.world, operation.operation_id)
        query, sent = self._queries.read(operation, bound, received)
        headers = checks.header_values(contract, operation, received)
        value = checks.json_body(contract, operation, received) if operation.has_body else None
        call = Call(
            bank=self._bank,
            operation=operation,
            caller=caller,
            request_id=exchange.request_id,
            now=self._bank.now(caller.world),
            url_path=received.path,
            path=checks.path_values(contract, operation, path),
            query=query,
            sent_query=sent,
            headers=headers,
            sent_body=value,
            body=bound.body.load(value or {}) if bound.body else value,
            request_log=self.requests,
            media_type=_media_type(operation, received),
            takes_gzip=negotiation.takes_gzip(received.headers.get("Accept-Encoding")),
        )
        return bound.handler(call)

    def _admit(self, exchange: Exchange, operation: Operation) -> Caller:
        """Find out who is asking, count the request, and ask for the scopes.

        Raises:
            Problem: TOKEN_MISSING, TOKEN_INVALID, DPOP_PROOF_INVALID, INSUFFICIENT_SCOPE, RATE_LIMITED.
        """
        caller = self._known(exchange)
        if caller.anonymous:
            if not operation.anonymous:
                raise Problem("TOKEN_MISSING")
        elif missing := operation.scopes - caller.scopes:
            raise Problem("INSUFFICIENT_SCOPE", f"This operation needs the scope {', '.join(sorted(missing))}.")
        return caller

    def _known(self, exchange: Exchange) -> Caller:
        """Find out who is asking, and count the request, whatever its token is worth."""
        header, refused = exchange.received.headers.get("Authorization"), None
        try:
            caller = ANONYMOUS if header is None else self._caller(exchange.received, header)
        except Problem as problem:
            caller, refused = None, problem
        exchange.caller = caller or ANONYMOUS
        self._count(exchange)
        if caller is None:
            raise refused or Problem("TOKEN_INVALID")
        return caller

    def admit(self) -> Caller:
        """Find out who sends the request that Flask is at, and count it.

        Raises:
            Problem: TOKEN_INVALID, DPOP_PROOF_INVALID, RATE_LIMITED.
        """
        return self._known(g.exchange)

    def _strike(self, exchange: Exchange, world: World, operation_id: str | None) -> None:
        """Let the world's faults strike.

        Raises:
            Problem: one that was ordered.
            Lost: the request was ordered to be.
        """
        if not world.faults:
            return
        path, now = exchange.received.path, self._bank.now(world)
        exchange.disturbance = found = self._disturb(self._bank, world, operation_id, path, now)
        if found and found.code:
            raise Problem(found.code)
        if found and found.drop == "BEFORE":
            raise Lost

    def disturb(self, world: World) -> None:
        """Let a world's faults strike the page that Flask is at.

        Raises:
            Problem: one that was ordered.
            Lost: the request was ordered to be.
        """
        self._strike(g.exchange, world, None)

    def _hand_over(self, exchange: Exchange) -> bool:
        """Hold an answer back where a fault says so; give whether it has to be cut here."""
        found = exchange.disturbance
        return found is not None and hand_over(exchange.received.environ, found, self._wait)

    def count(self, caller: Caller) -> None:
        """Count the request that Flask is at against its caller's quota.

        Raises:
            Problem: RATE_LIMITED.
        """
        g.exchange.caller = caller
        self._count(g.exchange)

    def _count(self, exchange: Exchange) -> None:
        now, caller = self._bank.clock.wall(), exchange.caller
        if caller.anonymous:
            quota = self._addresses.take(self._address(exchange.received), now)
        else:
            quota = self._apps.take(caller.app_id, now)
        exchange.quota = quota
        if quota.wait_s:
            raise Problem("RATE_LIMITED", retry_after=quota.wait_s)

    def _caller(self, received: Request, header: str) -> Caller | None:
        scheme, _, token = header.partition(" ")
        kind = scheme.lower()
        if kind not in {"bearer", "dpop"} or not _TOKEN.fullmatch(token):
            return None
        proof = None
        if kind == "dpop":
            proof = Proof(tuple(received.headers.getlist("DPoP")), received.method, received.path)
        return self._identify(self._bank, token, proof)

    def _address(self, received: Request) -> str:
        address = received.remote_addr or "unknown"
        if address in self._bank.settings.trusted_proxies and (forwarded := received.headers.get("X-Forwarded-For")):
            return forwarded.rsplit(",", 1)[-1].strip()
        return address

    def _begin(self) -> None:
        g.exchange = Exchange(cast("LocalProxy[Request]", request)._get_current_object())

    def _finish(self, exchange: Exchange, response: Response) -> Response:
        """Complete an answer that leaves through Flask."""
        response.headers.extend(self._added(exchange, response.headers))
        self._note(exchange, response.status_code)
        if self._hand_over(exchange):
            headers, body = cut(list(response.headers.items()), response.get_data())
            response.set_data(body)
            response.headers = Headers(headers)
        return response

    def _added(self, exchange: Exchange, present: Headers | dict[str, str]) -> list[tuple[str, str]]:
        """Give the headers that every answer has, beside those present."""
        added = [("X-Request-Id", exchange.request_id)]
        added += [item for item in _DEFAULTS if item[0] not in present]
        if exchange.quota:
            added += exchange.quota.headers().items()
        path = exchange.received.path
        if exchange.operation and len(exchange.operation.media_types) > 1 and "Vary" not in present:
            added.append(("Vary", "Accept"))
        if exchange.operation or (path.startswith(_OTHER_API) and not path.startswith(_PAGES)):
            added += _CORS.items()
        return added

    def _note(self, exchange: Exchange, status: int) -> None:
        """Log the request: its operation or page, never its path, query or body, which hold link codes and
        positions.
        """
        operation, caller = exchange.operation, exchange.caller
        if log.isEnabledFor(logging.INFO):
            place = operation.path if operation else _page_rule()
            request_id, method = exchange.request_id, exchange.received.method
            log.info("%s %s %d %d ms %s", method, place, status, exchange.duration_ms, request_id)
        if operation and not caller.anonymous:
            self.requests.note(
                caller.world.world_id,
                {
                    "request_id": exchange.request_id,
                    "app_id": caller.app_id,
                    "operation_id": operation.operation_id,
                    "method": operation.method,
                    "path": operation.path,
                    "status": status,
                    "code": exchange.problem_code,
                    "duration_ms": exchange.duration_ms,
                    "received_at": self._bank.clock.wall(),
                    "bank_time": self._bank.now(caller.world),
                },
            )

    def _refuse(self, exchange: Exchange, error: Exception) -> Answer:
        """Turn what was raised into an answer."""
        if isinstance(error, Problem):
            return self._problem(exchange, error)
        if isinstance(error, Lost):
            return Answer(b"{}")
        if isinstance(error, HTTPException):
            return self._http_error(exchange, error)
        if isinstance(error, (EngineUnavailable, DatabaseError)):
            log.error("%s %s", error, exchange.request_id)
            return self._problem(exchange, unavailable())
        return self._fault(exchange, error)

    def _problem(self, exchange: Exchange, problem: Problem) -> Answer:
        exchange.problem_code = problem.code
        settings = self._bank.settings
        status, body, headers = render(problem, self._bank.contract, settings.public_url, exchange.request_id)
        return Answer(body, status, headers, MEDIA_TYPE)

    def _http_error(self, exchange: Exchange, error: HTTPException) -> Answer:
        if isinstance(error, MethodNotAllowed):
            answer = self._problem(exchange, Problem("METHOD_NOT_ALLOWED"))
            answer.headers["Allow"] = ", ".join(sorted({"OPTIONS", *(error.valid_methods or [])}))
            return answer
        if isinstance(error, RequestEntityTooLarge):
            return self._problem(exchange, Problem("BODY_TOO_LARGE"))
        if error.code == 404:
            return self._problem(exchange, Problem("NOT_FOUND"))
        if error.code is not None and error.code < 400:
            return Answer(b"", error.code, dict(error.get_headers()), "text/html; charset=utf-8")
        fault = Fault("path", "request", "FIELD_INVALID", "The request cannot be read.")
        return self._problem(exchange, Problem("REQUEST_MALFORMED", faults=[fault]))

    def _fault(self, exchange: Exchange, error: Exception) -> Answer:
        """Answer 500. The log gets the kind of fault and where it is, not its text, which may hold what somebody
        typed.
        """
        places, traceback = [], error.__traceback__
        while traceback:
            places.append(f"{traceback.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno}")
            traceback = traceback.tb_next
        text = f": {error}" if isinstance(error, ContractError) else ""
        log.error("%s at %s%s %s", type(error).__name__, " < ".join(reversed(places[-6:])), text, exchange.request_id)
        return self._problem(exchange, Problem("INTERNAL_ERROR"))

    def _preflight(self, methods: set[str]) -> Callable[..., Response]:
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        headers = {**_PREFLIGHT, "Allow": allowed, "Access-Control-Allow-Methods": allowed}
        return lambda **_: Response(b"", 204, headers)


def _sent(received: Request, consent_id: str) -> dict[str, Any]:
    """Give what it takes to send a request of an app again; who has sent it, the log says, and not with what token."""
    try:
        body = checks.read_body(received)
    except Problem:  # it does not come as far as to be read
        body = b""
    return _request_line(received, consent_id, body.decode("utf-8", "surrogateescape") if body else None)


def _request_line(received: Request, consent_id: str, body: str | None = None) -> dict[str, Any]:
    return {
        "method": received.method,
        "path": received.path,
        "key": received.headers.get("Idempotency-Key"),
        "body": body,
    } | ({"consent_id": consent_id} if consent_id else {})


def _media_type(operation: Operation, received: Request) -> str:
    """Say as what the caller wants the answer; one that has no body is anything.

    Raises:
        Problem: NOT_ACCEPTABLE; nothing has been done yet.
    """
    if not operation.media_types:
        return JSON
    chosen = negotiation.choose(received.headers.get("Accept"), operation.media_types)
    if chosen is None:
        few = "one of " if len(operation.media_types) > 1 else ""
        raise Problem("NOT_ACCEPTABLE", f"The answer is {few}{', '.join(operation.media_types)}.")
    return chosen


def _headers(answer: Answer) -> dict[str, str]:
    """Give the headers of an answer, what they say of its body included."""
    if answer.status in _NO_BODY:
        return answer.headers
    if answer.pieces:  # however long that will be
        return {**answer.headers, "Content-Type": answer.media_type}
    body = {"Content-Type": answer.media_type, "Content-Length": str(len(answer.body))}
    return {**answer.headers, **body}


def _response(answer: Answer) -> Response:
    """Hand an answer to Flask."""
    return _Ready(answer.pieces or answer.body, answer.status, _headers(answer))


def _page_rule() -> str:
    return request.url_rule.rule if request.url_rule else "-"
