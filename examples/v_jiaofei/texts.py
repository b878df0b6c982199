"""What the account says, in Chinese and in English: the language of the message that it answers.

Public texts fit in 140 characters and hold no number, name or amount of anybody; private ones fit in 300.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openteller import Money
from openteller.models import Branch, FxQuote

from .reading import is_chinese

__all__ = ["Language", "language_of", "say", "shortened"]


class Language(StrEnum):
    """The two that the account speaks."""

    ZH = "zh-CN"
    EN = "en"


def language_of(text: str) -> Language:
    """Chinese, unless a message has letters and not one Chinese character."""
    if any(is_chinese(one) for one in text) or not any(one.isalpha() for one in text):
        return Language.ZH
    return Language.EN


@dataclass(frozen=True, slots=True)
class _Text:
    zh: str
    en: str


_TEXTS = {
    "open_link": _Text(
        "{what}在这里交：{url} 核对码{code4}，页面上是同一个才交。",
        "Pay {what} here: {url} Code {code4}; pay only if the page shows the same.",
    ),
    "delete_number": _Text("您的消息里有号码，请删除那条微博。", "Your post holds a number: please delete it."),
    "bill_link": _Text(
        "{biller} {label}{account}，{period}应缴 {amount}{fee}，{due}前。缴费：{url} 核对码{code4}，"
        "页面上是同一个才交。",
        "{biller}, {label} {account}: {amount} due for {period}{fee}, by {due}. Pay: {url} Code {code4}; pay "
        "only if the page shows the same.",
    ),
    "bills_link": _Text(
        "{biller} {label}{account}，{count} 笔账单共 {amount}{fee}。缴费：{url} 核对码{code4}，页面上是同一个才交。",
        "{biller}, {label} {account}: {count} bills, {amount} in all{fee}. Pay: {url} Code {code4}; pay only "
        "if the page shows the same.",
    ),
    "biller_link": _Text(
        "{biller}：请在银行页面填写账户并缴费：{url} 核对码{code4}，页面上是同一个才交。",
        "{biller}: the bank's page asks for the account: {url} Code {code4}; pay only if the page shows the same.",
    ),
    "which_biller": _Text(
        "{what}有几家单位，请在银行页面选择：{url} 核对码{code4}，页面上是同一个才交。",
        "{what}: there are several billers, choose on the bank's page: {url} Code {code4}; pay only if the "
        "page shows the same.",
    ),
    "fee": _Text("，另收手续费 {fee}", ", plus a fee of {fee}"),
    "nothing_due": _Text(
        "{biller} {label}{account}：现在没有待缴账单。", "{biller}, {label} {account}: nothing is due now."
    ),
    "slow": _Text(
        "{biller}答复较慢，查到后马上告诉您。", "{biller} is slow to answer; you will hear as soon as it does."
    ),
    "failed": _Text(
        "{biller}查不到 {label}{account}，请核对后再发，或稍后再试。",
        "{biller} could not look up {label} {account}: check the number, or try again later.",
    ),
    "no_biller": _Text("{place}还没有可以代缴{category}的单位。", "No biller for {category} in {place} yet."),
    "bad_account": _Text(
        "这不像{biller}的{label}：{help}",
        "This does not look like a {label} of {biller}: {help}",
    ),
    "ask_category": _Text("您要交哪一种费用？{choices}", "Which bill is it? {choices}"),
    "ask_place": _Text("是哪个城市的{category}？", "In which city is your {category} bill?"),
    "ask_which_place": _Text(
        "是哪一个？{choices}。请回复序号。", "Which one? {choices}. Please answer with its number."
    ),
    "ask_branch_place": _Text(
        "请发位置，或者城市和地名，例如：上海 人民广场 最近的网点。",
        "Send your position, or city and place: nearest branch, Shanghai, People's Square.",
    ),
    "ask_account": _Text(
        "请发您的{category}户号（缴费单上有）。", "Please send the account number of your {category} bill."
    ),
    "ask_one_account": _Text(
        "收到了几个号码，请只发要缴费的那一个。", "There were several numbers: please send only the one to pay."
    ),
    "no_branch": _Text("没有找到网点，请换个地名再试。", "No branch found; try another place."),
    "branches_in_private": _Text(
        "请私信我您的位置，或者城市和地名，我来找最近的网点。",
        "Send me your position, or city and place, in a private message: I will find the nearest branch.",
    ),
    "fx": _Text(
        "{found}（{at} 公布，每 100 外币折人民币，银行买入/卖出）",
        "{found} (published {at}, CNY per 100, the bank buys/sells)",
    ),
    "no_fx": _Text("牌价上没有这个币种。", "That currency is not on the board."),
    "help": _Text(
        "我能帮您：交水电燃气等费用（发“上海 电费 户号”），找网点（发“最近的网点”），查汇率（发“美元汇率”）。"
        "户号请只在私信里发。",
        "I can help: pay a bill (send city, kind of bill, account number), find a branch, tell the rate of a "
        "currency. Send numbers in private only.",
    ),
    "public_help": _Text(
        "想交哪里的什么费？例如：@V缴费 交上海电费。户号不要公开发。",
        "Which bill, where? For example: @V缴费 Shanghai electricity. Never post numbers in public.",
    ),
    "welcome": _Text("不客气！", "You are welcome!"),
    "bank_down": _Text(
        "银行系统暂时连不上，恢复后我马上给您答复，不用再发。",
        "The bank cannot be reached just now. You will have your answer as soon as it can; no need to write again.",
    ),
    "trouble": _Text(
        "这条消息我没能处理，已经通知值班人员，请稍后再试。",
        "This one could not be handled; somebody will look at it. Please try again later.",
    ),
    "paid_private": _Text(
        "缴费成功，谢谢！{biller} {account}，{amount}。回单号 {receipt}，验证码 {verification}。回单：{url}/receipt",
        "Paid, thank you! {biller} {account}, {amount}. Receipt {receipt}, verification code {verification}: "
        "{url}/receipt",
    ),
    "paid_public": _Text(
        "核对码 {code4} 的缴费已经成功，谢谢！付款人可以在银行页面看回单：{url}/receipt",
        "The payment with code {code4} has succeeded, thank you! The payer finds the receipt at {url}/receipt",
    ),
    "unknown": _Text(
        "核对码 {code4}：钱已从付款人账户扣出，缴费单位还没有确认。银行正在核实，请不要重复缴费。",
        "Code {code4}: the money has left the payer's account and the biller has not confirmed yet. The bank "
        "is finding out; please do not pay again.",
    ),
    "refund": _Text(
        "核对码 {code4}：这次缴费没有成功，钱正在退回付款人账户。",
        "Code {code4}: this payment did not go through; the money is on its way back to the payer.",
    ),
    "refunded": _Text(
        "核对码 {code4}：钱已经退回付款人账户。", "Code {code4}: the money is back in the payer's account."
    ),
}


def say(key: str, language: Language, **parts: object) -> str:
    """Give a text with its parts filled in."""
    text = _TEXTS[key]
    return (text.zh if language is Language.ZH else text.en).format(**parts)


def shortened(text: str, limit: int) -> str:
    """Cut a text to so many characters, with an ellipsis where something is gone."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def money(amount: Money, language: Language) -> str:
    """Write an amount as people do."""
    return f"{amount.amount:.2f} 元" if language is Language.ZH and amount.currency == "CNY" else str(amount)


