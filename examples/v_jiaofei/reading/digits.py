"""Digit runs: which of them are account numbers, and a text without any.

An account number may be typed full-width, circled, in pieces with blanks or dashes, in Chinese digits, or in a mixture.
What merely looks like one (dates, amounts, counts, telephones, identity and bank cards) is told apart here. Nothing in
this module keeps or prints a number.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum

from .folding import CHINESE_DIGITS, fold

__all__ = ["Kind", "Public", "Run", "drop_digits", "find_runs", "position"]

LONGEST = 24
"""Digits; more are no account number of any biller."""


class Kind(Enum):
    """What a run of digits is."""

    ACCOUNT = "account"
    PHONE = "phone"
    OTHER = "other"
    """A card, a code: nothing to pay with here, but somebody's."""
    SHORT = "short"
    """Too short for an account, or a date."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run of digits in a folded text."""

    start: int
    end: int
    value: str = field(repr=False)
    kind: Kind
    labelled: bool
    """Whether a word beside it says that it is an account number."""


@dataclass(frozen=True, slots=True)
class Public:
    """What of a public text may be kept."""

    text: str
    dropped: bool
    """Whether there were digits at all."""
    account_like: bool
    """Whether what was dropped may have been somebody's number: the writer should delete the message."""


_D = "0-9" + "".join(CHINESE_DIGITS)
_TO_ASCII = str.maketrans(CHINESE_DIGITS)
_PIECE = re.compile(f"[{_D}]+")
# What may stand inside of one number.
_SOFT_GAP = re.compile(r"[ \-‐-―−ー_.·・•/|~～]{1,4}")
_MONTH, _DAY = "(?:1[0-2]|0?[1-9])", "(?:3[01]|[12][0-9]|0?[1-9])"
_C = "一二三四五六七八九十"
_ALONE = r"(?<![0-9])(?<![0-9]-)"
# 户 begins more words than it counts; behind a blank the digits may be the end of an account number.
_FIRST = r"(?<![0-9])(?<![0-9][ \-])"
_UNITS = "元|块|圆|毛|角|人民币|rmb|cny|yuan|多块|来块|度(?!过)|吨|立方|方(?![便式法案])|%|折|兆|gb?(?![a-z])|mb"
_COUNTED = "个|户|号楼|号院|栋|幢|单元|室|楼|层|弄|岁|口人|次|笔|天|小时|分钟|米|公里"
_NOT_A_NUMBER = re.compile(
    "|".join(
        [
            # dates and times
            rf"(?<![0-9\-])(?:19|20)[0-9]{{2}} ?[-/.年] ?{_MONTH} ?[-/.月] ?{_DAY} ?[日号]?(?![0-9\-])",
            rf"(?<![0-9\-])(?:19|20)[0-9]{{2}}(?:年(?: ?{_MONTH} ?月份?)?|[-/.]{_MONTH}(?![0-9\-./]))",
            rf"{_ALONE}{_MONTH} ?月(?:份| ?{_DAY} ?[日号]?)?",
            rf"[{_C}]{{1,2}}月(?:份|[{_C}]{{1,3}}[日号])?",
            rf"{_ALONE}{_DAY}[日号](?![码线楼院卡])",
            rf"{_ALONE}[0-2]?[0-9](?::[0-5][0-9](?![0-9])|[点时](?:[0-5]?[0-9]分?|半)?)",
            # amounts and quantities
            r"[¥$€£] ?[0-9][0-9,]{0,12}(?:\.[0-9]{1,2})?",
            rf"{_ALONE}[0-9][0-9,]{{0,12}}(?:\.[0-9]{{1,3}})? ?(?:{_UNITS})",
            rf"[{_D}]{{1,4}}[十百千万亿拾佰仟][{_D}十百千万亿拾佰仟]{{0,12}}(?:元|块|圆|毛|角|多|度|吨|$|(?=[^{_D}]))",
            rf"(?<![{_D}])[{''.join(CHINESE_DIGITS)}十]{{1,2}}(?:元|块|毛|角)",
            # counts and parts of an address
            rf"(?:第 ?)?{_FIRST}[0-9]{{1,4}}(?:{_COUNTED})",
        ]
    )
)
_POSITION = re.compile(r"(?<![0-9.\-])(-?[0-9]{1,2}\.[0-9]{2,8}) ?[,;/ 、，] ?(-?[0-9]{1,3}\.[0-9]{2,8})(?![0-9.])")

