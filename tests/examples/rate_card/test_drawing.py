"""The picture: figures, glyphs, and what hostile or unusual facts do to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from openteller import OpenTeller
from rate_card import drawing, wording
from rate_card import lettering as letters
from rate_card.canvas import Align, Canvas
from rate_card.facts import Both, Facts, published, read_facts
from rate_card.faults import NoMeans
from rate_card.lettering import Lettering, Weight, find_font

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "\"/><script>alert(1)</script>&amp;<!--]]>'"
BANK_ZH = "示范银行"


@pytest.fixture(scope="module")
def lettering() -> Lettering:
    return Lettering(find_font())


@pytest.fixture(scope="module")
def facts(flask_app: Flask) -> Iterator[Facts]:
    with OpenTeller("https://bank.test", wsgi_app=flask_app) as bank:
        held = published(bank, day=None, max_age_days=5)
        yield read_facts(bank, held, currencies=["USD", "EUR", "JPY", "KRW"], channel="weibo")


def _said(svg: str) -> list[str]:
    """Give the texts that are drawn, as they stand on the card."""
    return [path.attrib["aria-label"] for path in ET.fromstring(svg).iter(f"{SVG}path") if "aria-label" in path.attrib]


def _picture(png: bytes) -> Image.Image:
    with Image.open(BytesIO(png)) as image:
        return image.convert("RGB")


def test_the_card_has_the_figures_of_the_board_and_of_the_deposits(facts: Facts, lettering: Lettering) -> None:
    said = _said(drawing.draw_svg(facts, lettering))
    for figure in ("669.6402", "672.4586", "671.0494", "0.4942", "0.04%", "1.45%", "0.65%"):
        assert figure in said, figure
    whole = "\n".join(said)
    for text in (
        BANK_ZH,
        "2026年9月29日",
        "欧洲央行9月28日",
        "沿用",
        "红涨绿跌",
        facts.board_id,
        facts.deposits_id,
        "@V缴费",
    ):
        assert text in whole, text


def test_a_reader_of_the_screen_hears_what_the_picture_shows(facts: Facts, lettering: Lettering) -> None:
    root = ET.fromstring(drawing.draw_svg(facts, lettering))
    assert root.attrib["role"] == "img"
    assert root.findtext(f"{SVG}desc") == wording.alt_text(facts)
    chinese, english = wording.alt_text(facts).split("\n\n")
    assert "美元 USD，每100：银行买入（现汇）669.6402" in chinese
    assert "跌 0.04%" in chinese
    assert "3年 1.45%，大额存单（三年），100万元起" in chinese
    assert "US dollar USD, for 100: the bank buys at 669.6402" in english
    assert "3 years: 1.45%, Certificate of deposit, 3 years, from ¥1,000,000" in english


def test_equal_facts_give_equal_bytes(facts: Facts, lettering: Lettering) -> None:
    first, again = (drawing.draw_svg(facts, letters) for letters in (lettering, Lettering(find_font())))
    assert first == again
    assert drawing.draw_png(first, source="a") == drawing.draw_png(again, source="a")


def test_the_svg_needs_nothing_from_elsewhere(facts: Facts, lettering: Lettering) -> None:
    svg = drawing.draw_svg(facts, lettering)
    assert {element.tag.removeprefix(SVG) for element in ET.fromstring(svg).iter()} == {
        *("svg", "title", "desc", "rect", "path")
    }
    assert "href" not in svg
    assert "url(" not in svg
    assert len(svg.encode()) < 400_000


def test_the_png_is_a_full_picture_of_its_size_that_says_its_source(facts: Facts, lettering: Lettering) -> None:
    png = drawing.draw_png(drawing.draw_svg(facts, lettering), source="rsh_1 rsh_2")
    with Image.open(BytesIO(png)) as image:
        assert (image.format, image.size, image.info["Source"]) == ("PNG", (1080, 1440), "rsh_1 rsh_2")
    picture = _picture(png)
    for top in range(0, 1440, 120):
        colours = picture.crop((0, top, 1080, top + 120)).getcolors(100_000)
        assert colours is not None and len(colours) > 5, f"nothing is drawn from {top} on"
    assert picture.getpixel((5, 5)) == (0x12, 0x39, 0x5A)
    assert picture.getpixel((5, 1000)) == (0xF7, 0xF5, 0xF0)


def test_a_hostile_product_name_is_text_and_nothing_else(facts: Facts, lettering: Lettering) -> None:
    hostile = replace(facts.deposits[0], product=Both(HOSTILE, HOSTILE))
    hostile_facts = replace(facts, deposits=(hostile,), disclaimer=Both(HOSTILE, HOSTILE))
    svg = drawing.draw_svg(hostile_facts, lettering)
    root = ET.fromstring(svg)
    assert not [element for element in root.iter() if "script" in element.tag]
    assert HOSTILE in str(root.findtext(f"{SVG}desc"))
    assert any(text.startswith(HOSTILE) for text in _said(svg))


def test_a_name_that_is_too_long_stays_in_its_tile(facts: Facts, lettering: Lettering) -> None:
    long = replace(facts.deposits[0], product=Both("长" * 300, "long"))
    said = _said(drawing.draw_svg(replace(facts, deposits=(long,) * 6), lettering))
    cut = [text for text in said if text.startswith("长")]
    assert len(cut) == 6
    assert all(text.endswith("…") and lettering.width(text, 24 * 0.72) <= 269 for text in cut)


@given(st.text(st.sampled_from("WMil 长，。"), max_size=60), st.floats(30, 300), st.sampled_from(Weight))
def test_a_text_is_never_wider_than_its_room(lettering: Lettering, text: str, room: float, weight: Weight) -> None:
    canvas = Canvas(lettering, 400, 100, title="", description="")
    assert canvas.text(0, 50, text, 24, "#000000", weight=weight, within=room) <= room + 0.02


def test_rows_of_older_rates_are_marked_and_the_legend_says_so(facts: Facts, lettering: Lettering) -> None:
    older = replace(facts.quotes[0], reference_date=dt.date(2026, 9, 25), carried_forward=True)
    fresh = [replace(quote, carried_forward=False) for quote in facts.quotes[1:]]
    mixed = replace(facts, quotes=(older, *fresh))
    said = _said(drawing.draw_svg(mixed, lettering))
    assert [text for text in said if text.endswith("†")] == ["美元†"]
    assert any("† 沿用更早汇率" in text for text in said)
    assert "沿用更早的参考汇率" in wording.alt_text(mixed)
    assert not any("†" in text for text in _said(drawing.draw_svg(facts, lettering)))


def test_rows_of_different_units_say_theirs(facts: Facts, lettering: Lettering) -> None:
    mixed = replace(facts, quotes=(replace(facts.quotes[0], unit=1), *facts.quotes[1:]))
    said = _said(drawing.draw_svg(mixed, lettering))
    assert "1 USD" in said and "100 EUR" in said


def test_an_indicative_board_says_so(facts: Facts, lettering: Lettering) -> None:
    assert "外汇牌价（参考）" in _said(drawing.draw_svg(replace(facts, indicative=True), lettering))


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8])
def test_any_number_of_terms_finds_room(facts: Facts, lettering: Lettering, count: int) -> None:
    svg = drawing.draw_svg(replace(facts, deposits=(facts.deposits * 2)[:count]), lettering)
    tiles = [box for box in ET.fromstring(svg).iter(f"{SVG}rect") if "rx" in box.attrib][1:]
    assert len(tiles) == count
    for tile in tiles:
        assert float(tile.attrib["x"]) + float(tile.attrib["width"]) <= 1024.001
        assert float(tile.attrib["y"]) + float(tile.attrib["height"]) <= 1266.001


def test_red_is_up_and_green_is_down(facts: Facts, lettering: Lettering) -> None:
    """As is usual in China, and the other way round elsewhere."""
    risen, fallen, still = (
        replace(facts.quotes[0], previous_middle=facts.quotes[0].middle * factor)
        for factor in (Decimal("0.9"), Decimal("1.1"), Decimal(1))
    )
    for quote, colours in ((risen, {drawing.UP}), (fallen, {drawing.DOWN}), (still, set())):
        root = ET.fromstring(drawing.draw_svg(replace(facts, quotes=(quote,)), lettering))
        arrows = [path.attrib["fill"] for path in root.iter(f"{SVG}path") if "aria-label" not in path.attrib]
        assert set(arrows[:-2]) == colours, "the last two are the legend's"


def _lettered(lettering: Lettering, text: str) -> Image.Image:
    """Draw a text alone, black on white."""
    canvas = Canvas(lettering, 440, 140, title="", description="")
    canvas.box(0, 0, 440, 140, "#ffffff")
    canvas.text(20, 100, text, 100, "#000000", align=Align.START)
    with Image.open(BytesIO(drawing.resvg_py.svg_to_bytes(svg_string=canvas.svg(), skip_system_fonts=True))) as image:
        return image.convert("L")


def _agreement(one: Image.Image, other: Image.Image) -> float:
    """Give which part of the ink of two pictures is common to both."""
    pairs = list(zip(one.tobytes(), other.tobytes(), strict=True))
    both = sum(1 for a, b in pairs if a < 128 and b < 128)
    return both / sum(1 for a, b in pairs if a < 128 or b < 128)


def test_chinese_is_drawn_as_another_renderer_draws_it_and_not_as_boxes(lettering: Lettering) -> None:
    font = ImageFont.truetype(str(find_font()), 100, index=2)
    assert font.getname()[0] == "Noto Sans CJK SC"
    expected = Image.new("L", (440, 140), 255)
    ImageDraw.Draw(expected).text((20, 100), BANK_ZH, font=font, fill=0, anchor="ls")
    assert _agreement(_lettered(lettering, BANK_ZH), expected) > 0.85
    assert _agreement(_lettered(lettering, "\ue000" * 4), expected) < 0.4


def test_forms_are_those_of_the_chinese_mainland(lettering: Lettering) -> None:
    """直 and 骨 look different in Japan, whose forms the collection's first font has."""
    font = ImageFont.truetype(str(find_font()), 100, index=2)
    expected = Image.new("L", (440, 140), 255)
    ImageDraw.Draw(expected).text((20, 100), "直骨角", font=font, fill=0, anchor="ls")
    assert _agreement(_lettered(lettering, "直骨角"), expected) > 0.85


