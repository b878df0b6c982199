"""Social accounts tied to customers of the bank."""

from __future__ import annotations

from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._async.paging import AsyncRows
from openteller._core import catalogue
from openteller.models.account_links import AccountLink, AccountLinkList

__all__ = ["AsyncAccountLinks"]


class AsyncAccountLinks:
    """``client.account_links``. Scope ``account-links``."""

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def start(
        self,
        *,
        channel: str,
        actor_ref: str,
        actor_label: str,
        return_url: str | None = None,
        locale: Literal["zh-CN", "en"] | None = None,
    ) -> AccountLink:
        """Start a link for whoever writes to you; send ``link_url`` to that account in private, and to nobody else.

        Args:
            channel: the platform, such as ``weibo``.
            actor_ref: your HMAC of the account that the platform says has written; ``openteller.user_ref`` makes one.
            actor_label: how its holder knows the account. The bank masks it, and shows it to the customer only.
            return_url: where the customer goes with ``account_link_id`` and ``nonce``; registered. Without one the
                bank's page shows the nonce, to be sent in the chat.
            locale: the language of the page, Chinese unless told.

        Raises:
            Conflict: ``ACCOUNT_LINK_EXISTS``, the account is linked already.
            InvalidRequest: ``RETURN_URL_NOT_REGISTERED``.
        """
        body = {
            "channel": channel,
            "actor_ref": actor_ref,
            "actor_label": actor_label,
            "return_url": return_url,
            "locale": locale,
        }
        return await self._caller.post(catalogue.START_ACCOUNT_LINK, AccountLink, body=body)

    async def finish(
        self, *, channel: str, actor_ref: str, nonce: str, idempotency_key: str | None = None
    ) -> AccountLink:
        """Confirm a link with the nonce that has come back in the chat.

        Args:
            channel: the platform on which it came.
            actor_ref: your HMAC of the account that the platform says has brought it. Never take it from what you kept
                of the start, from an address or from a form: that the two are the same is what this call is for.
            nonce: as it was brought.
            idempotency_key: yours, where you repeat a call after a crash; without one, every call gets its own.

        Raises:
            Conflict: ``ACCOUNT_LINK_ACTOR_MISMATCH``, another account has started it, and it is burnt.
            InvalidRequest: ``ACCOUNT_LINK_NONCE_INVALID``, it is wrong, too old, or was used before.
        """
        body = {"channel": channel, "actor_ref": actor_ref, "nonce": nonce}
        return await self._caller.post(catalogue.CONFIRM_ACCOUNT_LINK, AccountLink, body=body, key=idempotency_key)

    async def find(self, *, channel: str, actor_ref: str) -> AccountLink:
        """Find the link of a social account that holds or is on its way.

        Raises:
            NotFound: it has none with this app.
        """
        body = {"channel": channel, "actor_ref": actor_ref}
        return await self._caller.post(catalogue.FIND_ACCOUNT_LINK, AccountLink, body=body)

    def list(
        self,
        *,
        status: Literal["AWAITING", "APPROVED", "ACTIVE", "REFUSED", "EXPIRED", "FAILED", "UNLINKED"] | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> AsyncRows[AccountLinkList, AccountLink]:
        """List the app's own links, the newest first."""
        query = {"status": status, "after": after, "limit": limit}
        return self._caller.rows(catalogue.LIST_ACCOUNT_LINKS, AccountLinkList, AccountLink, query)

    async def get(self, account_link_id: str) -> AccountLink:
        """Get a link.

        Raises:
            NotFound: there is none for this app.
        """
        identifiers = {"account_link_id": account_link_id}
        return await self._caller.get(catalogue.GET_ACCOUNT_LINK, AccountLink, identifiers=identifiers)

    async def unlink(self, account_link_id: str) -> AccountLink:
        """End a link at once, with every consent that names it; one that has ended stays as it is.

        Raises:
            NotFound: there is none for this app.
        """
        identifiers = {"account_link_id": account_link_id}
        return await self._caller.post(catalogue.UNLINK_ACCOUNT_LINK, AccountLink, identifiers=identifiers)
