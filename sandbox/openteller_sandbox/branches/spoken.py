"""What people who type no Chinese call a place whose name is Chinese: its syllables, apart and run together, and their
initials. Pure.

A name says where a place is behind which bank it is of and before what kind of office it is, an address from the city
to the house; each part of them is called by itself, and without what it is (市, 区, 路). 南京路 is `nan jing lu`,
`nanjinglu`, `njl`, and also `nanjing`, `nj`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any

from openteller_sandbox.folding import fold
from openteller_sandbox.pinyin import syllables

_NUMBER = re.compile("[0-9０-９]")
_HAN = re.compile("[〇㐀-䶿一-鿿]+")
_BANK = re.compile("^.{0,20}?(?:银行|信用社|信用联社|农商行|合作社)(?:股份|有限|责任|公司)*")
_OFFICE = re.compile("(?:(?:一级|二级)?[支分]行|分理处|储蓄所|营业部|营业厅|营业室|营业所|自助银行|网点|便民服务点)+$")
_RANKS = "特别行政区|自治[区州县旗]|地区|省|市|区|县|旗|盟|镇|乡|街道"
_DIVISION = re.compile(f"(.{{2,8}}?)({_RANKS})")
_RANK = re.compile(f"^(?:{_RANKS})")
_ROAD = re.compile("(.{1,8}?)(大街|大道|胡同|路|街|道|巷|弄)")
_LONGEST = 12
"""Characters that are run together: more is a sentence."""
_SHORT = 20
"""Characters of a name whose words are kept: of longer ones they are very many."""


def words_of(record: Mapping[str, Any]) -> set[str]:
    """Give every word that a branch or an ATM is called; none where nothing is Chinese."""
    address = record["postal_address"]
    town = _town(address["town_name"])
    words, places = set(_called(town)), [town]
    for line in address["address_lines"]:
        divisions, called = _of_address(_before_number(line), town)
        places += divisions
        words |= called
    return words | _of_name(_before_number(record["name"]["zh-CN"]), tuple(places))


def in_name(name: str, cities: Iterable[str], words: Iterable[str]) -> set[str]:
    """Give those of some words that a name or a part of it is called: syllables after each other, or their initials.

    The bank, the kind of office and a city that it begins with are no parts of it, unless the city is all there is:
    上海静安支行 is `ja`, and so is 吉安分行, but 吉安永新支行 is not.

    Args:
        name: of a branch or an ATM, in Chinese.
        cities: what its city is called, in Chinese among others.
        words: what it is found by.
    """
    name = _before_number(name)
    called = _calls_of if len(name) <= _SHORT else _calls_of.__wrapped__
    return set(called(name, tuple(cities)).intersection(words))


@lru_cache(4096)
def _calls_of(name: str, cities: tuple[str, ...]) -> frozenset[str]:
    """Give all that ``in_name`` may give of a name."""
    name = _without_bank(name)
    beginning = max((len(each) for each in map(fold, cities) if name.startswith(each)), default=0)
    beyond = _RANK.sub("", name[beginning:])
    skip = len(syllables(name[: len(name) - len(beyond)])) if beyond else 0
    found: set[str] = set()
    for run in _HAN.findall(name):
        parts = syllables(run)
        found.update(_calls(parts, max(skip, 0)))
        skip -= len(parts)
    return frozenset(found)


def _calls(parts: list[str], skip: int) -> Iterator[str]:
    """Give what syllables after each other are written as, not all of them among the first to be skipped."""
    initials = "".join(part[0] for part in parts)
    for end in range(skip + 1, len(parts) + 1):
        for begin in range(max(0, end - _LONGEST), end):
            word = "".join(parts[begin:end])
            yield word
            if "v" in word:
                yield word.replace("v", "u")
            if end - begin > 1:
                yield initials[begin:end]


def run_together(name: str) -> str:
    """Give the syllables of the name of a city as one word; nothing where it is not Chinese."""
    return "".join(syllables(_town(name)))


@lru_cache(8192)
def _called(text: str) -> tuple[str, ...]:
    """Give what a part of a name or an address is called."""
    parts = [syllable for run in _HAN.findall(text) for syllable in syllables(run)]
    words = list(parts)
    if 1 < len(parts) <= _LONGEST:
        words += ["".join(parts), "".join(part[0] for part in parts)]
    return (*words, *(word.replace("v", "u") for word in words if "v" in word))


@lru_cache(8192)
def _of_address(line: str, town: str) -> tuple[tuple[str, ...], frozenset[str]]:
    """Give the divisions of an address, and what its parts are called; the innermost together with its town, too."""
    divisions: list[str] = []
    parts: list[str] = []
    for run in _HAN.findall(fold(line)):
        parts += _parts(run, divisions)
    inner = [division for division in divisions if division != town][-1:]
    called = frozenset(chain.from_iterable(map(_called, (*divisions, *parts, *(f"{town}{each}" for each in inner)))))
    return tuple(divisions), called


@lru_cache(8192)
def _of_name(name: str, places: tuple[str, ...]) -> frozenset[str]:
    """Give what the parts of a name are called, but for the bank and the kind of office; a place that the address has
    is a part.
    """
    name = _without_bank(name)
    parts = [name]
    for place in places:
        if len(place) > 1 and name.startswith(place):
            name = _RANK.sub("", name.removeprefix(place))
            parts.append(name)
    for run in _HAN.findall(name):
        parts += _parts(run, [])
    return frozenset(chain.from_iterable(map(_called, parts)))


def _without_bank(name: str) -> str:
    """Take the bank off the beginning of a name, and the kind of office off its end."""
    return _OFFICE.sub("", _BANK.sub("", fold(name)).strip())


def _parts(text: str, divisions: list[str]) -> Iterator[str]:
    """Cut a text into divisions, a road, with and without what it is, and the rest."""
    at = 0
    while found := _DIVISION.match(text, at):
        divisions.append(found[1])
        at = found.end()
    if road := _ROAD.match(text, at):
        yield road[0]
        yield road[1]
        at = road.end()
    yield text[at:]


@lru_cache(8192)
def _town(name: str) -> str:
    """Give a town without its rank."""
    name = fold(name)
    found = _DIVISION.fullmatch(name)
    return found[1] if found else name


def _before_number(text: str) -> str:
    """Give what stands before the first number: what follows it is a house, and hardly twice the same."""
    return _NUMBER.split(text, maxsplit=1)[0] or text
