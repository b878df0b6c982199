"""The card: 1080 by 1440 pixels, the 3:4 of a phone's feed.

The smallest type is 23 pixels, which a phone 390 points wide shows at 8; figures are twice that.
"""

from __future__ import annotations

from io import BytesIO

import resvg_py
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from rate_card import wording
from rate_card.canvas import Align, Canvas
from rate_card.facts import BestRate, Both, Facts, Quote
from rate_card.lettering import Lettering, Weight

__all__ = ["HEIGHT", "WIDTH", "draw_png", "draw_svg"]

WIDTH, HEIGHT = 1080, 1440
MARGIN = 56
INNER = WIDTH - 2 * MARGIN
RIGHT = WIDTH - MARGIN

PAPER, PANEL, RULE, WATER = "#f7f5f0", "#ffffff", "#e4e0d6", "#f3f1ec"
BAND, ON_BAND, ON_BAND_SOFT = "#12395a", "#ffffff", "#bcd0e0"
INK, SOFT, ACCENT = "#1b2733", "#5b6772", "#12395a"
UP, DOWN = "#c0272d", "#147a4b"

HEAD_BOTTOM = 262
BOARD_TOP, ROWS_TOP, BOARD_BOTTOM = 336, 412, 888
TILES_TOP, TILES_BOTTOM = 1026, 1266
FOOT_TOP = 1286
BUYS, SELLS, MIDDLE, MOVED = 482, 658, 836, RIGHT - 20
"""Where the columns of the board end."""


