"""What a biller needs to know from the payer: its account number, other fields, and the rules over them.

An account number is a fixed lead (kind of bill and city), a serial, and the check digits that the field's `check_digit`
names. A serial of 00...0NN is the sandbox's magic account for scenario NN; every `example` is scenario 01, a due bill.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from openteller_sandbox.billers.account_numbers import check_digits
from tools.seed.biller_seats import Seat, chance, text

__all__ = ["inputs"]

Record = dict[str, Any]


class FieldFacts(NamedTuple):
    """An input field without its place in a biller."""

    name: str
    label: tuple[str, str]
    help_text: tuple[str, str]
    data_type: str
    length: tuple[int, int]
    pattern: str
    example: str
    sensitivity: str = "LOW"
    check_digit: str = ""


# The examples of fields of HIGH sensitivity are formed so that they can be nobody's: no mobile number begins with 100,
# no division has the code 999999, no plate begins with 示, no line has the number 1.
MOBILE_NUMBER = FieldFacts(
    "mobile_number",
    ("手机号", "Mobile number"),
    ("11 位手机号码", "The mobile number, 11 digits"),
    "NUMERIC",
    (11, 11),
    "^1[0-9]{10}$",
    "10000000001",
    "HIGH",
)
IDENTITY_CARD = FieldFacts(
    "identity_card",
    ("身份证号", "Identity card number"),
    ("参保人 18 位身份证号", "Of the insured person, 18 characters"),
    "TEXT",
    (18, 18),
    "^[1-9][0-9]{16}[0-9X]$",
    "999999190001010015",
    "HIGH",
)
PLATE_NUMBER = FieldFacts(
    "plate_number",
    ("车牌号", "Plate number"),
    ("含汉字的完整车牌号", "The whole plate with its Chinese character"),
    "TEXT",
    (7, 8),
    "^[一-龥][A-Z][0-9A-Z]{5,6}$",
    "示A00001",
    "HIGH",
)
VIOLATION_DATE = FieldFacts(
    "violation_date",
    ("违法日期", "Date of the offence"),
    ("处罚决定书上的违法日期", "As in the penalty decision"),
    "DATE",
    (10, 10),
    "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    "2026-09-01",
)
AREA_CODE = FieldFacts(
    "area_code",
    ("区号", "Area code"),
    ("固定电话区号", "Of the fixed line, with its 0"),
    "NUMERIC",
    (3, 4),
    "^0[0-9]{2,3}$",
    "000",
    "HIGH",
)
LINE_NUMBER = FieldFacts(
    "line_number",
    ("电话号码", "Telephone number"),
    ("不含区号的固定电话号码", "The fixed line without its area code"),
    "NUMERIC",
    (7, 8),
    "^[0-9]{7,8}$",
    "00000001",
    "HIGH",
)
BUILDING = FieldFacts(
    "building",
    ("楼号", "Building"),
    ("房屋所在楼号", "Number of the building"),
    "TEXT",
    (1, 6),
    "^[0-9A-Z]{1,6}$",
    "12",
)
ROOM = FieldFacts(
    "room", ("房号", "Room"), ("单元及房号", "Number of the flat"), "TEXT", (1, 8), "^[0-9A-Z]{1,8}$", "0803"
)
DONOR_NAME = FieldFacts(
    "donor_name",
    ("捐款人姓名", "Name of the donor"),
    ("用于捐赠证书，可不填", "For the certificate; may be left out"),
    "TEXT",
    (1, 30),
    "",
    "示范",
    "HIGH",
)
TERM = FieldFacts("term", ("学期", "Term"), ("缴费所属学期", "The term to pay for"), "ENUM", (1, 16), "", "2026-AUTUMN")
TERMS = (
    ("2026-SPRING", ("2026 年春季学期", "Spring term 2026")),
    ("2026-AUTUMN", ("2026 年秋季学期", "Autumn term 2026")),
    ("2027-SPRING", ("2027 年春季学期", "Spring term 2027")),
)


def inputs(seat: Seat) -> tuple[list[Record], list[Record]]:
    """The fields of a biller, its account number first, and the rules over them."""
    code, kind = seat.code, seat.category.code
    if kind == "ELECTRICITY" and chance(code, "meter", 30):
        return _one_of(seat, _meter_number(seat))
    if kind == "MOBILE_TOPUP" or (kind == "BROADBAND" and chance(code, "by_mobile", 50)):
        return _one_of(seat, _field(MOBILE_NUMBER))
    if kind == "LANDLINE":
        return _one_of(seat, _field(LINE_NUMBER), _field(AREA_CODE))
    if kind == "TRAFFIC_FINE":
        return _one_of(seat, _field(PLATE_NUMBER), _field(VIOLATION_DATE))
    account = [_account_number(seat), *_enquiry_code(seat)]
    if kind == "PROPERTY_FEE" and chance(code, "flat", 40):
        return [*account, _field(BUILDING), _field(ROOM)], [_group("flat", "ALL_OF", "building", "room")]
    return [*account, *_more_fields(kind)], []


def _more_fields(kind: str) -> list[Record]:
    if kind == "TUITION":
        values = [{"value": value, "label": text(label)} for value, label in TERMS]
        return [{**_field(TERM, is_required=True), "values": values}]
    if kind == "SOCIAL_INSURANCE":
        return [_field(IDENTITY_CARD, is_required=True)]
    return [_field(DONOR_NAME)] if kind == "DONATION" else []


def _one_of(seat: Seat, *others: Record) -> tuple[list[Record], list[Record]]:
    """The account number or else the other fields, which then go together."""
    names = [str(other["name"]) for other in others]
    groups = [_group("account", "ONE_OF", "account_number", names[0])]
    if len(names) > 1:
        groups.append(_group("instead_of_account", "ALL_OF", *names))
    return [_account_number(seat, is_required=False), *others], groups


def _group(name: str, rule: str, *fields: str) -> Record:
    return {"name": name, "rule": rule, "fields": list(fields)}


def _account_number(seat: Seat, *, is_required: bool = True) -> Record:
    category = seat.category
    lead = category.lead + (seat.national.lead if seat.national else seat.city.adcode[:4])
    facts = _numbered("account_number", category.label, category.where, category.check_digit)
    return _field(_with_format(facts, lead, category.serial_length), is_required=is_required)


def _meter_number(seat: Seat) -> Record:
    facts = _numbered(
        "meter_number", ("电表号", "Meter number"), ("电表面板条形码下方", "under the bar code of the meter")
    )
    return _field(_with_format(facts, f"99{seat.city.adcode[:4]}", 5))


def _enquiry_code(seat: Seat) -> list[Record]:
    """The second field that stands behind FULL presentment; it is printed where only the account's holder sees it."""
    if seat.profile.presentment != "FULL":
        return []
    facts = _numbered("enquiry_code", ("查询码", "Enquiry code"), ("纸质账单底部", "at the foot of the paper bill"))
    return [_field(_with_format(facts, "", 5), is_required=True)]


