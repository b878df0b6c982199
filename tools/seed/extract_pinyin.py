"""Writes how Chinese is read, in three tables of `tools/seed/data/`.

- `pinyin.csv`: the names of divisions and streets, one line `text,pinyin` each;
- `syllables.csv`: a syllable and the characters that names have so, as far as no word of theirs says otherwise;
- `readings.csv`: short words in which a character is read otherwise.

Run by hand, and only when a name is added: `python -m tools.seed.extract_pinyin`. It needs the package `pypinyin`
(MIT), which nothing else here does; the seed tools and `tools/build_pinyin.py` read the CSVs. Readings that the
package's dictionary gets wrong in a place name stand in `READINGS`.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from pypinyin import lazy_pinyin
from pypinyin.phrases_dict import phrases_dict

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
CERTAIN = {"漯": "luo"}  # in every name; the package has another one
SYLLABLES = CERTAIN | {"都": "du", "长": "chang"}  # in every place name but those above
NAMED = SYLLABLES | {
    "行": "hang",
    "什": "shi",
    "佛": "fo",
    "曾": "zeng",
    "藏": "zang",
    "卜": "bu",
    "埔": "pu",
}
"""In names of banks and their places; words in which they are read otherwise are in a table."""

LONGEST_WORD = 3
RANKS = ("市", "区", "县", "旗")
HAN = range(0x4E00, 0xA000)


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


def named(character: str) -> str:
    """How a character is read in names; itself where that is not known."""
    return NAMED.get(character) or lazy_pinyin(character)[0]


def syllables() -> list[tuple[str, str]]:
    """Rows of a syllable and its characters."""
    characters: defaultdict[str, str] = defaultdict(str)
    for character in map(chr, HAN):
        syllable = named(character)
        if syllable.isascii():
            characters[syllable] += character
    return sorted(characters.items())


def otherwise(names: Iterable[str]) -> list[tuple[str, str]]:
    """Rows of a word of characters in common use, or of a name, and how it is read where that does not follow."""
    rows: dict[str, list[str]] = {}
    for word in sorted(phrases_dict, key=len):
        if len(word) <= LONGEST_WORD and _is_common(word) and not word.startswith(tuple(READINGS)):
            read = _certain(word, lazy_pinyin(word))
            if len(read) == len(word) and read != read_by(rows, word):
                rows[word] = read
    for name in names:
        read = _certain(name, reading(name).split())
        short = name[:-1] if name.endswith(RANKS) and len(name) > 2 and name[:-1] not in phrases_dict else name
        if read != read_by(rows, name):
            rows[short] = read[: len(short)]
    return sorted((word, " ".join(read)) for word, read in rows.items())


def read_by(rows: dict[str, list[str]], text: str) -> list[str]:
    """How a text is read by the words that there are, the longest first, and by its characters."""
    for length in range(len(text), 1, -1):
        if text[:length] in rows:
            return [*rows[text[:length]], *read_by(rows, text[length:])]
    return [named(text[0]), *read_by(rows, text[1:])] if text else []


def _certain(text: str, read: list[str]) -> list[str]:
    return (
        [CERTAIN.get(one, syllable) for one, syllable in zip(text, read, strict=True)] if len(text) == len(read) else []
    )


def _is_common(word: str) -> bool:
    try:
        word.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return all(ord(one) in HAN for one in word)


def write(name: str, head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> None:
    """One table."""
    with (DATA / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def main() -> None:
    """Read divisions.csv and the word lists, write the tables."""
    with (DATA / "divisions.csv").open(encoding="utf-8", newline="") as file:
        names = texts(csv.DictReader(file))
    write("pinyin.csv", ("text", "pinyin"), ((name, reading(name)) for name in names))
    write("syllables.csv", ("syllable", "characters"), syllables())
    write("readings.csv", ("text", "pinyin"), otherwise(names))


if __name__ == "__main__":
    main()
