"""Writes `tools/seed/data/pinyin.csv`: how the names of divisions and streets are read, one line `text,pinyin` each.

Run by hand, and only when a name is added: `python -m tools.seed.extract_pinyin`. It needs the package `pypinyin`
(MIT), which nothing else here does; the seed tools read the CSV. Readings that the package's dictionary gets wrong in
a place name stand in `READINGS`.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

from pypinyin import lazy_pinyin

from .branch_words import FREE_PLACES, STREETS

DATA = Path(__file__).parent / "data"

# Beginning of a name -> its reading. Place names keep readings that ordinary words do not have.
READINGS = {
    "万柏林": "wan bai lin",
    "什邡": "shi fang",
    "六合": "lu he",
    "单县": "shan xian",
    "大城县": "dai cheng xian",
    "子长": "zi chang",
    "官渡": "guan du",
    "康巴什": "kang ba shi",
    "弓长岭": "gong chang ling",
    "曾都": "zeng du",
    "朝阳": "chao yang",
    "洪洞": "hong tong",
    "浚县": "xun xian",
    "涡阳": "guo yang",
    "珲春": "hun chun",
    "称多": "chen duo",
    "穆棱": "mu ling",
    "筠连": "jun lian",
    "繁峙": "fan shi",
    "马尾": "ma wei",
    "长子": "zhang zi",
    "牟定": "mou ding",
    "邛崃": "qiong lai",
    "荥经": "ying jing",
    "歙县": "she xian",
    "蔚县": "yu xian",
    "莘县": "shen xian",
}
SYLLABLES = {"都": "du", "长": "chang"}  # in every place name but those above


def reading(text: str) -> str:
    """Syllables of `text` without tones, separated by spaces; `lü` is written `lv`, as it is typed."""
    head = next((name for name in sorted(READINGS) if text.startswith(name)), "")
    rest = text[len(head) :]
    syllables = [
        SYLLABLES.get(character, syllable) for character, syllable in zip(rest, lazy_pinyin(rest), strict=True)
    ]
    return " ".join([*READINGS.get(head, "").split(), *syllables])


def texts(divisions: Iterable[dict[str, str]]) -> list[str]:
    """Everything that needs a reading, each once, sorted."""
    return sorted({*(row["name"] for row in divisions), *STREETS, *FREE_PLACES})


def main() -> None:
    """Read divisions.csv and the word lists, write pinyin.csv."""
    with (DATA / "divisions.csv").open(encoding="utf-8", newline="") as file:
        names = texts(csv.DictReader(file))
    with (DATA / "pinyin.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["text", "pinyin"])
        writer.writerows([name, reading(name)] for name in names)


if __name__ == "__main__":
    main()