_ACCOUNT_LABEL = (
    "户号|户头|用户号|客户号|客户编号|用户编号|账号|帐号|账户|帐户|卡号|编号|缴费号|号码|表号|合同号|学号|燃气号|煤气号|水号|电号|"
    "项目号|项目|条码|条形码|account|acct|number|huhao|zhanghao|no"
)
_PHONE_LABEL = "手机号码|手机号|手机|电话号码|电话号|电话|联系方式|联系人|致电|座机|tel|phone|mobile|cell|微信|qq"
_OTHER_LABEL = (
    "身份证号码|身份证号|身份证|银行卡号|银行卡|信用卡|储蓄卡|验证码|校验码|密码|查询码|邮编|邮政编码|区号|尾号|车牌号|车牌|"
    "订单号|流水号|工号|日期|时间|金额|余额|合计|生日|价格"
)
_JOINTS = r"[ :：=#,，、.;()（）\[\]【】<>《》\"'“”\n]{0,4}"
_LABEL_BEFORE = re.compile(
    rf"(?:(?P<other>{_OTHER_LABEL})|(?P<phone>{_PHONE_LABEL})|(?P<account>{_ACCOUNT_LABEL}))"
    rf"{_JOINTS}(?:就?是|为|填)?{_JOINTS}$"
)
_LABEL_AFTER = re.compile(
    rf"{_JOINTS}(?:这?个?是)?(?:我的?|他的?|她的?)?"
    rf"(?:(?P<other>{_OTHER_LABEL})|(?P<phone>{_PHONE_LABEL})|(?P<account>户号|账号|帐号|编号|卡号|学号))"
    r"(?![ :：]{0,2}[0-9])"
)
_JOINTS_AT_END = re.compile(r"[ :：=,，是为]{1,4}$")
_LOOK_AROUND = 16

_MOBILE = re.compile(r"(?:86)?1[3-9][0-9]{9}")
_LANDLINE = re.compile(r"0[0-9]{9,11}|400[0-9]{7}")
_BANK_CARD = re.compile(r"62[0-9]{14,17}")
_DATE = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_IDENTITY_CARD = re.compile(r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])[0-9]{5}[0-9x]")

_AREA_AND_LINE = ([3, 7], [3, 8], [4, 7], [4, 8])
"""Sizes of the pieces of a telephone number such as 021-12345678."""
_SCATTERED = re.compile(rf"(?:[{_D}][^\w\0]{{0,4}}){{8}}")

_Piece = tuple[int, int]


def position(folded: str) -> tuple[float, float] | None:
    """Latitude and longitude written as decimal degrees, if the text has just such a pair."""
    found = _POSITION.search(folded)
    if found is None:
        return None
    latitude, longitude = float(found[1]), float(found[2])
    return (latitude, longitude) if abs(latitude) <= 90 and abs(longitude) <= 180 else None


def find_runs(
    folded: str,
    lengths: Collection[int] = (),
    *,
    words: Iterable[tuple[int, int]] = (),
    sounds_like_a_label: Callable[[str], bool] = lambda _: False,
) -> list[Run]:
    """All digit runs that are no date, amount or count, in order.

    Args:
        folded: as `fold` gives it.
        lengths: how many digits an account number can have, where that is known; pieces are joined accordingly.
        words: spans in which Chinese digits are parts of words, as in 四川 and 查一下.
        sounds_like_a_label: whether two characters are read like 户号.
    """
    masked = _without_others(_masked(folded, words))
    numbers = [pieces for cluster in _clusters(masked) for pieces in _numbers(cluster, lengths)]
    return [_run(folded, pieces, sounds_like_a_label) for pieces in numbers]


def _without_others(text: str) -> str:
    """The text with dates, amounts and counts blotted out."""
    return _NOT_A_NUMBER.sub(lambda found: "\0" * len(found[0]), text)


def _masked(text: str, spans: Iterable[tuple[int, int]]) -> str:
    characters = list(text)
    for start, end in spans:
        characters[start:end] = "\0" * (end - start)
    return "".join(characters)


def _clusters(masked: str) -> Iterator[list[_Piece]]:
    """Pieces that stand so close that they may be one number."""
    cluster: list[_Piece] = []
    for found in _PIECE.finditer(masked):
        if cluster and not _SOFT_GAP.fullmatch(masked, cluster[-1][1], found.start()):
            yield cluster
            cluster = []
        cluster.append(found.span())
    if cluster:
        yield cluster


def _size(pieces: list[_Piece]) -> int:
    return sum(end - start for start, end in pieces)


def _numbers(cluster: list[_Piece], lengths: Collection[int]) -> list[list[_Piece]]:
    """The pieces of each number in a cluster."""
    sizes = [end - start for start, end in cluster]
    is_one = sum(sizes) in lengths and set(sizes).isdisjoint(lengths)
    if len(cluster) == 1 or is_one or sizes in _AREA_AND_LINE:
        return [cluster]
    return _by_length(cluster, lengths) or _by_completeness(cluster)


def _by_length(cluster: list[_Piece], lengths: Collection[int]) -> list[list[_Piece]]:
    """From the left, the fewest pieces that make a known length, for each number; [] when that does not come out.

    Short pieces between numbers, such as a count, are left over.
    """
    numbers: list[list[_Piece]] = []
    at = 0
    while at < len(cluster):
        taken = next(
            (size for size in range(1, LONGEST + 1) if _size(cluster[at : at + size]) in lengths),
            0,
        )
        if taken:
            numbers.append(cluster[at : at + taken])
        elif _size(cluster[at : at + 1]) >= 6:
            return []
        at += taken or 1
    return numbers


