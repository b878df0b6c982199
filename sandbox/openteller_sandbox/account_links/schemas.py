"""The wire of account links."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern

STATUSES = ("AWAITING", "APPROVED", "ACTIVE", "REFUSED", "EXPIRED", "FAILED", "UNLINKED")
_CHANNEL = (validate.Length(1, 32), Pattern("^[a-z0-9_-]+$"))
_ACTOR_REF = (validate.Length(16, 128), Pattern("^[A-Za-z0-9_=-]+$"))


class AccountLinkStartSchema(ContractSchema):
    component = "AccountLinkStart"

    channel = fields.String(required=True, validate=_CHANNEL)
    actor_ref = fields.String(required=True, validate=_ACTOR_REF)
    actor_label = fields.String(
        required=True, validate=(validate.Length(1, 60), Pattern(r"^[^\x00-\x1F\x7F-\x9F<>]+$"))
    )
    return_url = fields.String(validate=(validate.Length(8, 300), Pattern('^[a-z][a-z0-9+.-]*:[!-"$-~]+$')))
    locale = fields.String(validate=validate.OneOf(["zh-CN", "en"]), load_default="zh-CN")


class AccountLinkFindSchema(ContractSchema):
    component = "AccountLinkFind"

    channel = fields.String(required=True, validate=_CHANNEL)
    actor_ref = fields.String(required=True, validate=_ACTOR_REF)


class AccountLinkConfirmSchema(ContractSchema):
    component = "AccountLinkConfirm"

    channel = fields.String(required=True, validate=_CHANNEL)
    actor_ref = fields.String(required=True, validate=_ACTOR_REF)
    nonce = fields.String(
        required=True, validate=(validate.Length(16, 31), Pattern("^[A-Za-z][A-Za-z -]{14,29}[A-Za-z]$"))
    )


class AccountLinkQuery(ContractSchema):
    query_of = "listAccountLinks"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)
    status = fields.String(validate=validate.OneOf(STATUSES))


class AccountLinkSchema(ContractSchema):
    component = "AccountLink"

    account_link_id = fields.String(required=True)
    channel = fields.String(required=True)
    status = fields.String(required=True)
    status_reason = fields.String()
    subject = fields.String()
    consent_id = fields.String()
    link_url = fields.String()
    created_at = InstantField(required=True)
    expires_at = InstantField()
    confirmed_at = InstantField()
    ended_at = InstantField()
    version = fields.Integer(required=True)
