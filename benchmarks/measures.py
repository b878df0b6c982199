"""What is measured: each measure runs the sandbox and its peer side by side and gives rows of ratios.

The two take turns, round by round, so that what slows the machine down slows both; a ratio is the median of the
rounds' ratios. Nothing here knows how to print.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Self

import servers
from load import Plan, Result, Step
from servers import CONTRACT, Cores, Launcher, Server, Unavailable, pinned

_CONNECTIONS = 16
_POST_CONNECTIONS = 32
_SLICE = 200
_WARM_PAIRS = 16
_MOST_S = 120.0
_LOAD = Path(__file__).with_name("load.py")


@dataclass(frozen=True)
class Pace:
    """How long to measure.

    warm_s: how long each is under load before the first round, as V8 compiles what runs often; settle_s: how long in
    each round before it counts; long_round_s: of rounds whose longest waits are looked at; runs, pairs: how often a run
    of how many pairs is made, in slices of 200.
    """

    warm_s: float
    rounds: int
    round_s: float
    settle_s: float
    long_round_s: float
    starts: int
    runs: int
    pairs: int


FULL = Pace(warm_s=5.0, rounds=6, round_s=1.5, settle_s=0.3, long_round_s=3.0, starts=5, runs=2, pairs=2000)
QUICK = Pace(warm_s=0.5, rounds=3, round_s=0.4, settle_s=0.2, long_round_s=0.8, starts=1, runs=1, pairs=1000)


@dataclass(frozen=True)
class Row:
    """A line of the table.

    better: ``more`` or ``less``, which of the two reaches the target. ratios: one for each round; of a row without a
    peer, its values. detail: whatever else was seen. note: what a reader has to know to judge it.
    """

    measure: str
    unit: str
    ours: float
    peer_name: str
    peer: float | None
    ratios: list[float]
    target: float
    better: str
    detail: dict[str, Any]
    note: str = ""

    @property
    def ratio(self) -> float:
        """The median."""
        return median(self.ratios)

    @property
    def reached(self) -> bool:
        """Whether the target is reached."""
        return self.ratio >= self.target if self.better == "more" else self.ratio <= self.target


class Lab:
    """Runs servers and loads in a folder of its own, at a pace. Servers run on for later measures, and end with it."""

    def __init__(self, folder: Path, pace: Pace, cores: Cores) -> None:
        self.folder = folder
        self.pace = pace
        self.cores = cores
        self._serial = 0
        self._running = ExitStack()
        self._pair: tuple[Server, Server] | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *_: object) -> None:
        """End every server."""
        self._running.close()

    def run(self, launcher: Launcher) -> Server:
        """Start a server on empty files, and wait for it."""
        folder = self._running.enter_context(TemporaryDirectory(dir=self.folder))
        return self._running.enter_context(launcher.running(Path(folder), self.cores))

    def sandbox_and_prism(self) -> tuple[Server, Server]:
        """Give the sandbox, on a new database, and Prism on the same contract."""
        if self._pair is None:
            self._pair = (self.run(servers.sandbox(branch_path())), self.run(servers.prism(branch_path())))
        return self._pair

    def load(self, server: Server, steps: list[Step], connections: int, *, most: int = 0, seconds: float = 0) -> Result:
        """Put a server under load for one round, or for so many requests or seconds.

        Raises:
            Unavailable: an answer was not what it has to be.
        """
        pace = self.pace
        limit_s = _MOST_S if most else seconds or pace.round_s
        plan = Plan(server.port, connections, steps, limit_s, 0.0 if most else pace.settle_s, most, self._serial)
        command = pinned(self.cores.generator, [sys.executable, str(_LOAD)])
        done = subprocess.run(command, input=json.dumps(asdict(plan)), capture_output=True, text=True, check=False)
        if done.returncode:
            raise Unavailable(f"{server.name} under load: {done.stderr[-600:]}")
        result = Result(**json.loads(done.stdout))
        self._serial = result.next_serial
        return result


def get(path: str, headers: Mapping[str, str] | None = None) -> Step:
    """Read a path."""
    return Step("GET", path, 200, dict(headers or {}))


def branch_path() -> str:
    """Read the branch of the contract's own example, which is one of the seed."""
    return f"/v1/branches/{_operation('/v1/branches/{branch_id}', 'get')['parameters'][0]['example']}"


