"""The base of every marshmallow schema: it names the component of the contract that it mirrors, and a contract test
compares the two.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, ClassVar

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from openteller_sandbox import clock
from openteller_sandbox.money import Money


class ContractSchema(Schema):
    """A schema of the wire. ``component`` is its name in the contract; query schemas name their operation in
    ``query_of``.
    """

    component: ClassVar[str] = ""
    query_of: ClassVar[str] = ""
    registry: ClassVar[list[type[ContractSchema]]] = []

    class Meta:
        """What is unknown is refused; the contract check has refused it before."""

        unknown = RAISE

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.component or cls.query_of:
            ContractSchema.registry.append(cls)

    def present(self, facts: object) -> dict[str, Any]:
        """Dump what is there: members that are None are left out, as the contract has no nulls in records."""
        record: dict[str, Any] = self.dump(facts)
        return record

    def get_attribute(self, obj: Any, attr: str, default: Any) -> Any:
        """Read a fact from a mapping or an object; what is None counts as not there."""
        value = obj.get(attr) if isinstance(obj, dict) else getattr(obj, attr, None)
        return default if value is None else value


class Pattern(validate.Validator):
    """A whole match of an anchored pattern; ``re.match`` with ``$`` would let a trailing newline through."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = re.compile(pattern)

    def __call__(self, value: str) -> str:
        """Give the value back.

        Raises:
            ValidationError: no whole match.
        """
        if not self._compiled.fullmatch(value):
            raise ValidationError("does not match the pattern")
        return value


class InstantField(fields.Field[int]):
    """Epoch milliseconds inside, RFC 3339 with the bank's offset outside."""

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else clock.to_wire(value)

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> int:  # noqa: ARG002
        try:
            return clock.parse(str(value))
        except (ValueError, OverflowError) as error:
            raise ValidationError("not an instant") from error


class ExactInstantField(InstantField):
    """An instant to the millisecond, for what is asked with again."""

    def _serialize(self, value: int | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else clock.to_wire_exactly(value)


class DayField(fields.Field[date]):
    """A day of the bank's calendar."""

    def _serialize(self, value: date | None, attr: str | None, obj: Any, **kwargs: Any) -> str | None:  # noqa: ARG002
        return None if value is None else value.isoformat()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> date:  # noqa: ARG002
        try:
            return date.fromisoformat(str(value))
        except ValueError as error:
            raise ValidationError("not a date") from error


class MoneyField(fields.Field[Money]):
    """``Money`` inside, ``{"amount", "currency"}`` outside."""

    def _serialize(self, value: Money | None, attr: str | None, obj: Any, **kwargs: Any) -> dict[str, str] | None:  # noqa: ARG002
        return None if value is None else value.wire()

    def _deserialize(self, value: Any, attr: str | None, data: Mapping[str, Any] | None, **kwargs: Any) -> Money:  # noqa: ARG002
        if not isinstance(value, Mapping):
            raise ValidationError("not an amount")
        return Money(Decimal(value["amount"]), value["currency"])


class LocalizedTextSchema(ContractSchema):
    """The same text in Chinese and English."""

    component = "LocalizedText"

    zh_cn = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)
