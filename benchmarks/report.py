"""How rows are shown: as a table, as JSON, and as the part of the README that quotes them."""

from __future__ import annotations

import json
import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unicodedata import east_asian_width

from measures import Row
from servers import PROJECT, Cores

_HEAD = ("measure", "ours", "peer", "ratio", "target", "reached")
_BEGIN, _END = "<!-- bench:start -->", "<!-- bench:end -->"


def table(rows: Sequence[Row]) -> str:
    """Give the rows in columns."""
    lines = [_HEAD, *map(_cells, rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(_HEAD))]
    return "\n".join([*(_line(line, widths) for line in lines), *(f"\n{note}" for note in _notes(rows))])


def as_json(rows: Sequence[Row], cores: Cores, seconds: float) -> str:
    """Give everything that was seen, and where."""
    shown = [{**asdict(row), "ratio": round(row.ratio, 3), "reached": row.reached} for row in rows]
    seen = {"machine": _machine(cores), "seconds": round(seconds, 1), "rows": shown}
    return json.dumps(seen, indent=2, ensure_ascii=False)


def quote(readme: Path, rows: Sequence[Row], cores: Cores) -> None:
    """Write the table between the markers of a README. What was not measured this time stays as it was.

    Raises:
        ValueError: the markers are not there, once each and in order.
    """
    text = readme.read_text(encoding="utf-8")
    before, begin, rest = text.partition(_BEGIN)
    quoted, end, after = rest.partition(_END)
    if not (begin and end):
        raise ValueError(f"{readme.name} lacks {_BEGIN} and {_END}")
    readme.write_text(f"{before}{_BEGIN}\n{_markdown(quoted, rows, cores)}\n{_END}{after}", encoding="utf-8")


def _markdown(quoted: str, rows: Sequence[Row], cores: Cores) -> str:
    paragraphs = [paragraph for paragraph in quoted.strip().split("\n\n") if paragraph]
    seen = {_compared(line): line for line in (paragraphs[0].splitlines()[2:] if paragraphs else ())}
    seen |= {_compared(line): line for line in (f"| {' | '.join(_cells(row))} |" for row in rows)}
    notes = [note for note in paragraphs[2:] if not note.startswith(tuple(f"{row.measure}: " for row in rows))]
    head = [_HEAD, tuple(":--" if name == "measure" else "--:" for name in _HEAD)]
    table = "\n".join([*(f"| {' | '.join(cells)} |" for cells in head), *seen.values()])
    return "\n\n".join([table, _where(cores), *notes, *_notes(rows)])


def _compared(line: str) -> tuple[str, str]:
    """Give what a line of the table is about: the measure, and with whom it is compared."""
    measure, _, peer = line.strip("| ").split(" | ")[:3]
    return measure, re.sub(r"\s?[0-9][0-9,.]* .*$", "", peer.strip())


def _where(cores: Cores) -> str:
    machine = _machine(cores)
    pinned = "server and generator pinned to a core each" if cores.server is not None else "nothing pinned"
    return (
        f"{machine['cpus']} cores of {machine['cpu']}, {pinned}; {machine['system']}, Python {machine['python']}, "
        f"Node {machine['node']}, Prism {machine['prism']}, localstripe {machine['localstripe']}, "
        f"httpx {machine['httpx']}, stripe {machine['stripe']}, openai {machine['openai']}, "
        f"dramatiq {machine['dramatiq']}. "
        "Ratios are medians of the rounds, with the lowest and the highest in brackets."
    )


def _notes(rows: Sequence[Row]) -> list[str]:
    return list(dict.fromkeys(f"{row.measure}: {row.note}" for row in rows if row.note))


def _cells(row: Row) -> tuple[str, ...]:
    bound = "≥" if row.better == "more" else "≤"
    spread = f"[{_ratio(min(row.ratios))}–{_ratio(max(row.ratios))}]"
    peer = "" if row.peer is None else f"{row.peer_name} {_number(row.peer)} {row.unit}"
    ratio = f"{_ratio(row.ratio)} {spread}" if len(row.ratios) > 1 else _ratio(row.ratio)
    unit = "" if row.peer is not None else f" {row.unit}"
    ours = f"{_number(row.ours)} {row.unit}"
    return row.measure, ours, peer, ratio + unit, f"{bound} {_target(row.target)}{unit}", "yes" if row.reached else "no"


def _ratio(value: float) -> str:
    if value >= 100:
        return _number(value)
    return f"{value:.2f}" if value >= 0.1 else f"{value:.2g}"


def _target(value: float) -> str:
    return _number(value) if value >= 100 else f"{value:.2g}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}" if value < 10 else f"{value:.1f}"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _width(text: str) -> int:
    return sum(2 if east_asian_width(character) in "WF" else 1 for character in text)


def _machine(cores: Cores) -> dict[str, Any]:
    return {
        "system": f"{platform.system()} {platform.release()}",
        "cpu": _cpu(),
        "cpus": os.cpu_count(),
        "pinned": asdict(cores),
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "granian": version("granian"),
        "node": _node(),
        "prism": _locked("node_modules/@stoplight/prism-cli"),
        **_peers(),
    }


def _peers() -> dict[str, str]:
    """Give the versions of the Python peers."""
    lines = (PROJECT / "benchmarks" / "requirements.txt").read_text().split()
    return {name: pin for name, _, pin in (line.partition("==") for line in lines)}


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _node() -> str:
    try:
        shown = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "none"
    return shown.stdout.strip().removeprefix("v")


def _locked(name: str) -> str:
    packages = json.loads((PROJECT / "package-lock.json").read_bytes())["packages"]
    return str(packages[name]["version"])
