"""The card's files: written whole or not at all, and remembered, so that a card is made once.

`card.json` says from what the other files were made. It is written last: whatever a crash leaves, the next run sees
that the files are not those it names, and makes them again.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rate_card.faults import NoMeans

__all__ = ["SIDECAR", "Made", "is_current", "keep"]

SIDECAR = "card.json"


@dataclass(frozen=True, slots=True)
class Made:
    """From what a card is made. Two cards of equal `Made` are the same."""

    board_id: str
    deposits_id: str
    day: str | None
    """The day that was asked for; None for today, whose card holds until the bank publishes anew."""
    currencies: tuple[str, ...]
    channel: str
    font: str | None
    design: int
    """Which design drew it: a new one is due on a new design."""


def is_current(folder: Path, made: Made) -> bool:
    """Whether a folder has the card already, with all its files as they were written."""
    try:
        known = json.loads((folder / SIDECAR).read_bytes())
        files = known.pop("files")
        same = known == json.loads(json.dumps(asdict(made)))
        return same and all(_digest((folder / name).read_bytes()) == digest for name, digest in files.items())
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return False  # there is none, or it is none of ours: the card is made anew


def keep(folder: Path, files: Mapping[str, bytes], made: Made) -> None:
    """Put a card's files in a folder in place of the old ones.

    Each is written beside its place first; only when all of them are on the disk do they take their names.

    Raises:
        NoMeans: the folder cannot be written; the old card is as it was.
    """
    sidecar = asdict(made) | {"files": {name: _digest(content) for name, content in files.items()}}
    contents = dict(files) | {SIDECAR: (json.dumps(sidecar, ensure_ascii=False, indent=2) + "\n").encode()}
    beside = {name: folder / f".{name}.{os.getpid()}.new" for name in contents}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            _write(beside[name], content)
        for name, path in beside.items():
            path.replace(folder / name)
    except OSError as error:
        raise NoMeans(f"{folder} cannot be written: {error.strerror}") from error
    finally:
        for path in beside.values():
            _remove(path)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _remove(path: Path) -> None:
    """Remove what was not renamed; in a folder that cannot be written there is nothing of ours."""
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
