"""What can go wrong, as one tree. Nothing else leaves the client, whatever the network does.

::

    OpenTellerError
    ├── ConfigurationError          the client or a call cannot work as written; nothing was sent
    ├── InvalidSignature            a webhook or receipt is not of the bank, was changed, or is too old
    ├── BrokenChain                 a rate sheet was changed after it was published, or one is missing
    ├── InvalidCallback             a browser brought back what this program did not begin, or another bank's answer
    ├── AuthorizationRefused        the customer, or the bank, does not allow what was asked for; ``code`` says why
    ├── TokenStoreFailed            where customers' tokens are kept did not answer
    ├── TransportError              no usable answer came
    │   ├── ConnectionFailed        the bank could not be reached, or the connection broke
    │   ├── TimedOut                no answer came in time
    │   └── BrokenAnswer            something answered, but not as the contract says: HTML, a redirect, half a body
    └── BankError                   the bank understood and refused; ``code`` says why
        ├── InvalidRequest          400, 406, 413, 415, 422: change the request; ``errors`` point at the faults
        ├── AuthenticationFailed    401: the credentials are wrong, or the token is not taken
        ├── PermissionDenied        403: the app lacks a scope, or a customer's mandate is not in force yet
        │   ├── ConsentRequired     the customer has not allowed it, or does not any more: ask again
        │   └── MandateExceeded     the customer has allowed less than that; ``limit`` and ``resets_at`` may help
        ├── NotFound                404
        ├── Conflict                409: not from where things stand; ``allowed`` and ``payment_id`` may help
        ├── LinkGone                410: the link is used or has expired
        ├── RateLimited             429: ``retry_after`` seconds
        └── BankFailure             5xx: the bank or a biller has failed

Every error carries ``status, code, message, request_id, idempotency_key, retryable, attempts``, survives pickling, and
shows no token and no account number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from openteller.models.common import LocalizedText, Problem, ProblemItem

__all__ = [
    "AuthenticationFailed",
    "AuthorizationRefused",
    "BankError",
    "BankFailure",
    "BrokenAnswer",
    "BrokenChain",
    "ConfigurationError",
    "Conflict",
    "ConnectionFailed",
    "ConsentRequired",
    "InvalidCallback",
    "InvalidRequest",
    "InvalidSignature",
    "LinkGone",
    "MandateExceeded",
    "NotFound",
    "OpenTellerError",
    "PermissionDenied",
    "RateLimited",
    "TimedOut",
    "TokenStoreFailed",
    "TransportError",
]


class OpenTellerError(Exception):
    """Anything that the client raises.

    Attributes:
        message: what happened and what to do, for a developer.
        code: for programs; the bank's code, or one of the client's own in capitals.
        status: the HTTP status, where an answer came.
        request_id: the bank's name for the request; quote it when you ask for help.
        idempotency_key: the key that the request carried; repeating with it is safe.
        retryable: ``never``, ``later`` (wait and repeat), ``same_key`` (repeat with the same key).
        attempts: how often the request was sent.
    """

    code: str = "CLIENT_ERROR"
    retryable: str = "never"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        request_id: str | None = None,
        idempotency_key: str | None = None,
        retryable: str | None = None,
        attempts: int = 0,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or type(self).code
        self.status = status
        self.request_id = request_id
        self.idempotency_key = idempotency_key
        self.retryable = retryable or type(self).retryable
        self.attempts = attempts

    def __str__(self) -> str:
        return f"{self.message} [{self.request_id}]" if self.request_id else self.message

    def __repr__(self) -> str:
        shown = (self.status, self.code, self.request_id)
        return f"{type(self).__name__}({', '.join(str(part) for part in shown if part is not None)})"

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.__dict__))


def _rebuild(kind: type[OpenTellerError], state: dict[str, Any]) -> OpenTellerError:
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error


class ConfigurationError(OpenTellerError, ValueError):
    """The client or a call cannot work as it is written. Nothing was sent."""

    code = "CONFIGURATION"


class InvalidSignature(OpenTellerError):
    """A webhook is not of the bank, was changed on its way, or is too old; or a receipt is not of the bank, or was
    changed. See ``openteller.webhooks`` and ``openteller.receipts``.

    Attributes:
        reason: ``signature`` (none fits), ``body`` (it was written anew), ``header`` (one is missing or cannot be
            read), ``age`` (right, but too old, or ahead of this clock), ``size``; of a receipt also ``key`` (signed
            with one that is not among those given) and ``form`` (no receipt, or one that this release cannot read).
    """

    code = "INVALID_SIGNATURE"

    def __init__(self, message: str, *, reason: str = "signature", **known: Any) -> None:
        super().__init__(message, **known)
        self.reason = reason


class BrokenChain(OpenTellerError):
    """A rate sheet is not as it was published, or one is missing. See ``openteller.rates``.

    Attributes:
        rate_sheet_id: where the chain breaks; None where that cannot be told.
        reason: ``hash`` (the sheet was changed), ``link`` (it follows another one), ``gap`` (sheets are missing, or one
            is there twice), ``time`` (it was published out of turn), ``noted`` (a hash that you noted is of no sheet),
            ``form`` (it is no sheet).
    """

    code = "BROKEN_CHAIN"

    def __init__(self, message: str, *, reason: str = "hash", rate_sheet_id: str | None = None, **known: Any) -> None:
        super().__init__(message, **known)
        self.reason = reason
        self.rate_sheet_id = rate_sheet_id


class InvalidCallback(OpenTellerError):
    """What a browser brought back is not the answer to what this program has begun in it. See ``client.authorization``.

    Attributes:
        reason: ``state`` (another browser's, or nobody's), ``issuer`` (another server's answer), ``unknown`` (not begun
            here, finished before, or begun too long ago), ``form`` (it cannot be read).
    """

    code = "INVALID_CALLBACK"

    def __init__(self, message: str, *, reason: str = "state", **known: Any) -> None:
        super().__init__(message, **known)
        self.reason = reason


class AuthorizationRefused(OpenTellerError):
    """The customer, or the bank, does not allow what was asked for. ``code`` is that of the RFC in capitals:
    ``ACCESS_DENIED`` where the customer said no, ``EXPIRED_TOKEN`` where nobody answered a device's code in time.
    """

    code = "ACCESS_DENIED"


class TokenStoreFailed(OpenTellerError):
    """Where customers' tokens are kept did not answer as it should; the cause of this says why."""

    code = "TOKEN_STORE_FAILED"
    retryable = "later"


