"""What importing a file costs: the command itself on a million branches, and against loading a file whole.

The file is made here, the same each time. The peer is the seed's own importer, which reads all of its records, checks
them as the command does, and writes them in one act.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from measures import QUICK, Lab, Row
from servers import PROJECT, Unavailable

_MANY, _MANY_QUICK, _FEW = 1_000_000, 50_000, 20_000
_MOST_MIB = 400.0
_LEAST_RATE = 1000.0
_STREETS = "东西南北中长安平和兴华新民建设人光明解放文化胜利友谊幸福"
_WEEK = [
    {"day": day, "opening_hours": [{"opens": "09:00", "closes": "17:00"}]}
    for day in ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY")
]
_WHOLE = """
import sys
from pathlib import Path
from openteller_sandbox import app, contract, seeding
from openteller_sandbox.branches import importing
from openteller_sandbox.db import open_database

app.declare_tables()
database = open_database(sys.argv[1])
database.prepare()
seeding.load(database, contract.load(), Path(sys.argv[2]), [importing.load])
"""
_BANK = """
import sys
from openteller_sandbox import app
from openteller_sandbox.settings import Settings

app.create_bank(Settings(database=sys.argv[1])).db.close()
"""


@dataclass(frozen=True)
class _Cost:
    """What a process has taken."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def _import(lab: Lab) -> list[Row]:
    many = _MANY_QUICK if lab.pace is QUICK else _MANY
    with TemporaryDirectory(dir=lab.folder) as name:
        folder = Path(name)
        large = _import_of(folder, many)
        pairs = [(_import_of(folder, _FEW), _whole(folder)) for _ in range(1 if lab.pace is QUICK else 3)]
    rate, title = many / large.wall_s, f"import of {many:,} branches"
    seen = {"wall_s": large.wall_s, "cpu_s": large.cpu_s}
    note = "The peer reads the whole file, checks it as the command does, and writes it in one act."
    return [
        Row(f"{title}: peak memory", "MiB", large.peak_mib, "", None, [large.peak_mib], _MOST_MIB, "less", seen),
        Row(title, "rows/s", rate, "", None, [rate], _LEAST_RATE, "more", seen),
        _against_whole("peak memory", "MiB", [(ours.peak_mib, its.peak_mib) for ours, its in pairs], 0.9, note),
        _against_whole("CPU", "s", [(ours.cpu_s, its.cpu_s) for ours, its in pairs], 3.0, ""),
    ]


def _against_whole(what: str, unit: str, pairs: list[tuple[float, float]], target: float, note: str) -> Row:
    ours, peers = zip(*pairs, strict=True)
    ratios = [mine / its for mine, its in pairs]
    measure = f"import of {_FEW:,} branches: {what}"
    detail = {"ours": ours, "peer": peers}
    return Row(measure, unit, median(ours), "the file as a whole", median(peers), ratios, target, "less", detail, note)


def _import_of(folder: Path, count: int) -> _Cost:
    """Run the command on a file of so many branches, which take the place of those of a new bank."""
    file, database = folder / "branches.jsonl", folder / "bank.db"
    with file.open("w", encoding="utf-8") as lines:
        lines.writelines(_lines(count))
    for name in ("search_terms", "atms", "workdays"):
        (folder / f"{name}.jsonl").touch()
    _cost([sys.executable, "-c", _BANK, str(database)])
    command = ["-m", "openteller", "sandbox", "import", "branches", str(file), "--database", str(database)]
    cost = _cost([sys.executable, *command, "--replace", "--yes"])
    for left in folder.glob("bank.db*"):
        left.unlink()
    return cost


def _whole(folder: Path) -> _Cost:
    """Load the file that the command has just imported as a seed."""
    database = folder / "whole.db"
    cost = _cost([sys.executable, "-c", _WHOLE, str(database), str(folder)])
    for left in folder.glob("whole.db*"):
        left.unlink()
    return cost


def _cost(command: list[str]) -> _Cost:
    """Run a process, and give what it took.

    Raises:
        Unavailable: it did not end well.
    """
    paths = os.pathsep.join(str(PROJECT / part) for part in ("sdk", "sandbox"))
    began = time.monotonic()
    process = subprocess.Popen(command, env={**os.environ, "PYTHONPATH": paths}, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise Unavailable(f"{' '.join(command[:6])} ended with {process.returncode}")
    return _Cost(time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def _lines(count: int) -> Iterator[str]:
    """Give branches, in no order of their codes."""
    chance = random.Random(7)
    for number in range(count):
        yield json.dumps(_branch(chance, number, count), ensure_ascii=False, separators=(",", ":")) + "\n"


def _branch(chance: random.Random, number: int, count: int) -> dict[str, Any]:
    street, place = "".join(chance.choices(_STREETS, k=2)), number * 7919 % count
    address = {"address_lines": [f"上海市黄浦区{street}路{chance.randrange(1, 2000)}号"], "town_name": "上海市"}
    address |= {"street_name": f"{street}路", "building_number": "1号", "country_subdivision": "上海市"}
    return {
        "branch_id": f"brn_bench{place:09d}",
        "branch_code": f"{700_000_000 + place:09d}",
        "name": {"zh-CN": f"示范银行{street}{number % 97}支行", "en": f"Demo Bank {street} Branch"},
        "branch_type": "PHYSICAL",
        "status": "OPEN",
        "postal_address": {**address, "country": "CN", "post_code": "200001", "adcode": "310101"},
        "location": {
            "latitude": round(chance.uniform(20, 45), 6),
            "longitude": round(chance.uniform(85, 120), 6),
            "crs": "wgs84",
        },
        "timezone": "Asia/Shanghai",
        "customer_segments": ["PERSONAL"],
        "services": [{"code": "CASH"}, {"code": "CARD"}],
        "accessibility": [],
        "other_services": [],
        "contacts": [],
        "availability": {"standard": _WEEK, "special": []},
        "last_updated": "2026-09-01T10:00:00+08:00",
    }


IMPORT_MEASURES = {"import": _import}
