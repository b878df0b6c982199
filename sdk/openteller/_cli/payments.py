"""``openteller payments``: links on which a payer pays, and what becomes of them."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import click

from openteller import errors
from openteller._cli import billers
from openteller._cli.calling import Session, calling, paged
from openteller._cli.inputs import AMOUNT
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant, more
from openteller.money import Money

if TYPE_CHECKING:
    from openteller import OpenTeller
    from openteller.models import Payment, PaymentList, Receipt

__all__ = ["payments", "with_history"]


@click.group()
def payments() -> None:
    """Make payment links and see what becomes of them."""


@payments.command()
@click.option("--category", metavar="CODE", help="Open link: what kind of bill, such as ELECTRICITY.")
@click.option("--city", help="Open link: in which city, such as 上海.")
@click.option("--adcode", metavar="DIGITS", help="Open link: in which division, instead of --city.")
@click.option("--biller", help="Link to one biller, by its id or code.")
@click.option("--account", help="Prefilled link: the account; - types it at a prompt. With --biller and --amount.")
@billers.takes_inputs
@click.option("--amount", type=AMOUNT, help="Prefilled link: how much, in CNY.")
@click.option("--bill", "bills", multiple=True, metavar="ID", help="Link to fetched bills; may be given several times.")
@click.option("--reference", help="Your own number for it, unique for ever; made up unless told.")
@calling
def create(session: Session, *, reference: str | None, **form: Any) -> None:
    """Make a payment link in one of four ways.

    Open, where the page asks the payer the rest (the only kind for a public reply): nothing, or --category and --city.
    To a biller: --biller. Prefilled: --biller, --account and --amount. To what is due: --bill.

    The same command with the same --reference makes nothing twice: it shows how the payment stands by now.
    """
    _check(form)
    wanted = reference or f"cli-{secrets.token_hex(5)}"
    body = _body(session.client, form)
    try:
        is_known = reference is not None and _is_known(session.client, reference)
        answer = session.ask(
            session.client.payments.create, partner_reference=wanted, idempotency_key=_key(wanted, body), **body
        )
    except errors.TransportError as error:
        error.add_note(f"with --reference {wanted} nothing is made twice")
        raise
    if is_known:  # the bank has given its first answer again
        click.echo(f"Made before with --reference {wanted}; it stands so:", err=True)
        answer = session.ask(session.client.payments.get, answer.parsed.payment_id)
    session.show(answer, _payment)


def _is_known(client: OpenTeller, reference: str) -> bool:
    """Tell whether a payment has a reference; an app that may not read its payments is not told."""
    try:
        return client.payments.list(partner_reference=reference, limit=1).first() is not None
    except errors.PermissionDenied:
        return False


def _check(form: Mapping[str, Any]) -> None:
    """Look whether the options make one of the four forms.

    Raises:
        click.UsageError: they do not.
    """
    kinds = [any(form[name] for name in ("category", "city", "adcode")), form["biller"], form["bills"]]
    if sum(map(bool, kinds)) > 1:
        raise click.UsageError("give --category and --city, or --biller, or --bill: each makes another kind of link")
    if not form["biller"] and any(form[name] for name in ("account", "pairs", "amount")):
        raise click.UsageError("--account, --input and --amount belong to --biller")
    if form["city"] and form["adcode"]:
        raise click.UsageError("--city and --adcode both say where: give one of them")


def _body(client: OpenTeller, form: Mapping[str, Any]) -> dict[str, Any]:
    """Give the members of the request that say what is to be paid."""
    if form["bills"]:
        return {"bill_ids": form["bills"]}
    if form["biller"]:
        found = billers.find(client, form["biller"])
        inputs = billers.gather(found, form["account"], form["pairs"])
        amount = Money(form["amount"]) if form["amount"] else None
        return {"biller_id": found.biller_id, "inputs": inputs or None, "amount": amount}
    category = form["category"] and form["category"].upper()
    return {"category_code": category, "adcode": form["adcode"] or (form["city"] and _adcode(client, form["city"]))}


def _adcode(client: OpenTeller, city: str) -> str:
    """Give a city's division code, as the billers of the city have it.

    Raises:
        click.ClickException: no biller serves a city of that name alone, or several have it.
    """
    rows = client.billers.list(city=city, limit=100).to_list(at_most=500)
    places = {(one.region.adcode, one.region.city) for one in rows if one.coverage == "CITY"}
    if len(places) == 1:
        return places.pop()[0]
    if places:
        several = ", ".join(f"{adcode} {name}" for adcode, name in sorted(places))
        raise click.ClickException(f"several cities have that name ({several}): give --adcode")
    raise click.ClickException("no city of that name has billers of its own: give --adcode")


def _key(reference: str, body: Mapping[str, Any]) -> str:
    """Make an idempotency key that the same command makes again."""
    text = json.dumps([reference, body], default=str, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:40]


@payments.command()
@click.argument("payment_id", metavar="ID")
@calling
def show(session: Session, *, payment_id: str) -> None:
    """Show a payment: how it stands, where the money is, what has happened."""
    session.show(session.ask(session.client.payments.get, payment_id), with_history)


@payments.command("list")
@click.option("--status", help="Only those that stand there, such as succeeded.")
@click.option("--reference", "partner_reference", help="Only the one with this reference.")
@paged
@calling
def list_command(session: Session, **options: Any) -> None:
    """List the app's payments, the newest first."""
    session.show(session.ask(session.client.payments.list(**options).page), _list)


