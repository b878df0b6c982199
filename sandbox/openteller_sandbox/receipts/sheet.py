"""A receipt on paper: A5 across, one page, Chinese and English, made by fpdf2.

The same facts give the same bytes, whenever and wherever they are printed. Of the font (Noto Sans CJK, in the forms of
the Chinese mainland) the file has the glyphs that it needs, and says which characters they are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime

import noto_cjk_sans_otc
import segno
from fpdf import FPDF
from fpdf.enums import TextMode, XPos, YPos

from openteller_sandbox.receipts.paper import Paper

WIDTH, HEIGHT = 210.0, 148.0
_LEFT, _RIGHT = 12.0, 198.0
_FONT = "NotoSansSC"
_SIMPLIFIED = 2
"""Which font of the collection has the forms of the Chinese mainland."""
_INK, _SOFT, _LINE = (21, 33, 30), (90, 103, 99), (190, 200, 196)
_BRAND, _SEAL, _WARNING, _AMBER = (11, 93, 78), (190, 38, 30), (163, 38, 27), (255, 233, 184)
_FAINT = (234, 238, 236)
_QR_SIDE = 31.0
_MISSING = "〓"
"""The printers' mark for missing type."""


def print_receipt(paper: Paper) -> bytes:
    """Give the PDF."""
    with closing(_Sheet(paper)) as pdf:
        pdf.watermark()
        pdf.head()
        pdf.facts()
        pdf.foot()
        return bytes(pdf.output())


