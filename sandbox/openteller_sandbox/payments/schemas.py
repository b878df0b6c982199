"""The wire of payments and receipts."""

from __future__ import annotations

from typing import Any

from marshmallow import fields, post_load, validate

from openteller_sandbox.bills.schemas import BILL_ID, BILLER_ID, inputs_field
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema, MoneyField, Pattern
from openteller_sandbox.payments import model
from openteller_sandbox.payments.states import Status

REFERENCE = (validate.Length(1, 64), Pattern("^[A-Za-z0-9._:-]+$"))
_CATEGORY = (validate.Length(1, 24), Pattern("^[A-Z][A-Z_]{0,23}$"))
_ADCODE = (validate.Length(6, 6), Pattern("^[0-9]{6}$"))


def metadata_field() -> fields.Dict:
    """Make the field ``metadata``: the partner's own notes."""
    return fields.Dict(
        keys=fields.String(validate=(validate.Length(1, 40), Pattern("^[A-Za-z0-9_.-]+$"))),
        values=fields.String(validate=validate.Length(max=200)),
        validate=validate.Length(max=20),
        load_default=dict,
    )


class PaymentContextSchema(ContractSchema):
    component = "PaymentContext"

    channel = fields.String(validate=(validate.Length(1, 32), Pattern("^[a-z0-9_-]+$")))
    conversation_ref = fields.String(validate=(validate.Length(1, 128), Pattern("^[A-Za-z0-9_=-]+$")))
    message_ref = fields.String(validate=(validate.Length(1, 128), Pattern("^[A-Za-z0-9_=-]+$")))
    campaign = fields.String(validate=(validate.Length(1, 64), Pattern("^[A-Za-z0-9_.-]+$")))


class PaymentCreateSchema(ContractSchema):
    component = "PaymentCreate"

    partner_reference = fields.String(required=True, validate=REFERENCE)
    category_code = fields.String(validate=_CATEGORY)
    adcode = fields.String(validate=_ADCODE)
    biller_id = fields.String(validate=BILLER_ID)
    inputs = inputs_field()
    amount = MoneyField(metadata={"component": "MoneyInput"})
    bill_ids = fields.List(fields.String(validate=BILL_ID), validate=validate.Length(1, 12))
    return_url = fields.String(validate=(validate.Length(8, 300), Pattern("^https?://[!-~]+$")))
    locale = fields.String(validate=validate.OneOf(["zh-CN", "en"]), load_default="zh-CN")
    expires_in = fields.Integer(strict=True, validate=validate.Range(60, 604800), load_default=86400)
    metadata = metadata_field()
    context = fields.Nested(PaymentContextSchema)


class PaymentQuery(ContractSchema):
    query_of = "listPayments"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    status = fields.String(validate=validate.OneOf([status.value for status in Status]))
    partner_reference = fields.String(validate=REFERENCE)


class _ModelSchema(ContractSchema):
    """A schema that loads into a dataclass of ``model``."""

    model: type[Any]

    @post_load
    def _make(self, data: dict[str, Any], **_: object) -> Any:
        return self.model(**data)


class DebitSchema(_ModelSchema):
    component = "Debit"
    model = model.Side

    status = fields.String(required=True)
    at = InstantField()


class PostingSchema(_ModelSchema):
    component = "Posting"
    model = model.Side

    status = fields.String(required=True)
    at = InstantField()
    biller_reference = fields.String()


class AllocationSchema(_ModelSchema):
    component = "Allocation"
    model = model.Allocation

    bill_id = fields.String()
    amount = MoneyField(required=True)
    posting = fields.String(required=True)


class PaymentFeeSchema(_ModelSchema):
    component = "PaymentFee"
    model = model.Fee

    type = fields.String(required=True)
    amount = MoneyField(required=True)


class AttemptSchema(_ModelSchema):
    component = "Attempt"
    model = model.Attempt

    attempt_id = fields.String(required=True)
    status = fields.String(required=True)
    reason = fields.String()
    started_at = InstantField(required=True)


class ResolutionSchema(_ModelSchema):
    component = "Resolution"
    model = model.Resolution

    method = fields.String(required=True)
    expected_by = InstantField(required=True)