def _operation(path: str, method: str) -> dict[str, Any]:
    operation: dict[str, Any] = json.loads(CONTRACT.read_bytes())["paths"][path][method]
    return operation


def _create(token: Mapping[str, str]) -> Step:
    """Create a payment of the direct form, the fullest that needs no other call first.

    Biller, account and amount are checked.
    """
    examples = _operation("/v1/payments", "post")["requestBody"]["content"]["application/json"]["examples"]
    body = {**examples["direct"]["value"], "partner_reference": "bench-{serial}"}
    headers = {**token, "Idempotency-Key": "bench-{serial}"}
    return Step("POST", "/v1/payments", 201, headers, json.dumps(body), capture=r'"payment_id": ?"([^"]+)"')


def _intent() -> Step:
    """Create a payment intent with as much in it: an amount, a currency, the caller's reference."""
    body = {"amount": 5000, "currency": "cny", "metadata": {"partner_reference": "bench-{serial}"}}
    capture = r'\n  "id": "(pi_[^"]+)"'
    return Step("POST", "/v1/payment_intents", 200, servers.LOCALSTRIPE_KEY, json.dumps(body), capture)


def alternate(lab: Lab, ours: Callable[[], Result], peer: Callable[[], Result]) -> list[tuple[Result, Result]]:
    """Let the two take turns, and change who begins."""
    rounds = []
    for number in range(lab.pace.rounds):
        if number % 2:
            second, first = peer(), ours()
        else:
            first, second = ours(), peer()
        rounds.append((first, second))
    return rounds


def _against_prism(lab: Lab, step: Step, connections: int) -> list[tuple[Result, Result]]:
    """Send the same requests to both, warm."""
    ours, peer = lab.sandbox_and_prism()
    return _in_turn(lab, ours, peer, step, connections)


def _in_turn(lab: Lab, ours: Server, peer: Server, step: Step, connections: int) -> list[tuple[Result, Result]]:
    for server in (ours, peer):
        lab.load(server, [step], connections, seconds=lab.pace.warm_s)
    return alternate(lab, lambda: lab.load(ours, [step], connections), lambda: lab.load(peer, [step], connections))


def rates(measure: str, peer_name: str, rounds: list[tuple[Result, Result]], target: float) -> Row:
    """Compare requests a second."""
    ours, peers = [mine for mine, _ in rounds], [its for _, its in rounds]
    return Row(
        measure,
        "requests/s",
        median(result.rate for result in ours),
        peer_name,
        median(result.rate for result in peers),
        [mine.rate / its.rate for mine, its in rounds],
        target,
        "more",
        {"ours": _detail(ours), "peer": _detail(peers)},
    )


def _detail(results: list[Result]) -> dict[str, Any]:
    return {
        "rates": [round(result.rate, 1) for result in results],
        "p50_ms": median(result.p50_ms for result in results),
        "p99_ms": median(result.p99_ms for result in results),
        "worst_ms": max(result.worst_ms for result in results),
        "generator_busy": round(max(result.busy for result in results), 2),
    }


def _reads(steps: Mapping[str, Callable[[Server], Step]], target: float) -> Callable[[Lab], list[Row]]:
    """Compare reads, by the measure's name, with Prism's, both without a token: open data."""

    def run(lab: Lab) -> list[Row]:
        ours, _ = lab.sandbox_and_prism()
        return [
            rates(measure, "Prism", _against_prism(lab, step(ours), _CONNECTIONS), target)
            for measure, step in steps.items()
        ]

    return run


def _lists(lab: Lab) -> list[Row]:
    """Compare lists with Prism's, and one of them also with those of a Prism that logs nothing."""
    rows = _reads({"20 branches of a city": _of_a_city}, 3.0)(lab) + _reads({"20 nearest branches": _nearest}, 2.5)(lab)
    ours, _ = lab.sandbox_and_prism()
    silent = lab.run(servers.prism(branch_path(), "-v", "silent"))
    rounds = _in_turn(lab, ours, silent, _of_a_city(ours), _CONNECTIONS)
    return [*rows, rates("20 branches of a city, against one that logs nothing", "Prism, silent", rounds, 1.5)]


