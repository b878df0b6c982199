"""The story: a partner finds a bill and makes a payment link, a payer follows it and pays, the partner hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from openteller import __version__
from openteller._cli import billers
from openteller._cli.demo import telling
from openteller._cli.demo.browser import Browser, Page
from openteller._cli.tables import padded

if TYPE_CHECKING:
    from openteller import OpenTeller
    from openteller.models import App, Biller, DemoCustomer, MagicValueList, Payment

BILLER_CODE = "SH-ELECTRICITY-01"
SCENARIO = "DUE_BILL"
SCENARIO_OF_THE_VISITOR = "SEVERAL_BILLS"
PLACE = "39.91,116.40"  # near Tiananmen, Beijing
_MOST_FORMS = 12


@dataclass(frozen=True, slots=True)
class Answer:
    """What the payer does at a step. told: in words; values: filled in; facts: whether to show what the page says."""

    told: str
    values: Mapping[str, str]
    facts: bool = False


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and what the story is about.

    client: the partner's; values: what the sandbox tells of its magic accounts.
    """

    client: OpenTeller
    biller: Biller
    values: MagicValueList

    @property
    def magic(self) -> Mapping[str, str]:
        """Inputs of an account at which a bill is due."""
        return self.account(SCENARIO)

    @property
    def customer(self) -> DemoCustomer:
        """Who pays."""
        return self.values.demo_customers[0]

    def account(self, scenario: str) -> Mapping[str, str]:
        """Give the inputs that play a scenario."""
        return next(value.inputs for value in self.values.data if value.scenario == scenario)


def make_app(client: OpenTeller) -> App:
    """Make the partner's app."""
    return client.sandbox.create_app(name="V缴费 Demo")


def cast_for(client: OpenTeller) -> Cast:
    """Find who and what a story needs."""
    biller = billers.find(client, BILLER_CODE)
    return Cast(client, biller, client.sandbox.magic_values(biller_id=biller.biller_id).page())


def tell(url: str, client: OpenTeller, app: App) -> Cast:
    """Tell the story at a running sandbox; give its cast.

    Raises:
        click.ClickException: a step did not go as told.
        OpenTellerError: the bank refused, or could not be reached.
    """
    _begin(url, client, app)
    _nearest_branch(client)
    _board(client)
    cast = cast_for(client)
    _bill(cast)
    payment = _link(cast)
    browser = Browser()
    _pay(browser, cast, payment)
    _receipt(browser, cast, payment)
    _events(cast, payment)
    telling.closing("The bill is paid: the biller has the money, the payer has a receipt · 缴费完成")
    return cast


def stay(url: str, cast: Cast) -> None:
    """Say where to go on: with a link that nobody has opened, as the story's own is used, and the pages to read."""
    link = _open_link(cast, "demo-2").payment_link
    several = " ".join(cast.account(SCENARIO_OF_THE_VISITOR).values())
    customer = cast.customer
    click.echo()
    telling.row("轮到您 Your turn", link.url)
    telling.row("", f"{cast.biller.name.zh_cn}, {several}: three bills are due")
    telling.row("", f"{customer.customer_number} signs in with {customer.demo_code}")
    telling.row("Reference", f"{url}/docs/")
    telling.row("Start page", f"{url}/")
    telling.row("Errors", f"{url}/errors/")
    click.echo("\nThe sandbox stays up until Ctrl-C.")


def _begin(url: str, client: OpenTeller, app: App) -> None:
    telling.opening(f"OpenTeller {__version__} demo · 示范银行 Demo Bank · {url}")
    telling.row("银行时间 Bank time", _time(client.sandbox.clock().bank_time))
    telling.row("应用 App", app.name, app.client_id)
    telling.row("权限 Scopes", " ".join(app.scopes))


def _nearest_branch(client: OpenTeller) -> None:
    telling.step(1, "The nearest open branch", "最近的营业网点")
    branch = client.branches.list(near=PLACE, open_now=True, limit=1).first()
    if branch is None:
        raise click.ClickException("no branch is open")
    telling.row("网点 Branch", branch.name.zh_cn)
    telling.row("", branch.name.en)
    telling.row("地址 Address", "".join(branch.postal_address.address_lines))
    telling.row("距离 Distance", f"{branch.distance_m:,} m")
    closes = branch.next_change_at
    telling.row("营业至 Open until", _time(closes) if closes else "24 小时营业 · always open")


def _board(client: OpenTeller) -> None:
    telling.step(2, "The day's USD board, CNY per 100", "今日美元牌价（人民币/100 美元）")
    quote = client.rates.fx.list(base="USD").first()
    if quote is None:
        raise click.ClickException("the board has no US dollar")
    telling.row("现汇 Transfers", f"买入 buys {quote.tt_buy}", f"卖出 sells {quote.tt_sell}")
    telling.row("现钞 Notes", f"买入 buys {quote.notes_buy}", f"卖出 sells {quote.notes_sell}")
    telling.row("折算价 Middle", quote.middle, f"ECB {quote.reference_date}")