class TransportError(OpenTellerError):
    """No usable answer came. Whether the bank has acted is not known, unless it was only a question."""

    code = "TRANSPORT"
    retryable = "same_key"


class ConnectionFailed(TransportError):
    """The bank could not be reached, or the connection broke."""

    code = "CONNECTION_FAILED"


class TimedOut(TransportError):
    """No answer came in time: one try took longer than ``timeout``, or the whole call longer than ``deadline``."""

    code = "TIMED_OUT"


class BrokenAnswer(TransportError):
    """Something answered, but not as the contract says."""

    code = "BROKEN_ANSWER"


class BankError(OpenTellerError):
    """The bank has refused; see RFC 9457 and the page behind ``problem.type``.

    Attributes:
        problem: the problem details as they came; None when the bank sent none.
        retry_after: seconds that the bank asks to wait; None when it does not say.
    """

    code = "REFUSED"

    def __init__(
        self, message: str, *, problem: Problem | None = None, retry_after: float | None = None, **known: Any
    ) -> None:
        super().__init__(message, **known)
        self.problem = problem
        self.retry_after = retry_after

    @property
    def errors(self) -> tuple[ProblemItem, ...]:
        """Each single fault, with a pointer at it."""
        return self.problem.errors if self.problem else ()

    @property
    def display_message(self) -> LocalizedText | None:
        """What a chat may show to its user, in Chinese and in English."""
        return self.problem.display_message if self.problem else None

    @property
    def allowed(self) -> tuple[str, ...]:
        """With ``INVALID_TRANSITION``: the statuses that can follow."""
        return (self.problem.allowed if self.problem else None) or ()

    @property
    def account_link_id(self) -> str | None:
        """With ``ACCOUNT_LINK_EXISTS``, the link that holds."""
        return self.problem.account_link_id if self.problem else None

    @property
    def dispute_id(self) -> str | None:
        """With ``DISPUTE_OPEN``, the dispute that is open."""
        return self.problem.dispute_id if self.problem else None

    @property
    def limit(self) -> str | None:
        """With ``FETCH_LIMIT``, ``MANDATE_EXCEEDED``, ``MANDATE_NOT_IN_FORCE``: which limit was met."""
        return self.problem.limit if self.problem else None

    @property
    def resets_at(self) -> datetime | None:
        """Where ``limit`` ends by itself: when that is, in bank time."""
        return self.problem.resets_at if self.problem else None

    @property
    def ticket_id(self) -> str | None:
        """With ``TICKET_HELD``: the ticket that the user holds at the branch."""
        return self.problem.ticket_id if self.problem else None

    @property
    def payment_id(self) -> str | None:
        """With ``DUPLICATE_REFERENCE``: the payment that has the reference."""
        return self.problem.payment_id if self.problem else None


class InvalidRequest(BankError):
    """The request is at fault: change it."""


class AuthenticationFailed(BankError):
    """The credentials are wrong, or the token is not taken."""


class PermissionDenied(BankError):
    """The app may not do that: it lacks a scope, or (``MANDATE_NOT_IN_FORCE``) a mandate cannot be used yet."""


class ConsentRequired(PermissionDenied):
    """The customer has not allowed it, or does not any more: ask with ``client.authorization.start``.

    Also where the program holds no tokens of this customer; then nothing was sent, and ``status`` is None.
    """

    code = "CONSENT_REQUIRED"


class MandateExceeded(PermissionDenied):
    """The customer has allowed payments, but not this one; ``limit`` names the bound that was met."""

    code = "MANDATE_EXCEEDED"


class NotFound(BankError):
    """There is no such thing, or not for this app."""


class Conflict(BankError):
    """Not from where things stand: read the resource again, and act on what it says."""


class LinkGone(BankError):
    """The payment link is used or has expired."""


class RateLimited(BankError):
    """Too many requests; ``retry_after`` says how long to wait."""

    retryable = "later"


class BankFailure(BankError):
    """The bank or a biller has failed; not the caller's fault."""

    retryable = "later"


_BY_STATUS: dict[int, type[BankError]] = {
    401: AuthenticationFailed,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    410: LinkGone,
    429: RateLimited,
}
_BY_CODE: dict[str, type[BankError]] = {
    "CONSENT_EXPIRED": ConsentRequired,
    "CONSENT_REQUIRED": ConsentRequired,
    "MANDATE_EXCEEDED": MandateExceeded,
}


def for_status(status: int, code: str = "") -> type[BankError]:
    """Give the class of error that an HTTP status of 400 and above stands for; some codes have one of their own."""
    kind = _BY_STATUS.get(status) or (BankFailure if status >= 500 else InvalidRequest)
    own = _BY_CODE.get(code)
    return own if own and issubclass(own, kind) else kind
