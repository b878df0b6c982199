"""The wire of branches and ATMs.

The seed's records are checked against the contract and go out as they are stored; the schemas of components are for
code that makes or reads a record, those of queries convert them.
"""

from __future__ import annotations

from marshmallow import fields, validate

from openteller_sandbox.branches.datum import BD09, GCJ02, WGS84
from openteller_sandbox.http import ContractSchema
from openteller_sandbox.http.schemas import DayField, InstantField, LocalizedTextSchema, MoneyField, Pattern

_LATITUDE = r"-?(?:90(?:\.0{1,7})?|[1-8]?[0-9](?:\.[0-9]{1,7})?)"
_LONGITUDE = r"-?(?:180(?:\.0{1,7})?|(?:1[0-7][0-9]|[1-9]?[0-9])(?:\.[0-9]{1,7})?)"
_NEAR = (validate.Length(3, 24), Pattern(f"^{_LATITUDE},{_LONGITUDE}$"))
_BBOX = (validate.Length(7, 49), Pattern(f"^{_LONGITUDE},{_LATITUDE},{_LONGITUDE},{_LATITUDE}$"))
_ADCODE = (validate.Length(6, 6), Pattern("^[0-9]{6}$"))
_CITY = (validate.Length(1, 40), Pattern(r"^[^\x00-\x1F\x7F]{1,40}$"))
_WORDS = (validate.Length(1, 64), Pattern(r"^[^\x00-\x1F\x7F]{1,64}$"))
_CURSOR = (validate.Length(1, 512), Pattern("^[A-Za-z0-9_-]+$"))
_BRANCH_SERVICES = (
    "ACCOUNT_OPENING",
    "CASH",
    "CARD",
    "LOAN",
    "WEALTH",
    "FOREIGN_EXCHANGE",
    "CORPORATE",
    "BILL_PAYMENT",
    "COIN_EXCHANGE",
    "SAFE_DEPOSIT",
    "SOCIAL_SECURITY_CARD",
    "SELF_SERVICE",
)
_SERVED = tuple(service for service in _BRANCH_SERVICES if service != "SELF_SERVICE")
_SEGMENTS = ("PERSONAL", "PREMIER", "PRIVATE", "BUSINESS", "CORPORATE")
_BRANCH_TYPES = ("PHYSICAL", "MOBILE", "SELF_SERVICE", "COMMUNITY")
_ATM_TYPES = ("BRANCH_INTERNAL", "BRANCH_EXTERNAL", "BRANCH_LOBBY", "RETAILER_OUTLET", "REMOTE_UNIT", "OTHER")
_ACCESSIBILITY = (
    "WHEELCHAIR_ACCESS",
    "EXTERNAL_RAMP",
    "LEVEL_ACCESS",
    "AUTOMATIC_DOORS",
    "LOWER_LEVEL_COUNTER",
    "INDUCTION_LOOP",
    "AUDIO_CASH_MACHINE",
    "SENIOR_COUNTER",
    "SIGN_LANGUAGE",
)
_ATM_SERVICES = (
    "CASH_WITHDRAWAL",
    "CASH_DEPOSIT",
    "CARDLESS_WITHDRAWAL",
    "BALANCE_ENQUIRY",
    "TRANSFER",
    "BILL_PAYMENT",
    "PIN_CHANGE",
    "CONTACTLESS",
)


class ShapeQuery(ContractSchema):
    """How places are shown."""

    crs = fields.String(validate=validate.OneOf((WGS84, GCJ02, BD09)), load_default=WGS84)


class OneBranchQuery(ShapeQuery):
    """How a branch is shown."""

    query_of = "getBranch"


class OneAtmQuery(ShapeQuery):
    """How an ATM is shown."""

    query_of = "getAtm"


class PlaceQuery(ShapeQuery):
    """What both lists can be asked for."""

    near = fields.String(validate=_NEAR)
    radius_m = fields.Integer(strict=True, validate=validate.Range(1, 500_000))
    bbox = fields.String(validate=_BBOX)
    adcode = fields.String(validate=_ADCODE)
    city = fields.String(validate=_CITY)
    q = fields.String(validate=_WORDS)
    accessibility = fields.String(validate=validate.OneOf(_ACCESSIBILITY))
    serving = fields.Boolean(load_default=False)
    open_now = fields.Boolean(load_default=False)
    open_at = InstantField()
    changed_since = InstantField()
    after = fields.String(validate=_CURSOR)
    limit = fields.Integer(strict=True, validate=validate.Range(1, 100), load_default=25)


class BranchQuery(PlaceQuery):
    """Which branches are asked for."""

    query_of = "listBranches"

    service = fields.String(validate=validate.OneOf(_BRANCH_SERVICES))
    segment = fields.String(validate=validate.OneOf(_SEGMENTS))
    type = fields.String(validate=validate.OneOf(_BRANCH_TYPES))


class AtmQuery(PlaceQuery):
    """Which ATMs are asked for."""

    query_of = "listAtms"

    service = fields.String(validate=validate.OneOf(_ATM_SERVICES))
    type = fields.String(validate=validate.OneOf(_ATM_TYPES))


class OpeningHoursSchema(ContractSchema):
    """From when to when."""

    component = "OpeningHours"

    opens = fields.String(required=True)
    closes = fields.String(required=True)


class DayHoursSchema(ContractSchema):
    """The hours of a weekday."""

    component = "DayHours"

    day = fields.String(required=True)
    opening_hours = fields.List(fields.Nested(OpeningHoursSchema), required=True)


