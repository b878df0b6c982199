"""Magic account numbers: the serial number inside an account number chooses the outcome, always the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from openteller_sandbox.biller_port.port import Behaviour
from openteller_sandbox.billers.model import Biller

_ALL = frozenset({"FETCH", "VALIDATE", "DIRECT"})
_ASKS = frozenset({"FETCH", "VALIDATE"})
_BILLS = frozenset({"FETCH"})


@dataclass(frozen=True, slots=True)
class _Row:
    serial: int
    modes: frozenset[str]
    zh: str
    en: str


class Scenario(Enum):
    """What can be played, by the serial number that plays it."""

    DUE_BILL = _Row(
        1, _ALL, "一切正常：有一张待缴账单，或可直接缴费", "All is well: one bill is due, or the account can be paid"
    )
    SEVERAL_BILLS = _Row(2, _BILLS, "有三张待缴账单", "Three bills are due")
    NO_BILL = _Row(3, _BILLS, "没有待缴账单", "Nothing is due")
    UNKNOWN_ACCOUNT = _Row(4, _ALL, "户号不存在", "There is no such account")
    BLOCKED_ACCOUNT = _Row(5, _ALL, "户号已停用", "The account is blocked")
    WRONG_REGION = _Row(6, _ALL, "户号不属于本地区", "The account belongs to another region")
    BILLER_DOWN = _Row(7, _ASKS, "缴费单位系统出错", "The biller answers with an error")
    SLOW = _Row(8, _ASKS, "缴费单位 8 秒后才答复（202）", "The biller answers 8 seconds later (202)")
    TIMEOUT_SUCCEEDED = _Row(
        9, _ALL, "扣款后超时，查询得知已入账", "No answer after the debit; a status query finds it posted"
    )
    TIMEOUT_REFUNDED = _Row(
        10,
        _ALL,
        "扣款后超时，查询得知未入账，退款",
        "No answer after the debit; a status query finds it not posted: refunded",
    )
    TIMEOUT_LATE = _Row(
        11, _ALL, "扣款后超时，退款后缴费单位又入账", "No answer, refunded, and then the biller posts it after all"
    )
    POSTED_TWICE = _Row(12, _ALL, "缴费单位重复入账", "The biller posts it twice")
    REVERSED = _Row(
        13, _ALL, "入账一小时后被缴费单位冲正，退款", "The biller reverses the posting an hour later: refunded"
    )
    INSUFFICIENT_FUNDS = _Row(14, _ALL, "付款账户余额不足", "The payer's account lacks the money")
    PAYER_GIVES_UP = _Row(15, _ALL, "付款人确认时放弃", "The payer gives up at the confirmation")
    PREPAID_METER = _Row(
        16,
        _BILLS,
        "预付费表：显示余额，金额由付款人决定",
        "A prepaid meter: shows its balance, the payer names the amount",
    )
    POSTING_REJECTED = _Row(17, _ALL, "缴费单位拒绝入账，退款", "The biller rejects the posting: refunded")
    BILL_CHANGES = _Row(18, _BILLS, "查询之后账单金额变化", "The bill changes after it was fetched")

    ACCOUNT_CLOSED = _Row(
        19,
        _ALL,
        "缴费单位拒绝入账，而付款账户已销户：退款失败，由银行人工支付",
        "The biller rejects the posting, and the payer's account is closed: the refund fails and is paid out by hand",
    )
    DISPUTE_UPHELD = _Row(
        20, _ALL, "一切正常；若发起核查，缴费单位同意退回", "All is well; when it is disputed, the biller gives it back"
    )

    UNANSWERED_POSTED = _Row(
        21,
        _ALL,
        "扣款后一直没有答复，次日对账发现已入账",
        "No answer at all; the day's reconciliation finds it posted",
    )
    UNANSWERED_NOT_POSTED = _Row(
        22,
        _ALL,
        "扣款后一直没有答复，次日对账发现未入账，退款",
        "No answer at all; the day's reconciliation finds it not posted: refunded",
    )
    LOST_BY_BILLER = _Row(
        23,
        _ALL,
        "缴费单位答复已入账，次日对账单中却没有（短款），退款",
        "The biller says posted, but its list of the day lacks it: refunded",
    )

    @property
    def serial(self) -> int:
        """The serial number that plays it."""
        return self.value.serial

    @property
    def description(self) -> dict[str, str]:
        """What happens, in Chinese and English."""
        return {"zh-CN": self.value.zh, "en": self.value.en}

    def fits(self, biller: Biller) -> bool:
        """Tell whether a biller's way of working can play it."""
        return biller.fetch_mode in self.value.modes


_BEHAVIOURS = {
    Scenario.INSUFFICIENT_FUNDS: Behaviour.INSUFFICIENT_FUNDS,
    Scenario.PAYER_GIVES_UP: Behaviour.PAYER_GIVES_UP,
    Scenario.ACCOUNT_CLOSED: Behaviour.ACCOUNT_CLOSES,
}
_BY_SERIAL = {scenario.serial: scenario for scenario in Scenario}


def of(biller: Biller, inputs: Mapping[str, str]) -> Scenario | None:
    """Give the scenario that inputs play at a biller, or None for an ordinary account."""
    serial = biller.serial(inputs)
    scenario = _BY_SERIAL.get(serial) if serial is not None else None
    return scenario if scenario and scenario.fits(biller) else None


def behaviour(biller: Biller, inputs: Mapping[str, str]) -> Behaviour:
    """Say what the payer of an account does."""
    scenario = of(biller, inputs)
    return _BEHAVIOURS.get(scenario, Behaviour.NORMAL) if scenario else Behaviour.NORMAL


def inputs_for(biller: Biller, scenario: Scenario) -> dict[str, str] | None:
    """Make inputs that play a scenario at a biller; None where its format has no serial number. Fields of HIGH
    sensitivity get their example: the page asks for them.
    """
    inputs: dict[str, str] = {}
    numbered = False
    for field in biller.input_fields:
        number = field.with_serial(scenario.serial)
        if number is not None and not numbered:
            inputs[field.name] = number
            numbered = True
        elif field.facts["required"] and field.facts.get("example"):
            inputs[field.name] = field.facts["example"]
    for group in biller.facts["input_groups"]:
        if group["rule"] == "ALL_OF" and any(name in inputs for name in group["fields"]):
            by_name = {field.name: field for field in biller.input_fields}
            inputs |= {name: by_name[name].facts["example"] for name in group["fields"] if name not in inputs}
    return inputs if numbered else None
