"""Files in which long answers lie until they are sent."""

from __future__ import annotations

import secrets
from pathlib import Path
from tempfile import TemporaryDirectory


class Spool:
    """A folder of its own, which is there from the first file on."""

    def __init__(self) -> None:
        self._folder: TemporaryDirectory[str] | None = None

    def new(self) -> Path:
        """Name a file that is not there yet."""
        if self._folder is None:
            self._folder = TemporaryDirectory(prefix="openteller-")
        return Path(self._folder.name, secrets.token_hex(8))

    def close(self) -> None:
        """Take everything away."""
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None
