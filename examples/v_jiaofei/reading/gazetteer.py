"""The gazetteer: where in a folded text words stand, which places they name, and what merely sounds like them.

It finds and never decides: a name that several places bear gives them all. What a message as a whole means is for
`reading`.
"""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise, product

from .folding import CHINESE_DIGITS, TABLES, fold, is_chinese
from .vocabulary import (
    ABBREVIATIONS,
    CATEGORY_WORDS,
    CURRENCY_WORDS,
    FORMER_DISTRICTS,
    INITIALS,
    LABELS,
    LATIN_CATEGORIES,
    LATIN_WORDS,
    NICKNAMES,
    NOT_A_NAME,
    OFTEN_MISTYPED,
    SINGLE_CATEGORIES,
    SOUND_ALIKES,
    WORDS,
    Role,
)

__all__ = ["Category", "Gazetteer", "Mention", "Place", "narrow"]


@dataclass(frozen=True, slots=True)
class Place:
    """A city or a province, as billers' regions name it."""

    adcode: str
    """GB/T 2260: of a city (310000, 510100), or of a whole province (220000)."""
    name: str
    province: str = ""
    """Name of the province that a city lies in; "" for provinces, and for cities that are one."""
    district: str = ""
    """The district or county by which the message named it, if it did: 朝阳区 for Beijing."""

    @property
    def label(self) -> str:
        """The place for a choice between several: 北京市朝阳区, 辽宁省朝阳市, 吉林省."""
        return f"{self.province}{self.name}{self.district}"


@dataclass(frozen=True, slots=True)
class Category:
    """A kind of bill, as the bank lists it."""

    code: str
    name: str
    name_en: str = ""
    account_lengths: frozenset[int] = frozenset()
    """How many digits its account numbers can have; empty when that is not known."""
    nationwide: bool = False
    """Whether its billers serve the whole country, so that no place is needed."""


Value = Place | str


@dataclass(frozen=True, slots=True)
class Mention:
    """Words that stand in a text, and what they may mean."""

    start: int
    end: int
    role: Role
    values: tuple[Value, ...] = ()
    """Places, codes of categories or of currencies."""


_MUNICIPALITIES = {"11", "12", "31", "50"}
_PEOPLES = (
    "土家族|朝鲜族|布依族|景颇族|傈僳族|哈尼族|蒙古族|蒙古|哈萨克|柯尔克孜|维吾尔|仡佬族|达斡尔族|纳西族|拉祜族|毛南族|苗族|藏族|羌族|彝族|侗族|壮族|"
    "傣族|白族|回族|瑶族|黎族|满族|土族|佤族|畲族"
)
_AUTONOMOUS = re.compile(rf"(?:{_PEOPLES})*自治(?:区|州|县|旗)$")
_RANK = re.compile(r"(?:特别行政区|地区|林区|新区|省|市|区|县|盟|旗)$")
_STREET = re.compile(
    r"(?:[东南西北中]|[一二三四])?(?:路|街|大街|大道|巷|弄|胡同|广场|大厦|饭店|大学|新村|花园|小区)|时间|话|菜|人(?!民)"
)
_LATIN = re.compile(r"[a-z]+(?:'[a-z]+)*")
_LONGEST_LATIN = 40
_WHOLE, _PART = b"\1", b"\2"


def _short(name: str) -> str:
    """A division's name without its rank, at least two characters of it: 上海市 -> 上海, 延边朝鲜族自治州 -> 延边."""
    short = _AUTONOMOUS.sub("", name) if "自治" in name else _RANK.sub("", name)
    return short if len(short) > 1 else name


def _divisions() -> dict[str, str]:
    with (TABLES / "divisions.csv").open(encoding="utf-8", newline="") as file:
        return {row["adcode"]: row["name"] for row in csv.DictReader(file)}