def _of_a_city(server: Server) -> Step:
    """Ask for 20 branches of each city that has so many in turn."""
    cities = Counter(f"{branch['postal_address']['adcode'][:4]}00" for branch in _branches(server))
    choices = [city for city, branches in cities.items() if branches >= 20]
    return Step("GET", "/v1/branches?city={choice}&limit=20", 200, choices=choices)


def _nearest(server: Server) -> Step:
    """Ask for the 20 branches that are nearest to each of some 200 places of the country in turn."""
    places = [f"{at['latitude']},{at['longitude']}" for at in (branch["location"] for branch in _branches(server))]
    return Step("GET", "/v1/branches?near={choice}&limit=20", 200, choices=places[:: max(1, len(places) // 200)])


def _not_modified(lab: Lab) -> list[Row]:
    """Ask for the same list with the tag of a copy that is right and without one, of one server in turn."""
    server, _ = lab.sandbox_and_prism()
    whole = _of_a_city(server)
    # Tags change with the minute. The star stands for whichever is right; it is worked out for the answer anyway.
    known = replace(whole, expect=304, headers={**whole.headers, "If-None-Match": "*"})
    for step in (whole, known):
        lab.load(server, [step], _CONNECTIONS, seconds=lab.pace.settle_s)
    rounds = alternate(
        lab, lambda: lab.load(server, [known], _CONNECTIONS), lambda: lab.load(server, [whole], _CONNECTIONS)
    )
    return [rates("304 of 20 branches of a city", "the list itself", rounds, 2.0)]


def _branches(server: Server) -> Iterator[dict[str, Any]]:
    path: str | None = "/v1/branches?limit=100"
    while path:
        answer = server.get(path)
        yield from answer["data"]
        path = answer["links"]["next"]


def _post_payment(lab: Lab) -> list[Row]:
    ours, _ = lab.sandbox_and_prism()
    rounds = _against_prism(lab, _create(servers.token(ours)), _POST_CONNECTIONS)  # Prism takes any token
    return [rates("POST payment, durable, 32 connections", "Prism (canned)", rounds, 1.0)]


_NAIVE = "the naive way"
_SAME_WORK = (
    "the same application does the same work per payment under the same HTTP server; the naive way calls it in 32 "
    "threads, opens a connection to SQLite for each request, and commits and syncs (WAL, FULL) each act by itself."
)


def _against_the_naive_way(lab: Lab) -> list[Row]:
    """Create payments over 32 connections, each answered when it is on disk, and look at the longest wait, too."""
    path = branch_path()
    ours, peer = lab.run(servers.sandbox(path)), lab.run(servers.naive(path))
    mine, its = _create(servers.token(ours)), _create(servers.token(peer))
    for server, step in ((ours, mine), (peer, its)):
        lab.load(server, [step], _POST_CONNECTIONS, seconds=lab.pace.warm_s)
    seconds = 2 * lab.pace.long_round_s  # a long wait takes its time
    rounds = alternate(
        lab,
        lambda: lab.load(ours, [mine], _POST_CONNECTIONS, seconds=seconds),
        lambda: lab.load(peer, [its], _POST_CONNECTIONS, seconds=seconds),
    )
    return [_naive_rates(rounds), _naive_waits(rounds)]


def _naive_rates(rounds: list[tuple[Result, Result]]) -> Row:
    row = rates("POST payment, durable, 32 connections, against the naive way", _NAIVE, rounds, 1.0)
    return replace(row, note=_SAME_WORK)


def _naive_waits(rounds: list[tuple[Result, Result]]) -> Row:
    ours, peers = [mine for mine, _ in rounds], [its for _, its in rounds]
    return Row(
        "the longest wait for one of these payments",
        "ms",
        median(result.worst_ms for result in ours),
        _NAIVE,
        median(result.worst_ms for result in peers),
        [mine.worst_ms / its.worst_ms for mine, its in rounds],
        0.05,
        "less",
        {"ours": _detail(ours), "peer": _detail(peers)},
    )


_LATE = 20
_LATE_MS = 2000


def _under_late_answers(lab: Lab) -> list[Row]:
    """Compare a plain GET while twenty answers are held back with the same GET alone, in turn on one server."""
    server = lab.run(servers.sandbox(branch_path()))
    token = servers.token(server)
    servers.order_fault(server, token, {"match": {"operation_id": "listPayments"}, "effect": {"delay_ms": _LATE_MS}})
    plain, late = get(branch_path()), get("/v1/payments", token)
    lab.load(server, [plain], _CONNECTIONS, seconds=lab.pace.warm_s)
    seconds = lab.pace.long_round_s

    def alone() -> Result:
        return lab.load(server, [plain], _CONNECTIONS, seconds=seconds)

    def under() -> Result:
        held_s = lab.pace.settle_s + seconds + 2 * _LATE_MS / 1000  # until long after the others have ended
        with ThreadPoolExecutor(1) as beside:
            held = beside.submit(lab.load, server, [late], _LATE, seconds=held_s)
            time.sleep(_LATE_MS / 4000)  # all twenty wait by then
            result = alone()
            held.result()
        return result

    rounds = alternate(lab, under, alone)
    ours, peers = [mine for mine, _ in rounds], [its for _, its in rounds]
    return [
        Row(
            f"p99 of a GET while {_LATE} answers wait for {_LATE_MS // 1000} s",
            "ms",
            median(result.p99_ms for result in ours),
            "the same alone",
            median(result.p99_ms for result in peers),
            [mine.p99_ms / its.p99_ms for mine, its in rounds],
            3.0,
            "less",
            {"ours": _detail(ours), "peer": _detail(peers)},
        )
    ]


_DURABILITY = (
    "both begin empty, but for 16 pairs to warm up, and are not emptied on the way, as in a run of a partner's tests; "
    "the first 200 pairs are its beginning. Ours: an answer leaves when payment, event, due act and idempotency key are"
    " synced to disk, with one sync for what came together; a crash loses nothing that was answered. localstripe keeps "
    "everything in memory and with every change writes all of it anew into one file, in place and without a sync: a "
    "crash can lose the last changes or the whole file, and a change costs the more, the more is kept."
)


def _against_localstripe(lab: Lab) -> list[Row]:
    """Create and get in turn, as a run of tests does: both begin empty, and neither is emptied on the way."""
    runs = [_run_of_pairs(lab) for _ in range(lab.pace.runs)]
    beginnings = [(ours[:1], its[:1]) for ours, its in runs]
    return [
        _pairs(f"create and get, {lab.pace.pairs:,} pairs from empty", runs, _DURABILITY),
        _pairs(f"create and get, the first {_SLICE} of them", beginnings, ""),
    ]


_Run = tuple[list[Result], list[Result]]


def _run_of_pairs(lab: Lab) -> _Run:
    """Make one run on new servers; give its slices, ours and the peer's, which take turns."""
    with TemporaryDirectory(dir=lab.folder) as name, ExitStack() as running:
        ours = running.enter_context(servers.sandbox(branch_path()).running(Path(name), lab.cores))
        peer = running.enter_context(servers.localstripe().running(Path(name), lab.cores))
        token, key = servers.token(ours), servers.LOCALSTRIPE_KEY
        mine = [_create(token), get("/v1/payments/{id}", token)]
        its = [_intent(), get("/v1/payment_intents/{id}", key)]

        def turn(pairs: int) -> tuple[Result, Result]:
            first = lab.load(ours, mine, _CONNECTIONS, most=2 * pairs)
            return first, lab.load(peer, its, _CONNECTIONS, most=2 * pairs)

        turn(_WARM_PAIRS)  # code is loaded when it is first needed
        turns = [turn(_SLICE) for _ in range(lab.pace.pairs // _SLICE)]
    return [first for first, _ in turns], [second for _, second in turns]


def _pairs(measure: str, runs: list[_Run], note: str) -> Row:
    ours, peers = [_rate(mine) for mine, _ in runs], [_rate(its) for _, its in runs]
    ratios = [mine / its for mine, its in zip(ours, peers, strict=True)]
    detail = {"ours": [_detail(mine) for mine, _ in runs], "peer": [_detail(its) for _, its in runs]}
    return Row(measure, "requests/s", median(ours), "localstripe", median(peers), ratios, 3.0, "more", detail, note)


def _rate(slices: list[Result]) -> float:
    """Give the requests a second of slices together."""
    return sum(each.requests for each in slices) / sum(each.seconds for each in slices)


def _start_time(lab: Lab, launcher: Launcher, folder: Path) -> float:
    """Give the seconds from the command to the first 200."""
    began = time.perf_counter()
    with launcher.running(folder, lab.cores):
        return time.perf_counter() - began


def _cold_start(lab: Lab) -> list[Row]:
    new, known, peers = [], [], []
    path = branch_path()
    for _ in range(lab.pace.starts):
        with TemporaryDirectory(dir=lab.folder) as name:
            folder = Path(name)
            new.append(_start_time(lab, servers.sandbox(path), folder))
            peers.append(_start_time(lab, servers.prism(path), folder))
            known.append(_start_time(lab, servers.sandbox(path), folder))
    return [
        _less("cold start to first 200, existing database", "s", known, peers, 0.35),
        _less("cold start to first 200, new database", "s", new, peers, 0.35),
        _absolute("start on an existing database", known, 0.7),
        _absolute("first start, seed loaded", new, 2.0),
    ]


def _memory(lab: Lab) -> list[Row]:
    """Read the resident memory after the start, on a new database, and after every kind of request.

    When other measures ran before, their load counts too.
    """
    pair = lab.sandbox_and_prism()
    reads = [get(branch_path()), get(_FX), _nearest(pair[0])]
    create = _create(servers.token(pair[0]))
    for server in pair:
        for step in reads:
            lab.load(server, [step], _CONNECTIONS)
        lab.load(server, [create], _POST_CONNECTIONS)
    started, loaded = [server.started_mib for server in pair], [server.resident_mib() for server in pair]
    return [
        _less("memory after the start, new database", "MiB", started[:1], started[1:], 0.4),
        _less("memory after the load", "MiB", loaded[:1], loaded[1:], 0.4),
    ]


def _less(measure: str, unit: str, ours: list[float], peers: list[float], target: float) -> Row:
    ratios = [mine / its for mine, its in zip(ours, peers, strict=True)]
    detail = {"ours": ours, "peer": peers}
    return Row(measure, unit, median(ours), "Prism", median(peers), ratios, target, "less", detail)


def _absolute(measure: str, values: list[float], target: float) -> Row:
    return Row(measure, "s", median(values), "", None, values, target, "less", {"ours": values})


_FX = "/v1/rates/fx"


def _abuse(_: Lab) -> list[Row]:
    """Try every abuse case, by the tests that bear its name."""
    command = [sys.executable, str(servers.PROJECT / "tools" / "abuse_cases.py"), "--run"]
    run = subprocess.run(command, cwd=servers.PROJECT, capture_output=True, text=True, check=False)
    seen = json.loads(run.stdout[run.stdout.rindex("\n{") :])
    cases, stopped = seen["cases"], seen["stopped"]
    note = f"of {cases} ways of abuse, listed in docs/abuse-cases.md."
    return [Row("abuse cases stopped", "", stopped, "", None, [stopped / cases], 1.0, "more", seen, note)]


SANDBOX_MEASURES: dict[str, Callable[[Lab], list[Row]]] = {
    "branch": _reads({"one branch": lambda _: get(branch_path())}, 3.5),
    "fx": _reads({"FX board": lambda _: get(_FX)}, 3.5),
    "branches": _lists,
    "not-modified": _not_modified,
    "post-payment": _post_payment,
    "naive": _against_the_naive_way,
    "late-answers": _under_late_answers,
    "create-get": _against_localstripe,
    "cold-start": _cold_start,
    "memory": _memory,
    "abuse": _abuse,
}
