"""What people read, in Chinese and in English."""

from __future__ import annotations

from typing import Literal

from flask import request

__all__ = ["language", "say"]

_TEXTS = {
    "title": ("缴费管家", "Bill butler"),
    "sign_in": ("登录", "Sign in"),
    "account": ("您的微博账号", "Your Weibo account"),
    "sign_in_note": ("示例：真实应用在这里用平台登录。", "An example: a real app signs in with the platform here."),
    "sign_in_first": ("请先登录。", "Sign in first."),
    "signed_in_as": ("已登录：", "Signed in as "),
    "sign_out": ("退出", "Sign out"),
    "not_linked": ("还没有绑定银行客户。", "Not linked with a customer of the bank yet."),
    "link": ("绑定示范银行", "Link with the demo bank"),
    "linked": ("已绑定示范银行。", "Linked with the demo bank."),
    "unlink": ("解除绑定", "Unlink"),
    "unlinked": ("已解除绑定，授权也已结束。", "Unlinked; what was allowed has ended, too."),
    "not_allowed": ("还没有授权代缴。", "Paying bills is not allowed yet."),
    "allow": ("授权代缴电费", "Allow paying the electricity bill"),
    "allowed": ("已授权代缴：每笔最多", "Paying is allowed, at most each time"),
    "now_allowed": ("授权成功。", "That is allowed now."),
    "usable_from": ("{at} 起可以代缴。", "It can be used from {at}."),
    "payable_now": ("现在最多可缴 {amount}。", "Now up to {amount} can be paid."),
    "left": ("{at} 前还可代缴 {amount}。", "Until {at}, {amount} is left."),
    "saved": ("已保存户号。", "The account is saved."),
    "nothing_saved": ("还没有保存户号。", "No account is saved yet."),
    "save": ("保存户号", "Save an account"),
    "account_number": ("电费户号", "Electricity account number"),
    "label": ("备注，例如“爸妈家”", "A name for it, such as “my parents'”"),
    "pay": ("代缴", "Pay what is due"),
    "paid": ("已代缴 {amount}。", "{amount} was paid."),
    "nothing_due": ("没有欠费。", "Nothing is due."),
    "bills": ("待缴账单", "Bills to pay"),
    "due_on": ("应缴日", "due"),
    "comes_again": ("再提醒：", "comes again "),
    "pay_bill": ("缴费", "Pay"),
    "tomorrow": ("明天提醒", "Tomorrow"),
    "decline": ("不再提醒", "Not again"),
    "reminded_tomorrow": ("明天再提醒。", "You will be reminded tomorrow."),
    "not_reminded": ("这张账单不再提醒。", "You will not be reminded of this bill."),
    "cooling": ("授权满 24 小时后才能代缴：{at} 起。", "It can be used 24 hours after it was allowed: from {at}."),
    "link_failed": ("绑定没有完成，请重新开始。", "The link was not made: begin again."),
    "refused": ("您没有授权。", "You did not allow it."),
    "forged": ("这个回复不属于您刚才的操作，已忽略。", "That was not the answer to what you began; it was ignored."),
    "ask_again": ("授权已结束，请重新授权。", "What was allowed has ended: allow it again."),
    "bank_trouble": ("银行暂时无法处理，请稍后再试。", "The bank cannot do this now: try again later."),
}


def language() -> Literal["zh-CN", "en"]:
    """Give the reader's language; Chinese where it is neither."""
    return "en" if request.accept_languages.best_match(["zh", "en"], "zh") == "en" else "zh-CN"


def say(name: str) -> str:
    """Give a text in the reader's language."""
    chinese, english = _TEXTS[name]
    return english if language() == "en" else chinese
