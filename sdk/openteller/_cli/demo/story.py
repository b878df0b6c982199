"""The story: a partner finds a bill and makes a payment link, a payer follows it and pays, the partner hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import click

from openteller import __version__
from openteller._cli import partner
from openteller._cli.demo import telling
from openteller._cli.demo.browser import Browser, Page
from openteller._cli.partner import Json, Partner

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


@dataclass(slots=True)
class Cast:
    """Who and what the story is about.

    values: what the sandbox tells of its magic accounts; magic: inputs of one at which a bill is due; customer: who
    pays.
    """

    partner: Partner
    app: Json
    biller: Json = field(default_factory=dict)
    values: Json = field(default_factory=dict)
    magic: Json = field(default_factory=dict)
    customer: Json = field(default_factory=dict)


def tell(url: str) -> Cast:
    """Tell the story at a running sandbox; give its cast.

    Raises:
        click.ClickException: a step did not go as told.
    """
    cast = _begin(url)
    _nearest_branch(cast.partner)
    _board(cast.partner)
    _bill(cast)
    link = _link(cast)
    browser = Browser()
    _pay(browser, cast, link)
    _receipt(browser, cast, link)
    _events(cast, link)
    telling.closing("The bill is paid: the biller has the money, the payer has a receipt · 缴费完成")
    return cast


def stay(url: str, cast: Cast) -> None:
    """Say where to go on: with a link that nobody has opened, as the story's own is used, and the pages to read."""
    link = cast.partner.post("/v1/payments", _open_link(cast, "demo-2"), once=True)["payment_link"]
    several = _magic(cast, SCENARIO_OF_THE_VISITOR)
    customer = cast.customer
    click.echo()
    telling.row("轮到您 Your turn", link["url"])
    telling.row("", f"{cast.biller['name']['zh-CN']}, {' '.join(several.values())}: three bills are due")
    telling.row("", f"{customer['customer_number']} signs in with {customer['demo_code']}")
    telling.row("Reference", f"{url}/docs/")
    telling.row("Start page", f"{url}/")
    telling.row("Errors", f"{url}/errors/")
    click.echo("\nThe sandbox stays up until Ctrl-C.")


def _begin(url: str) -> Cast:
    app = partner.create_app(url, name="V缴费 Demo")
    caller = Partner(url)
    token = caller.authorise(app["client_id"], app["client_secret"])
    telling.opening(f"OpenTeller {__version__} demo · 示范银行 Demo Bank · {url}")
    telling.row("银行时间 Bank time", _time(caller.get("/sandbox/v1/clock")["bank_time"]))
    telling.row("应用 App", app["name"], app["client_id"])
    telling.row("权限 Scopes", token["scope"])
    return Cast(caller, app)


def _nearest_branch(caller: Partner) -> None:
    telling.step(1, "The nearest open branch", "最近的营业网点")
    found = caller.get("/v1/branches", {"near": PLACE, "open_now": "true", "limit": 1})["data"]
    if not found:
        raise click.ClickException("no branch is open")
    branch = found[0]
    telling.row("网点 Branch", branch["name"]["zh-CN"])
    telling.row("", branch["name"]["en"])
    telling.row("地址 Address", "".join(branch["postal_address"]["address_lines"]))
    telling.row("距离 Distance", f"{branch['distance_m']:,} m")
    closes = branch.get("next_change_at")
    telling.row("营业至 Open until", _time(closes) if closes else "24 小时营业 · always open")


def _board(caller: Partner) -> None:
    telling.step(2, "The day's USD board, CNY per 100", "今日美元牌价（人民币/100 美元）")
    quote = caller.get("/v1/rates/fx", {"base": "USD"})["data"][0]
    telling.row("现汇 Transfers", f"买入 buys {quote['tt_buy']}", f"卖出 sells {quote['tt_sell']}")
    telling.row("现钞 Notes", f"买入 buys {quote['notes_buy']}", f"卖出 sells {quote['notes_sell']}")
    telling.row("折算价 Middle", quote["middle"], f"ECB {quote['reference_date']}")


def _bill(cast: Cast) -> None:
    telling.step(3, "A biller and a bill", "缴费单位与账单")
    found = cast.partner.get("/v1/billers", {"q": BILLER_CODE})["data"]
    cast.biller = next(biller for biller in found if biller["biller_code"] == BILLER_CODE)
    cast.values = cast.partner.get("/sandbox/v1/magic-values", {"biller_id": cast.biller["biller_id"]})
    cast.magic = _magic(cast, SCENARIO)
    cast.customer = cast.values["demo_customers"][0]
    question = {"biller_id": cast.biller["biller_id"], "inputs": cast.magic, "end_user_ref": "hmac-of-a-demo-user"}
    bill = cast.partner.post("/v1/bill-fetches", question, once=True)["bills"][0]
    telling.row("单位 Biller", cast.biller["name"]["zh-CN"], cast.biller["name"]["en"])
    telling.row("户号 Account", bill["account_ref_masked"])
    telling.row("账期 Period", f"{bill['period']['from']} – {bill['period']['to']}")
    telling.row("应缴 Due", _money(bill["outstanding"]), f"截止 by {bill['due_date']}")


