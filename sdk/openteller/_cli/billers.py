"""``openteller billers``, and how other commands find a biller and what it asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click

from openteller._cli import refusals
from openteller._cli.calling import Session, calling, paged
from openteller._cli.inputs import PAIR
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, more, percent

if TYPE_CHECKING:
    from openteller import OpenTeller
    from openteller.models import Biller, BillerCategoryList, BillerList, Fee, InputField, ServiceHours

__all__ = ["billers", "find", "gather", "identify", "takes_inputs"]

_CODE = re.compile(r"[A-Za-z]{2,}-[A-Za-z0-9_-]{1,37}")


@click.group()
def billers() -> None:
    """Find who can be paid."""


@billers.command("find")
@click.argument("words")
@click.option("--city", help="Who serves the city of this name, with or without 市.")
@click.option("--category", "category_code", metavar="CODE", help="ELECTRICITY, WATER, …: see billers categories.")
@paged
@calling
def find_command(session: Session, *, words: str, **options: Any) -> None:
    """Find billers by WORDS of their names, aliases and codes: 上海电费."""
    session.show(session.ask(session.client.billers.list(q=words, **options).page), _list)


def _list(page: BillerList) -> str:
    if not page.data:
        return "No biller fits."
    rows = [
        (one.biller_code, one.name.zh_cn, one.name.en, one.category_code, one.region.city, one.biller_id)
        for one in page.data
    ]
    return table(["CODE", "NAME", "ENGLISH", "CATEGORY", "CITY", "BILLER ID"], rows) + more(page.links)


@billers.command()
@click.argument("biller")
@calling
def show(session: Session, *, biller: str) -> None:
    """Show a BILLER, by its id or its code: what it asks for, its fees and hours."""
    session.show(session.ask(session.client.billers.get, identify(session.client, biller)), _biller)


def _biller(one: Biller) -> str:
    region = f"{one.region.city} {one.region.adcode}, {one.coverage}"
    told = facts(
        [
            ("Biller", both(one.name)),
            ("Code", one.biller_code),
            ("Id", one.biller_id),
            ("Category", one.category_code),
            ("Serves", region),
            ("Status", one.status),
            ("Bills", f"{one.fetch_mode}, shown to a partner: {one.presentment}"),
            ("Amount", f"{one.min_amount} to {one.max_amount}, {one.exactness}"),
            ("Fixed amounts", ", ".join(str(plan.amount) for plan in one.plans)),
            ("Fee", _fees(one.fees)),
            ("Hours", "; ".join(_hours(part) for part in one.service_hours)),
            ("Cutoff", f"{one.cutoff.time}, then {one.cutoff.after}" if one.cutoff else None),
            *((f"Rule {group.rule}", ", ".join(group.fields)) for group in one.input_groups),
        ]
    )
    return f"{told}\n\n{_fields(one.input_fields)}"


def _fields(fields: Iterable[InputField]) -> str:
    titles = ["INPUT", "NAME", "WHAT IT IS", "FORM", "NEEDED", "EXAMPLE"]
    rows = [
        (
            one.name,
            one.label.zh_cn,
            one.help.zh_cn,
            f"{one.data_type} {one.min_length}–{one.max_length}",
            "yes" if one.required else "",
            one.example,
        )
        for one in fields
    ]
    return table(titles, rows)


def _fees(fees: Iterable[Fee]) -> str:
    """Say what the payer bears; what biller and bank have between them is nobody else's matter."""
    slabs = [slab for fee in fees if fee.type == "PAYER_FEE" for slab in fee.slabs]
    told = (f"{slab.flat} + {percent(slab.rate)} from {slab.min} to {slab.max}" for slab in slabs)
    return "; ".join(told) or "none"


def _hours(part: ServiceHours) -> str:
    days = "every day" if len(part.days) == 7 else ", ".join(part.days)
    return f"{part.opens}–{part.closes} {days}"


@billers.command()
@calling
def categories(session: Session) -> None:
    """List the kinds of bills."""
    session.show(session.ask(session.client.billers.categories().page), _categories)


def _categories(page: BillerCategoryList) -> str:
    rows = [(one.category_code, one.name.zh_cn, one.name.en, one.biller_count) for one in page.data]
    return table(["CATEGORY", "NAME", "ENGLISH", "BILLERS"], rows, right={"BILLERS"})


def find(client: OpenTeller, word: str) -> Biller:
    """Give a biller by its id or its public code.

    Raises:
        click.ClickException: there is none.
        OpenTellerError: the bank refuses, or cannot be reached.
    """
    if word.startswith("blr_"):
        return refusals.about_biller(client.billers.get(word))
    # Whoever mixes up the arguments types an account number here: it goes neither into a query nor into a message.
    page = client.billers.list(q=word, limit=100).page() if _CODE.fullmatch(word) else None
    for one in page.data if page else ():
        if one.biller_code.casefold() == word.casefold():
            return refusals.about_biller(one)
    raise click.ClickException("no biller has that id or code: openteller billers find WORDS shows both")


def identify(client: OpenTeller, word: str) -> str:
    """Give the id of a biller by its id or its public code.

    Raises:
        click.ClickException: there is none.
        OpenTellerError: the bank refuses, or cannot be reached.
    """
    return word if word.startswith("blr_") else find(client, word).biller_id


def takes_inputs(command: Any) -> Any:
    """Add ``--input``."""
    text = "Another field that the biller asks for; a value - is typed at a prompt."
    return click.option("--input", "pairs", type=PAIR, multiple=True, help=text)(command)


def gather(biller: Biller, account: str | None, pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give a biller's inputs: the account goes into its first field; what is ``-`` is asked for at a prompt."""
    inputs = dict(pairs)
    if account is not None:
        inputs = {biller.input_fields[0].name: account} | inputs
    labels = {one.name: both(one.label) for one in biller.input_fields}
    return {name: _typed(labels.get(name, name)) if value == "-" else value for name, value in inputs.items()}


def _typed(label: str) -> str:
    value: str = click.prompt(label, err=True)
    return value.strip()
