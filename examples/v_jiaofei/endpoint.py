"""Where the bank sends its events: an endpoint of the app's at this account, made once, and the secret that signs them.

The bank shows a secret when it makes one and never again. An endpoint at this address whose secret is not known here,
as after a crash between the two, is given a new one.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable

from openteller import webhooks
from openteller.errors import BankError, NotFound, TransportError
from openteller.models import Event, WebhookEndpoint

from .bank import BankDown, Visit
from .records import Hook
from .store import Store

__all__ = ["Endpoint", "NoSecretYet"]

log = logging.getLogger("v_jiaofei")

_DESCRIPTION = "V缴费"


class NoSecretYet(Exception):
    """Nothing can be verified yet; the bank will send it again."""


class Endpoint:
    """The endpoint. Threads share it.

    Args:
        store: keeps its name and its secrets.
        url: where this account can be reached by the bank.
        event_types: what is wanted.
        wall: epoch seconds of the clock that the bank signs by, which is everybody's.

    Attributes:
        stands: whether the bank sends, as far as is known.
    """

    def __init__(
        self, store: Store, url: str, event_types: Iterable[str], *, wall: Callable[[], float] = time.time
    ) -> None:
        self.stands = False
        self._store = store
        self._url = url
        self._event_types = sorted(event_types)
        self._wall = wall
        self._told = ""

    def verify(self, body: bytes, headers: Iterable[tuple[str, str]]) -> Event:
        """Give the event of a request.

        Raises:
            InvalidSignature: it is not of the bank.
            NoSecretYet: that cannot be told.
        """
        hook = self._store.hook()
        if hook is None:
            raise NoSecretYet
        return webhooks.verify(body, headers, hook.secrets, now=self._wall())

    def see_to_it(self, visit: Visit) -> None:
        """See to it that the bank sends: make the endpoint, or put right what has changed. Failing, say so once."""
        try:
            self._see_to_it(visit)
        except (BankDown, TransportError):
            return  # as it was: later
        except BankError as error:
            self.stands = False
            if error.code != self._told:
                log.warning("the bank sends no events to %s (%s): they are read", self._url, error.code)
            self._told = error.code
        else:
            self.stands, self._told = True, ""

    def _see_to_it(self, visit: Visit) -> None:
        hook = self._store.hook()
        found = self._found(visit, hook) if hook else None
        if found is None:
            self._make(visit)
        elif not self._is_right(found):
            if not found.enabled:
                log.warning("the bank had stopped sending events (%s)", found.disabled_reason)
            visit.bank.webhook_endpoints.update(
                found.webhook_endpoint_id, url=self._url, event_types=self._event_types, enabled=True
            )

    def _found(self, visit: Visit, hook: Hook) -> WebhookEndpoint | None:
        try:
            return visit.bank.webhook_endpoints.get(hook.endpoint_id)
        except NotFound:
            self._store.forget_hook(hook.endpoint_id)
            return None

    def _is_right(self, found: WebhookEndpoint) -> bool:
        return found.enabled and found.url == self._url and sorted(found.event_types) == self._event_types

    def _make(self, visit: Visit) -> None:
        """Make the endpoint, or a secret for the one that is there; of two processes on one file, one does."""
        endpoints = visit.bank.webhook_endpoints
        there = next((one for one in endpoints.list(limit=100) if one.url == self._url), None)
        if there is not None:
            made = endpoints.rotate_secret(there.webhook_endpoint_id)
        else:
            made = endpoints.create(url=self._url, event_types=self._event_types, description=_DESCRIPTION)
        if not self._store.keep_hook(made.webhook_endpoint_id, made.secret or ""):
            endpoints.delete(made.webhook_endpoint_id)
        elif not self._is_right(made):
            endpoints.update(made.webhook_endpoint_id, event_types=self._event_types, enabled=True)