class PaymentExceptionSchema(_ModelSchema):
    component = "PaymentException"
    model = model.ExceptionNote

    type = fields.String(required=True)
    at = InstantField(required=True)
    amount = MoneyField(required=True)


class PaymentRefundSchema(_ModelSchema):
    component = "PaymentRefund"
    model = model.Refund

    refund_id = fields.String(required=True)
    status = fields.String(required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    created_at = InstantField(required=True)
    completed_at = InstantField()


class RefundSchema(ContractSchema):
    component = "Refund"

    refund_id = fields.String(required=True)
    payment_id = fields.String(required=True)
    partner_reference = fields.String(required=True)
    dispute_id = fields.String()
    status = fields.String(required=True)
    amount = MoneyField(required=True)
    reason = fields.String(required=True)
    method = fields.String(required=True)
    created_at = InstantField(required=True)
    completed_at = InstantField()
    version = fields.Integer(required=True)


class HistoryEntrySchema(_ModelSchema):
    component = "HistoryEntry"
    model = model.HistoryEntry

    status = fields.String(required=True)
    at = InstantField(required=True)
    actor = fields.String(required=True)


class PaymentSchema(_ModelSchema):
    """Without its link, which is joined to it."""

    component = "Payment"
    model = model.Payment

    payment_id = fields.String(required=True)
    status = fields.Enum(Status, by_value=True, required=True)
    money_at = fields.String(required=True, dump_only=True)
    iso_status = fields.String(dump_only=True)
    status_reason = fields.String()
    partner_reference = fields.String(required=True)
    consent_id = fields.String()
    category_code = fields.String()
    adcode = fields.String()
    biller_id = fields.String()
    account_ref_masked = fields.String()
    allocations = fields.List(fields.Nested(AllocationSchema), required=True)
    amount = MoneyField()
    fees = fields.List(fields.Nested(PaymentFeeSchema), required=True)
    total = MoneyField()
    debit = fields.Nested(DebitSchema, required=True)
    posting = fields.Nested(PostingSchema, required=True)
    attempts = fields.List(fields.Nested(AttemptSchema), required=True)
    resolution = fields.Nested(ResolutionSchema)
    exceptions = fields.List(fields.Nested(PaymentExceptionSchema), required=True)
    business_date = DayField()
    value_date = DayField()
    expected_posting_at = InstantField()
    receipt_id = fields.String()
    refunds = fields.List(fields.Nested(PaymentRefundSchema), required=True)
    history = fields.List(fields.Nested(HistoryEntrySchema), required=True)
    metadata = fields.Dict(keys=fields.String(), values=fields.String(), required=True)
    locale = fields.String(required=True)
    return_url = fields.String()
    created_at = InstantField(required=True)
    updated_at = InstantField(required=True)
    version = fields.Integer(required=True)


class ReceiptBillerSchema(ContractSchema):
    component = "ReceiptBiller"

    biller_id = fields.String(required=True)
    name = fields.Nested(LocalizedTextSchema, required=True)


class ReceiptSignatureSchema(ContractSchema):
    component = "ReceiptSignature"

    algorithm = fields.String(required=True)
    key_id = fields.String(required=True)
    value = fields.String(required=True)
    compact = fields.String()


class ReceiptSchema(ContractSchema):
    component = "Receipt"

    receipt_id = fields.String(required=True)
    receipt_number = fields.String(required=True)
    verification_code = fields.String(required=True)
    payment_id = fields.String(required=True)
    payer_masked = fields.String(required=True)
    biller = fields.Nested(ReceiptBillerSchema, required=True)
    account_ref_masked = fields.String(required=True)
    biller_reference = fields.String(required=True)
    amount = MoneyField(required=True)
    amount_in_words = fields.String(required=True)
    fees = fields.List(fields.Nested(PaymentFeeSchema), required=True)
    total = MoneyField(required=True)
    paid_at = InstantField(required=True)
    value_date = DayField(required=True)
    notice = fields.Nested(LocalizedTextSchema, required=True)
    signature = fields.Nested(ReceiptSignatureSchema)
