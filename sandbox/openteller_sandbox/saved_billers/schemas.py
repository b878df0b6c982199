"""The wire of saved billers."""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.bills.schemas import BILLER_ID, inputs_field
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import InstantField, Pattern
from openteller_sandbox.partners.service import READABLE_NAME

SAVED_BILLER_ID = (validate.Length(8, 48), Pattern("^svb_[0-9a-z]{4,44}$"))


class SavedBillerCreateSchema(ContractSchema):
    component = "SavedBillerCreate"

    biller_id = fields.String(required=True, validate=BILLER_ID)
    inputs = inputs_field(required=True)
    label = fields.String(validate=(validate.Length(1, 40), Pattern(READABLE_NAME)))


class SavedBillerQuery(ContractSchema):
    query_of = "listSavedBillers"

    after = fields.String(validate=(validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$")))
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)


class SavedBillerSchema(ContractSchema):
    component = "SavedBiller"

    saved_biller_id = fields.String(required=True)
    biller_id = fields.String(required=True)
    account_ref_masked = fields.String(required=True)
    label = fields.String()
    created_at = InstantField(required=True)
