"""Masking how its holder knows a social account: enough to recognise one's own, not enough to find another's."""

from __future__ import annotations

from openteller_sandbox.partners import service as partners

_STARS = "***"
_DIGITS_SHOWN = 4


def masked(label: str) -> str:
    """Mask a nickname, an address or a number.

    ``@小明在成都`` becomes ``@小***都``, ``liming@example.com`` becomes ``l***@example.com``, ``2803301701`` becomes
    ``***701``. The stars do not tell how many characters they stand for; what cannot be read as it is, is left out.
    """
    readable = "".join(letter for letter in label.strip() if partners.is_readable(letter)) or "?"
    sign, name = ("@", readable[1:]) if readable.startswith("@") else ("", readable)
    local, at, domain = name.rpartition("@")
    if at and local and domain:
        return f"{sign}{local[0]}{_STARS}@{domain}"
    if name.isdigit():
        shown = min(_DIGITS_SHOWN, len(name) // 3)
        return f"{sign}{_STARS}{name[len(name) - shown :]}"
    return f"{sign}{name[:1] if len(name) > 2 else ''}{_STARS}{name[-1:]}"
