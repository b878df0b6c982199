"""How the story is set on a terminal: numbered steps, and rows whose columns stay straight with Chinese in them."""

from __future__ import annotations

import unicodedata

import click

_LABEL_COLUMNS = 22


def columns(text: str) -> int:
    """Give how many columns a text takes: a Chinese character takes two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def padded(text: str, width: int) -> str:
    """Fill a text with blanks up to a number of columns."""
    return text + " " * max(0, width - columns(text))


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
