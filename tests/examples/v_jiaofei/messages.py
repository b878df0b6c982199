"""Private messages as a noisy crowd types them, with what they mean; the same ones for the same seed."""

from __future__ import annotations

import csv
import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
TABLES = ROOT / "examples" / "v_jiaofei" / "data"


@dataclass(frozen=True)
class Expected:
    """A message and how it must be read."""

    text: str
    adcode: str
    category: str
    account: str
    template: int


TEMPLATES = (
    "{place} {bill} {label}{account}",
    "{filler}我要交{place}{bill}，{label}{account}",
    "{label}：{account}，{place}的{bill}",
    "帮我查一下{place}{bill}，{label}是{account}{filler}",
    "{bill} {place} {account}",
    "{account} {place} {bill}",
    "缴{bill}\n城市：{place}\n{label}：{account}",
    "你好，我家在{place}，{bill}的{label}{account}，谢谢",
    "{place}这个月{bill}多少钱？{label}{account} {filler}",
    "请问{place}{bill}能交吗{filler}({label} {account})",
    "给我妈交一下{place}2026年9月的{bill}，大概120元，{label}{account}，我手机13900001234",
)

FILLERS = (
    "",
    "",
    "麻烦了",
    "谢谢啦",
    "亲，",
    "在吗？",
    "小编好！",
    "急急急",
    "帮帮忙",
    "~",
    "！！！",
    "🙏🙏",
    "😭",
    "[抱拳]",
)
EMOJI = ("🙏", "😂", "💡", "🏠", "❤️", "✨", "[微笑]", "👉")

BILLS = {
    "ELECTRICITY": ("电费", "用电", "电力"),
    "WATER": ("水费", "自来水"),
    "GAS": ("燃气费", "煤气费", "天然气"),
    "HEATING": ("供暖费", "暖气费", "取暖费", "供热费"),
    "BROADBAND": ("宽带费", "网费", "宽带"),
    "LANDLINE": ("固话费", "座机费"),
    "CABLE_TV": ("有线电视费", "数字电视"),
    "PROPERTY_FEE": ("物业费", "物业管理费"),
    "TUITION": ("学费", "学杂费"),
    "SOCIAL_INSURANCE": ("社保费", "社会保险费"),
    "TRAFFIC_FINE": ("交通罚款", "违章罚款"),
}
LABELS = ("户号", "账号", "编号", "缴费号", "卡号", "号码", "")
NICKNAMES = {"310000": "魔都", "110000": "帝都", "510100": "蓉城", "440100": "羊城", "440300": "鹏城", "230100": "冰城"}

_PLAIN = "0123456789"
_FORMS = {
    "full-width": "０１２３４５６７８９",
    "read out": "零一二三四五六七八九",
    "circle for zero": "〇一二三四五六七八九",
    "on the telephone": "零幺二三四五六七八九",
    "as banks write": "零壹贰叁肆伍陆柒捌玖",
    "in Traditional": "零壹貳叁肆伍陸柒捌玖",
    "circled": "⓪①②③④⑤⑥⑦⑧⑨",
    "black circles": "⓿❶❷❸❹❺❻❼❽❾",
    "mathematical": "𝟎𝟏𝟐𝟑𝟒𝟓𝟔𝟕𝟖𝟗",
}


def _translated(number: str, form: str) -> str:
    return number.translate(str.maketrans(_PLAIN, form))


def _pieces(number: str, rng: random.Random, gap: str) -> str:
    size = rng.choice((3, 4, 5))
    return gap.join(number[at : at + size] for at in range(0, len(number), size))


def _typed(number: str, rng: random.Random) -> str:
    """A number in one of the ways in which people type it."""
    form = rng.choice(list(_FORMS.values()))
    ways: list[Callable[[], str]] = [
        lambda: number,
        lambda: number,
        lambda: _pieces(number, rng, rng.choice((" ", "  ", "-", "－", "–", "·", "　"))),
        lambda: " ".join(number),
        lambda: _translated(number, form),
        lambda: _translated(number, form),
        lambda: _pieces(_translated(number, form), rng, rng.choice((" ", "-"))),
        lambda: "".join(_translated(digit, form) if rng.random() < 0.4 else digit for digit in number),
        lambda: "".join(f"{digit}\ufe0f\u20e3" for digit in number),
    ]
    return rng.choice(ways)()


def _table(name: str) -> list[list[str]]:
    with (TABLES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))[1:]


def _mistyped(word: str, sounds: dict[str, str], rng: random.Random) -> str:
    """A word with one character replaced by another one of the same sound, as input methods do."""
    at = rng.randrange(len(word))
    return word[:at] + rng.choice(sounds.get(word[at], word[at])) + word[at + 1 :]


def _account(biller: dict[str, Any], rng: random.Random) -> str:
    """A number of the biller's format: its fixed lead, then anything."""
    field = next(field for field in biller["input_fields"] if field["name"] == "account_number")
    lead = field["pattern"].removeprefix("^").split("[")[0]
    return lead + "".join(rng.choices(_PLAIN, k=field["max_length"] - len(lead)))


def _place(biller: dict[str, Any], rng: random.Random) -> str:
    """A name of the biller's city that is clear."""
    region = biller["region"]
    city, province = region["city"], region["province"]
    if city in {"吉林市", "朝阳市"}:  # their short names are not
        return str(rng.choice((city, province + city) if city == "吉林市" else (province + city, "辽宁朝阳")))
    names = [city, city.removesuffix("市"), city.removesuffix("市")]
    names += [province + city] if province != city else []
    names += [NICKNAMES[region["adcode"]]] if region["adcode"] in NICKNAMES else []
    return str(rng.choice(names))


def noisy_messages(billers: list[dict[str, Any]], count: int, seed: int) -> Iterator[Expected]:
    """`count` messages, over all templates in turn."""
    rng = random.Random(seed)
    local = [biller for biller in billers if biller["coverage"] == "CITY" and biller["category_code"] in BILLS]
    forms: defaultdict[str, str] = defaultdict(str)
    for simplified, traditional in _table("traditional.csv"):
        forms[simplified] = traditional[0]
    in_traditional = str.maketrans(dict(forms))
    sounds = {character: row[1] for row in _table("homophones.csv") for character in row[1]}
    for number in range(count):
        template = number % len(TEMPLATES)
        biller = rng.choice(local)
        account = _account(biller, rng)
        place, bill = _place(biller, rng), rng.choice(BILLS[biller["category_code"]])
        noise = rng.random()
        if noise < 0.15:
            bill = _mistyped(bill, sounds, rng)
        elif noise < 0.25 and place == biller["region"]["city"].removesuffix("市"):
            place = _mistyped(place, sounds, rng)
        text = TEMPLATES[template].format(
            place=place, bill=bill, label=rng.choice(LABELS), account="{account}", filler=rng.choice(FILLERS)
        )
        if rng.random() < 0.2:
            text = text.translate(in_traditional)
        text = _decorated(text, rng).replace("{account}", _typed(account, rng))
        yield Expected(text, biller["region"]["adcode"], biller["category_code"], account, template)


def _decorated(text: str, rng: random.Random) -> str:
    """With emoji, other punctuation and blanks at the ends and between parts."""
    if rng.random() < 0.3:
        text = text.replace("，", rng.choice((" ", ",", "。", "、", " ，", "\n", ";")))
    if rng.random() < 0.2:
        text = text.replace(" ", rng.choice(("  ", "　", "，", "/")))
    if rng.random() < 0.2:
        text = rng.choice(EMOJI) + text
    return text + rng.choice(EMOJI) if rng.random() < 0.2 else text
