"""The wire of consents."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILLER_ID
from openteller_sandbox.customers.service import CUSTOMERS
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, MoneyField, Pattern
from openteller_sandbox.oauth.model import CUSTOMER_SCOPES

_PERIODS = ("DAY", "WEEK", "MONTH", "YEAR")
_ALIGNMENTS = ("CONSENT", "CALENDAR")


class ConsentQuery(ContractSchema):
    query_of = "listConsents"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    status = fields.String(validate=validate.OneOf(["ACTIVE", "CONSUMED", "REVOKED", "EXPIRED"]))
    customer = fields.String(validate=(validate.Length(8, 40), Pattern("^sub_[0-9A-Za-z_-]{4,36}$")))


class PeriodicLimitSchema(ContractSchema):
    component = "PeriodicLimit"

    period_type = fields.String(required=True)
    period_alignment = fields.String(required=True)
    amount = MoneyField(required=True)


class MandateSchema(ContractSchema):
    component = "Mandate"

    type = fields.String(required=True)
    billers = fields.List(fields.String(), required=True)
    maximum_individual_amount = MoneyField(required=True)
    periodic_limits = fields.List(fields.Nested(PeriodicLimitSchema), required=True)
    maximum_uses = fields.Integer()
    valid_from = DayField(required=True)
    valid_to = DayField(required=True)


class ConsentSchema(ContractSchema):
    component = "Consent"

    consent_id = fields.String(required=True)
    app_id = fields.String(required=True)
    customer = fields.String(required=True)
    status = fields.String(required=True)
    scope = fields.String(required=True)
    authorization_details = fields.List(fields.Nested(MandateSchema), required=True)
    created_at = InstantField(required=True)
    expires_at = InstantField(required=True)
    last_used_at = InstantField()
    version = fields.Integer(required=True)


class ConsentExtensionCreateSchema(ContractSchema):
    component = "ConsentExtensionCreate"

    consent_expires_at = InstantField(required=True)
    return_url = fields.String(validate=(validate.Length(8, 300), Pattern('^[a-z][a-z0-9+.-]*:[!-"$-~]+$')))
    locale = fields.String(validate=validate.OneOf(["zh-CN", "en"]), load_default="zh-CN")


class ConsentExtensionSchema(ContractSchema):
    component = "ConsentExtension"

    extension_id = fields.String(required=True)
    consent_id = fields.String(required=True)
    status = fields.String(required=True)
    status_reason = fields.String()
    consent_expires_at = InstantField(required=True)
    approval_url = fields.String()
    created_at = InstantField(required=True)
    expires_at = InstantField(required=True)
    answered_at = InstantField()


class MandateLimitInputSchema(ContractSchema):
    component = "MandateLimitInput"

    period_type = fields.String(required=True, validate=validate.OneOf(_PERIODS))
    period_alignment = fields.String(required=True, validate=validate.OneOf(_ALIGNMENTS))
    amount = MoneyField(required=True, metadata={"component": "MoneyInput"})


class MandateInputSchema(ContractSchema):
    component = "MandateInput"

    type = fields.String(required=True, validate=validate.OneOf(["bill_payment_mandate"]))
    billers = fields.List(fields.String(validate=BILLER_ID), required=True, validate=validate.Length(1, 20))
    maximum_individual_amount = MoneyField(required=True, metadata={"component": "MoneyInput"})
    periodic_limits = fields.List(
        fields.Nested(MandateLimitInputSchema), validate=validate.Length(max=4), load_default=list
    )
    maximum_uses = fields.Integer(strict=True, validate=validate.Range(1, 366))
    valid_from = DayField(required=True)
    valid_to = DayField(required=True)


class SandboxConsentCreateSchema(ContractSchema):
    component = "SandboxConsentCreate"

    customer_number = fields.String(
        validate=validate.OneOf([each.customer_number for each in CUSTOMERS]),
        load_default=CUSTOMERS[0].customer_number,
    )
    scopes = fields.List(
        fields.String(validate=validate.OneOf(CUSTOMER_SCOPES)),
        validate=validate.Length(1, 10),
        load_default=lambda: ["saved-billers", "bills:read", "payments:read"],
    )
    authorization_details = fields.List(
        fields.Nested(MandateInputSchema), required=True, validate=validate.Length(max=5)
    )
    cooling = fields.Boolean(load_default=False)
    dpop_jkt = fields.String(validate=(validate.Length(43, 43), Pattern("^[A-Za-z0-9_-]+$")))
    lasts_seconds = fields.Integer(strict=True, validate=validate.Range(1, 31_622_400), load_default=15_552_000)


class SandboxConsentSchema(ContractSchema):
    component = "SandboxConsent"

    consent_id = fields.String(required=True)
    access_token = fields.String(required=True)
    token_type = fields.String(required=True)
    expires_in = fields.Integer(required=True)
    scope = fields.String(required=True)
