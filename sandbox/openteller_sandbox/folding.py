"""One way of writing text, for what is stored and for what is asked."""

from __future__ import annotations

import re
import unicodedata

from openteller_sandbox.traditional import simplified

_ACCENTS_AND_APOSTROPHES = re.compile("[\u0300-\u036f'\u2018\u2019\u02bc]")


def fold(text: str) -> str:
    """Write full-width letters as plain ones, Traditional characters as Simplified ones, no case, no accents, no
    apostrophes.
    """
    if not text.isascii():
        text = simplified(unicodedata.normalize("NFKD", text))
    return _ACCENTS_AND_APOSTROPHES.sub("", text.casefold())
