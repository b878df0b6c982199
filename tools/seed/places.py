"""Counties of mainland China as places to put a branch: names in Chinese and English, points, people.

Facts come from `data/divisions.csv`, `data/population.csv` and `data/pinyin.csv`; `extract_population.py` and
`extract_pinyin.py` say where the latter two are from.
"""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from .branch_words import ENGLISH_NAMES, PEOPLES

DATA = Path(__file__).parent / "data"
MUNICIPALITIES = frozenset({"11", "12", "31", "50"})
# No branches: 三沙 is islands far out at sea, 金门 is not served from the mainland.
# Names whose rank is no ending, or part of which looks like one.
UNRANKED = {"神农架林区": "神农架", "内蒙古自治区": "内蒙古"}
WITHOUT_BRANCHES = ("4603", "350527")


def read_csv(name: str) -> list[dict[str, str]]:
    """Rows of a file in `data/`."""
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def readings() -> dict[str, list[str]]:
    """Text -> its pinyin syllables."""
    return {row["text"]: row["pinyin"].split() for row in read_csv("pinyin.csv")}


def _without_peoples(name: str) -> str:
    """`name` without peoples at its end, unless nothing else is in it: 双江拉祜族佤族 -> 双江, 东乡族 -> 东乡."""
    stripped = True
    while stripped:
        stripped = False
        for people in PEOPLES:
            for ending in (people + "族", people) if len(people) > 1 else (people + "族",):
                if name.endswith(ending) and name != ending:
                    name, stripped = name.removesuffix(ending), True
    return name.removesuffix("族") if len(name) > 2 else name


def short_name(name: str) -> str:
    """A division's name as it stands in a branch's: 上海市 -> 上海, 大厂回族自治县 -> 大厂, 赵县 -> 赵县."""
    if name in UNRANKED:
        return UNRANKED[name]
    if "自治" in name:
        return _without_peoples(name[: name.index("自治")])
    for suffix in ("特区", "新区", "地区", "省", "市", "区", "县", "盟"):
        base = name.removesuffix(suffix)
        if base != name and len(base) > 1 and not name.endswith("矿区"):
            return _without_peoples(base) if base.endswith("族") else base
    return name


def syllables(name: str, length: int | None = None) -> list[str]:
    """Pinyin of the first `length` characters of a known name, a syllable each."""
    return readings()[name][:length]


def joined(parts: list[str]) -> str:
    """Syllables as one English word: `xi an` -> Xi'an, `lv liang` -> Lüliang."""
    word = parts[0] + "".join(("'" if part[0] in "aeo" else "") + part for part in parts[1:])
    return word.replace("lve", "lüe").replace("lv", "lü").replace("nv", "nü").capitalize()


def english_name(name: str) -> str:
    """English name of a division, without its rank."""
    short = short_name(name)
    return ENGLISH_NAMES.get(short) or joined(syllables(name, len(short)))


@dataclass(frozen=True)
class Place:
    """A county or district.

    `city` is the prefecture, or the municipality or county itself when it stands directly below its province.
    """

    adcode: str
    county: str
    city: str
    city_code: str
    province: str
    latitude: float
    longitude: float
    population: int

    @property
    def is_urban(self) -> bool:
        """A district of a city, or a city."""
        return self.county.endswith(("区", "市"))

    @property
    def label(self) -> str:
        """City and county in short, one of them when they are the same: 上海黄浦, 东莞."""
        city, county = short_name(self.city), short_name(self.county)
        return county if self.city == self.county or county.startswith(city) else city + county

    @property
    def english_label(self) -> str:
        """`label` in English."""
        city, county = english_name(self.city), english_name(self.county)
        return (
            county
            if self.city == self.county or short_name(self.county).startswith(short_name(self.city))
            else f"{city} {county}"
        )

    @property
    def full_name(self) -> str:
        """Province, city and county as an address begins."""
        return "".join(dict.fromkeys([self.province, self.city, self.county]))


@cache
def load_places() -> tuple[Place, ...]:
    """Every county that can have a branch, by code.

    One without a point of its own is left out: its neighbours' mean may be a mountain.
    """
    divisions = {row["code"]: row for row in read_csv("divisions.csv")}
    places = []
    for row in sorted(read_csv("population.csv"), key=lambda row: row["adcode"]):
        county = divisions[row["adcode"]]
        parent = divisions[county["parent"]]
        has_point = county["src"] != "parent" or parent["src"] != "mean" or row["lat"]
        if not has_point or county["code"].startswith(WITHOUT_BRANCHES):
            continue
        in_province = parent["code"][2:] == "0000"
        city = parent if not in_province or parent["code"][:2] in MUNICIPALITIES else county
        places.append(
            Place(
                adcode=county["code"],
                county=county["name"],
                city=city["name"],
                city_code=city["code"],
                province=divisions[county["code"][:2] + "0000"]["name"],
                latitude=float(row["lat"] or county["lat"]),
                longitude=float(row["lon"] or county["lon"]),
                population=int(row["population"]),
            )
        )
    return tuple(places)
