"""``openteller account-links`` and ``openteller consents``: what customers have linked, and what they have allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from openteller._cli.calling import Session, calling, paged
from openteller._cli.inputs import INSTANT
from openteller._cli.tables import facts, table
from openteller._cli.texts import instant, more

if TYPE_CHECKING:
    from openteller.models import AccountLink, AccountLinkList, Consent, ConsentExtension, ConsentList, ConsentUsage

__all__ = ["account_links", "consents"]

_LINKED = ("AWAITING", "APPROVED", "ACTIVE", "REFUSED", "EXPIRED", "FAILED", "UNLINKED")
_GIVEN = ("ACTIVE", "CONSUMED", "REVOKED", "EXPIRED")


@click.group("account-links")
def account_links() -> None:
    """See which social accounts are linked with customers, and end a link."""


@account_links.command("list")
@click.option("--status", type=click.Choice(_LINKED, case_sensitive=False))
@paged
@calling
def list_links(session: Session, **options: Any) -> None:
    """List the app's links, the newest first."""
    session.show(session.ask(session.client.account_links.list(**options).page), _links)


@account_links.command("show")
@click.argument("account_link_id", metavar="ID")
@calling
def show_link(session: Session, *, account_link_id: str) -> None:
    """Show a link: how it stands, and why it has ended."""
    session.show(session.ask(session.client.account_links.get, account_link_id), _link)


@account_links.command()
@click.argument("account_link_id", metavar="ID")
@calling
def unlink(session: Session, *, account_link_id: str) -> None:
    """End a link at once, with what its customer has allowed under it."""
    session.show(session.ask(session.client.account_links.unlink, account_link_id), _link)


@click.group()
def consents() -> None:
    """See what customers have allowed the app, and what is left of it; ask for longer, or end it."""


@consents.command("list")
@click.option("--status", type=click.Choice(_GIVEN, case_sensitive=False))
@paged
@calling
def list_consents(session: Session, **options: Any) -> None:
    """List the app's consents, the newest first."""
    session.show(session.ask(session.client.consents.list(**options).page), _consents)


@consents.command("show")
@click.argument("consent_id", metavar="ID")
@calling
def show_consent(session: Session, *, consent_id: str) -> None:
    """Show a consent: what it allows, and until when."""
    session.show(session.ask(session.client.consents.get, consent_id), _consent)


@consents.command("usage")
@click.argument("consent_id", metavar="ID")
@calling
def usage(session: Session, *, consent_id: str) -> None:
    """Show what was used of the mandates of a consent, and what is left."""
    session.show(session.ask(session.client.consents.usage, consent_id), _usage)


@consents.command()
@click.argument("consent_id", metavar="ID")
@click.option("--until", required=True, type=INSTANT, help="In wall time, such as 2027-05-01T09:00:00+08:00.")
@calling
def extend(session: Session, *, consent_id: str, until: Any) -> None:
    """Ask the customer to let a consent last longer, on the bank's page."""
    asked = session.ask(session.client.consents.extend, consent_id, consent_expires_at=until)
    session.show(asked, _extension)


@consents.command()
@click.argument("consent_id", metavar="ID")
@calling
def revoke(session: Session, *, consent_id: str) -> None:
    """End a consent, and with it every token that came of it."""
    session.show(session.ask(session.client.consents.revoke, consent_id), _consent)


def _links(page: AccountLinkList) -> str:
    if not page.data:
        return "No link fits."
    rows = [(instant(one.created_at), one.status, one.channel, one.account_link_id) for one in page.data]
    return table(["STARTED", "STATUS", "CHANNEL", "LINK ID"], rows) + more(page.links)


def _link(one: AccountLink) -> str:
    return facts(
        [
            ("Link", one.account_link_id),
            ("Channel", one.channel),
            ("Status", one.status),
            ("Reason", one.status_reason),
            ("Customer", one.subject),
            ("Consent", one.consent_id),
            ("Started", instant(one.created_at)),
            ("Open until", instant(one.expires_at)),
            ("Holds since", instant(one.confirmed_at)),
            ("Ended", instant(one.ended_at)),
        ]
    )


def _consents(page: ConsentList) -> str:
    if not page.data:
        return "No consent fits."
    rows = [(instant(one.expires_at), one.status, one.scope, one.consent_id) for one in page.data]
    return table(["ENDS (WALL TIME)", "STATUS", "SCOPE", "CONSENT ID"], rows) + more(page.links)


def _consent(one: Consent) -> str:
    return facts(
        [
            ("Consent", one.consent_id),
            ("Customer", one.customer),
            ("Status", one.status),
            ("Scope", one.scope),
            ("Mandates", len(one.authorization_details) or None),
            ("Given (wall time)", instant(one.created_at)),
            ("Ends (wall time)", instant(one.expires_at)),
            ("Last used (wall time)", instant(one.last_used_at)),
        ]
    )


def _usage(used: ConsentUsage) -> str:
    if not used.mandates:
        return "It has no mandate."
    rows: list[tuple[object, ...]] = []
    for number, one in enumerate(used.mandates, 1):
        uses = f"{one.uses} of {one.maximum_uses}" if one.maximum_uses else str(one.uses)
        rows.append((number, one.state, uses, "once", one.maximum_individual_amount, one.payable_now, ""))
        rows += [
            ("", "", "", period.period_type, period.amount, period.remaining, instant(period.resets_at))
            for period in one.periods
        ]
    titles = ["MANDATE", "STATE", "USES", "LIMIT", "AT MOST", "LEFT", "UNTIL"]
    return table(titles, rows, right={"AT MOST", "LEFT"})


def _extension(one: ConsentExtension) -> str:
    return facts(
        [
            ("Extension", one.extension_id),
            ("Status", one.status),
            ("Consent until (wall time)", instant(one.consent_expires_at)),
            ("Page", one.approval_url),
            ("Open until", instant(one.expires_at)),
        ]
    )
