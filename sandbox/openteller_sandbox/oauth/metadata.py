"""What the server says of itself (RFC 8414), and what its resources say (RFC 9728)."""

from __future__ import annotations

from openteller_sandbox.oauth import details
from openteller_sandbox.oauth.model import ALGORITHMS, SCOPE_PROFILES, Grant, Method
from openteller_sandbox.settings import Settings


def of_server(settings: Settings) -> dict[str, object]:
    """Describe the authorization server (RFC 8414)."""
    issuer = settings.public_url
    methods = [Method.KEY] if settings.fapi_only else list(Method)
    of_clients = [method for method in methods if method is not Method.NONE]
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/oauth/token",
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "require_pushed_authorization_requests": settings.fapi_only,
        "authorization_response_iss_parameter_supported": True,
        "authorization_details_types_supported": list(details.TYPES),
        "code_challenge_methods_supported": ["S256"],
        "response_modes_supported": ["query"],
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        "registration_endpoint": f"{issuer}/oauth/register",
        "jwks_uri": f"{issuer}/oauth/jwks",
        "token_endpoint_auth_methods_supported": methods,
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": of_clients,
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "grant_types_supported": [each for each in Grant if not settings.fapi_only or each is not Grant.DEVICE_CODE],
        "response_types_supported": ["code"],
        "scopes_supported": list(SCOPE_PROFILES),
        "service_documentation": f"{issuer}/docs",
        "ui_locales_supported": ["zh-CN", "en"],
    }


def of_resource(settings: Settings) -> dict[str, object]:
    """Describe the protected resource: the whole API is one (RFC 9728)."""
    return {
        "resource": settings.public_url,
        "authorization_servers": [settings.public_url],
        "scopes_supported": list(SCOPE_PROFILES),
        "bearer_methods_supported": ["header"],
        "dpop_signing_alg_values_supported": list(ALGORITHMS),
        "authorization_details_types_supported": list(details.TYPES),
        "dpop_bound_access_tokens_required": settings.fapi_only,
        "resource_name": "OpenTeller sandbox",
        "resource_documentation": f"{settings.public_url}/docs",
    }
