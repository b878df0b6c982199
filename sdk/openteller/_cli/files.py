"""Files that a command keeps: whole, or as they were before."""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path

import click

__all__ = ["keep"]


def keep(content: bytes, output: Path | None) -> None:
    """Write a download to a file, or to the standard output where none is named. It is written beside the file that it
    replaces, which stays until all of it is there.

    Raises:
        click.ClickException: it cannot be written; what was there is there still.
    """
    if output is None:
        click.echo(content, nl=False)
        return
    try:
        _replace(content, output)
    except OSError as error:
        raise click.ClickException(f"{output} cannot be written: {error.strerror}") from None


def _replace(content: bytes, output: Path) -> None:
    mode = output.stat().st_mode if output.exists() else None
    if mode is not None and not stat.S_ISREG(mode):  # a pipe or a device has nothing beside it
        output.write_bytes(content)
        return
    target = output.resolve()  # what a link leads to is replaced, and the link stays
    part = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with part.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            part.chmod(stat.S_IMODE(mode))
        part.replace(target)
    except BaseException:  # Ctrl-C, too
        part.unlink(missing_ok=True)
        raise