def _readings() -> dict[str, tuple[str, ...]]:
    """Character -> its syllables without tones."""
    found: defaultdict[str, list[str]] = defaultdict(list)
    with (TABLES / "homophones.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            for character in row["characters"]:
                found[character].append(row["syllable"])
    return {character: tuple(syllables) for character, syllables in found.items()}


class _Names:
    """Every place and its names: those of the bank's directory, and the divisions of the country around them."""

    def __init__(self, served: Iterable[Place]) -> None:
        self._divisions = _divisions()
        self.places = {place.adcode: place for place in served}
        self.by_name: defaultdict[str, dict[str, Place]] = defaultdict(dict)
        served_cities = set(self.places)
        for code in self._divisions:
            if code == self._city_code(code):
                self.places.setdefault(code, self._city(code))
        for place in self.places.values():
            for name in {fold(place.name), _short(fold(place.name))}:
                self.by_name[name][place.adcode] = place
        self._add_districts(served_cities)
        for words, code in FORMER_DISTRICTS.items():
            for short in words.split():
                self._add_district([short, f"{short}区"], self.places[code], f"{short}区")
        for words, codes in NICKNAMES.items():
            for word in words.split():
                self.by_name[word].update((code, self.places[code]) for code in codes)

    def _city_code(self, code: str) -> str:
        if code[:2] in _MUNICIPALITIES:
            return code[:2] + "0000"
        city = code[:4] + "00"
        return city if city in self._divisions else code

    def _city(self, code: str) -> Place:
        province = code[:2] + "0000"
        return Place(code, self._divisions[code], "" if code == province else self._divisions.get(province, ""))

    def _add_districts(self, served_cities: set[str]) -> None:
        """Counties by their whole names; without 区 or 市, the cities and the districts of cities in the directory."""
        counties = [code for code in self._divisions if code not in self.places]
        short_names = {
            _short(self._divisions[code])
            for code in counties
            if self._city_code(code) in served_cities or self._divisions[code].endswith("市")
        }
        short_names -= NOT_A_NAME | {_short(name) for code, name in self._divisions.items() if code.endswith("0000")}
        for code in counties:
            name, short = self._divisions[code], _short(self._divisions[code])
            names = [name]
            is_number = all(character in CHINESE_DIGITS for character in short)  # 二七区 is a district, 二七 is not
            if short in short_names and not is_number and name.endswith(("区", "市")):
                names.append(short)
            self._add_district(names, self.places[self._city_code(code)], name)

    def _add_district(self, names: Iterable[str], city: Place, district: str) -> None:
        for name in names:
            self.by_name[name].setdefault(city.adcode, Place(city.adcode, city.name, city.province, district))


def narrow(first: Sequence[Place], second: Sequence[Place]) -> tuple[Place, ...]:
    """What two names in one message mean together: 吉林省 and 长春 are Changchun, 北京 and 朝阳 a district of Beijing.

    Names that have nothing to do with each other give all places of both.
    """
    together: dict[str, Place] = {}
    for one, other in product(first, second):
        if one.adcode == other.adcode:
            together[one.adcode] = one if one.district else other
        elif one.adcode[:2] == other.adcode[:2] and (one.adcode.endswith("0000") or other.adcode.endswith("0000")):
            city = other if one.adcode.endswith("0000") else one
            together[city.adcode] = city
    if len(together) > 1:  # a province beside its own city was said to tell which city
        cities = {code: place for code, place in together.items() if not code.endswith("0000")}
        together = cities or together
    if not together:
        together = {place.adcode: place for place in (*first, *second)}
    return tuple(together.values())


class _Phonetic:
    """Words by their sound, for 殿费 and 上嗨."""

    def __init__(self, readings: Mapping[str, tuple[str, ...]]) -> None:
        self._readings = readings
        self._words: defaultdict[str, list[tuple[str, Role, tuple[Value, ...]]]] = defaultdict(list)

    def spellings(self, word: str) -> Iterator[str]:
        """Each way to write a word in pinyin, together; none when a character is not known."""
        options = [self._readings.get(character, ()) for character in word]
        for syllables in islice(product(*options), 8):
            yield "".join(syllables)

    def add(self, word: str, role: Role, values: tuple[Value, ...]) -> None:
        for syllable in self._readings.get(word[0], ()):
            self._words[syllable].append((word, role, values))

    def alike(self, one: str, other: str) -> bool:
        """Whether two characters share a reading."""
        return not set(self._readings.get(one, ())).isdisjoint(self._readings.get(other, ()))

    def at(self, text: str, start: int, end: int) -> tuple[int, Role, tuple[Value, ...]] | None:
        """The longest word that text[start:] sounds like up to `end`; one character at least must be the same."""
        best: tuple[int, Role, tuple[Value, ...]] | None = None
        for syllable in self._readings.get(text[start], ()):
            for word, role, values in self._words.get(syllable, ()):
                heard = text[start : start + len(word)]
                fits = start + len(word) <= end and heard not in SOUND_ALIKES and (best is None or len(word) > best[0])
                if fits and self._sounds(heard, word):
                    best = (len(word), role, values)
        return best

    def _sounds(self, heard: str, word: str) -> bool:
        same = [one == other for one, other in zip(heard, word, strict=True)]
        return (
            any(same)
            and not all(same)
            and all(is_same or self.alike(one, other) for is_same, one, other in zip(same, heard, word, strict=True))
        )


class Gazetteer:
    """All words by which a message says what it is about.

    Args:
        places: the cities of the bank's directory of billers.
        categories: the kinds of bill that it lists.
    """

    def __init__(self, places: Iterable[Place], categories: Iterable[Category]) -> None:
        served = tuple(places)
        self.categories = {category.code: category for category in categories}
        self._names = _Names(served)
        self._phonetic = _Phonetic(_readings())
        self._chinese: dict[str, tuple[Role, tuple[Value, ...]]] = {}
        self._latin: dict[str, tuple[Role, tuple[Value, ...]]] = {}
        self._fill_words()
        self._fill_categories()
        self._fill_places(served)
        self._longest: defaultdict[str, int] = defaultdict(int)
        for word in self._chinese:
            self._longest[word[0]] = max(self._longest[word[0]], len(word))

    def place(self, adcode: str) -> Place | None:
        """A city or province by its code."""
        return self._names.places.get(adcode)

    def mentions(self, text: str, gaps: frozenset[int] = frozenset()) -> list[Mention]:
        """All words in a folded text, in order, none within another; `gaps` are places where a blank had been."""
        written = [*self._chinese_mentions(text, gaps), *self._latin_mentions(text)]
        heard = list(self._heard(text, written))
        replaced = {at for mention in heard for at in range(mention.start, mention.end)}
        kept = [mention for mention in written if mention.start not in replaced]
        return sorted([*kept, *heard], key=lambda mention: mention.start)

    def sounds_like_a_label(self, two: str) -> bool:
        """Whether two characters sound like 户号 or 账号."""
        return any(all(map(self._phonetic.alike, two, label)) for label in ("户号", "账号", "编号"))

    # What there is to know

    def _fill_words(self) -> None:
        for role, words in WORDS.items():
            self._chinese.update((word, (role, ())) for word in words.split())
        for role, words in LATIN_WORDS.items():
            self._latin.update((word, (role, ())) for word in words.split())
        for code, words in CURRENCY_WORDS.items():
            for word in words.split():
                (self._latin if word.isascii() else self._chinese)[word] = (Role.CURRENCY, (code,))
        for category, words in LABELS.items():
            hint = (category,) if category in self.categories else ()
            self._chinese.update((word, (Role.LABEL, hint)) for word in words.split())

    def _fill_categories(self) -> None:
        for words, codes in {**CATEGORY_WORDS, **SINGLE_CATEGORIES}.items():
            known = tuple(code for code in codes if code in self.categories)
            for word in words.split() if known else ():
                self._add_category(word, known)
        for category in self.categories.values():
            self._add_category(fold(category.name), (category.code,))
            for word in [*LATIN_CATEGORIES.get(category.code, "").split(), fold(category.name_en).lower()]:
                self._latin.setdefault(re.sub("[^a-z]", "", word), (Role.CATEGORY, (category.code,)))
        self._latin.pop("", None)

    def _add_category(self, word: str, codes: tuple[str, ...]) -> None:
        self._chinese[word] = (Role.CATEGORY, codes)
        if len(word) > 2 or word in OFTEN_MISTYPED or (len(word) == 2 and word.endswith("费")):
            self._phonetic.add(word, Role.CATEGORY, codes)

    def _fill_places(self, served: Iterable[Place]) -> None:
        for name, places in self._names.by_name.items():
            self._chinese.setdefault(name, (Role.PLACE, tuple(places.values())))
        for place in served:
            short = _short(fold(place.name))
            namesakes = tuple(self._names.by_name[short].values())
            self._phonetic.add(short, Role.PLACE, namesakes)
            for spelling in self._phonetic.spellings(short):
                for typed in {spelling, spelling.replace("v", "u"), f"{spelling}shi"}:
                    known = self._latin.get(typed, (Role.PLACE, ()))[1] if typed in self._latin else ()
                    places = {value.adcode: value for value in (*known, *namesakes) if isinstance(value, Place)}
                    self._latin[typed] = (Role.PLACE, tuple(places.values()))
        for word, codes in INITIALS.items():
            self._latin.setdefault(word, (Role.PLACE, tuple(self._names.places[code] for code in codes)))

    # Finding it

    def _chinese_mentions(self, text: str, gaps: frozenset[int]) -> Iterator[Mention]:
        """From the left, the longest word at each place."""
        at = word_end = 0
        while at < len(text):
            found = self._word_at(text, at, word_end, gaps) if is_chinese(text[at]) else None
            if found is None:
                at += 1
                continue
            yield found
            at = word_end = found.end

    def _word_at(self, text: str, at: int, word_end: int, gaps: frozenset[int]) -> Mention | None:
        if (city := self._abbreviation(text, at, word_end, gaps)) is not None:
            return Mention(at, at + 1, Role.PLACE, (city,))
        for size in range(min(self._longest[text[at]], len(text) - at), 0, -1):
            word = text[at : at + size]
            known = self._chinese.get(word)
            if known is not None and self._fits(word, known[0], text, at, word_end, gaps):
                return Mention(at, at + size, *known)
        return None

    def _abbreviation(self, text: str, at: int, word_end: int, gaps: frozenset[int]) -> Place | None:
        """The city of a 沪 that stands at the beginning of words and before a bill or a gap."""
        code = ABBREVIATIONS.get(text[at])
        if code is None or not self._begins(text, at, word_end, gaps):
            return None
        rest = at + 1
        stands_alone = rest in gaps or rest == len(text) or not is_chinese(text[rest])
        sizes = range(self._longest[text[rest]], 0, -1) if rest < len(text) else range(0)
        before_bill = any(self._chinese.get(text[rest : rest + size], ("",))[0] is Role.CATEGORY for size in sizes)
        if not (before_bill or (stands_alone and text[at] in "京津沪渝蓉穗甬榕")):
            return None
        return self._names.places.get(code)

    @staticmethod
    def _begins(text: str, at: int, word_end: int, gaps: frozenset[int]) -> bool:
        return at in (0, word_end) or at in gaps or not is_chinese(text[at - 1])

    def _fits(self, word: str, role: Role, text: str, at: int, word_end: int, gaps: frozenset[int]) -> bool:
        end = at + len(word)
        if role is Role.CATEGORY and len(word) == 1:
            ends = end == len(text) or end in gaps or not is_chinese(text[end]) or text[end] in "的户账帐卡号吧呢了〇"
            return ends and self._begins(text, at, word_end, gaps)
        if role is Role.PLACE and _RANK.search(word) is None:
            return _STREET.match(text, end) is None
        return True

    def _latin_mentions(self, text: str) -> Iterator[Mention]:
        """Words of letters: one, several together (dian fei), or several written as one (shanghaidianfei)."""
        tokens = [(found.start(), found.end(), found[0].replace("'", "")) for found in _LATIN.finditer(text)]
        at = 0
        while at < len(tokens):
            sizes = range(min(3, len(tokens) - at), 0, -1)
            taken = next((size for size in sizes if self._joined(text, tokens[at : at + size]) in self._latin), 0)
            if taken:
                joined = self._joined(text, tokens[at : at + taken])
                yield Mention(tokens[at][0], tokens[at + taken - 1][1], *self._latin[joined])
            else:
                yield from self._run_together(*tokens[at])
            at += taken or 1

    @staticmethod
    def _joined(text: str, tokens: list[tuple[int, int, str]]) -> str:
        """Tokens with nothing but a blank between, as one word; "" when there is more."""
        for (_, end, _), (start, _, _) in pairwise(tokens):
            if text[end:start] not in {" ", ""}:
                return ""
        return "".join(token for _, _, token in tokens)

    def _run_together(self, start: int, end: int, token: str) -> Iterator[Mention]:
        if end - start != len(token) or len(token) > _LONGEST_LATIN:
            return
        found: list[Mention] = []
        at = 0
        while at < len(token):
            size = next((size for size in range(len(token) - at, 1, -1) if token[at : at + size] in self._latin), 0)
            if not size:
                return
            found.append(Mention(start + at, start + at + size, *self._latin[token[at : at + size]]))
            at += size
        yield from found

    def _heard(self, text: str, written: Sequence[Mention]) -> Iterator[Mention]:
        """What sounds like a bill or a city, where nothing of that kind is written.

        A longer word counts although a part of it is a word by itself: 姑话费 is 固话费, not 话费.
        """
        taken = bytearray(len(text))
        for mention in written:
            if mention.end - mention.start > 1 or mention.role in {Role.PLACE, Role.CATEGORY}:
                mark = _PART if mention.role is Role.CATEGORY else _WHOLE
                taken[mention.start : mention.end] = mark * (mention.end - mention.start)
        roles = {mention.role for mention in written}
        at = 0
        while at < len(text):
            heard = self._heard_at(text, at, taken, roles) if not taken[at] and is_chinese(text[at]) else None
            if heard is not None:
                yield heard
            at = at + 1 if heard is None else heard.end

    def _heard_at(self, text: str, at: int, taken: bytearray, roles: set[Role]) -> Mention | None:
        blocked = taken.find(_WHOLE, at, at + 8)
        found = self._phonetic.at(text, at, len(text) if blocked < 0 else blocked)
        if found is None:
            return None
        size, role, values = found
        end = at + size
        extends = _PART in taken[at:end]
        cuts = extends and taken[end : end + 1] == _PART and taken[end - 1 : end] == _PART
        if cuts or (not extends and role in roles):
            return None
        return Mention(at, end, role, values)