def branch_line(branch: Branch, language: Language) -> str:
    """Tell of a branch: name, address, how far, until when."""
    chinese = language is Language.ZH
    name = branch.name.zh_cn if chinese else branch.name.en
    parts = [name, "".join(branch.postal_address.address_lines)]
    if branch.distance_m is not None:
        parts.append(f"{branch.distance_m} 米" if chinese else f"{branch.distance_m} m")
    if branch.open_now is not None:
        parts.append(_opening(branch, chinese=chinese))
    return ("，" if chinese else ", ").join(part for part in parts if part)


def _opening(branch: Branch, *, chinese: bool) -> str:
    at = branch.next_change_at
    if branch.open_now:
        if at is None:
            return "24 小时" if chinese else "always open"
        return f"营业至 {at:%H:%M}" if chinese else f"open until {at:%H:%M}"
    if at is None:
        return "已关闭" if chinese else "closed"
    return f"{at:%m-%d %H:%M} 开门" if chinese else f"opens {at:%m-%d %H:%M}"


def fx_line(quote: FxQuote, language: Language) -> str:
    """Tell the two prices of a currency between accounts."""
    name = quote.name.zh_cn if language is Language.ZH else quote.base
    return f"{name} {quote.tt_buy}/{quote.tt_sell}"


def numbered(choices: Sequence[str]) -> str:
    """Number choices: ``1 吉林省 2 吉林市``."""
    return " ".join(f"{number} {choice}" for number, choice in enumerate(choices, 1))


def moment(at: datetime) -> str:
    """Write a time of day with its date."""
    return f"{at:%m-%d %H:%M}"
