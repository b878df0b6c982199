"""What the account says, in Chinese and in English: the language of the message that it answers.

A text in ``PUBLIC`` may stand under a post: it holds no number, name or amount of anybody, and does not name the
account with an @, which would be a mention to answer. Everything else is for private messages.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from openteller import Money
from openteller.models import Branch, FxQuote

from .reading import is_chinese

__all__ = [
    "PUBLIC",
    "TEXTS",
    "Language",
    "Text",
    "branch_line",
    "first_fitting",
    "fx_line",
    "language_of",
    "lines_fitting",
    "moment",
    "money",
    "numbered",
    "say",
    "shortened",
]


class Language(StrEnum):
    """The two that the account speaks."""

    ZH = "zh-CN"
    EN = "en"


_NOT_OWN_WORDS = re.compile(r"//@.*|@[^\s@:：,，。!！?？]{1,30}|https?://[!-~]+", re.DOTALL)
_WORD = re.compile(r"[^\W\d_]{2}")


def language_of(text: str, otherwise: Language = Language.ZH) -> Language:
    """Give the language of somebody's own words, names and links aside; ``otherwise`` when there are none."""
    own = _NOT_OWN_WORDS.sub(" ", text)
    if any(is_chinese(one) for one in own):
        return Language.ZH
    return Language.EN if _WORD.search(own) else otherwise


@dataclass(frozen=True, slots=True)
class Text:
    """A text in both languages, with names in braces for what is filled in."""

    zh: str
    en: str


_SAME_CODE = "页面上的核对码须是 {code4}。"