def test_each_character_has_an_outline_of_its_own(lettering: Lettering) -> None:
    outlines = {lettering.run(character, weight).outline for character in BANK_ZH for weight in Weight}
    assert len(outlines) == len(BANK_ZH) * len(Weight)


def test_figures_are_equally_wide(lettering: Lettering) -> None:
    assert len({lettering.run(figure, weight).width for figure in "0123456789" for weight in [Weight.MEDIUM]}) == 1


def test_a_character_that_the_font_has_not_is_the_printers_mark(lettering: Lettering) -> None:
    assert lettering.run("\ue000", Weight.REGULAR) == lettering.run("〓", Weight.REGULAR)


def test_without_the_package_the_systems_font_is_found_and_without_that_the_way_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letters, "FONT_PACKAGE", "no_such_package_of_fonts")
    monkeypatch.setattr(letters, "FOLDERS", (str(tmp_path / "none"), str(tmp_path)))
    with pytest.raises(NoMeans, match="pip install noto-cjk-sans-otc"):
        find_font()
    (tmp_path / "opentype").mkdir()
    font = tmp_path / "opentype" / letters.FONT_FILE
    font.touch()
    assert find_font() == font


@pytest.mark.parametrize("content", [b"", b"no font at all", b"OTTO" + bytes(100)])
def test_a_file_that_is_no_font_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "font.otf").write_bytes(content)
    with pytest.raises(NoMeans, match=r"font\.otf has no glyph for 示.*--font"):
        Lettering(tmp_path / "font.otf")
