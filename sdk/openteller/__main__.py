"""The console script ``openteller``, also ``python -m openteller``."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line, or say in one line which extra it needs."""
    try:
        import click  # noqa: F401, PLC0415 - an extra: the package without it is no error
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        sys.stderr.write(
            'openteller: the command line is an extra: pip install "openteller[sandbox]", or [cli] without the bank\n'
        )
        raise SystemExit(1) from None
    from openteller._cli import commands  # noqa: PLC0415 - needs click

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(
                errors="replace"
            )  # a terminal without Chinese shows question marks, and the program goes on
    commands.openteller(prog_name="openteller")


if __name__ == "__main__":
    main()