class SpecialHoursSchema(ContractSchema):
    """Days with hours of their own."""

    component = "SpecialHours"

    name = fields.Nested(LocalizedTextSchema)
    start_date = DayField(required=True)
    end_date = DayField(required=True)
    closed = fields.Boolean(required=True)
    days = fields.List(fields.Nested(DayHoursSchema), required=True)


class AvailabilitySchema(ContractSchema):
    """Opening hours of the week and of special days."""

    component = "Availability"

    standard = fields.List(fields.Nested(DayHoursSchema), required=True)
    special = fields.List(fields.Nested(SpecialHoursSchema), required=True)


class PostalAddressSchema(ContractSchema):
    """A postal address."""

    component = "PostalAddress"

    address_lines = fields.List(fields.String(), required=True)
    street_name = fields.String()
    building_number = fields.String()
    town_name = fields.String(required=True)
    country_subdivision = fields.String()
    country = fields.String(required=True)
    post_code = fields.String()
    adcode = fields.String()


class LocationSchema(ContractSchema):
    """A point on the ground."""

    component = "Location"

    latitude = fields.Float(required=True)
    longitude = fields.Float(required=True)
    crs = fields.String(required=True)


class BranchServiceSchema(ContractSchema):
    """A service, with hours of its own where it has any."""

    component = "BranchService"

    code = fields.String(required=True)
    availability = fields.Nested(AvailabilitySchema)


class CodedTextSchema(ContractSchema):
    """A value outside a closed list."""

    component = "CodedText"

    code = fields.String(required=True)
    name = fields.Nested(LocalizedTextSchema, required=True)
    description = fields.String(required=True)


class BranchContactSchema(ContractSchema):
    """A way to reach a branch."""

    component = "BranchContact"

    type = fields.String(required=True)
    value = fields.String(required=True)


class OpenAtInstantSchema(ContractSchema):
    """At which instant a place is open, and until when."""

    component = "OpenAtInstant"

    at = InstantField(required=True)
    until = InstantField()
    provisional = fields.Boolean()


class WaitSchema(ContractSchema):
    """How long one waits."""

    component = "Wait"

    minutes = fields.Integer(required=True, strict=True)
    tickets_waiting = fields.Integer(required=True, strict=True)
    as_of = InstantField(required=True)


class BranchSchema(ContractSchema):
    """A branch; from ``page_url`` on, all is computed for each answer."""

    component = "Branch"

    branch_id = fields.String(required=True)
    branch_code = fields.String(required=True)
    name = fields.Nested(LocalizedTextSchema, required=True)
    branch_type = fields.String(required=True)
    parent_branch_id = fields.String()
    status = fields.String(required=True)
    moved_to = fields.String()
    postal_address = fields.Nested(PostalAddressSchema, required=True)
    location = fields.Nested(LocationSchema, required=True)
    timezone = fields.String(required=True)
    customer_segments = fields.List(fields.String(), required=True)
    services = fields.List(fields.Nested(BranchServiceSchema), required=True)
    accessibility = fields.List(fields.String(), required=True)
    other_services = fields.List(fields.Nested(CodedTextSchema), required=True)
    contacts = fields.List(fields.Nested(BranchContactSchema), required=True)
    availability = fields.Nested(AvailabilitySchema, required=True)
    last_updated = InstantField(required=True)
    page_url = fields.String()
    distance_m = fields.Integer(strict=True)
    open_now = fields.Boolean(required=True)
    next_change_at = InstantField()
    provisional = fields.Boolean()
    wait = fields.Nested(WaitSchema)
    open_at = fields.Nested(OpenAtInstantSchema)


class TicketCreateSchema(ContractSchema):
    """What somebody wants to wait for, and who it is to the app."""

    component = "TicketCreate"

    service = fields.String(required=True, validate=validate.OneOf(_SERVED))
    end_user_ref = fields.String(required=True, validate=(validate.Length(16, 128), Pattern("^[A-Za-z0-9_=-]+$")))


class TicketSchema(ContractSchema):
    """A number in the line; ``status`` and ``ahead`` are computed for each answer."""

    component = "Ticket"

    ticket_id = fields.String(required=True)
    branch_id = fields.String(required=True)
    service = fields.String(required=True)
    ticket_number = fields.String(required=True)
    estimated_call_at = InstantField(required=True)
    expires_at = InstantField(required=True)
    created_at = InstantField(required=True)


class AtmSchema(ContractSchema):
    """A cash machine; the same members are computed."""

    component = "Atm"

    atm_id = fields.String(required=True)
    atm_code = fields.String(required=True)
    name = fields.Nested(LocalizedTextSchema, required=True)
    branch_id = fields.String()
    location_category = fields.String(required=True)
    status = fields.String(required=True)
    postal_address = fields.Nested(PostalAddressSchema, required=True)
    location = fields.Nested(LocationSchema, required=True)
    timezone = fields.String(required=True)
    atm_services = fields.List(fields.String(), required=True)
    access_24h = fields.Boolean(required=True)
    accessibility = fields.List(fields.String(), required=True)
    supported_currencies = fields.List(fields.String(), required=True)
    supported_languages = fields.List(fields.String(), required=True)
    minimum_amount = MoneyField(required=True)
    availability = fields.Nested(AvailabilitySchema, required=True)
    last_updated = InstantField(required=True)
    page_url = fields.String()
    distance_m = fields.Integer(strict=True)
    open_now = fields.Boolean(required=True)
    next_change_at = InstantField()
    provisional = fields.Boolean()
    open_at = fields.Nested(OpenAtInstantSchema)
