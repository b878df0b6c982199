"""How the story is set on a terminal: numbered steps, and rows whose columns stay straight with Chinese in them."""

from __future__ import annotations

import click

from openteller._cli.tables import padded

_LABEL_COLUMNS = 22


def opening(text: str) -> None:
    """Print the first line."""
    click.secho(text, bold=True)


def closing(text: str) -> None:
    """Print the last line."""
    click.echo()
    click.secho(text, bold=True, fg="green")


def step(number: int, english: str, chinese: str) -> None:
    """Begin a step."""
    click.echo()
    click.secho(f"{number}  {english} · {chinese}", bold=True, fg="cyan")


def row(label: str, *values: object) -> None:
    """Print a labelled line."""
    click.echo(f"   {padded(label, _LABEL_COLUMNS)} {'  '.join(str(value) for value in values)}")
