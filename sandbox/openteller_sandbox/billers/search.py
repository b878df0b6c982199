"""The words that billers are found by: one way of writing them, for what is stored and for what is asked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

_SEPARATORS = re.compile(r"[\s,，、;；]+")
_NOT_OF_A_NAME = re.compile("[\\s\u0300-\u036f'\u2018\u2019\u02bc-]")
_LIKE_SPECIAL = re.compile(r"[\\%_]")


def plain(text: str) -> str:
    """Write full-width letters and capitals as plain small ones (NFKC and case folding)."""
    return unicodedata.normalize("NFKC", text).casefold()


def text_of(biller: Mapping[str, Any]) -> str:
    """Give everything that a biller can be found by, one item per line."""
    return "\n".join(plain(item) for item in (*biller["name"].values(), *biller["aliases"], biller["biller_code"]))


def like_patterns(query: str) -> list[str]:
    """Give a LIKE pattern, escaped by a backslash, for each different word of a query; none when it has no word."""
    words = dict.fromkeys(word for word in _SEPARATORS.split(plain(query)) if word)
    return [f"%{_LIKE_SPECIAL.sub(_escaped, word)}%" for word in words]


def _escaped(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def place_key(name: str) -> str:
    """Write the name of a place the one way, without spaces, accents and apostrophes: ``Xi'an`` and ``xi an`` as
    ``xian``.
    """
    return _NOT_OF_A_NAME.sub("", unicodedata.normalize("NFKD", name).casefold())
