"""What the bank says about itself."""

from __future__ import annotations

from datetime import date
from typing import Any

from openteller_sandbox.bank import Bank

SERVICES = ("branches", "rates", "bill-payment", "events")
OFFICIAL_ACCOUNTS_CHANGED = 1_767_196_800_000  # 2026-01-01 in the bank's zone

OFFICIAL_ACCOUNTS: tuple[dict[str, Any], ...] = (
    {
        "official_account_id": "acc_weibo_vjiaofei",
        "channel": "weibo",
        "handle": "V缴费",
        "name": {"zh_cn": "示范银行 V缴费", "en": "Demo Bank V-Pay"},
        "purpose": {
            "zh_cn": "回复缴费链接，绝不索取密码、验证码或户号。",
            "en": "Answers with payment links; never asks for a password, a code or an account number.",
        },
        "valid_from": date(2026, 1, 1),
    },
    {
        "official_account_id": "acc_wechat_demobank",
        "channel": "wechat",
        "handle": "示范银行",
        "name": {"zh_cn": "示范银行公众号", "en": "Demo Bank official account"},
        "purpose": {"zh_cn": "网点、汇率与缴费服务。", "en": "Branches, rates and bill payment."},
        "valid_from": date(2026, 1, 1),
    },
)


def service_status(bank: Bank, now: int) -> dict[str, Any]:
    """Give the contract's ``ServiceStatus``. A service that answers at all is operational: everything runs in one
    process.
    """
    return {
        "status": "OPERATIONAL",
        "environment": "SANDBOX",
        "contract_version": bank.contract.version,
        "bank_time": now,
        "services": [{"service": name, "status": "OPERATIONAL"} for name in SERVICES],
    }
