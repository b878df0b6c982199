"""The client for async programs."""

from __future__ import annotations

import os
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from openteller._async.caller import AsyncCaller, captured
from openteller._core.raw import RawAnswer, adhoc, last, parsed
from openteller._core.setup import Setup, credentials_from, setup_from
from openteller._core.wire import Outcome
from openteller._drivers.concurrent import AsyncTransport, ConcurrentDriver
from openteller._stores.memory import MemoryTokenStore
from openteller.hooks import Hook

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from openteller._async.account_links import AsyncAccountLinks
    from openteller._async.authorization import AsyncAuthorization
    from openteller._async.billers import AsyncBillers
    from openteller._async.bills import AsyncBills
    from openteller._async.branches import AsyncAtms, AsyncBranches, AsyncTickets
    from openteller._async.calculators import AsyncCalculators
    from openteller._async.consents import AsyncConsents, AsyncMandatePayments, AsyncSavedBillers
    from openteller._async.disputes import AsyncDisputes, AsyncRefunds
    from openteller._async.events import AsyncEvents
    from openteller._async.payments import AsyncPayments
    from openteller._async.rates import AsyncRates
    from openteller._async.receipts import AsyncReceipts
    from openteller._async.reminders import AsyncReminders
    from openteller._async.sandbox import AsyncSandbox
    from openteller._async.statements import AsyncStatements
    from openteller._async.status import AsyncStatus
    from openteller._async.webhooks import AsyncWebhookDeliveries, AsyncWebhookEndpoints
    from openteller._core.jose import SigningKey
    from openteller._core.store import TokenStore

__all__ = ["AsyncOpenTeller"]

P = ParamSpec("P")
T = TypeVar("T")


