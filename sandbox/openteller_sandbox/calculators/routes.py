"""``/v1/calculators``."""

from __future__ import annotations

from typing import Any

from openteller_sandbox.calculators import service
from openteller_sandbox.calculators.schemas import (
    DepositCalculationRequestSchema,
    FxCalculationRequestSchema,
    LoanCalculationRequestSchema,
)
from openteller_sandbox.http import Answer, Call, Routes, json_answer
from openteller_sandbox.settings import AnswerCheck

routes = Routes()


@routes.operation("calculateDeposit", body=DepositCalculationRequestSchema)
def calculate_deposit(call: Call) -> Answer:
    """Work out what a deposit earns."""
    return _answer(call, service.deposit(call.bank.db.read(), call.now, **call.body))


@routes.operation("calculateLoan", body=LoanCalculationRequestSchema)
def calculate_loan(call: Call) -> Answer:
    """Work out what a loan costs."""
    return _answer(call, service.loan(call.bank.db.read(), call.now, **call.body))


@routes.operation("calculateFx", body=FxCalculationRequestSchema)
def calculate_fx(call: Call) -> Answer:
    """Work out what an exchange gives or costs."""
    return _answer(call, service.fx(call.bank.db.read(), call.now, **call.body))


def _answer(call: Call, result: dict[str, Any]) -> Answer:
    """Answer with a result. All of it is computed, so that all of it is what the envelope is of a list."""
    if call.bank.settings.check_answers is AnswerCheck.ENVELOPE:
        call.bank.contract.check_answer(call.operation, 200, result)
    return json_answer(result)