def _link(cast: Cast) -> Json:
    telling.step(4, "A payment link for the chat, open: the page asks the rest", "聊天里的缴费链接")
    payment = cast.partner.post("/v1/payments", _open_link(cast, "demo-1"), once=True)
    link = payment["payment_link"]
    telling.row("链接 Link", link["url"])
    telling.row("核对码 Check code", link["code4"])
    telling.row("有效至 Good until", _time(link["expires_at"]))
    telling.row("状态 Status", payment["status"], f"money_at {payment['money_at']}")
    return payment


def _open_link(cast: Cast, reference: str) -> Json:
    region = cast.biller["region"]
    return {"partner_reference": reference, "category_code": cast.biller["category_code"], "adcode": region["adcode"]}


def _magic(cast: Cast, scenario: str) -> Json:
    return next(dict(value["inputs"]) for value in cast.values["data"] if value["scenario"] == scenario)


def _pay(browser: Browser, cast: Cast, payment: Json) -> None:
    telling.step(5, "The payer follows the link", "付款人打开链接")
    link = payment["payment_link"]
    page = browser.open(link["url"])
    if page.code4 != link["code4"]:
        raise click.ClickException(f"the page shows the check code {page.code4!r}, the chat said {link['code4']!r}")
    telling.row("核对码 Check code", page.code4, "as in the chat · 与聊天一致")
    page = walk(browser, page, answers(cast))
    now = cast.partner.get(f"/v1/payments/{payment['payment_id']}")
    if now["status"] != "succeeded":
        raise click.ClickException(f"the payment is {now['status']}; the page says {page.notice or page.heading}")
    telling.row(page.heading, _money(now["total"]), "the page's result")
    telling.row("状态 Status", now["status"], f"money_at {now['money_at']}")


def answers(cast: Cast) -> dict[str, Answer]:
    customer = cast.customer
    account = {f"in_{name}": value for name, value in cast.magic.items()}
    sign_in = {"customer_number": customer["customer_number"], "demo_code": customer["demo_code"]}
    return {
        "start": Answer("begins", {}),
        "biller": Answer(f"chooses {cast.biller['name']['zh-CN']}", {"biller_id": cast.biller["biller_id"]}),
        "account": Answer(f"types {' '.join(cast.magic.values())}", account),
        "sign_in": Answer(f"signs in as {customer['customer_number']}, a customer of the demo bank", sign_in),
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
                telling.row("", telling.padded(label, 10), value)
        page = browser.submit(page, form, answer.values)
    raise click.ClickException(f"the payment page comes to no end: {page.notice or page.heading}")


def _receipt(browser: Browser, cast: Cast, payment: Json) -> None:
    telling.step(6, "The receipt, masked for the partner", "电子回单")
    receipt = cast.partner.get(f"/v1/payments/{payment['payment_id']}/receipt")
    telling.row("回单号 Number", receipt["receipt_number"])
    telling.row("验证码 Verification", receipt["verification_code"])
    telling.row("付款人 Payer", receipt["payer_masked"])
    telling.row("单位 Biller", receipt["biller"]["name"]["zh-CN"], receipt["account_ref_masked"])
    telling.row("金额 Amount", _money(receipt["total"]), receipt["amount_in_words"])
    telling.row("时间 Paid at", _time(receipt["paid_at"]))
    page = browser.open(f"{payment['payment_link']['url']}/receipt")
    if receipt["receipt_number"] not in page.facts.values():
        raise click.ClickException(f"the payer's receipt lacks the number {receipt['receipt_number']}")
    telling.row("付款人页面 Page", f"{payment['payment_link']['url']}/receipt")


def _events(cast: Cast, payment: Json) -> None:
    telling.step(7, "What the partner's program hears of it", "事件")
    events = cast.partner.get("/v1/events", {"limit": 100})["data"]
    mine = [event for event in events if event["data"].get("payment_id") == payment["payment_id"]]
    if not mine or mine[-1]["type"] != "payment.succeeded":
        raise click.ClickException("the event payment.succeeded is missing")
    for event in mine:
        telling.row(_time(event["timestamp"]), telling.padded(event["type"], 20), f"version {event['data']['version']}")


def _money(money: Mapping[str, str]) -> str:
    return f"{money['currency']} {money['amount']}"


def _time(instant: str) -> str:
    """Give date and time of the bank's zone without the offset: ``2026-09-29 10:30:00``."""
    return instant[:19].replace("T", " ")