def draw_png(svg: str, *, source: str) -> bytes:
    """Make the picture of an SVG. It holds no text, so fonts do not matter.

    Its few hundred colours become the 256 of a palette, which halves the file; flat areas keep theirs.

    Args:
        source: what the picture was made from, kept in the file.
    """
    drawn = resvg_py.svg_to_bytes(svg_string=svg, skip_system_fonts=True, width=WIDTH, height=HEIGHT)
    with Image.open(BytesIO(drawn)) as image:
        packed = image.convert("RGB").quantize(256, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    notes = PngInfo()
    notes.add_text("Source", source)
    file = BytesIO()
    packed.save(file, "PNG", optimize=True, pnginfo=notes)
    return file.getvalue()


def draw_svg(facts: Facts, lettering: Lettering) -> str:
    """Draw the card. Equal facts and an equal font give equal bytes."""
    title = f"{wording.BANK.zh} {wording.TITLE.zh} {wording.BANK.en}: {wording.TITLE.en}"
    canvas = Canvas(lettering, WIDTH, HEIGHT, title=title, description=wording.alt_text(facts))
    canvas.box(0, 0, WIDTH, HEIGHT, PAPER)
    _head(canvas, facts)
    _board(canvas, facts)
    _legend(canvas, facts)
    _deposits(canvas, facts)
    _foot(canvas, facts)
    return canvas.svg()


def _head(canvas: Canvas, facts: Facts) -> None:
    canvas.box(0, 0, WIDTH, HEAD_BOTTOM, BAND)
    _pair(canvas, MARGIN, 62, wording.BANK, 32)
    badge = f"{wording.DEMO.zh}  {wording.DEMO.en}"
    width = canvas.text(RIGHT - 18, 60, badge, 24, ON_BAND, align=Align.END)
    _frame(canvas, RIGHT - width - 36, 28, width + 36, 46, ON_BAND_SOFT)
    canvas.text(MARGIN - 3, 146, wording.TITLE.zh, 68, ON_BAND, weight=Weight.BOLD)
    canvas.text(MARGIN, 192, wording.TITLE.en, 30, ON_BAND_SOFT)
    _pair(canvas, MARGIN, 236, wording.day(facts.day), 30)


def _pair(canvas: Canvas, x: float, y: float, text: Both, size: float) -> None:
    width = canvas.text(x, y, text.zh, size, ON_BAND, weight=Weight.MEDIUM)
    canvas.text(x + width + 18, y, text.en, size - 2, ON_BAND_SOFT)


def _frame(canvas: Canvas, x: float, y: float, width: float, height: float, colour: str) -> None:
    for top in (y, y + height):
        canvas.rule(x, top, width, colour, thick=2)
    for left in (x, x + width - 2):
        canvas.box(left, y, 2, height, colour)


def _heading(canvas: Canvas, y: float, text: Both) -> None:
    canvas.box(MARGIN, y - 30, 8, 36, ACCENT)
    width = canvas.text(MARGIN + 24, y, text.zh, 36, INK, weight=Weight.BOLD)
    canvas.text(MARGIN + 24 + width + 14, y, text.en, 26, SOFT)


def _board(canvas: Canvas, facts: Facts) -> None:
    _heading(canvas, BOARD_TOP - 20, wording.board(facts))
    per = wording.per_unit(facts)
    canvas.text(RIGHT, BOARD_TOP - 20, f"{per.zh}　{per.en}", 24, SOFT, align=Align.END)
    canvas.box(MARGIN, BOARD_TOP, INNER, BOARD_BOTTOM - BOARD_TOP, PANEL, round_by=14)
    _watermark(canvas)
    columns = (("银行买入", "Bank buys", BUYS), ("银行卖出", "Bank sells", SELLS), ("中间价", "Middle", MIDDLE))
    for zh, en, end in (*columns, ("涨跌", "Change", MOVED)):
        canvas.text(end, BOARD_TOP + 34, zh, 25, SOFT, align=Align.END)
        canvas.text(end, BOARD_TOP + 62, en, 23, SOFT, align=Align.END)
    canvas.text(MARGIN + 20, BOARD_TOP + 34, "现汇", 25, SOFT)
    canvas.text(MARGIN + 20, BOARD_TOP + 62, "Transfers", 23, SOFT)
    height = (BOARD_BOTTOM - ROWS_TOP) / len(facts.quotes)
    for index, quote in enumerate(facts.quotes):
        _row(canvas, facts, quote, ROWS_TOP + index * height, height)


def _row(canvas: Canvas, facts: Facts, quote: Quote, top: float, height: float) -> None:
    baseline = top + height / 2 + 13
    canvas.rule(MARGIN + 20, top, INNER - 40, RULE, thick=1.5)
    code = quote.code if wording.same_unit(facts) else f"{quote.unit} {quote.code}"
    mark = "†" if wording.is_marked(facts, quote) else ""
    width = canvas.text(MARGIN + 20, baseline, code, 36, INK, weight=Weight.BOLD)
    x = MARGIN + 20 + width + 14
    canvas.text(x, baseline, quote.name.zh + mark, 28, SOFT, within=BUYS - 140 - x)
    for price, end in ((quote.bank_buys, BUYS), (quote.bank_sells, SELLS)):
        canvas.text(end, baseline, wording.price(price), 36, INK, align=Align.END)
    canvas.text(MIDDLE, baseline, wording.price(quote.middle), 36, INK, weight=Weight.MEDIUM, align=Align.END)
    _moved(canvas, quote, baseline)


def _moved(canvas: Canvas, quote: Quote, baseline: float) -> None:
    moved = wording.change(quote)
    if not quote.change:
        canvas.text(MOVED, baseline, moved, 30, SOFT, align=Align.END)
        return
    colour = UP if quote.change > 0 else DOWN
    width = canvas.text(MOVED, baseline, moved, 30, colour, weight=Weight.MEDIUM, align=Align.END)
    canvas.triangle(MOVED - width - 28, baseline - 2, 20, colour, up=quote.change > 0)


def _watermark(canvas: Canvas) -> None:
    """Across the board, under its figures, light enough to read through."""
    text = f"{wording.BANK.zh}  {wording.DEMO.zh}"
    for x, y in ((400, 600), (700, 800)):
        canvas.text(x, y, text, 64, WATER, weight=Weight.BOLD, align=Align.MIDDLE, turned=-16)


def _legend(canvas: Canvas, facts: Facts) -> None:
    legend, reference = wording.legend(facts), wording.reference(facts)
    canvas.triangle(MARGIN, 918, 18, UP, up=True)
    canvas.triangle(MARGIN + 24, 918, 18, DOWN, up=False)
    canvas.text(MARGIN + 54, 919, f"{legend.zh}　{reference.zh}", 24, SOFT, within=INNER - 54)
    canvas.text(MARGIN, 949, f"{legend.en}  ·  {reference.en}", 23, SOFT, within=INNER)


def _deposits(canvas: Canvas, facts: Facts) -> None:
    _heading(canvas, TILES_TOP - 20, wording.DEPOSITS)
    count = len(facts.deposits)
    columns = max(3, -(-count // 2)) if count > 2 else count
    rows = -(-count // columns)
    gap = 14
    width = (INNER - gap * (columns - 1)) / columns
    height = (TILES_BOTTOM - TILES_TOP - gap * (rows - 1)) / rows
    for index, rate in enumerate(facts.deposits):
        row, column = divmod(index, columns)
        _tile(canvas, rate, MARGIN + column * (width + gap), TILES_TOP + row * (height + gap), width, height)


def _tile(canvas: Canvas, rate: BestRate, x: float, y: float, width: float, height: float) -> None:
    middle, left, right = y + height / 2, x + 20, x + width - 20
    canvas.box(x, y, width, height, PANEL, round_by=14)
    term, amount = wording.term(rate), wording.from_amount(rate)
    canvas.text(left, middle - 13, term.zh, 32, INK, weight=Weight.BOLD)
    canvas.text(right, middle - 11, wording.percent(rate.rate), 44, ACCENT, weight=Weight.BOLD, align=Align.END)
    canvas.text(left, middle + 20, f"{wording.short_name(rate)}，{amount.zh}", 24, SOFT, within=width - 40)
    canvas.text(left, middle + 47, f"{term.en}, {amount.en}", 23, SOFT, within=width - 40)


def _foot(canvas: Canvas, facts: Facts) -> None:
    canvas.rule(MARGIN, FOOT_TOP, INNER, RULE, thick=2)
    board, deposits = wording.sources(facts)
    for index, line in enumerate((facts.disclaimer.zh, facts.disclaimer.en, board)):
        canvas.text(MARGIN, FOOT_TOP + 34 + index * 30, line, 23, SOFT, within=INNER)
    width = canvas.text(MARGIN, FOOT_TOP + 124, deposits, 23, SOFT, within=INNER)
    if facts.account:
        room = INNER - width - 30
        canvas.text(RIGHT, FOOT_TOP + 124, facts.account.zh, 23, ACCENT, align=Align.END, within=room)
