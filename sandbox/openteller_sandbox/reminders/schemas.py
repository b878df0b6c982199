"""The wire of reminders."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import PeriodSchema
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern
from openteller_sandbox.payments.schemas import REFERENCE, metadata_field
from openteller_sandbox.reminders.model import Status
from openteller_sandbox.saved_billers.schemas import SAVED_BILLER_ID


class ReminderQuery(ContractSchema):
    query_of = "listReminders"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    status = fields.String(validate=validate.OneOf([status.value for status in Status]))
    saved_biller_id = fields.String(validate=SAVED_BILLER_ID)


class ReminderPaySchema(ContractSchema):
    component = "ReminderPay"

    partner_reference = fields.String(required=True, validate=REFERENCE)
    amount = MoneyField(metadata={"component": "MoneyInput"})
    return_url = fields.String(validate=(validate.Length(8, 300), Pattern("^https?://[!-~]+$")))
    locale = fields.String(validate=validate.OneOf(["zh-CN", "en"]), load_default="zh-CN")
    metadata = metadata_field()


class ReminderPostponeSchema(ContractSchema):
    component = "ReminderPostpone"

    remind_at = InstantField()
    remind_on = DayField()


class ReminderSchema(ContractSchema):
    component = "Reminder"

    reminder_id = fields.String(required=True)
    saved_biller_id = fields.String(required=True)
    biller_id = fields.String(required=True)
    account_ref_masked = fields.String(required=True)
    label = fields.String()
    status = fields.String(required=True)
    remind_at = InstantField()
    payment_id = fields.String()
    bill_number = fields.String(required=True)
    bill_date = DayField(required=True)
    due_date = DayField(required=True)
    period = fields.Nested(PeriodSchema)
    amount = MoneyField()
    penalty = MoneyField()
    outstanding = MoneyField()
    min_amount = MoneyField()
    max_amount = MoneyField()
    payment_options = fields.List(fields.String(), required=True)
    created_at = InstantField(required=True)
    updated_at = InstantField(required=True)
    version = fields.Integer(required=True)
