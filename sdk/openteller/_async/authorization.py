"""Asking customers of the bank, and the tokens that come of it; registering clients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from openteller._async.caller import AsyncCaller
from openteller._core import authorization, metadata
from openteller._core.grants import (
    AuthorizationRequest,
    CustomerGrant,
    DeviceAuthorization,
    RegisteredClient,
    ServerMetadata,
    TokenDescription,
)

__all__ = ["AsyncAuthorization"]


class AsyncAuthorization:
    """``client.authorization``: asking a customer for what only a customer may give. Needs the extra ``oauth``.

    Tokens are kept in the client's ``token_store`` under the program's own name for the customer, bound to a key, and
    renewed as needed; ``client.for_customer`` gives a client that calls with them.
    """

    def __init__(self, caller: AsyncCaller) -> None:
        self._caller = caller

    async def start(
        self,
        *,
        redirect_uri: str,
        scope: Sequence[str] | None = None,
        authorization_details: Sequence[Mapping[str, object]] | None = None,
        account_link_id: str | None = None,
        consent_id: str | None = None,
        locale: Literal["zh-CN", "en"] | None = None,
    ) -> AuthorizationRequest:
        """Push what a customer is to be asked (RFC 9126, with PKCE); gives where to send the browser, and its state.

        Args:
            redirect_uri: where the browser comes back to; one of those that the app is registered with.
            scope: what the tokens shall be good for, such as ``["bills:read"]``.
            authorization_details: what is asked for in detail, such as a mandate (RFC 9396).
            account_link_id: the link of whoever asks for it in a chat: only its customer can then allow anything, and
                what is allowed ends with the link.
            consent_id: a consent that shall be renewed, or changed to what is asked for here; only its customer can
                answer, and the bank's page shows what changes.
            locale: the language of the bank's page.

        Raises:
            ConfigurationError: the extra is missing, or the client has no credentials.
            InvalidRequest: the bank does not take the request as it is.
        """
        steps = authorization.start(
            self._caller.setup,
            redirect_uri=redirect_uri,
            scope=scope,
            authorization_details=authorization_details,
            account_link_id=account_link_id,
            consent_id=consent_id,
            locale=locale,
        )
        return await self._caller.run(steps)

    async def finish(self, callback: str, *, state: str, customer: str) -> CustomerGrant:
        """Take what the customer's browser brought back, get the tokens and keep them.

        Args:
            callback: the address that the browser came back to, or its query.
            state: what ``start`` gave, from the session of this browser.
            customer: your own name for this customer, under which the tokens are kept.

        Raises:
            InvalidCallback: this was not begun in this browser, or is another server's answer. Nothing was sent.
            AuthorizationRefused: the customer refused, or the bank did.
            InvalidRequest: ``INVALID_GRANT``, the code is no longer good.
        """
        steps = authorization.finish(self._caller.setup, callback, state=state, customer=customer)
        return await self._caller.complete(steps)  # a code is good once: its tokens must not be lost

    async def start_device(self, *, scope: Sequence[str]) -> DeviceAuthorization:
        """Begin for a device without a browser (RFC 8628); gives what to show to the customer.

        Raises:
            InvalidRequest: ``UNAUTHORIZED_CLIENT``, the app is not registered for it.
        """
        return await self._caller.run(authorization.start_device(self._caller.setup, scope=scope))

    async def finish_device(self, device: DeviceAuthorization, *, customer: str) -> CustomerGrant:
        """Wait until the customer has answered, get the tokens and keep them.

        The bank is asked as often as it allows, for as long as the codes are good; ``deadline`` bounds each question.

        Raises:
            AuthorizationRefused: the customer refused, or did not answer in time.
        """
        return await self._caller.run(authorization.finish_device(self._caller.setup, device, customer=customer))

    async def adopt(
        self,
        customer: str,
        *,
        access_token: str,
        expires_in: float,
        token_type: str | None = None,
        scope: str = "",
        refresh_token: str | None = None,
    ) -> CustomerGrant:
        """Keep tokens of a customer that came another way, such as ``sandbox.create_consent`` gives them.

        Args:
            customer: your own name for this customer.
            access_token: the token.
            expires_in: the seconds for which it is good.
            token_type: ``Bearer`` unless told; ``DPoP`` where it is bound to this app's private key.
            scope: what it is good for, separated by spaces.
            refresh_token: renews it; without one the customer is asked again when it has run out.
        """
        steps = authorization.adopt(
            self._caller.setup,
            customer,
            access_token=access_token,
            expires_in=expires_in,
            token_type=token_type,
            scope=scope,
            refresh_token=refresh_token,
        )
        return await self._caller.run(steps)

    async def get(self, customer: str) -> CustomerGrant | None:
        """Give what a customer has allowed, as it is kept here; None where nothing is. The bank is not asked."""
        return await self._caller.run(authorization.get(self._caller.setup, customer))

    async def introspect(self, customer: str) -> TokenDescription:
        """Ask the bank what a customer's token is good for (RFC 7662). A public client may not ask.

        Raises:
            ConsentRequired: there are no tokens, or they are not renewed any more.
        """
        setup = self._caller.setup.for_customer(customer)
        return await self._caller.run(authorization.introspect(setup, customer), setup)

    async def revoke(self, customer: str) -> None:
        """End a customer's tokens at the bank (RFC 7009), and forget them. The consent stays the customer's to end."""
        await self._caller.run(authorization.revoke(self._caller.setup, customer))

    async def server(self) -> ServerMetadata:
        """Give what the bank's authorization server says of itself (RFC 8414); it is asked once an hour."""
        return await self._caller.run(metadata.discover(self._caller.setup))

    async def register(
        self,
        *,
        name: str,
        redirect_uris: Sequence[str] | None = None,
        profile: Literal["public-data", "baseline", "fapi2"] | None = None,
        auth_method: Literal["private_key_jwt", "client_secret_basic", "none"] | None = None,
        grant_types: Sequence[str] | None = None,
        scope: Sequence[str] | None = None,
        jwks: Mapping[str, object] | None = None,
    ) -> RegisteredClient:
        """Register a client (RFC 7591): beside this app, in its world, or in a world of its own without credentials.

        Args:
            name: what customers read.
            redirect_uris: where browsers come back to.
            profile: how strictly it is held to; with redirect_uris ``fapi2`` unless told.
            auth_method: how it authenticates; what its profile has first unless told.
            grant_types: with redirect_uris codes, refresh tokens and, unless it is public, tokens of its own.
            scope: what its tokens may be good for; all that its profile allows unless told.
            jwks: its public keys, ``{"keys": [key.public_jwk()]}``.

        Raises:
            InvalidRequest: ``INVALID_CLIENT_METADATA`` or ``INVALID_REDIRECT_URI``.
        """
        grants = grant_types
        if grants is None and redirect_uris:
            own = [] if auth_method == "none" else ["client_credentials"]
            grants = ["authorization_code", "refresh_token", *own]
        members = {
            "client_name": name,
            "redirect_uris": redirect_uris,
            "profile": profile,
            "token_endpoint_auth_method": auth_method,
            "grant_types": grants,
            "scope": " ".join(scope) if scope else None,
            "jwks": jwks,
        }
        return await self._caller.run(authorization.register(self._caller.setup, members))
