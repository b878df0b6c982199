"""``openteller receipts``: whether a receipt that somebody shows is the bank's."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from openteller import errors
from openteller._cli.calling import Session, calling, dump
from openteller._cli.tables import facts, table
from openteller._cli.texts import both, instant

if TYPE_CHECKING:
    from openteller.models import ReceiptKeySet, ReceiptVerdict
    from openteller.receipts import VerifiedReceipt

__all__ = ["receipts"]

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False, allow_dash=True)


@click.group()
def receipts() -> None:
    """Find out whether a receipt is genuine."""


@receipts.command()
@click.argument("number", required=False, metavar="[NUMBER")
@click.argument("code", required=False, metavar="CODE]")
@click.option("--qr", metavar="TEXT", help="Instead of both, what the QR code says.")
@click.option("--file", "path", type=_FILE, metavar="FILE", help="Instead, the receipt as JSON; - reads it. Offline.")
@click.option("--offline", is_flag=True, help="Verify the signature of --qr here; ask the bank for its keys at most.")
@click.option(
    "--keys", "key_file", type=_FILE, metavar="FILE", help="Offline: the keys, as receipts keys --json wrote."
)
@calling
def verify(session: Session, *, number: str | None, code: str | None, **how: Any) -> None:
    """Say whether a receipt is the bank's; exits with 1 where it is not.

    The bank is asked for NUMBER and CODE, as they are printed, or for --qr: it also says whether the payment was
    refunded. Offline only the signature is verified.
    """
    if bool(number and code) + bool(how["qr"]) + bool(how["path"]) != 1 or bool(number) != bool(code):
        raise click.UsageError("give NUMBER and CODE, or --qr, or --file")
    if how["path"] or how["offline"] or how["key_file"]:
        if number:
            raise click.UsageError("offline there is nothing to verify in a number: give --qr or --file")
        _offline(session, **how)
    else:
        _ask(session, number, code, how["qr"])


@receipts.command()
@calling
def keys(session: Session) -> None:
    """Show the public keys of receipts, the newest first; with --json to keep them for offline use."""
    session.show(session.ask(session.client.receipts.keys), _keys)


def _ask(session: Session, number: str | None, code: str | None, qr: str | None) -> None:
    compact = qr.strip().upper().rpartition("/R/")[2] if qr else None
    method = session.client.receipts.verify
    answer = session.ask(method, receipt_number=number, verification_code=code, compact=compact)
    session.show(answer, _verdict)
    if answer.parsed.verdict != "GENUINE":
        raise click.ClickException("not genuine")


def _offline(session: Session, *, qr: str | None, path: Path | None, key_file: Path | None, offline: bool) -> None:  # noqa: ARG001 - that it is so brought us here
    from openteller.receipts import verify_offline  # noqa: PLC0415 - needs the models

    given = _keys_in(key_file) if key_file else session.client.receipts.keys()
    try:
        found = verify_offline(_text(path) if path else qr or "", keys=given)
    except errors.InvalidSignature as error:
        raise click.ClickException(f"not genuine: {error.message}") from error
    plain = {"receipt_number": found.receipt_number, "total": str(found.total), "paid_at": found.paid_at.isoformat()}
    plain |= {"biller_id": found.biller_id, "key_id": found.key_id}
    click.echo(dump(plain) if session.as_json else _signed(found))


def _keys_in(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except ValueError as error:
        raise click.BadParameter(f"{path} is no JSON", param_hint="--keys") from error


def _text(path: Path) -> str:
    """Read a file whole; what is no text is no receipt either."""
    with click.open_file(str(path), encoding="utf-8", errors="replace") as file:
        return str(file.read())


def _verdict(one: ReceiptVerdict) -> str:
    known = one.receipt
    return facts(
        [
            ("Verdict", one.verdict),
            ("Message", both(one.message)),
            ("Receipt", known.receipt_number if known else None),
            ("Payment", known.standing if known else None),
            ("Biller", both(known.biller.name) if known else None),
            ("Amount", known.amount if known else None),
            ("Total", known.total if known else None),
            ("Paid at", instant(known.paid_at) if known else None),
            ("Value date", known.value_date if known else None),
        ]
    )


def _signed(one: VerifiedReceipt) -> str:
    return facts(
        [
            ("Signed by", f"the bank, with the key {one.key_id}"),
            ("Receipt", one.receipt_number),
            ("Biller", one.biller_id),
            ("Total", one.total),
            ("Paid at", instant(one.paid_at)),
            ("Payment", "whether it was refunded since, only the bank can tell"),
        ]
    )


def _keys(one: ReceiptKeySet) -> str:
    rows = [(instant(key.created_at), key.status, key.alg, key.kid) for key in one.keys]
    return table(["SINCE", "STATUS", "ALGORITHM", "KEY"], rows)
