"""What the account tells when something has happened to a payment."""

from __future__ import annotations

import re

import pytest
from tests.examples.v_jiaofei.town import ELECTRICITY, Town

from v_jiaofei.bank import BankDown
from v_jiaofei.paying import Paying
from v_jiaofei.stand_in import HOUR, VISITOR

PRIVATE, PUBLIC = f"上海 电费 户号{ELECTRICITY}", "@V缴费 交上海电费"


def pay_privately(town: Town, account: str = ELECTRICITY) -> str:
    """Ask for a bill and pay it; give the code."""
    said = town.ask(f"上海 电费 户号{account}")
    town.payer(said).pay(account[-4:])
    town.work()
    found = re.search(r"核对码须是 (\d{4})", said)
    assert found
    return found[1]


def pay_publicly(town: Town, account: str = ELECTRICITY) -> str:
    said = town.mention(PUBLIC)
    biller = town.partner.biller("SH-ELECTRICITY-01")["biller_id"]
    page = town.payer(said).send("start").send("biller", biller_id=biller).send("account", in_account_number=account)
    page.sign_in().send("confirm")
    town.work()
    found = re.search(r"核对码须是 (\d{4})", said)
    assert found
    return found[1]


def test_whoever_asked_in_private_is_thanked_with_the_receipt(town: Town) -> None:
    pay_privately(town)

    [_, thanks] = town.heard()
    payment = town.client.payments.list().first()
    assert payment is not None
    receipt = town.client.payments.receipt(payment.payment_id)
    assert thanks == (
        f"缴费成功，谢谢！沪汀示范电力 *******011，{receipt.total.amount:.2f} 元。回单号 {receipt.receipt_number}，"
        f"验证码 {receipt.verification_code}。回单：{payment.payment_link.url}/receipt"
    )


def test_whoever_asked_in_public_is_thanked_in_private_without_amount_and_receipt(town: Town) -> None:
    code4 = pay_publicly(town)

    [thanks] = town.heard()
    assert thanks.startswith(f"核对码 {code4} 的缴费已经成功，谢谢！")
    assert "元" not in thanks and "*" not in thanks
    assert len(town.comments()) == 1


def test_a_payment_in_doubt_is_told_and_then_how_it_ended(town: Town) -> None:
    code4 = pay_privately(town, "3100000094")
    assert town.heard()[1:] == [
        f"核对码 {code4}：钱已从付款人账户扣出，缴费单位还没有确认。银行正在核实，请不要重复缴费。"
    ]

    town.partner.advance(seconds=3600)
    town.work()

    assert town.heard()[2].startswith("缴费成功，谢谢！")


def test_a_refund_is_told(town: Town) -> None:
    code4 = pay_privately(town, "3100000177")
    town.partner.advance(seconds=86_400)
    town.work()

    assert town.heard()[1:] == [
        f"核对码 {code4}：这次缴费没有成功，钱正在退回付款人账户。",
        f"核对码 {code4}：钱已经退回付款人账户。",
    ]


def test_after_a_mention_the_one_private_message_is_kept_for_the_end(town: Town) -> None:
    code4 = pay_publicly(town, "3100000094")
    assert town.heard() == []

    town.partner.advance(seconds=3600)
    town.work()

    [thanks] = town.heard()
    assert thanks.startswith(f"核对码 {code4} 的缴费已经成功")
    assert town.refusals() == []


def test_it_is_told_in_the_language_of_the_message(town: Town) -> None:
    said = town.ask(f"Shanghai electricity {ELECTRICITY}")
    town.payer(said).pay(ELECTRICITY[-4:])
    town.work()

    assert town.heard()[1].startswith("Paid, thank you! Huting Demo Power *******011, CNY ")


def test_what_happened_while_the_account_was_away_is_told_once(town: Town) -> None:
    said = town.ask(PRIVATE)
    town.store.close()
    town.payer(said).pay(ELECTRICITY[-4:])
    town.restart()
    town.work()
    town.restart()
    town.work()

    assert len(town.heard()) == 2


def test_events_of_other_programs_of_the_app_are_nobodys(town: Town) -> None:
    town.partner.pay_link(category_code="WATER")
    town.work()

    assert town.store.counts() == {}


def test_an_event_that_the_bank_has_purged_begins_the_list_anew_and_nothing_is_said_twice(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    pay_privately(town)
    town.store.keep_events([], town.clock[0], cursor="evt_00000000")

    town.sweep()
    town.work()

    assert "beginning with the first" in caplog.text
    assert len(town.heard()) == 2


def test_thanks_wait_while_the_bank_is_down(town: Town) -> None:
    said = town.ask(PRIVATE)
    town.payer(said).pay(ELECTRICITY[-4:])
    town.deliver()
    town.bank.answers = False
    town.work()
    assert len(town.heard()) == 1

    town.bank.answers = True
    for _ in range(4):
        town.later(6)

    assert len(town.heard()) == 2


def test_an_event_that_always_breaks_something_is_given_up_and_hinders_no_other(
    town: Town, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    thanks = Paying.thanks
    broken = []

    def fail_at_the_first(self: Paying, visit: object, subject: object, **how: object) -> str:
        broken.append(subject)
        if subject == broken[0]:
            raise ZeroDivisionError
        return thanks(self, visit, subject, **how)  # type: ignore[arg-type]

    monkeypatch.setattr(Paying, "thanks", fail_at_the_first)
    pay_privately(town)
    other = town.weibo.add_user("小红")
    said = town.ask("上海 电费 户号3100000029", other)
    town.payer(said).pay("0029")
    for _ in range(10):
        town.later(60)

    assert len(town.heard()) == 1 and len(town.heard(other)) == 2
    assert broken.count(broken[0]) == 4
    assert "an event (payment.succeeded) could not be told: given up" in caplog.text


def test_thanks_that_weibo_does_not_allow_any_more_are_logged(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    said = town.ask(PRIVATE)
    town.payer(said).pay(ELECTRICITY[-4:])
    town.weibo._windows[VISITOR.id].last_message_at -= 48 * HOUR + 1
    town.work()

    assert len(town.heard()) == 1
    assert "a message (payment.succeeded) was not said: the window has closed" in caplog.text


def test_a_fetch_that_the_bank_has_forgotten_is_told(town: Town) -> None:
    town.ask("上海 电费 户号3100000086")
    town.partner.advance(seconds=10)
    town.partner.advance(seconds=25 * 3600)
    town.work()

    assert town.heard()[1] == "刚才的查询没有结果，请再发一次。"


def test_the_bank_being_down_is_no_events(town: Town) -> None:
    town.bank.answers = False
    with pytest.raises(BankDown):
        town.bot.look_for_events()
    assert town.bot.outage.is_on
    town.bank.answers = True
    town.bot.look_for_events()
    assert not town.bot.outage.is_on