def _by_completeness(cluster: list[_Piece]) -> list[list[_Piece]]:
    """Without known lengths: a piece of eight digits stands for itself, shorter ones belong together."""
    numbers: list[list[_Piece]] = []
    open_number = False
    for piece in cluster:
        complete = piece[1] - piece[0] >= 8
        if complete or not open_number:
            numbers.append([piece])
        else:
            numbers[-1].append(piece)
        open_number = not complete
    return numbers


def _run(folded: str, pieces: list[_Piece], sounds_like_a_label: Callable[[str], bool]) -> Run:
    start, end = pieces[0][0], pieces[-1][1]
    value = "".join(folded[first:last] for first, last in pieces).translate(_TO_ASCII)
    label = _label(folded, start, end, sounds_like_a_label)
    tail = folded[end : end + 1]
    kind = _kind(value, label, in_pieces=len(pieces) > 1, before_x=tail == "x")
    return Run(start, end, value, kind, label == "account")


def _label(folded: str, start: int, end: int, sounds_like_a_label: Callable[[str], bool]) -> str:
    """`account`, `phone`, `other` or "", by the words beside a run; those before it count more."""
    before = folded[max(0, start - _LOOK_AROUND) : start]
    found = _LABEL_BEFORE.search(before) or _LABEL_AFTER.match(folded, end, end + _LOOK_AROUND)
    if found is not None:
        return str(found.lastgroup)
    word = _JOINTS_AT_END.sub("", before)[-2:]
    return "account" if len(word) == 2 and sounds_like_a_label(word) else ""


def _kind(value: str, label: str, *, in_pieces: bool, before_x: bool) -> Kind:
    if label == "other":
        return Kind.OTHER
    if label == "phone" and (len(value) in {7, 8, 11} or _MOBILE.fullmatch(value) or _LANDLINE.fullmatch(value)):
        return Kind.PHONE
    if label == "account" and 4 <= len(value) <= LONGEST:
        return Kind.ACCOUNT
    if _MOBILE.fullmatch(value) or _LANDLINE.fullmatch(value):
        return Kind.PHONE
    if len(value) > LONGEST or _is_card(value + ("x" if before_x else "")):
        return Kind.OTHER
    if _DATE.fullmatch(value):
        return Kind.SHORT
    return Kind.ACCOUNT if len(value) >= (8 if in_pieces else 6) else Kind.SHORT


def _is_card(value: str) -> bool:
    return _BANK_CARD.fullmatch(value) is not None or _IDENTITY_CARD.fullmatch(value) is not None


def drop_digits(text: str) -> Public:
    """A text as it may be stored or shown when others can read it: no digit is left, however it was written.

    A Chinese digit that stands by itself is a word (查一下) and stays; two and more beside each other, or one beside
    other digits, go.
    """
    marks = [_digit_mark(character) for character in text]
    _mark_runs(text, marks)
    kept = "".join(character for character, mark in zip(text, marks, strict=True) if mark != _DIGIT)
    return Public(kept, dropped=len(kept) < len(text), account_like=_has_somebodys_number(fold(text)))


def _has_somebodys_number(folded: str) -> bool:
    """Whether there is a number that is more than an amount or a date, be it scattered over the text."""
    if any(run.kind is not Kind.SHORT for run in find_runs(folded)):
        return True
    return _SCATTERED.search(_without_others(folded)) is not None


_WORD, _BETWEEN, _NUMERAL, _DIGIT = range(4)


def _digit_mark(character: str) -> int:
    """What a character is to a run: a digit, a numeral that may be a word, something between, or a word's letter."""
    if unicodedata.category(character) in {"Nd", "No"} or any(part.isdigit() for part in fold(character)):
        return _DIGIT
    simplified = fold(character)
    if simplified in CHINESE_DIGITS or unicodedata.numeric(character, None) is not None:
        return _NUMERAL
    return _WORD if character.isalpha() else _BETWEEN


def _mark_runs(text: str, marks: list[int]) -> None:
    """Turn numerals into digits where they stand beside a numeral or a digit, whatever is between.

    The frame of a keycap goes with its digit.
    """
    last = -1
    for at, character in enumerate(text):
        if character in "\ufe0f\u20e3":
            marks[at] = _DIGIT if marks[at - 1] == _DIGIT and at else _BETWEEN
        elif marks[at] == _WORD:
            last = -1
        elif marks[at] >= _NUMERAL:
            if last >= 0:
                if marks[at] == _NUMERAL:
                    marks[at] = _DIGIT
                if marks[last] == _NUMERAL:
                    marks[last] = _DIGIT
            last = at
