"""``/v1/status`` and ``/v1/official-accounts``."""

from __future__ import annotations

from openteller_sandbox.http import (
    Answer,
    Call,
    Routes,
    decode_cursor,
    encode_cursor,
    json_answer,
    json_text,
    open_answer,
    page,
)
from openteller_sandbox.status import service
from openteller_sandbox.status.schemas import OfficialAccountSchema, OutageQuery, OutageSchema, ServiceStatusSchema

routes = Routes()
_STATUS = ServiceStatusSchema()
_ACCOUNT = OfficialAccountSchema()
_OUTAGE = OutageSchema()


@routes.operation("getStatus")
def get_status(call: Call) -> Answer:
    """Tell how the services are."""
    return json_answer(_STATUS.present(service.service_status(call.bank, call.caller, call.now)))


@routes.operation("listOfficialAccounts")
def list_official_accounts(call: Call) -> Answer:
    """List the accounts that speak for the bank."""

    def make() -> Answer:
        records = [json_text(_ACCOUNT.present(account)) for account in service.OFFICIAL_ACCOUNTS]
        return page(call, records, payment_link_prefix=f"{call.bank.settings.public_url}/pay/")

    return open_answer(call, service.OFFICIAL_ACCOUNTS_CHANGED, make)


@routes.operation("listOutages", query=OutageQuery)
def list_outages(call: Call) -> Answer:
    """List what is out of order, or announced to be."""
    cursor = decode_cursor(call, int, str)
    rows = service.outages(call.bank, call.caller, call.now, call.query.get("biller_id"))
    if cursor:
        rows = [row for row in rows if (row["starts_at"], row["outage_id"]) > tuple(cursor)]
    shown = rows[: call.limit]
    more = encode_cursor(call, [shown[-1]["starts_at"], shown[-1]["outage_id"]]) if len(rows) > call.limit else None
    return page(call, [json_text(_OUTAGE.present(row)) for row in shown], more)
