"""The wire of sandbox control."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILLER_ID
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, LocalizedTextSchema, MoneyField, Pattern
from openteller_sandbox.partners.service import READABLE_NAME, SCOPES


class AppCreateSchema(ContractSchema):
    component = "AppCreate"

    name = fields.String(required=True, validate=(validate.Length(1, 60), Pattern(READABLE_NAME)))
    return_urls = fields.List(
        fields.String(validate=(validate.Length(8, 300), Pattern('^https?://[!-"$-~]+$'))),
        validate=validate.Length(max=10),
        load_default=list,
    )
    scopes = fields.List(
        fields.String(validate=validate.OneOf(SCOPES)),
        validate=validate.Length(1, 20),
        load_default=lambda: list(SCOPES),
    )
    join = fields.String(validate=validate.OneOf(["none", "world", "partner"]), load_default="none")


class AppSchema(ContractSchema):
    component = "App"

    app_id = fields.String(required=True)
    partner_id = fields.String(required=True)
    world_id = fields.String(required=True)
    name = fields.String(required=True)
    client_id = fields.String(required=True)
    client_secret = fields.String(required=True)
    scopes = fields.List(fields.String(), required=True)
    return_urls = fields.List(fields.String(), required=True)
    token_url = fields.String(required=True)
    created_at = InstantField(required=True)


class MagicValueQuery(ContractSchema):
    query_of = "listMagicValues"

    biller_id = fields.String(required=True, validate=BILLER_ID)


class MagicValueSchema(ContractSchema):
    component = "MagicValue"

    scenario = fields.String(required=True)
    inputs = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    description = fields.Nested(LocalizedTextSchema, required=True)


class DemoCustomerSchema(ContractSchema):
    component = "DemoCustomer"

    customer_number = fields.String(required=True)
    demo_code = fields.String(required=True)
    description = fields.Nested(LocalizedTextSchema, required=True)


class ClockSchema(ContractSchema):
    component = "Clock"

    bank_time = InstantField(required=True)
    wall_time = InstantField(required=True)
    due_acts = fields.Integer(required=True)
    next_due_at = InstantField()


class ClockAdvanceSchema(ContractSchema):
    component = "ClockAdvance"

    seconds = fields.Integer(strict=True, validate=validate.Range(1, 34_560_000))
    to = InstantField()


class DeletedCountsSchema(ContractSchema):
    component = "DeletedCounts"

    payments = fields.Integer(required=True)
    bill_fetches = fields.Integer(required=True)
    events = fields.Integer(required=True)


class WorldSchema(ContractSchema):
    component = "World"

    world_id = fields.String(required=True)
    bank_time = InstantField(required=True)
    deleted = fields.Nested(DeletedCountsSchema, required=True)


class LedgerAccountSchema(ContractSchema):
    component = "LedgerAccount"

    account = fields.String(required=True)
    balance = MoneyField(required=True)


class BooksSchema(ContractSchema):
    component = "Books"

    balanced = fields.Boolean(required=True)
    accounts = fields.List(fields.Nested(LedgerAccountSchema), required=True)


class WorldStateSchema(ContractSchema):
    component = "WorldState"

    world_id = fields.String(required=True)
    seed = fields.String(required=True)
    began_at = InstantField(required=True)
    bank_time = InstantField(required=True)
    apps = fields.List(fields.String(), required=True)
    faults = fields.Integer(required=True)
    books = fields.Nested(BooksSchema, required=True)


class RequestQuery(ContractSchema):
    query_of = "listRequests"

    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))


class RequestLogEntrySchema(ContractSchema):
    component = "RequestLogEntry"

    request_id = fields.String(required=True)
    app_id = fields.String(required=True)
    operation_id = fields.String(required=True)
    method = fields.String(required=True)
    path = fields.String(required=True)
    status = fields.Integer(required=True)
    code = fields.String()
    duration_ms = fields.Integer(required=True)
    received_at = InstantField(required=True)
    bank_time = InstantField(required=True)
