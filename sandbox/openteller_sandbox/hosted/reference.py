"""Pages for developers: the start page, what each error code means, the merged contract, and a reference that works
offline.
"""

from __future__ import annotations

import json

from flask import Blueprint, Response, make_response, render_template
from markupsafe import Markup

from openteller_sandbox.bank import Bank
from openteller_sandbox.hosted.rendering import PAGE_HEADERS
from openteller_sandbox.partners import service as partners

_HEADERS = {
    "Cache-Control": "public, max-age=300",
    "Content-Security-Policy": PAGE_HEADERS["Content-Security-Policy"],
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def add_reference(pages: Blueprint, bank: Bank) -> None:
    """Add ``/``, ``/errors``, ``/errors/{code}``, ``/openapi.json`` and ``/docs``."""
    pages.add_app_template_filter(_breakable, "breakable")
    pages.add_app_template_filter(_with_code, "with_code")

    @pages.get("/")
    def start() -> Response:
        return _page(
            "index.html",
            client_id=partners.DEMO_APP_ID,
            client_secret=partners.DEMO_CLIENT_SECRET,
            url=bank.settings.public_url,
        )

    all_codes = sorted(bank.contract.error_codes.values(), key=lambda row: (row.status, row.code))

    @pages.get("/errors/")
    def errors() -> Response:
        return _page("errors.html", codes=all_codes)

    @pages.get("/errors/<code>")
    def error(code: str) -> Response:
        row = bank.contract.error_codes.get(code)
        if row is None:
            response = _page("errors.html", codes=all_codes, unknown=True)
            response.status_code = 404
            return response
        users = [operation for operation in bank.contract.operations.values() if code in operation.error_codes]
        return _page("error.html", row=row, users=users)

    @pages.get("/openapi.json")
    def openapi() -> Response:
        servers = [{"url": bank.settings.public_url, "description": "This sandbox."}]
        # Written anew each time: it is asked for seldom, and half a megabyte to keep.
        response = make_response(json.dumps({**bank.contract.document, "servers": servers}, ensure_ascii=False))
        response.headers.update(
            {"Content-Type": "application/vnd.oai.openapi+json;version=3.1", "Cache-Control": "public, max-age=300"}
        )
        return response

    @pages.record_once
    def add_docs(state: object) -> None:
        from flask_swagger_ui import get_swaggerui_blueprint  # noqa: PLC0415

        docs = get_swaggerui_blueprint(
            "/docs",
            "/openapi.json",
            config={
                "app_name": "OpenTeller",
                "layout": "BaseLayout",  # without a bar that asks for another document
                "validatorUrl": None,
                "deepLinking": True,
            },
            oauth_config={"clientId": partners.DEMO_APP_ID, "clientSecret": partners.DEMO_CLIENT_SECRET},
        )
        state.app.register_blueprint(docs)  # type: ignore[attr-defined]


def _breakable(code: str) -> Markup:
    """Let a narrow page break an error code after an underscore, and only there."""
    return Markup("_<wbr>").join(code.split("_"))


def _with_code(text: str) -> Markup:
    """Set as code what stands between backticks."""
    parts = enumerate(text.split("`"))
    return Markup("").join(Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in parts)


def _page(template: str, **values: object) -> Response:
    response = make_response(render_template(template, **values))
    response.headers.update(_HEADERS)
    return response
