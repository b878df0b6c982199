"""``/v1/status`` and ``/v1/official-accounts``."""

from __future__ import annotations

from openteller_sandbox.http import Answer, Call, Routes, json_answer, json_text, open_answer, page
from openteller_sandbox.status import service
from openteller_sandbox.status.schemas import OfficialAccountSchema, ServiceStatusSchema

routes = Routes()
_STATUS = ServiceStatusSchema()
_ACCOUNT = OfficialAccountSchema()


@routes.operation("getStatus")
def get_status(call: Call) -> Answer:
    """Tell how the services are."""
    return json_answer(_STATUS.present(service.service_status(call.bank, call.now)))


@routes.operation("listOfficialAccounts")
def list_official_accounts(call: Call) -> Answer:
    """List the accounts that speak for the bank."""

    def make() -> Answer:
        records = [json_text(_ACCOUNT.present(account)) for account in service.OFFICIAL_ACCOUNTS]
        return page(call, records, payment_link_prefix=f"{call.bank.settings.public_url}/pay/")

    return open_answer(call, service.OFFICIAL_ACCOUNTS_CHANGED, make)