class _Sheet(FPDF):
    def __init__(self, paper: Paper) -> None:
        super().__init__(orientation="landscape", unit="mm", format=(HEIGHT, WIDTH))
        self._paper = paper
        self.set_auto_page_break(auto=False)
        self.set_margins(0, 0, 0)
        self.c_margin = 0
        self.add_font(_FONT, fname=noto_cjk_sans_otc.FONT_PATH, collection_font_number=_SIMPLIFIED)
        self._glyphs = self.fonts[_FONT.lower()].cmap  # type: ignore[union-attr]
        self._describe()
        self.add_page()

    def _describe(self) -> None:
        """Set what a reader shows of the file; nothing in it tells of this machine."""
        paper = self._paper
        self.set_title(f"电子回单 Receipt {paper.receipt_number}")
        self.set_author("示范银行 Demo Bank")
        self.set_subject("沙箱演示，不是真实交易 · Sandbox, no real money")
        self.set_creator("OpenTeller sandbox")
        self.set_producer("fpdf2")
        self.set_lang("zh-CN")
        self.set_creation_date(datetime.fromisoformat(paper.created_at))
        self.set_display_mode("fullpage")
        self.viewer_preferences = None
        self.set_compression(True)

    def close(self) -> None:
        """Close the file of the font, which is read as glyphs are asked for."""
        for font in self.fonts.values():
            font.ttfont.close()  # type: ignore[union-attr]

    # --- parts -------------------------------------------------------------------------------------------------------

    def watermark(self) -> None:
        """Say on the whole sheet that it is not of a real bank."""
        self.set_text_color(*_FAINT)
        for x, y in ((18, 54), (84, 54), (150, 54), (84, 134), (132, 128)):
            with self.rotation(22, x, y):
                self.put(x, y, "沙箱演示 SANDBOX", 13)

    def head(self) -> None:
        """Set the bank's name, the title and the numbers."""
        paper = self._paper
        self.set_fill_color(*_AMBER)
        self.rect(0, 0, WIDTH, 7.2, style="F")
        self.set_text_color(92, 61, 0)
        self.put(0, 1.6, "沙箱演示 · 不是真实交易    SANDBOX · NO REAL MONEY", 7.5, width=WIDTH, align="C")
        self._mark(_LEFT, 12.2)
        self.set_text_color(*_BRAND)
        self.put(_LEFT + 12, 11.8, "示范银行", 14, bold=True)
        self.put(_LEFT + 12, 18.4, "Demo Bank", 8)
        self.set_text_color(*_INK)
        self.put(0, 11.2, "电 子 回 单", 18, width=WIDTH, align="C", bold=True)
        self.put(0, 19.4, "ELECTRONIC RECEIPT", 8, width=WIDTH, align="C")
        for y, label, value in (
            (12.0, "回单号 No.", paper.receipt_number),
            (17.8, "验证码 Code", paper.verification_code),
        ):
            self.set_text_color(*_SOFT)
            self.put(142, y + 0.7, label, 7, width=22, align="R")
            self.set_text_color(*_INK)
            self.put(164, y, value, 9.5, width=_RIGHT - 164, align="R", bold=True)

    def facts(self) -> None:
        """Set who has paid what to whom."""
        paper = self._paper
        top, height = 27.5, 11.0
        rows = (
            (("付款人", "Payer", paper.payer), ("收款单位", "Biller", "\n".join(paper.biller))),
            ((*paper.account_label, paper.account), ("单位流水", "Biller's ref.", paper.biller_reference)),
            (("缴费时间", "Paid at", paper.paid_at), ("起息日", "Value date", paper.value_date)),
            (("缴费金额", "Amount", paper.amount), ("手续费", "Fee", paper.fee)),
        )
        middle = (_LEFT + _RIGHT) / 2
        for index, (left, right) in enumerate(rows):
            y = top + index * height
            self._cell(_LEFT, y, middle - _LEFT, height, left)
            self._cell(middle, y, _RIGHT - middle, height, right)
        bottom = top + len(rows) * height
        self._sum(bottom, 14.0)
        self.set_draw_color(*_BRAND)
        self.set_line_width(0.5)
        self.rect(_LEFT, top, _RIGHT - _LEFT, bottom + 14.0 - top)

    def foot(self) -> None:
        """Set what proves the receipt, and what it is not."""
        paper, top = self._paper, 91.0
        if paper.refund:
            self._refund(top)
            top += 11.0
        self._qr(_LEFT, top)
        x = _LEFT + _QR_SIDE + 5
        self.set_text_color(*_INK)
        self.put(x, top, "扫码核验真伪，查看是否已退款", 8.5, bold=True)
        self.set_text_color(*_SOFT)
        self.put(x, top + 4.6, "Scan to check that this receipt is genuine and was not refunded.", 7)
        lines = [
            f"签名 Ed25519 signature, key {paper.key_id}",
            *_wrapped(paper.signature, 58),
        ]
        for index, line in enumerate(lines):
            self.put(x, top + 11 + index * 3.4, line, 6)
        y = top + 11 + len(lines) * 3.4 + 2.6
        self.set_text_color(*_INK)
        self.put(x, y, paper.notice[0], 8, bold=True)
        self.set_text_color(*_SOFT)
        self.put(x, y + 4.3, paper.notice[1], 7)
        self._seal(178, top + 19.5)
        self.set_text_color(*_SOFT)
        self.put(_LEFT, 141.2, f"缴费编号 Payment {paper.payment_id}", 6)
        self.put(0, 141.2, f"内容截至 As of {_shown(paper.created_at)} (UTC+8)", 6, width=WIDTH, align="C")
        self.put(_LEFT, 141.2, "第 1 页，共 1 页  Page 1 of 1", 6, width=_RIGHT - _LEFT, align="R")

    # --- pieces ------------------------------------------------------------------------------------------------------

    def _cell(self, x: float, y: float, width: float, height: float, what: tuple[str, str, str]) -> None:
        chinese, english, value = what
        self.set_draw_color(*_LINE)
        self.set_line_width(0.2)
        self.rect(x, y, width, height)
        self.set_text_color(*_SOFT)
        self._fit(x + 2.5, y + 2.0, chinese, 8, 20)
        self._fit(x + 2.5, y + 6.2, english, 6, 20)
        self.set_text_color(*_INK)
        lines = value.split("\n")
        sizes = (10.0,) if len(lines) == 1 else (9.0, 7.0)
        start = y + (3.7 if len(lines) == 1 else 2.0)
        for index, (line, size) in enumerate(zip(lines, sizes, strict=True)):
            self._fit(x + 24, start + index * 4.6, line, size, width - 26)

    def _sum(self, y: float, height: float) -> None:
        paper = self._paper
        self.set_fill_color(240, 246, 243)
        self.rect(_LEFT, y, _RIGHT - _LEFT, height, style="F")
        self.set_text_color(*_SOFT)
        self.put(_LEFT + 2.5, y + 3.0, "合计（大写）", 8)
        self.put(_LEFT + 2.5, y + 7.6, "Total in words", 6)
        self.set_text_color(*_INK)
        self._fit(_LEFT + 24, y + 4.2, paper.total_in_words, 11, 106, bold=True)
        self.set_text_color(*_SOFT)
        self.put(146, y + 3.0, "合计", 8)
        self.put(146, y + 7.6, "Total", 6)
        self.set_text_color(*_BRAND)
        self._fit(156, y + 3.2, paper.total, 15, _RIGHT - 2.5 - 156, bold=True, align="R")

    def _refund(self, y: float) -> None:
        assert self._paper.refund
        self.set_draw_color(*_WARNING)
        self.set_fill_color(253, 238, 236)
        self.set_line_width(0.4)
        self.rect(_LEFT, y - 1.5, _RIGHT - _LEFT, 9.0, style="DF")
        self.set_text_color(*_WARNING)
        self._fit(_LEFT + 3, y + 1.0, self._paper.refund[0], 9, 88, bold=True)
        self._fit(_LEFT + 95, y + 1.5, self._paper.refund[1], 7.5, 88)

    def _mark(self, x: float, y: float) -> None:
        """Draw the bank's mark: a counter under a roof."""
        self.set_fill_color(*_BRAND)
        self.polygon([(x, y + 3.6), (x + 4.5, y), (x + 9, y + 3.6)], style="F")
        for column in range(3):
            self.rect(x + 1.1 + column * 2.7, y + 4.2, 1.4, 3.6, style="F")
        self.rect(x, y + 8.3, 9, 1.2, style="F")

    def _qr(self, x: float, y: float) -> None:
        """Draw the code on white, as rectangles: sharp at any size."""
        rows = [list(row) for row in segno.make(self._paper.qr, error="m", micro=False).matrix]
        module = _QR_SIDE / len(rows)
        self.set_fill_color(255, 255, 255)
        self.rect(x - 3, y - 3, _QR_SIDE + 6, _QR_SIDE + 6, style="F")
        self.set_fill_color(0, 0, 0)
        for line, row in enumerate(rows):
            for start, length in _runs(row):
                # A hair more, so that no reader draws a white line between two rows.
                self.rect(x + start * module, y + line * module, length * module, module * 1.02, style="F")

    def _seal(self, x: float, y: float) -> None:
        """Draw the bank's round seal, which says what it is."""
        self.set_draw_color(*_SEAL)
        self.set_text_color(*_SEAL)
        self.set_line_width(0.9)
        self.circle(x, y, 17)
        self.set_line_width(0.25)
        self.circle(x, y, 15.8)
        letters = "示范银行电子回单"
        for index, letter in enumerate(letters):
            angle = (index - (len(letters) - 1) / 2) * 25
            turn = math.radians(angle)
            at_x, at_y = x + 12.1 * math.sin(turn), y - 12.1 * math.cos(turn)
            with self.rotation(-angle, at_x, at_y):
                self.put(at_x - 4, at_y - 2.4, letter, 11, width=8, align="C", bold=True)
        self.put(x - 12, y - 1.6, "专用章", 9.5, width=24, align="C", bold=True)
        self.put(x - 14, y + 5.6, "沙箱 SANDBOX", 6.5, width=28, align="C")

    # --- type --------------------------------------------------------------------------------------------------------

    def put(
        self, x: float, y: float, text: str, size: float, *, width: float = 0, align: str = "L", bold: bool = False
    ) -> None:
        """Set a line of type with its top left corner at a place; width: in which it is aligned."""
        self.set_font(_FONT, size=size)
        self.set_xy(x, y)
        with self._weight(size, bold=bold):
            self.cell(
                w=width or None, h=size * 0.4, text=self._known(text), align=align, new_x=XPos.RIGHT, new_y=YPos.TOP
            )

    def _fit(
        self, x: float, y: float, text: str, size: float, width: float, *, bold: bool = False, align: str = "L"
    ) -> None:
        """Set a line in no more than a width, smaller where it is long; never less than all of it."""
        self.set_font(_FONT, size=size)
        needed = self.get_string_width(self._known(text))
        shrunk = size * min(1.0, width / needed) if needed else size
        self.put(x, y + (size - shrunk) * 0.2, text, shrunk, width=width if align != "L" else 0, align=align, bold=bold)

    def _known(self, text: str) -> str:
        return "".join(character if ord(character) in self._glyphs else _MISSING for character in text)

    @contextmanager
    def _weight(self, size: float, *, bold: bool) -> Iterator[None]:
        """Make type bold by drawing its outline, too: the font has one weight."""
        if not bold:
            yield
            return
        with self.local_context(text_mode=TextMode.FILL_STROKE, line_width=size * 0.0085, draw_color=self.text_color):
            yield


def _runs(row: list[int]) -> Iterator[tuple[int, int]]:
    """Give start and length of each run of dark modules."""
    start = None
    for index, dark in enumerate([*row, 0]):
        if dark and start is None:
            start = index
        elif not dark and start is not None:
            yield start, index - start
            start = None


def _wrapped(text: str, count: int) -> list[str]:
    return [text[start : start + count] for start in range(0, len(text), count)]


def _shown(instant: str) -> str:
    return datetime.fromisoformat(instant).strftime("%Y-%m-%d %H:%M:%S")
