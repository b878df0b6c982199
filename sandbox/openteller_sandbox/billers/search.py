"""The words that billers are found by: one way of writing them, and the ways in which a question can be read. Pure.

A chat user writes 交上海电费, and no biller is called so. A question is read as it was typed, without words that name
nothing (交), and cut into the words that the directory knows: a place, a kind of bill, and what is neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from openteller_sandbox.folding import fold

_SEPARATORS = re.compile(r"[\s,，。.、;；:：!！?？]+")
_NOT_OF_A_NAME = re.compile(r"[\s-]")
_LATIN = re.compile("[a-z-]+")
_MOST_OF_A_WORD = 16
"""Characters that a word of the directory may have and still be found within others."""

_FILLERS = """
    交 缴 付 充 查 办 还 交费 缴费 付费 充值 交纳 缴纳 支付 付款 查询 查一下 查下 一下 下 账单 单 费 费用 钱 欠费
    多少 多少钱 我 我们 我的 我家 家 家里 家的 你 您 你好 您好 请 请问 谢谢 麻烦 帮 帮我 帮忙 帮助 给 替 为 要 我要
    想 我想 想要 需要 能 能不能 可以 可不可以 怎么 怎样 怎么样 如何 哪 哪里 哪儿 在 在哪 是 有 去 来 这 那 这个 这里
    吗 呢 啊 呀 吧 哦 嘛 的 了 月 本月 这个月 上个月 在线 网上 生活 市 省 区 县 jiao jiaofei chongzhi chaxun wo yao
    bang pay paying the a an my our bill bills fee fees of for in to i we want need please how check top up charge
    charges
"""
FILLERS = frozenset(_FILLERS.split())
"""Words that name no biller."""


class Piece(NamedTuple):
    """A part of a question. kind: ``place`` or ``category``, a word of the directory; ``free``, anything else."""

    kind: str
    text: str


Reading = tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that the directory knows: of each, the kinds of bill that it means, or the divisions that bear it."""

    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    places: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def kind(self, word: str) -> str | None:
        """Say what a word is; None where it is none."""
        if word in self.categories:
            return "category"
        if word in self.places:
            return "place"
        return "filler" if word in FILLERS else None


def word_key(word: str) -> str:
    """Write a word or the name of a place the one way, without spaces and hyphens: ``Xi'an`` and ``xi an`` as
    ``xian``.
    """
    return _NOT_OF_A_NAME.sub("", fold(word))


def text_of(biller: Mapping[str, Any]) -> str:
    """Give everything that a biller can be found by, one item per line."""
    return "\n".join(fold(item) for item in (*biller["name"].values(), *biller["aliases"], biller["biller_code"]))


def tokens_of(question: str) -> list[str]:
    """Give what stands between spaces and punctuation, each once."""
    return list(dict.fromkeys(token for token in _SEPARATORS.split(fold(question)) if token))


def candidates(tokens: Sequence[str]) -> set[str]:
    """Give every stretch of a question that may be a word of the directory."""
    found: set[str] = set()
    for text in (*tokens, *_joined(tokens)):
        found.update(_stretches(text))
    return found


def readings(tokens: Sequence[str], vocabulary: Vocabulary) -> list[Reading]:
    """Give the ways in which a question can be read, each different: whoever fits one of them is meant."""
    typed = tuple(Piece("free", token) for token in tokens)
    cut = [_cut(token, vocabulary) for token in tokens]
    plain = tuple(Piece("free", text) for pieces in cut for text in _without_fillers(pieces))
    found = [typed, plain, tuple(piece for pieces in cut for piece in pieces if piece.kind != "filler")]
    for text in _joined(tokens):
        pieces = _cut(text, vocabulary)
        if all(piece.kind != "free" for piece in pieces):
            found.append(tuple(piece for piece in pieces if piece.kind != "filler"))
    return list(dict.fromkeys(reading for reading in found if reading))


def _joined(tokens: Sequence[str]) -> Iterator[str]:
    """Give ``shang hai dian fei`` as one word, too."""
    if len(tokens) > 1 and all(_LATIN.fullmatch(token) for token in tokens):
        yield "".join(tokens)


def _stretches(text: str) -> Iterator[str]:
    if len(text) <= _MOST_OF_A_WORD or not text.isascii():
        for start in range(len(text)):
            for end in range(start + 1, min(len(text), start + _MOST_OF_A_WORD) + 1):
                yield text[start:end]
        return
    yield text
    for length in range(2, _MOST_OF_A_WORD + 1):
        yield from (text[start : start + length] for start in range(len(text) - length + 1))


def _cut(text: str, vocabulary: Vocabulary) -> list[Piece]:
    """Cut text into known words so that least of it is left over, in as few words as can be, the first word first;
    what is left over and stands together is one piece. Of a word in Latin letters that is not known whole, nothing is
    known.
    """
    best: list[tuple[int, int, int, list[Piece]]] = [(0, 0, 0, [])]  # left over, words, where it is left over
    for end in range(1, len(text) + 1):
        options = []
        for start in range(max(0, end - _MOST_OF_A_WORD), end):
            left, count, where, pieces = best[start]
            kind = vocabulary.kind(text[start:end])
            if kind:
                options.append((left, count + 1, where, [*pieces, Piece(kind, text[start:end])]))
            elif end - start == 1:
                options.append((left + 1, count + 1, where - end, [*pieces, Piece("free", text[start:end])]))
        best.append(min(options, key=lambda option: option[:3]))
    left, *_, pieces = best[-1]
    if left and _LATIN.fullmatch(text):
        return [Piece("free", text)]
    return list(_merged(pieces))


def _merged(pieces: Iterable[Piece]) -> Iterator[Piece]:
    free = ""
    for piece in pieces:
        if piece.kind == "free":
            free += piece.text
            continue
        if free:
            yield Piece("free", free)
            free = ""
        yield piece
    if free:
        yield Piece("free", free)


def _without_fillers(pieces: Iterable[Piece]) -> Iterator[str]:
    """Give what stands together between words that name nothing."""
    text = ""
    for piece in pieces:
        if piece.kind != "filler":
            text += piece.text
        elif text:
            yield text
            text = ""
    if text:
        yield text
