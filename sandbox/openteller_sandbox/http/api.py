"""The way of a request: identify, count, authorise, check, handle, answer. One place, the same for every operation."""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Sequence
from typing import cast

from flask import Flask, Request, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException, MethodNotAllowed, RequestEntityTooLarge
from werkzeug.local import LocalProxy

from openteller_sandbox import ids
from openteller_sandbox.bank import ANONYMOUS, Bank, Caller
from openteller_sandbox.contract import ContractError, Fault, Operation
from openteller_sandbox.http import checks
from openteller_sandbox.http.answers import JSON, Answer
from openteller_sandbox.http.limits import Quota, TokenBuckets
from openteller_sandbox.http.operations import Bound, Call, Routes
from openteller_sandbox.http.problems import Problem, render
from openteller_sandbox.http.request_log import RequestLog
from openteller_sandbox.settings import AnswerCheck

log = logging.getLogger("openteller_sandbox.http")

_BEARER = re.compile(r"Bearer ([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)
_EXPOSED = (
    "ETag, Last-Modified, Link, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
)
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": _EXPOSED}
_PREFLIGHT = {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, If-None-Match",
    "Access-Control-Max-Age": "86400",
}
_DEFAULTS = (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
_NO_BODY = (204, 304)
Identify = Callable[[Bank, str], Caller | None]


def _received() -> Request:
    """Give the request itself: to look at it through Flask's proxy a dozen times costs more than to check it."""
    return cast("LocalProxy[Request]", request)._get_current_object()


class _Ready(Response):
    """A response whose headers are complete: nothing is worked out or copied when it leaves."""

    default_mimetype = None
    automatically_set_content_length = False
    autocorrect_location_header = False

    def get_wsgi_headers(self, environ: object) -> Headers:  # noqa: ARG002 - as werkzeug calls it
        """Give the headers as they are."""
        return self.headers


class Api:
    """Mounts operations on a Flask app and takes each request through the same steps.

    Args:
        app: where to mount.
        bank: what handlers work with.
        identify: finds the caller that an access token stands for.
    """

    def __init__(self, app: Flask, bank: Bank, identify: Identify) -> None:
        self._app = app
        self._bank = bank
        self._identify = identify
        self.requests = RequestLog()
        limits = bank.settings.rate_limits
        self._apps = TokenBuckets("app", limits.app, limits.window_s)
        self._addresses = TokenBuckets("anonymous", limits.anonymous, limits.window_s)
        self._methods: dict[str, set[str]] = {}
        app.url_map.merge_slashes = (
            False  # a path with an empty segment names nothing; a redirect would be no answer of the contract
        )
        app.before_request(self._begin)
        app.after_request(self._finish)
        app.register_error_handler(Problem, self._on_problem)
        app.register_error_handler(HTTPException, self._on_http_error)
        app.register_error_handler(Exception, self._on_fault)

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
        rule = re.sub(r"\{([a-z_]+)\}", r"<\1>", operation.path)
        methods = [operation.method, *(["HEAD"] if operation.method == "GET" else [])]
        self._methods.setdefault(rule, set()).update(methods)

        def view(**path: str) -> Response:
            g.operation = operation
            return self._respond(self._answer(operation, bound, path))

        self._app.add_url_rule(rule, operation.operation_id, view, methods=methods, provide_automatic_options=False)

    def _answer(self, operation: Operation, bound: Bound, path: dict[str, str]) -> Answer:
        contract, received = self._bank.contract, _received()
        caller = self._admit(operation, received)
        query, sent = checks.query_values(contract, operation, received.args.items(multi=True))
        headers = checks.header_values(contract, operation, received)
        value, raw = checks.json_body(contract, operation, received) if received.method == "POST" else (None, b"")
        call = Call(
            bank=self._bank,
            operation=operation,
            caller=caller,
            request_id=g.request_id,
            now=self._bank.now(caller.world),
            url_path=received.path,
            path=checks.path_values(contract, operation, path),
            query=bound.converted(query),
            sent_query=sent,
            headers=headers,
            body=bound.body.load(value or {}) if bound.body else value,
            raw_body=raw,
        )
        answer = bound.handler(call)
        if self._bank.settings.check_answers is AnswerCheck.ALL and answer.media_type == JSON and answer.body:
            contract.check_answer(operation, answer.status, json.loads(answer.body))
        return answer

    def _admit(self, operation: Operation, received: Request) -> Caller:
        """Find out who is asking, count the request, and ask for the scopes.

        Raises:
            Problem: TOKEN_MISSING, TOKEN_INVALID, INSUFFICIENT_SCOPE, RATE_LIMITED.
        """
        header = received.headers.get("Authorization")
        caller = ANONYMOUS if header is None else self._caller(header)
        g.caller = counted = caller or ANONYMOUS
        self.count(counted)
        if caller is None:
            raise Problem("TOKEN_INVALID")
        if caller.anonymous:
            if not operation.anonymous:
                raise Problem("TOKEN_MISSING")
        elif missing := operation.scopes - caller.scopes:
            raise Problem("INSUFFICIENT_SCOPE", f"This operation needs the scope {', '.join(sorted(missing))}.")
        return caller

    def count(self, caller: Caller) -> None:
        """Count a request against its quota.

        Raises:
            Problem: RATE_LIMITED.
        """
        now = self._bank.clock.wall()
        quota = self._addresses.take(self._address(), now) if caller.anonymous else self._apps.take(caller.app_id, now)
        g.quota = quota
        if quota.wait_s:
            raise Problem("RATE_LIMITED", retry_after=quota.wait_s)

    def _caller(self, header: str) -> Caller | None:
        found = _BEARER.fullmatch(header)
        return self._identify(self._bank, found.group(1)) if found else None

    def _address(self) -> str:
        address = request.remote_addr or "unknown"
        if address in self._bank.settings.trusted_proxies and (forwarded := request.headers.get("X-Forwarded-For")):
            return forwarded.rsplit(",", 1)[-1].strip()
        return address

    def _begin(self) -> None:
        g.request_id = ids.new("rqs")
        g.started = time.perf_counter_ns()

    def _finish(self, response: Response) -> Response:
        """Complete the headers, all at once: setting them one by one costs twice as much."""
        headers = response.headers
        added = [("X-Request-Id", g.request_id)]
        added += [item for item in _DEFAULTS if item[0] not in headers]
        quota: Quota | None = g.get("quota")
        if quota:
            added += quota.headers().items()
        if self._is_api():
            added += _CORS.items()
        headers.extend(added)
        self._note(response)
        return response

    def _note(self, response: Response) -> None:
        """Log the request: its operation or page, never its path, query or body, which hold link codes and
        positions.
        """
        duration_ms = (time.perf_counter_ns() - g.started) // 1_000_000
        if log.isEnabledFor(logging.INFO):
            rule = request.url_rule.rule if request.url_rule else "-"
            log.info("%s %s %d %d ms %s", request.method, rule, response.status_code, duration_ms, g.request_id)
        operation: Operation | None = g.get("operation")
        caller: Caller | None = g.get("caller")
        if operation and caller and not caller.anonymous:
            self.requests.note(
                caller.world.world_id,
                {
                    "request_id": g.request_id,
                    "app_id": caller.app_id,
                    "operation_id": operation.operation_id,
                    "method": operation.method,
                    "path": operation.path,
                    "status": response.status_code,
                    "code": g.get("problem_code"),
                    "duration_ms": duration_ms,
                    "received_at": self._bank.clock.wall(),
                    "bank_time": self._bank.now(caller.world),
                },
            )

    def _respond(self, answer: Answer) -> Response:
        if answer.status not in _NO_BODY:
            answer.headers["Content-Type"] = answer.media_type
            answer.headers["Content-Length"] = str(len(answer.body))
        return _Ready(answer.body, answer.status, answer.headers)

    def _on_problem(self, problem: Problem) -> Response:
        g.problem_code = problem.code
        status, body, headers = render(problem, self._bank.contract, self._bank.settings.public_url, g.request_id)
        return Response(body, status, headers)

    def _on_http_error(self, error: HTTPException) -> Response:
        if isinstance(error, MethodNotAllowed):
            response = self._on_problem(Problem("METHOD_NOT_ALLOWED"))
            response.headers["Allow"] = ", ".join(sorted({"OPTIONS", *(error.valid_methods or [])}))
            return response
        if isinstance(error, RequestEntityTooLarge):
            return self._on_problem(Problem("BODY_TOO_LARGE"))
        if error.code == 404:
            return self._on_problem(Problem("NOT_FOUND"))
        if error.code is not None and error.code < 400:
            return Response(b"", error.code, error.get_headers())
        fault = Fault("path", "request", "FIELD_INVALID", "The request cannot be read.")
        return self._on_problem(Problem("REQUEST_MALFORMED", faults=[fault]))

    def _on_fault(self, error: Exception) -> Response:
        """Answer 500. The log gets the kind of fault and where it is, not its text, which may hold what somebody
        typed.
        """
        places, traceback = [], error.__traceback__
        while traceback:
            places.append(f"{traceback.tb_frame.f_code.co_filename.rsplit('/', 1)[-1]}:{traceback.tb_lineno}")
            traceback = traceback.tb_next
        text = f": {error}" if isinstance(error, ContractError) else ""
        log.error("%s at %s%s %s", type(error).__name__, " < ".join(reversed(places[-6:])), text, g.request_id)
        return self._on_problem(Problem("INTERNAL_ERROR"))

    def _preflight(self, methods: set[str]) -> Callable[..., Response]:
        allowed = ", ".join(sorted({*methods, "OPTIONS"}))
        headers = {**_PREFLIGHT, "Allow": allowed, "Access-Control-Allow-Methods": allowed}
        return lambda **_: Response(b"", 204, headers)

    def _is_api(self) -> bool:
        return request.path.startswith(("/v1/", "/sandbox/", "/oauth/", "/.well-known/", "/openapi.json"))
