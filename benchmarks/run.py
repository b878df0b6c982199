"""Measure the sandbox against its peers: ``python benchmarks/run.py [names…] [--quick] [--json FILE] [--markdown]``.

Every measure is a ratio to a peer in the same run: Prism 5 on the same contract, with its default logging (and, for a
list, without any), localstripe, a stateful local server, clients of other APIs, and dramatiq on Redis, where
redis-server is installed. Peers are installed when they are missing (``npm ci``; an environment of their own for
Python). One server at a time is under load, on one core; the generator (``load.py``) is on another one where there are
two. The whole takes ten minutes, half of them for the import of a million branches, ``--quick`` some three; ratios of a
quick run are rough.

Exit codes: 0 measured, whatever was reached; 2 something cannot be measured here.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

HERE = Path(__file__).parent
PROJECT = HERE.parent
sys.path[:0] = [str(HERE), str(PROJECT), *(str(PROJECT / part) for part in ("sandbox", "sdk", "examples"))]

import report  # noqa: E402 - found by the line above, from wherever this is run
from client_measures import CLIENT_MEASURES  # noqa: E402
from import_measures import IMPORT_MEASURES  # noqa: E402
from measures import FULL, QUICK, SANDBOX_MEASURES, Lab, Row  # noqa: E402
from oauth_measures import OAUTH_MEASURES  # noqa: E402
from place_measures import PLACE_MEASURES  # noqa: E402
from servers import RESULTS, Cores, Unavailable  # noqa: E402
from webhook_measures import WEBHOOK_MEASURES  # noqa: E402

MEASURES = SANDBOX_MEASURES | OAUTH_MEASURES | CLIENT_MEASURES | WEBHOOK_MEASURES | IMPORT_MEASURES | PLACE_MEASURES


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print the table, and write what was asked for."""
    options = _parse(arguments)
    cores = Cores.choose()
    began = time.monotonic()
    try:
        rows = _measure(options.names or list(MEASURES), quick=options.quick, cores=cores)
    except Unavailable as error:
        print(f"cannot measure: {error}", file=sys.stderr)
        return 2
    seconds = time.monotonic() - began
    print(report.table(rows))
    if options.json:
        options.json.write_text(report.as_json(rows, cores, seconds), encoding="utf-8")
    if options.markdown:
        report.quote(HERE.parent / "README.md", rows, cores)
    print(f"{sum(row.reached for row in rows)} of {len(rows)} reached, in {seconds:.0f} s", file=sys.stderr)
    return 0


def _measure(names: Sequence[str], *, quick: bool, cores: Cores) -> list[Row]:
    RESULTS.mkdir(exist_ok=True)
    rows: list[Row] = []
    with TemporaryDirectory(dir=RESULTS) as folder, Lab(Path(folder), QUICK if quick else FULL, cores) as lab:
        for name in names:
            print(f"measuring {name}…", file=sys.stderr)
            rows += MEASURES[name](lab)
    return rows


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Measure the sandbox against its peers.")
    parser.add_argument("names", nargs="*", metavar="name", help=f"which measures: {', '.join(MEASURES)} (all)")
    parser.add_argument("--quick", action="store_true", help="short rounds, for a rough look")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything that was seen")
    parser.add_argument("--markdown", action="store_true", help="quote the table in README.md, between its markers")
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - set(MEASURES):
        parser.error(f"no such measure: {', '.join(sorted(unknown))}; there are {', '.join(MEASURES)}")
    return options


if __name__ == "__main__":
    sys.exit(main())