TEXTS = {
    # Links. Where one is too long for its place, the next in the list of its kind is taken; see `counter`.
    "open_link": Text(
        "{what}在这里交：{url} " + _SAME_CODE,
        "Pay {what} here: {url} The page must show the code {code4}.",
    ),
    "short_link": Text("在这里交：{url} 核对码 {code4}", "Pay here: {url} Code {code4}"),
    "bill_link": Text(
        "{biller} {label}{account}，{period}应缴 {amount}{fee}，{due}前{more}。缴费：{url} " + _SAME_CODE,
        "{biller}, {label} {account}: {amount} due for {period}{fee}, by {due}{more}. Pay: {url} The page must "
        "show the code {code4}.",
    ),
    "bills_link": Text(
        "{biller} {label}{account}，{count} 笔账单共 {amount}{fee}。缴费：{url} " + _SAME_CODE,
        "{biller}, {label} {account}: {count} bills, {amount} in all{fee}. Pay: {url} The page must show the code "
        "{code4}.",
    ),
    "biller_link": Text(
        "{biller}：请在银行页面填写账户并缴费：{url} " + _SAME_CODE,
        "{biller}: the bank's page asks for the account: {url} It must show the code {code4}.",
    ),
    "which_biller": Text(
        "{what}有几家单位，请在银行页面选择：{url} " + _SAME_CODE,
        "{what}: there are several billers, choose on the bank's page: {url} It must show the code {code4}.",
    ),
    "fee": Text("，另收手续费 {fee}", ", plus a fee of {fee}"),
    "more_bills": Text("（另有 {count} 笔，交完再问我）", " ({count} more due: ask again)"),
    # What public replies add or are.
    "delete_number": Text("您的微博里有号码，请删除那条微博。", "Your post holds a number: please delete it."),
    "delete_short": Text("请删除带号码的微博。", "Please delete that post."),
    "branches_in_private": Text(
        "请私信我您的位置，或者城市和地名，我来找最近的网点。",
        "Send me your position, or city and place, in a private message: I will find the nearest branch.",
    ),
    "public_help": Text(
        "想交哪里的什么费？例如发“V缴费 交上海电费”并提到我。户号不要公开发，可以私信。",
        "Which bill, where? Mention me with, say: Shanghai electricity. Never post numbers in public, write privately.",
    ),
    # A conversation in private.
    "nothing_due": Text(
        "{biller} {label}{account}：现在没有待缴账单。", "{biller}, {label} {account}: nothing is due now."
    ),
    "slow": Text(
        "{biller}答复较慢，查到后马上告诉您。", "{biller} is slow to answer; you will hear as soon as it does."
    ),
    "failed": Text(
        "{biller}查不到 {label}{account}，请核对后再发，或稍后再试。",
        "{biller} could not look up {label} {account}: check the number, or try again later.",
    ),
    "fetch_gone": Text("刚才的查询没有结果，请再发一次。", "That enquiry came to nothing: please send it again."),
    "no_biller": Text("{place}还没有可以代缴{category}的单位。", "No biller for {category} in {place} yet."),
    "no_biller_at_all": Text("现在没有可以代缴{category}的单位。", "There is no biller for {category} now."),
    "bad_account": Text("这不像{biller}的{label}：{help}", "This does not look like a {label} of {biller}: {help}"),
    "ask_category": Text("您要交哪一种费用？{choices}", "Which bill is it? {choices}"),
    "ask_place": Text("是哪个城市的{category}？", "Which city is it, for {category}?"),
    "ask_which_place": Text(
        "是哪一个？{choices}。请回复序号。", "Which one? {choices}. Please answer with its number."
    ),
    "ask_branch_place": Text(
        "请发位置，或者城市和地名，例如：上海 人民广场 最近的网点。",
        "Send your position, or city and place: nearest branch, Shanghai, People's Square.",
    ),
    "ask_account": Text(
        "请发您的{category}户号（缴费单上有）。", "Please send the account number for {category}; it is on the bill."
    ),
    "ask_one_account": Text(
        "收到了几个号码，请只发要缴费的那一个。", "There were several numbers: please send only the one to pay."
    ),
    "no_branch": Text("没有找到网点，请换个地名再试。", "No branch found; try another place."),
    "fx": Text(
        "{found}（{at} 公布，每 {unit} 外币折人民币，银行买入/卖出）",
        "{found} (published {at}, CNY per {unit}, the bank buys/sells)",
    ),
    "no_fx": Text("牌价上没有这个币种。", "That currency is not on the board."),
    "help": Text(
        "我能帮您：交水电燃气等费用（发“上海 电费 户号”），找网点（发“最近的网点”），查汇率（发“美元汇率”）。"
        "户号请只在私信里发。",
        "I can help: pay a bill (send city, kind of bill, account number), find a branch, tell the rate of a currency. "
        "Send numbers in private only.",
    ),
    "welcome": Text("不客气！", "You are welcome!"),
    "bank_down": Text(
        "银行系统暂时连不上，恢复后我马上给您答复，不用再发。",
        "The bank cannot be reached just now. You will have your answer as soon as it can; no need to write again.",
    ),
    "trouble": Text("这条消息我没能处理，请稍后再试。", "This one could not be handled. Please try again later."),
    # What happens to a payment.
    "paid_private": Text(
        "缴费成功，谢谢！{biller} {account}，{amount}。回单号 {receipt}，验证码 {verification}。回单：{url}/receipt",
        "Paid, thank you! {biller} {account}, {amount}. Receipt {receipt}, verification code {verification}: "
        "{url}/receipt",
    ),
    "paid_public": Text(
        "核对码 {code4} 的缴费已经成功，谢谢！付款人可以在银行页面看回单：{url}/receipt",
        "The payment with code {code4} has succeeded, thank you! The payer finds the receipt at {url}/receipt",
    ),
    "unknown": Text(
        "核对码 {code4}：钱已从付款人账户扣出，缴费单位还没有确认。银行正在核实，请不要重复缴费。",
        "Code {code4}: the money has left the payer's account and the biller has not confirmed yet. The bank is "
        "finding out; please do not pay again.",
    ),
    "refund": Text(
        "核对码 {code4}：这次缴费没有成功，钱正在退回付款人账户。",
        "Code {code4}: this payment did not go through; the money is on its way back to the payer.",
    ),
    "refunded": Text(
        "核对码 {code4}：钱已经退回付款人账户。", "Code {code4}: the money is back in the payer's account."
    ),
}

PUBLIC = frozenset(
    {
        "branches_in_private",
        "delete_number",
        "delete_short",
        "fx",
        "no_branch",
        "no_fx",
        "open_link",
        "public_help",
        "short_link",
        "trouble",
        "welcome",
    }
)


def say(key: str, language: Language, **parts: object) -> str:
    """Give a text with its parts filled in."""
    text = TEXTS[key]
    return (text.zh if language is Language.ZH else text.en).format(**parts)


def first_fitting(limit: int, candidates: Iterable[str]) -> str:
    """Give the first text of so many characters at most; when none is, the last one, cut."""
    last = ""
    for last in candidates:
        if len(last) <= limit:
            return last
    return shortened(last, limit)


def lines_fitting(limit: int, lines: Sequence[str]) -> str:
    """Give as many whole lines as fit, and of the first one at least the beginning."""
    text = shortened(lines[0], limit)
    for line in lines[1:]:
        if len(text) + 1 + len(line) > limit:
            break
        text = f"{text}\n{line}"
    return text


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