def _bill(cast: Cast) -> None:
    telling.step(3, "A biller and a bill", "缴费单位与账单")
    biller = cast.biller
    fetch = cast.client.bills.fetch(biller_id=biller.biller_id, inputs=cast.magic, end_user_ref="hmac-of-a-demo-user")
    if not fetch.bills:
        raise click.ClickException(f"no bill is due: the fetch is {fetch.status}")
    bill = fetch.bills[0]
    telling.row("单位 Biller", biller.name.zh_cn, biller.name.en)
    telling.row("户号 Account", bill.account_ref_masked)
    if bill.period:
        telling.row("账期 Period", f"{bill.period.from_} – {bill.period.to}")
    telling.row("应缴 Due", bill.outstanding, f"截止 by {bill.due_date}")


def _link(cast: Cast) -> Payment:
    telling.step(4, "A payment link for the chat, open: the page asks the rest", "聊天里的缴费链接")
    payment = _open_link(cast, "demo-1")
    link = payment.payment_link
    telling.row("链接 Link", link.url)
    telling.row("核对码 Check code", link.code4)
    telling.row("有效至 Good until", _time(link.expires_at))
    telling.row("状态 Status", payment.status, f"money_at {payment.money_at}")
    return payment


def _open_link(cast: Cast, reference: str) -> Payment:
    biller = cast.biller
    return cast.client.payments.create(
        partner_reference=reference, category_code=biller.category_code, adcode=biller.region.adcode
    )


def _pay(browser: Browser, cast: Cast, payment: Payment) -> None:
    telling.step(5, "The payer follows the link", "付款人打开链接")
    link = payment.payment_link
    page = browser.open(link.url)
    if page.code4 != link.code4:
        raise click.ClickException(f"the page shows the check code {page.code4!r}, the chat said {link.code4!r}")
    telling.row("核对码 Check code", page.code4, "as in the chat · 与聊天一致")
    page = walk(browser, page, answers(cast))
    now = cast.client.payments.get(payment.payment_id)
    if now.status != "succeeded":
        raise click.ClickException(f"the payment is {now.status}; the page says {page.notice or page.heading}")
    telling.row(page.heading, now.total, "the page's result")
    telling.row("状态 Status", now.status, f"money_at {now.money_at}")


def answers(cast: Cast) -> dict[str, Answer]:
    """Give what the payer answers at each step of the page."""
    customer, biller = cast.customer, cast.biller
    account = {f"in_{name}": value for name, value in cast.magic.items()}
    sign_in = {"customer_number": customer.customer_number, "demo_code": customer.demo_code}
    return {
        "start": Answer("begins", {}),
        "biller": Answer(f"chooses {biller.name.zh_cn}", {"biller_id": biller.biller_id}),
        "account": Answer(f"types {' '.join(cast.magic.values())}", account),
        "sign_in": Answer(f"signs in as {customer.customer_number}, a customer of the demo bank", sign_in),
        "confirm": Answer("sees amount, fee and total, and confirms", {}, facts=True),
    }


def walk(browser: Browser, page: Page, by_step: Mapping[str, Answer]) -> Page:
    """Go over the page, form by form, until it asks nothing more that the payer would answer; give the last page."""
    for _ in range(_MOST_FORMS):
        form = next((form for form in page.forms if form.step in by_step), None)
        if form is None:
            return page
        answer = by_step[form.step]
        telling.row(page.heading, answer.told)
        if answer.facts:
            for label, value in page.facts.items():
                telling.row("", padded(label, 10), value)
        page = browser.submit(page, form, answer.values)
    raise click.ClickException(f"the payment page comes to no end: {page.notice or page.heading}")


def _receipt(browser: Browser, cast: Cast, payment: Payment) -> None:
    telling.step(6, "The receipt, masked for the partner", "电子回单")
    receipt = cast.client.payments.receipt(payment.payment_id)
    telling.row("回单号 Number", receipt.receipt_number)
    telling.row("验证码 Verification", receipt.verification_code)
    telling.row("付款人 Payer", receipt.payer_masked)
    telling.row("单位 Biller", receipt.biller.name.zh_cn, receipt.account_ref_masked)
    telling.row("金额 Amount", receipt.total, receipt.amount_in_words)
    telling.row("时间 Paid at", _time(receipt.paid_at))
    address = f"{payment.payment_link.url}/receipt"
    if receipt.receipt_number not in browser.open(address).facts.values():
        raise click.ClickException(f"the payer's receipt lacks the number {receipt.receipt_number}")
    telling.row("付款人页面 Page", address)


def _events(cast: Cast, payment: Payment) -> None:
    telling.step(7, "What the partner's program hears of it", "事件")
    mine = [event for event in cast.client.events.list() if event.data.payment_id == payment.payment_id]
    if not mine or mine[-1].type != "payment.succeeded":
        raise click.ClickException("the event payment.succeeded is missing")
    for event in mine:
        telling.row(_time(event.timestamp), padded(event.type, 20), f"version {event.data.version}")


def _time(at: datetime) -> str:
    """Give date and time of the bank's zone without the offset: ``2026-09-29 10:30:00``."""
    return f"{at:%Y-%m-%d %H:%M:%S}"
