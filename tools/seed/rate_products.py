"""What the demo bank sells: its deposit and loan products, and its own margins.

Tables only. Every number here is the demo bank's invention; the published facts that they are added to (LPR, benchmark
rates, ECB reference rates) come from the files in `data/`. Percentages are percentage points, `_bp` are basis points.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

__all__ = [
    "DEPOSITS",
    "DEPOSIT_SLIP",
    "FX_SLIP",
    "LOANS",
    "PASS_THROUGH",
    "USD_RATES",
    "DepositProduct",
    "LoanProduct",
    "Slip",
]


@dataclass(frozen=True, kw_only=True)
class DepositProduct:
    """A deposit product; `tenor` names the benchmark column that its rate is derived from, or a USD tenor."""

    code: str
    zh: str
    en: str
    kind: str
    currency: str = "CNY"
    tenor: str
    term: str | None = None
    notice_period: str | None = None
    minimum: str


def _time(term: str, tenor: str, zh: str, en: str) -> DepositProduct:
    return DepositProduct(
        code=f"TIME_CNY_{term[1:]}", zh=f"整存整取（{zh}）", en=f"Time deposit, {en}", kind="TIME", tenor=tenor,
        term=term, minimum="50.00",
    )  # fmt: skip


def _instalment(term: str, tenor: str, zh: str, en: str) -> DepositProduct:
    return DepositProduct(
        code=f"INSTALMENT_CNY_{term[1:]}", zh=f"零存整取（{zh}）", en=f"Monthly savings, {en}", kind="INSTALMENT",
        tenor=tenor, term=term, minimum="5.00",
    )  # fmt: skip


def _certificate(term: str, tenor: str, zh: str, en: str) -> DepositProduct:
    return DepositProduct(
        code=f"CD_CNY_{term[1:]}", zh=f"大额存单（{zh}）", en=f"Certificate of deposit, {en}",
        kind="CERTIFICATE_OF_DEPOSIT", tenor=tenor, term=term, minimum="200000.00",
    )  # fmt: skip


def _usd_time(term: str, zh: str, en: str) -> DepositProduct:
    return DepositProduct(
        code=f"TIME_USD_{term[1:]}", zh=f"美元定期存款（{zh}）", en=f"US dollar time deposit, {en}", kind="TIME",
        currency="USD", tenor=term, term=term, minimum="50.00",
    )  # fmt: skip


DEPOSITS = (
    DepositProduct(
        code="DEMAND_CNY", zh="活期储蓄存款", en="Demand deposit", kind="DEMAND", tenor="demand", minimum="1.00"
    ),
    _time("P3M", "m3", "三个月", "3 months"),
    _time("P6M", "m6", "六个月", "6 months"),
    _time("P1Y", "y1", "一年", "1 year"),
    _time("P2Y", "y2", "二年", "2 years"),
    _time("P3Y", "y3", "三年", "3 years"),
    _time("P5Y", "y5", "五年", "5 years"),
    _instalment("P1Y", "y1", "一年", "1 year"),
    _instalment("P3Y", "y3", "三年", "3 years"),
    _instalment("P5Y", "y5", "五年", "5 years"),
    DepositProduct(
        code="NOTICE_CNY_1D", zh="一天通知存款", en="1-day notice deposit", kind="NOTICE", tenor="notice_1d",
        notice_period="P1D", minimum="50000.00",
    ),
    DepositProduct(
        code="NOTICE_CNY_7D", zh="七天通知存款", en="7-day notice deposit", kind="NOTICE", tenor="notice_7d",
        notice_period="P7D", minimum="50000.00",
    ),
    _certificate("P1Y", "y1", "一年", "1 year"),
    _certificate("P2Y", "y2", "二年", "2 years"),
    _certificate("P3Y", "y3", "三年", "3 years"),
    DepositProduct(
        code="DEMAND_USD", zh="美元活期存款", en="US dollar demand deposit", kind="DEMAND", currency="USD",
        tenor="demand", minimum="1.00",
    ),
    _usd_time("P1M", "一个月", "1 month"),
    _usd_time("P3M", "三个月", "3 months"),
    _usd_time("P6M", "六个月", "6 months"),
    _usd_time("P1Y", "一年", "1 year"),
)  # fmt: skip

# How much of the one-year LPR's way from its start in 2019 (4.25 %) reaches each tenor. The central bank's
# benchmark of 2015 has no five-year rate any more; the three-year one stands in, as it did at the counters.
PASS_THROUGH = {
    "demand": ("demand", Decimal("0.24")),
    "m3": ("m3", Decimal("0.36")),
    "m6": ("m6", Decimal("0.36")),
    "y1": ("y1", Decimal("0.44")),
    "y2": ("y2", Decimal("0.84")),
    "y3": ("y3", Decimal("1.20")),
    "y5": ("y3", Decimal("1.16")),
}

# US dollar rates in percent by the first day on which they are offered; no published series stands behind them.
USD_RATES = {
    "2023-01-01": {"demand": "0.05", "P1M": "1.20", "P3M": "2.00", "P6M": "2.40", "P1Y": "2.80"},
    "2024-10-01": {"demand": "0.05", "P1M": "1.00", "P3M": "1.80", "P6M": "2.10", "P1Y": "2.40"},
    "2025-05-01": {"demand": "0.05", "P1M": "0.80", "P3M": "1.50", "P6M": "1.80", "P1Y": "2.00"},
}


@dataclass(frozen=True, kw_only=True)
class LoanProduct:
    """A loan product: a reference rate and the spreads on it; `fixed_bp` is the spread in its fixed period, if any."""

    code: str
    zh: str
    en: str
    purpose: str
    reference: str
    spread_bp: int
    lowest_bp: int
    highest_bp: int
    repayment: str
    terms: tuple[str, str]
    amounts: tuple[str, str]
    repriced: bool = True
    fixed_period: str | None = None
    fixed_bp: int | None = None


LOANS = (
    LoanProduct(
        code="HOME_FIRST", zh="首套房贷款（等额本息）", en="First home loan, equal instalments",
        purpose="HOME_PURCHASE", reference="LPR_5Y", spread_bp=-40, lowest_bp=-50, highest_bp=0,
        repayment="EQUAL_INSTALMENT", terms=("P5Y", "P30Y"), amounts=("50000.00", "10000000.00"),
    ),
    LoanProduct(
        code="HOME_FIRST_EP", zh="首套房贷款（等额本金）", en="First home loan, equal principal",
        purpose="HOME_PURCHASE", reference="LPR_5Y", spread_bp=-40, lowest_bp=-50, highest_bp=0,
        repayment="EQUAL_PRINCIPAL", terms=("P5Y", "P30Y"), amounts=("50000.00", "10000000.00"),
    ),
    LoanProduct(
        code="HOME_FIRST_FIX3", zh="首套房贷款（前三年固定利率）", en="First home loan, fixed for three years",
        purpose="HOME_PURCHASE", reference="LPR_5Y", spread_bp=-20, lowest_bp=-60, highest_bp=20,
        repayment="EQUAL_INSTALMENT", terms=("P5Y", "P30Y"), amounts=("50000.00", "10000000.00"),
        fixed_period="P3Y", fixed_bp=-55,
    ),
    LoanProduct(
        code="HOME_SECOND", zh="二套房贷款", en="Second home loan", purpose="HOME_PURCHASE", reference="LPR_5Y",
        spread_bp=-10, lowest_bp=-20, highest_bp=40, repayment="EQUAL_INSTALMENT", terms=("P5Y", "P30Y"),
        amounts=("50000.00", "10000000.00"),
    ),
    LoanProduct(
        code="RENOVATION", zh="家装贷款", en="Home improvement loan", purpose="HOME_IMPROVEMENT", reference="LPR_1Y",
        spread_bp=30, lowest_bp=10, highest_bp=120, repayment="EQUAL_INSTALMENT", terms=("P6M", "P5Y"),
        amounts=("10000.00", "500000.00"),
    ),
    LoanProduct(
        code="CAR", zh="汽车贷款", en="Car loan", purpose="CAR", reference="LPR_1Y", spread_bp=60, lowest_bp=20,
        highest_bp=200, repayment="EQUAL_INSTALMENT", terms=("P1Y", "P5Y"), amounts=("20000.00", "1000000.00"),
    ),
    LoanProduct(
        code="CONSUMER", zh="个人消费贷款", en="Consumer loan", purpose="CONSUMPTION", reference="LPR_1Y", spread_bp=45,
        lowest_bp=0, highest_bp=300, repayment="EQUAL_INSTALMENT", terms=("P3M", "P5Y"),
        amounts=("1000.00", "300000.00"), repriced=False,
    ),
    LoanProduct(
        code="STUDENT", zh="国家助学贷款", en="Student loan", purpose="EDUCATION", reference="LPR_5Y", spread_bp=-70,
        lowest_bp=-70, highest_bp=-70, repayment="INTEREST_ONLY", terms=("P1Y", "P22Y"),
        amounts=("1000.00", "25000.00"),
    ),
    LoanProduct(
        code="BUSINESS", zh="小微企业经营贷款", en="Small business loan", purpose="BUSINESS", reference="LPR_1Y",
        spread_bp=-10, lowest_bp=-30, highest_bp=150, repayment="INTEREST_ONLY", terms=("P3M", "P3Y"),
        amounts=("10000.00", "5000000.00"), repriced=False,
    ),
    LoanProduct(
        code="FARM", zh="农户生产贷款", en="Farm production loan", purpose="AGRICULTURE", reference="LPR_1Y",
        spread_bp=0, lowest_bp=-20, highest_bp=100, repayment="INTEREST_ONLY", terms=("P3M", "P2Y"),
        amounts=("3000.00", "500000.00"), repriced=False,
    ),
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Slip:
    """A mistake on the sheet of a day, made up like the rest: what it was about, and when which note corrected it."""

    day: str
    code: str
    corrected_at: str
    note: dict[str, str]
    misprint: str = ""


# The yen of an evening stood at the middle of the day before; the boards of the next morning were right, and it was
# corrected after them: a correction is not always the next sheet.
FX_SLIP = Slip(
    day="2025-06-11",
    code="JPY",
    corrected_at="2025-06-12T10:40:00+08:00",
    note={
        "zh-CN": "6 月 11 日晚间牌价中日元误用前一日中间价，现予更正。",
        "en": "The yen on the evening board of 11 June stood at the middle of the day before.",
    },
)
# A rate announced in the evening was put right after it had held for a day and a half.
DEPOSIT_SLIP = Slip(
    day="2024-10-22",
    code="TIME_CNY_3Y",
    corrected_at="2024-10-23T15:00:00+08:00",
    note={
        "zh-CN": "整存整取三年期利率误印为 1.55%，现予更正。",
        "en": "The rate of the three-year time deposit was misprinted as 1.55 %.",
    },
    misprint="0.0155",
)