def _numbered(name: str, label: tuple[str, str], where: tuple[str, str], algorithm: str = "LUHN") -> FieldFacts:
    return FieldFacts(name, label, where, "NUMERIC", (0, 0), "", "", check_digit=algorithm)


def _with_format(facts: FieldFacts, lead: str, serial_length: int) -> FieldFacts:
    """A number of lead, serial and check digits; its example is the magic account of scenario 01."""
    body = f"{lead}{1:0{serial_length}d}"
    example = body + check_digits(facts.check_digit, body)
    length = len(example)
    where, where_en = facts.help_text
    return facts._replace(
        help_text=(f"{where}的 {length} 位数字", f"The {length} digits {where_en}"),
        length=(length, length),
        pattern=f"^{lead}[0-9]{{{length - len(lead)}}}$",
        example=example,
    )


def _field(facts: FieldFacts, *, is_required: bool = False) -> Record:
    field = {
        "name": facts.name,
        "label": text(facts.label),
        "help": text(facts.help_text),
        "data_type": facts.data_type,
        "min_length": facts.length[0],
        "max_length": facts.length[1],
        "pattern": facts.pattern,
        "check_digit": facts.check_digit,
        "required": is_required,
        "example": facts.example,
        "sensitivity": facts.sensitivity,
    }
    return {name: value for name, value in field.items() if value != ""}