class AsyncOpenTeller:
    """A client of the bank's API for async programs, on asyncio or trio.

    Make one for each event loop and share it between tasks; ``async with`` or ``aclose`` lets its connections go.

    Args:
        base_url: where the bank is; ``OPENTELLER_BASE_URL`` or the sandbox of this machine unless told.
        client_id, client_secret: the app's; ``OPENTELLER_CLIENT_ID`` and ``OPENTELLER_CLIENT_SECRET`` unless told, or
            else those in the file that ``OPENTELLER_CREDENTIALS`` names, as ``openteller apps create`` prints them.
            Without them the client is anonymous and reaches open data only; an empty ``client_id`` makes it so whatever
            the environment holds, and an empty ``client_secret`` makes it one of a public app. Tokens are fetched and
            renewed as needed.
        private_key: of an app that has a key and no secret: an ``openteller.oauth.SigningKey``, or the path of a file
            with one; ``OPENTELLER_PRIVATE_KEY``, a path, unless told. The app's tokens are bound to it.
        token_store: where customers' tokens are kept, one of ``openteller.oauth``; the memory of this process unless
            told.
        timeout: seconds for one try.
        deadline: seconds for a whole call with its tries and pauses; nothing is waited for beyond it.
        max_retries: tries beside the first, where trying again is safe.
        headers: sent with every call.
        hooks: called with what happens; see ``openteller.hooks``.
        proxy: a proxy's URL; that of the environment unless told.
        verify: a TLS context of your own, for a private certificate authority.
        allow_http: whether ``http://`` may lead to another machine. Tokens then travel in clear text.
        wsgi_app: call this WSGI application in this process instead of the network.

    Raises:
        ConfigurationError: an argument cannot be.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        client_id: str | None = None,
        client_secret: str | None = None,
        private_key: SigningKey | str | os.PathLike[str] | None = None,
        token_store: TokenStore | None = None,
        timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        hooks: Iterable[Hook] | None = None,
        proxy: str | None = None,
        verify: ssl.SSLContext | None = None,
        allow_http: bool = False,
        wsgi_app: WSGIApplication | None = None,
    ) -> None:
        setup = setup_from(
            base_url,
            credentials_from(client_id, client_secret, private_key),
            allow_http=allow_http or wsgi_app is not None,
            timeout=timeout,
            deadline=deadline,
            max_retries=max_retries,
            headers=headers,
            hooks=hooks,
            store=token_store or MemoryTokenStore(),
        )

        def connect() -> AsyncTransport:
            if wsgi_app is not None:
                from openteller._drivers.wsgi import AsyncInProcess  # noqa: PLC0415 - made with the first request

                return AsyncInProcess(wsgi_app)
            from openteller._drivers.network import AsyncNetwork  # noqa: PLC0415 - likewise

            return AsyncNetwork(setup.base_url, verify=verify, proxy=proxy)

        self._caller = AsyncCaller(setup, ConcurrentDriver(connect))

    @cached_property
    def branches(self) -> AsyncBranches:
        """Branches."""
        from openteller._async.branches import AsyncBranches  # noqa: PLC0415 - a client imports what it uses

        return AsyncBranches(self._caller)

    @cached_property
    def atms(self) -> AsyncAtms:
        """Cash machines."""
        from openteller._async.branches import AsyncAtms  # noqa: PLC0415 - likewise

        return AsyncAtms(self._caller)

    @cached_property
    def tickets(self) -> AsyncTickets:
        """Numbers in the lines of branches."""
        from openteller._async.branches import AsyncTickets  # noqa: PLC0415 - likewise

        return AsyncTickets(self._caller)

    @cached_property
    def rates(self) -> AsyncRates:
        """Deposit, loan and exchange rates."""
        from openteller._async.rates import AsyncRates  # noqa: PLC0415 - likewise

        return AsyncRates(self._caller)

    @cached_property
    def calculators(self) -> AsyncCalculators:
        """Deposit, loan and exchange calculators."""
        from openteller._async.calculators import AsyncCalculators  # noqa: PLC0415 - likewise

        return AsyncCalculators(self._caller)

    @cached_property
    def billers(self) -> AsyncBillers:
        """Billers and their categories."""
        from openteller._async.billers import AsyncBillers  # noqa: PLC0415 - likewise

        return AsyncBillers(self._caller)

    @cached_property
    def bills(self) -> AsyncBills:
        """Bills, fetched from their billers."""
        from openteller._async.bills import AsyncBills  # noqa: PLC0415 - likewise

        return AsyncBills(self._caller)

    @cached_property
    def payments(self) -> AsyncPayments:
        """Payment links and what becomes of them."""
        from openteller._async.payments import AsyncPayments  # noqa: PLC0415 - likewise

        return AsyncPayments(self._caller)

    @cached_property
    def disputes(self) -> AsyncDisputes:
        """Disputes about payments that went wrong."""
        from openteller._async.disputes import AsyncDisputes  # noqa: PLC0415 - likewise

        return AsyncDisputes(self._caller)

    @cached_property
    def refunds(self) -> AsyncRefunds:
        """Money on its way back to payers."""
        from openteller._async.disputes import AsyncRefunds  # noqa: PLC0415 - likewise

        return AsyncRefunds(self._caller)

    @cached_property
    def account_links(self) -> AsyncAccountLinks:
        """Social accounts tied to customers of the bank."""
        from openteller._async.account_links import AsyncAccountLinks  # noqa: PLC0415 - likewise

        return AsyncAccountLinks(self._caller)

    @cached_property
    def consents(self) -> AsyncConsents:
        """What customers have allowed the app."""
        from openteller._async.consents import AsyncConsents  # noqa: PLC0415 - likewise

        return AsyncConsents(self._caller)

    @cached_property
    def saved_billers(self) -> AsyncSavedBillers:
        """A customer's saved accounts at billers."""
        from openteller._async.consents import AsyncSavedBillers  # noqa: PLC0415 - likewise

        return AsyncSavedBillers(self._caller)

    @cached_property
    def mandate_payments(self) -> AsyncMandatePayments:
        """Payments within a customer's mandate."""
        from openteller._async.consents import AsyncMandatePayments  # noqa: PLC0415 - likewise

        return AsyncMandatePayments(self._caller)

    @cached_property
    def reminders(self) -> AsyncReminders:
        """Bills of saved accounts, as requests to pay."""
        from openteller._async.reminders import AsyncReminders  # noqa: PLC0415 - likewise

        return AsyncReminders(self._caller)

    @cached_property
    def events(self) -> AsyncEvents:
        """What has happened."""
        from openteller._async.events import AsyncEvents  # noqa: PLC0415 - likewise

        return AsyncEvents(self._caller)

    @cached_property
    def webhook_endpoints(self) -> AsyncWebhookEndpoints:
        """Where the app wants to hear of its events."""
        from openteller._async.webhooks import AsyncWebhookEndpoints  # noqa: PLC0415 - likewise

        return AsyncWebhookEndpoints(self._caller)

    @cached_property
    def webhook_deliveries(self) -> AsyncWebhookDeliveries:
        """What became of each delivery."""
        from openteller._async.webhooks import AsyncWebhookDeliveries  # noqa: PLC0415 - likewise

        return AsyncWebhookDeliveries(self._caller)

    @cached_property
    def statements(self) -> AsyncStatements:
        """What moved on a business day."""
        from openteller._async.statements import AsyncStatements  # noqa: PLC0415 - likewise

        return AsyncStatements(self._caller)

    @cached_property
    def status(self) -> AsyncStatus:
        """The bank's health, and its accounts on social platforms."""
        from openteller._async.status import AsyncStatus  # noqa: PLC0415 - likewise

        return AsyncStatus(self._caller)

    @cached_property
    def receipts(self) -> AsyncReceipts:
        """Whether a receipt is genuine."""
        from openteller._async.receipts import AsyncReceipts  # noqa: PLC0415 - likewise

        return AsyncReceipts(self._caller)

    @cached_property
    def authorization(self) -> AsyncAuthorization:
        """Asking customers, and the tokens that come of it."""
        from openteller._async.authorization import AsyncAuthorization  # noqa: PLC0415 - likewise

        return AsyncAuthorization(self._caller)

    @cached_property
    def sandbox(self) -> AsyncSandbox:
        """Apps, magic accounts and the test clock of a sandbox."""
        from openteller._async.sandbox import AsyncSandbox  # noqa: PLC0415 - likewise

        return AsyncSandbox(self._caller)

    def with_options(
        self,
        *,
        timeout: float | None = None,
        deadline: float | None = None,
        max_retries: int | None = None,
        headers: Mapping[str, str] | None = None,
        hooks: Iterable[Hook] | None = None,
    ) -> Self:
        """Give a client with other options that shares connections and token with this one.

        ``headers`` are added; the others replace.

        Raises:
            ConfigurationError: an option cannot be.
        """
        setup = self._caller.setup.changed(
            timeout=timeout, deadline=deadline, max_retries=max_retries, headers=headers, hooks=hooks
        )
        return self._over(setup)

    def for_customer(self, customer: str) -> Self:
        """Give a client that calls with the tokens of a customer, and shares connections with this one.

        ``customer`` is your own name for somebody, as in ``authorization.finish``. Nothing is sent and nothing looked
        up here: a call without tokens, or with such as the bank does not renew any more, raises ``ConsentRequired``.

        Raises:
            ConfigurationError: this client has no app's credentials, or no such name can be.
        """
        return self._over(self._caller.setup.for_customer(customer))

    def _over(self, setup: Setup) -> Self:
        other = object.__new__(type(self))
        other._caller = AsyncCaller(setup, self._caller.driver)
        return other

    async def raw(self, method: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> RawAnswer[T]:
        """Call a method of this client, and give the answer as it came beside what it means.

        ``answer = await client.raw(client.payments.get, payment_id)``, then ``answer.headers["ratelimit"]``.
        """
        outcomes: list[Outcome] = []
        before = captured.set(outcomes)
        try:
            result = await method(*args, **kwargs)
        finally:
            captured.reset(before)
        return last(result, outcomes)

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, object] | None = None,
        body: Mapping[str, object] | None = None,
        idempotency_key: str | None = None,
    ) -> RawAnswer[Any]:
        """Call an operation that this release has no method for; ``parsed`` is plain JSON values.

        Tokens, retries and errors are those of every call. A request other than GET is tried again only with a key.
        What is personal in it is not known, so hooks see none of its values.

        Raises:
            ConfigurationError: the path does not begin with one slash, or could lead elsewhere.
        """
        operation = adhoc(
            method, path, has_key=idempotency_key is not None, is_open=not self._caller.setup.calls_as_somebody
        )
        outcome = await self._caller.send(operation, query=query, body=body, key=idempotency_key)
        return parsed(operation.name, outcome)

    async def aclose(self) -> None:
        """Let go of connections; those of clients made by ``with_options`` too."""
        await self._caller.driver.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._caller.setup.base_url!r}, {self._caller.setup.who})"
