"""What the bank says about itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from typing import Any

from openteller_sandbox import clock
from openteller_sandbox.bank import Bank, Caller
from openteller_sandbox.billers import service as billers
from openteller_sandbox.faults import service as faults

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


def service_status(bank: Bank, caller: Caller, now: int) -> dict[str, Any]:
    """Give the contract's ``ServiceStatus``. A service that answers at all is operational: everything runs in one
    process. Payment is degraded where the caller's world has a fault on the way to every biller.
    """
    struck = caller.world.faults and any(
        fault.biller_id is None for fault in faults.of_billers(bank.db.read(), caller.world, now)
    )
    health = dict.fromkeys(SERVICES, "OPERATIONAL") | ({"bill-payment": "DEGRADED"} if struck else {})
    return {
        "status": "DEGRADED" if struck else "OPERATIONAL",
        "environment": "SANDBOX",
        "contract_version": bank.contract.version,
        "bank_time": now,
        "services": [{"service": name, "status": status} for name, status in health.items()],
    }


def outages(bank: Bank, caller: Caller, now: int, biller_id: str | None) -> list[dict[str, Any]]:
    """Give what is out of order or announced to be, the earliest first: the contract's ``Outage``.

    The billers announce their maintenance; what is out of order besides was ordered for the caller's world.
    """
    found = [*_maintenance(bank, now), *_ordered(bank, caller, now)]
    wanted = [each for each in found if biller_id is None or each.get("biller_id") in {biller_id, None}]
    return sorted(wanted, key=lambda each: (each["starts_at"], each["outage_id"]))


def _maintenance(bank: Bank, now: int) -> Iterator[dict[str, Any]]:
    for biller in billers.with_maintenance(bank.db.read()):
        for window in biller.facts["maintenance_windows"]:
            starts_at, ends_at = clock.parse(window["starts_at"]), clock.parse(window["ends_at"])
            if ends_at > now:
                yield {
                    "outage_id": _outage_id(biller.biller_id, window["starts_at"]),
                    "kind": "MAINTENANCE",
                    "status": "CURRENT" if starts_at <= now else "ANNOUNCED",
                    "service": "bill-payment",
                    "biller_id": biller.biller_id,
                    "biller_name": {"zh_cn": biller.name["zh-CN"], "en": biller.name["en"]},
                    "effect": "UNAVAILABLE",
                    "starts_at": starts_at,
                    "ends_at": ends_at,
                }


def _ordered(bank: Bank, caller: Caller, now: int) -> Iterator[dict[str, Any]]:
    if not caller.world.faults:
        return
    for fault in faults.of_billers(bank.db.read(), caller.world, now):
        biller = billers.get(bank.db.read(), fault.biller_id) if fault.biller_id else None
        yield {
            "outage_id": _outage_id(fault.fault_id),
            "kind": "OUTAGE",
            "status": "CURRENT",
            "service": "bill-payment",
            "biller_id": fault.biller_id,
            "biller_name": {"zh_cn": biller.name["zh-CN"], "en": biller.name["en"]} if biller else None,
            "effect": "SLOW" if fault.delay_ms else "UNAVAILABLE",
            "starts_at": fault.since,
        }


def _outage_id(*of: str) -> str:
    """Name an outage the same whenever it is asked for."""
    return f"out_{blake2b(':'.join(of).encode(), digest_size=10).hexdigest()}"