@payments.command()
@click.argument("payment_id", metavar="ID")
@calling
def receipt(session: Session, *, payment_id: str) -> None:
    """Show the receipt of a payment that has succeeded, masked for the partner."""
    session.show(session.ask(session.client.payments.receipt, payment_id), _receipt)


@payments.command()
@click.argument("payment_id", metavar="ID")
@calling
def cancel(session: Session, *, payment_id: str) -> None:
    """Cancel a link on which no money has moved."""
    session.show(session.ask(session.client.payments.cancel, payment_id), _payment)


def _payment(one: Payment) -> str:
    link = one.payment_link
    return facts(
        [
            ("Payment", one.payment_id),
            ("Reference", one.partner_reference),
            ("Status", one.status),
            ("Reason", one.status_reason),
            ("Money at", one.money_at),
            ("Can become", ", ".join(one.allowed)),
            ("Category", one.category_code),
            ("Division", one.adcode),
            ("Biller", one.biller_id),
            ("Account", one.account_ref_masked),
            ("Amount", one.amount),
            *((f"Fee {fee.type}", fee.amount) for fee in one.fees),
            ("Total", one.total),
            ("Decided by", instant(one.resolution.expected_by) if one.resolution else None),
            *(("Refund", f"{part.amount} {part.status}, {part.reason}") for part in one.refunds),
            ("Receipt", one.receipt_id),
            ("Link", link.url if link.status == "ACTIVE" else link.status),
            ("Check code", link.code4),
            ("Good until", instant(link.expires_at)),
        ]
    )


def with_history(one: Payment) -> str:
    """Write a payment and how it came to be so."""
    rows = [(instant(entry.at), entry.status, entry.actor) for entry in one.history]
    return f"{_payment(one)}\n\n{table(['AT', 'STATUS', 'BY'], rows)}"


def _list(page: PaymentList) -> str:
    if not page.data:
        return "No payment fits."
    rows = [
        (instant(one.created_at), one.status, one.money_at, one.total, one.partner_reference, one.payment_id)
        for one in page.data
    ]
    titles = ["CREATED", "STATUS", "MONEY AT", "TOTAL", "REFERENCE", "PAYMENT ID"]
    return table(titles, rows, right={"TOTAL"}) + more(page.links)


def _receipt(one: Receipt) -> str:
    return facts(
        [
            ("Receipt", one.receipt_number),
            ("Verification", one.verification_code),
            ("Payment", one.payment_id),
            ("Payer", one.payer_masked),
            ("Biller", both(one.biller.name)),
            ("Account", one.account_ref_masked),
            ("Amount", one.amount),
            ("In words", one.amount_in_words),
            *((f"Fee {fee.type}", fee.amount) for fee in one.fees),
            ("Total", one.total),
            ("Paid at", instant(one.paid_at)),
            ("Value date", one.value_date),
            ("Notice", both(one.notice)),
        ]
    )
