"""What the app needs to know, and its own secrets, which lie in a folder of its own."""

from __future__ import annotations

import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

__all__ = ["Credentials", "Settings"]


@dataclass(frozen=True, slots=True)
class Credentials:
    """The app's, as ``openteller apps create --redirect-uri …`` prints them."""

    client_id: str
    private_key: str = field(repr=False)

    @classmethod
    def read(cls, path: Path) -> Credentials:
        """Read them from a file.

        Raises:
            SystemExit: it is not such a file.
        """
        found = json.loads(path.read_text(encoding="utf-8"))
        match found:
            case {"client_id": str(client_id), "private_key": str(private_key)}:
                return cls(client_id, private_key)
        raise SystemExit(f"{path} names no private key: openteller apps create --redirect-uri … prints one that does")


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of one installation.

    Attributes:
        bank_url: where the bank is; forms of the app lead there by a redirect.
        own_url: where browsers reach the app; its ``/linked`` and ``/allowed`` are registered at the bank.
        folder: for the tokens of customers and the app's secret; nobody else may read it.
        channel: the platform that accounts are of.
    """

    bank_url: str
    own_url: str
    folder: Path
    channel: str = "weibo"

    @property
    def tokens(self) -> Path:
        """The file of customers' tokens."""
        return self.folder / "tokens.db"

    def prepare(self) -> None:
        """Make the folder where it is missing."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def key(self, purpose: str) -> bytes:
        """Give a secret key for one purpose, always the same; all come of one secret, made at the first start."""
        self.prepare()
        path = self.folder / "secret"
        try:
            made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(made, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32))
        except FileExistsError:
            pass  # made at an earlier start
        return hmac.digest(bytes.fromhex(path.read_text(encoding="ascii")), purpose.encode(), sha256)
