"""Which of several media types an ``Accept`` header asks for, and whether ``Accept-Encoding`` takes gzip (RFC 9110,
sections 12.5.1 and 12.5.3).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_RANGE = re.compile(rf"({_NAME})/({_NAME})")
_PARAMETER = re.compile(rf"({_NAME})=({_NAME}|\"[^\"\\]*\")")
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_LONGEST = 4096
_ALWAYS = frozenset({("charset", "utf-8"), ("charset", "utf8")})
"""What is true of everything that is offered, whether its name says so or not: clients ask for JSON with it."""


class _Range(NamedTuple):
    """What a part of the header accepts, and how much."""

    kind: str
    subtype: str
    parameters: frozenset[tuple[str, str]]
    quality: float

    def fit(self, offered: _Range) -> int:
        """Say how narrowly this names a type: 0 not at all, 4 with parameters."""
        if (self.kind, self.subtype) == (offered.kind, offered.subtype):
            return (4 if self.parameters else 3) if self.parameters <= offered.parameters | _ALWAYS else 0
        if self.subtype != "*":
            return 0
        return 2 if self.kind == offered.kind else int(self.kind == "*")


@lru_cache(256)
def choose(accept: str | None, offered: tuple[str, ...]) -> str | None:
    """Give the type that is wanted most; None where the caller takes none of them.

    The narrowest range that fits a type says how much it is wanted. Of types that are wanted as much, one that the
    caller names goes before one that it only does not mind, and then the one that is offered first. What is no range
    accepts nothing; without a header everything is accepted.
    """
    if accept is None or not accept.strip(" \t,"):
        return offered[0]
    ranges = [found for part in accept[:_LONGEST].split(",") if (found := _range(part))]
    best, most = None, (0.0, 0)
    for name in offered:
        kind = _range(name)
        assert kind is not None, name
        fit, quality = max(((one.fit(kind), one.quality) for one in ranges), default=(0, 0.0))
        wanted = (quality if fit else 0.0, fit)
        if wanted[0] > 0 and wanted > most:
            best, most = name, wanted
    return best


@lru_cache(256)
def takes_gzip(accept_encoding: str | None) -> bool:
    """Tell whether the caller names gzip, and wants it at least as much as what is not packed."""
    wanted = dict(filter(None, map(_coding, (accept_encoding or "")[:_LONGEST].split(","))))
    gzip = wanted.get("gzip", 0.0)
    return gzip > 0 and gzip >= wanted.get("identity", 0.0)


def _coding(part: str) -> tuple[str, float] | None:
    """Read how much a coding is wanted; None where that cannot be read."""
    name, *rest = (each.strip(" \t") for each in part.split(";"))
    key, _, value = rest[0].partition("=") if rest else ("q", "", "1")
    if len(rest) > 1 or key.lower() != "q" or not _QUALITY.fullmatch(value):
        return None
    return name.lower(), float(value)


def _range(part: str) -> _Range | None:
    name, *rest = (each.strip(" \t") for each in part.split(";"))
    found = _RANGE.fullmatch(name)
    if found is None:
        return None
    quality, parameters = 1.0, set()
    for each in filter(None, rest):
        key, _, value = each.partition("=")
        if key.lower() == "q":
            if not _QUALITY.fullmatch(value):
                return None
            quality = float(value)
            break  # what follows is no part of the type
        if not _PARAMETER.fullmatch(each):
            return None
        parameters.add((key.lower(), value.strip('"').lower()))
    return _Range(found[1].lower(), found[2].lower(), frozenset(parameters), quality)
