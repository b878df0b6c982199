"""Kill a bank at random moments under load, and count what was lost or doubled.

    python benchmarks/kills.py --engine sqlite|postgresql [--billers apart|inside] [--kills 200] [--seed 1]

A server, a dispatcher and the billers are processes of their own; the billers' books are apart, too, unless they are
inside: of the server's process and in the bank's database. On PostgreSQL the server has two workers. Partners create,
cancel and dispute payments and have them paid on the bank's page (``kill_load``), and a receiver takes the webhooks. At
random moments SIGKILL takes one or several of the processes. While it is down, and with the bank held still, everything
that was kept is looked at; then it is started again. In the end time passes until nothing is due any more, and all that
anybody was told must be there, once: each payment by its reference, each success at the biller, each event at the
receiver.

Exit codes: 0 nothing lost, doubled or out of order; 1 something; 2 it cannot be run here.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent
sys.path[:0] = [str(HERE), str(PROJECT), *(str(PROJECT / part) for part in ("sandbox", "sdk"))]

from kill_load import PATIENCE_S, Partner  # noqa: E402 - found by the line above, from wherever this is run
from sqlalchemy import bindparam, func, select  # noqa: E402
from tests.simulation.audit import Audit  # noqa: E402

from openteller import OpenTeller  # noqa: E402
from openteller_sandbox.biller_port.store import biller_postings  # noqa: E402
from openteller_sandbox.db import Database, Row, Statement, open_database  # noqa: E402
from openteller_sandbox.events.store import events  # noqa: E402
from openteller_sandbox.ledger.store import ledger_lines  # noqa: E402
from openteller_sandbox.payments.states import FINAL, Status  # noqa: E402
from openteller_sandbox.payments.store import payments  # noqa: E402
from openteller_sandbox.webhooks.store import deliveries  # noqa: E402

CLOCK = "2026-09-29T10:30:00+08:00"
WORKERS = 2
LEASE_S = 4.0
_VICTIMS = (("server",), ("billers",), ("dispatcher",), ("server", "billers"), ("worker",))
_WEIGHTS = (45, 25, 15, 5, 10)
_NOT_PAID = frozenset({Status.CREATED, Status.AUTHORISING, Status.CANCELLED, Status.EXPIRED, Status.FAILED, None})
_NOT_SENT = _NOT_PAID | {Status.AUTHORISED}
_MOST_TOLD = 20
_BREATH_S = 20.0

_POSTINGS = Statement(select(biller_postings))
_PAYMENTS = Statement(select(payments.c.payment_id, payments.c.status, payments.c.amount_minor, payments.c.wire))
_AT_BILLERS = Statement(
    select(func.coalesce(func.sum(ledger_lines.c.amount), 0).label("sum")).where(
        ledger_lines.c.account.like("biller:%")
    )
)
_EVENTS = Statement(
    select(events.c.event_id).join(deliveries, deliveries.c.event_id == events.c.event_id).order_by(events.c.seq)
)
_IN_FLIGHT = Statement(
    select(func.count().label("count")).where(deliveries.c.lease != "", deliveries.c.lease_until > bindparam("now"))
)
_OPEN = Statement(select(func.count().label("count")).where(deliveries.c.due_at.is_not(None)))


@dataclass
class Report:
    """What was seen. lost, doubled, wrong: what must stay empty."""

    engine: str
    billers: str
    seed: int
    kills: dict[str, int] = field(default_factory=dict)
    audits: int = 0
    seconds_under_load: float = 0.0
    longest_restart_s: float = 0.0
    payments: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
    acknowledged_created: int = 0
    acknowledged_paid: int = 0
    acknowledged_cancelled: int = 0
    acknowledged_disputes: int = 0
    did: dict[str, int] = field(default_factory=dict)
    postings: int = 0
    events: int = 0
    deliveries: int = 0
    repeated_deliveries: int = 0
    in_flight_at_kills: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not (self.lost or self.doubled or self.wrong)


class Receiver(ThreadingHTTPServer):
    """Takes webhooks, and remembers which events came how often."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.came: Counter[str] = Counter()

    def handle_error(self, *_: object) -> None:
        """Say nothing of a dispatcher that was killed in the middle of a request."""


class _Hook(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Receiver

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.came[event["event_id"]] += 1
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@dataclass
class Process:
    """A command of ``openteller sandbox`` that is killed and started again. once: options of its first start."""

    arguments: Sequence[str]
    folder: Path
    port: int | None = None
    once: Sequence[str] = ()
    running: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait for nothing."""
        paths = os.pathsep.join([str(PROJECT / "sdk"), str(PROJECT / "sandbox")])
        command = [sys.executable, "-m", "openteller", "sandbox", *self.arguments, *self.once]
        with self.output.open("ab") as output:
            self.running = subprocess.Popen(
                command,
                cwd=self.folder,
                env=dict(os.environ) | {"PYTHONPATH": paths},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.once = ()

    @property
    def output(self) -> Path:
        """Where it says what it says."""
        return self.folder / f"{self.arguments[0]}.log"

    def kill(self) -> None:
        """Kill it and all that it has started, without a word."""
        assert self.running is not None
        if self.running.poll() is None:  # of one that has ended, somebody else may have the number by now
            os.killpg(self.running.pid, signal.SIGKILL)
            self.running.wait()

    def kill_a_child(self, random: Random) -> None:
        """Kill one of those that it has started; it is begun again by itself."""
        assert self.running is not None
        children = Path(f"/proc/{self.running.pid}/task/{self.running.pid}/children").read_text().split()
        with suppress(ProcessLookupError, IndexError):
            os.kill(int(random.choice(children)), signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it listens.

        Raises:
            RuntimeError: it ended, or does not listen; the message has the end of what it said.
        """
        assert self.running is not None
        if self.port is None:
            return
        until = time.monotonic() + PATIENCE_S
        while time.monotonic() < until and self.running.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise RuntimeError(f"{self.arguments[0]} does not listen: {self.output.read_text(errors='replace')[-600:]}")


class Rig:
    """A bank in processes, and what is known of it."""

    def __init__(self, folder: Path, report: Report, bank: str, books: str | None) -> None:
        self.report = report
        self.audit = Audit(outbox=True)
        port, billers_port = _free_port(), _free_port()
        self.url = f"http://127.0.0.1:{port}"
        limits = (
            "--rate-limit-app",
            "1000000",
            "--rate-limit-anonymous",
            "1000000",
            "--no-limits",
            "--lease",
            str(LEASE_S),
        )
        elsewhere = ("--biller-url", f"http://127.0.0.1:{billers_port}") if books else ()
        workers = ("--workers", str(WORKERS)) if report.engine == "postgresql" else ()
        serve = ("serve", "--port", str(port), "--database", bank, *elsewhere, *limits, *workers)
        self.processes = {
            "server": Process(serve, folder, port, once=("--clock", CLOCK)),
            "dispatcher": Process(("dispatch", "--database", bank, "--lease", str(LEASE_S)), folder),
        }
        if books:
            beside = ("billers", "--port", str(billers_port), "--database", books)
            self.processes["billers"] = Process(beside, folder, billers_port)
        self._bank: Database = open_database(bank)
        self._books: Database = open_database(books or bank)

    def start(self) -> None:
        """Start everything; a dispatcher wants a database that is there."""
        self._start(*(name for name in self.processes if name != "dispatcher"))
        self._start("dispatcher")

    def _start(self, *names: str) -> None:
        for name in names:
            self.processes[name].start()
        for name in names:
            self.processes[name].wait()

    def close(self) -> None:
        """End everything."""
        for process in self.processes.values():
            if process.running:
                process.kill()
        self._bank.close()
        self._books.close()

    def kill(self, random: Random, working: Sequence[Partner]) -> None:
        """Kill somebody, look at what was kept, and start it again."""
        names = random.choices(_VICTIMS, _WEIGHTS)[0]
        there = {*self.processes} | ({"worker"} if self.report.engine == "postgresql" else set())
        if not there.issuperset(names):
            names = ("server",)
        if names == ("worker",):
            self.processes["server"].kill_a_child(random)
        else:
            for name in names:
                self.processes[name].kill()
        if names != ("billers",):
            self.report.in_flight_at_kills += self._count(_IN_FLIGHT, now=time.time_ns() // 1_000_000)
        self.look(working)
        if names != ("worker",):
            restarting = time.monotonic()
            self._start(*names)
            self.report.longest_restart_s = max(self.report.longest_restart_s, round(time.monotonic() - restarting, 2))
        who = " and ".join(names)
        self.report.kills[who] = self.report.kills.get(who, 0) + 1

    def look(self, working: Sequence[Partner]) -> None:
        """Look at everything that was kept. What partners were told by now must be in it."""
        told = [(dict(each.memory.created), set(each.memory.paid), set(each.memory.cancelled)) for each in working]
        postings = [row["posting_id"] for row in self._books.read().all(_POSTINGS)]
        with self._bank.act() as tx:
            found = self.audit.look(tx)
        self._note(self.report.wrong, found)
        known = set(self.audit.references.items())
        statuses = self.audit.statuses
        by_reference = {(reference, payment_id) for (_, reference), payment_id in known}
        for created, paid, cancelled in told:
            lost = [
                reference for reference, payment_id in created.items() if (reference, payment_id) not in by_reference
            ]
            self._note(self.report.lost, [f"payment {reference}" for reference in lost])
            self._note(
                self.report.lost, [f"confirmation of {each}" for each in paid if statuses.get(each) in _NOT_PAID]
            )
            gone = [each for each in cancelled if statuses.get(each) is not Status.CANCELLED]
            self._note(self.report.lost, [f"cancellation of {each}" for each in gone])
        early = [each for each in postings if statuses.get(each) in _NOT_SENT]
        self._note(self.report.wrong, [f"the biller has {each} before it was sent" for each in early])
        self.report.audits = self.audit.looks

    def settle(self, working: Sequence[Partner]) -> None:
        """Let time pass until nothing is due, and every webhook has come."""
        for partner in working:
            for _ in range(4):
                partner.again(lambda client=partner.client: client.sandbox.advance_clock(seconds=86_400))
        until = time.monotonic() + PATIENCE_S
        while self._count(_OPEN) and time.monotonic() < until:
            for partner in working:  # attempts that failed while nobody was there are due again
                partner.again(lambda client=partner.client: client.sandbox.advance_clock(seconds=7200))
            time.sleep(0.2)

    def judge(self, working: Sequence[Partner], receiver: Receiver) -> None:
        """Compare what is there in the end with what everybody was told."""
        report = self.report
        for partner in working:
            if partner.failed or partner.is_alive():
                report.wrong.append(f"a partner came to no end: {partner.failed}")
            report.did = dict(Counter(report.did) + partner.memory.did)
            report.acknowledged_created += len(partner.memory.created)
            report.acknowledged_paid += len(partner.memory.paid)
            report.acknowledged_cancelled += len(partner.memory.cancelled)
            report.acknowledged_disputes += len(partner.memory.disputed)
            self._judge_disputes(partner)
        self.look(working)
        self._judge_billers()
        came = [row["event_id"] for row in self._bank.read().all(_EVENTS)]
        report.events, report.deliveries = len(came), sum(receiver.came.values())
        report.repeated_deliveries = report.deliveries - len(receiver.came)
        self._note(report.lost, [f"event {each}" for each in came if each not in receiver.came])
        self._note(report.wrong, [f"event {each} is of nobody" for each in set(receiver.came) - set(came)])
        if report.repeated_deliveries > report.in_flight_at_kills:
            report.doubled.append(f"{report.repeated_deliveries} deliveries, and {report.in_flight_at_kills} in flight")

    def _judge_disputes(self, partner: Partner) -> None:
        found = {each.dispute_id: each.status for each in partner.again(lambda: list(partner.client.disputes.list()))}
        for dispute_id in partner.memory.disputed:
            if found.get(dispute_id) not in {"RESOLVED", "REJECTED"}:
                self.report.lost.append(f"dispute {dispute_id}: {found.get(dispute_id)}")

    def _judge_billers(self) -> None:
        """Hold every payment against the billers' own books."""
        report, seen = self.report, 0
        postings = {row["posting_id"]: row for row in self._books.read().all(_POSTINGS)}
        for row in self._bank.read().all(_PAYMENTS):
            status, posting = Status(row["status"]), postings.pop(row["payment_id"], None)
            report.statuses[status] = report.statuses.get(status, 0) + 1
            times = posting["times"] - posting["taken_back"] if posting and posting["state"] == "POSTED" else 0
            seen += times * (row["amount_minor"] or 0)
            if status not in FINAL:
                report.wrong.append(f"{row['payment_id']} is still {status}")
            if posting and times > (status is Status.SUCCEEDED):
                report.doubled.append(
                    f"the biller has {row['payment_id']} {times} times, it is {status}: {_told(row, posting)}"
                )
            if status is Status.SUCCEEDED and not times:
                report.lost.append(f"the biller does not have {row['payment_id']}")
            report.postings += posting is not None
            report.payments += 1
        self._note(report.wrong, [f"the biller has {each}, which nobody has made" for each in postings])
        booked = self._bank.read().one(_AT_BILLERS)
        if booked is None or booked["sum"] != seen:
            report.wrong.append(f"booked at billers: {booked and booked['sum']}, in their books: {seen}")

    def _count(self, statement: Statement, **parameters: int) -> int:
        row = self._bank.read().one(statement, **parameters)
        return int(row["count"]) if row else 0

    @staticmethod
    def _note(where: list[str], found: Sequence[str]) -> None:
        """Keep the first of what is wrong: once something is, the rest follows."""
        where += [each for each in found if each not in where][: max(0, _MOST_TOLD - len(where))]


def run(
    engine: str,
    bank: str,
    books: str | None,
    *,
    kills: int,
    seed: int,
    partners: int,
    pause_s: float = 1.0,
) -> Report:
    """Run the rig.

    Args:
        engine: sqlite or postgresql.
        bank: a new database for the bank.
        books: one for the billers; None where they are inside of the bank.
        kills: how many.
        seed: of who is killed when, and of what partners do.
        partners: how many work at once.
        pause_s: between two kills, at most.
    """
    report, random = Report(engine, "apart" if books else "inside", seed), Random(seed)
    with _folder() as folder, _receiving() as receiver:
        rig, stop, working = Rig(folder, report, bank, books), threading.Event(), list[Partner]()
        try:
            rig.start()
            working += [_partner(rig.url, receiver, Random(f"{seed} {n}"), stop) for n in range(partners)]
            began = time.monotonic()
            for partner in working:
                partner.start()
            for _ in range(kills):
                time.sleep(random.uniform(0.02, pause_s))
                _let_breathe(working)
                rig.kill(random, working)
            time.sleep(pause_s)
            stop.set()
            for partner in working:
                partner.join(2 * PATIENCE_S)
            report.seconds_under_load = round(time.monotonic() - began, 1)
            rig.settle(working)
            rig.judge(working, receiver)
        finally:
            stop.set()
            for partner in working:
                partner.client.close()
            rig.close()
    return report


def _let_breathe(working: Sequence[Partner]) -> None:
    """Kill nobody while nobody has been answered for long: on a slow machine, kills alone would come to no end."""
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until and any(
        each.is_alive() and time.monotonic() - each.answered_at > _BREATH_S for each in working
    ):
        time.sleep(0.1)


def _told(payment: Row, posting: Row) -> str:
    """Tell how a payment and its posting came to where they are, for whoever has to find out why."""
    wire = json.loads(payment["wire"])
    path = ", ".join(f"{each['status']} {each['at']}" for each in wire["history"])
    notes = ", ".join(each["type"] for each in wire["exceptions"])
    return f"{path}; exceptions: {notes or 'none'}; {posting['scenario']} posted at {posting['posted_at']}"


def _partner(url: str, receiver: Receiver, random: Random, stop: threading.Event) -> Partner:
    with OpenTeller(url, client_id="", timeout=PATIENCE_S) as anonymous:
        app = anonymous.sandbox.create_app(name="Kill rig")
    partner = Partner(url, app, random, stop)
    partner.client.webhook_endpoints.create(url=f"http://127.0.0.1:{receiver.server_address[1]}/hook")
    return partner


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="openteller-kills-") as name:
        yield Path(name)


@contextmanager
def _receiving() -> Iterator[Receiver]:
    receiver = Receiver()
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        receiver.shutdown()
        receiver.server_close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def databases(engine: str) -> Iterator[tuple[str, str]]:
    """Give new databases of an engine for the bank and the billers.

    Raises:
        ImportError: PostgreSQL's binaries are not installed.
    """
    with ExitStack() as stack:
        if engine == "postgresql":
            from tests import postgres

            stack.callback(postgres.stop)
            yield postgres.new_database(), postgres.new_database()
        else:
            folder = stack.enter_context(_on_disk())
            yield str(folder / "bank.db"), str(folder / "billers.db")


@contextmanager
def _on_disk() -> Iterator[Path]:
    """Give a folder where a sync to disk is one: a temporary one may be in memory."""
    results = HERE / "results"
    results.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=results) as name:
        yield Path(name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, and print what was seen."""
    parser = argparse.ArgumentParser(prog="benchmarks/kills.py", description="Kill a bank under load, and count.")
    parser.add_argument("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--billers", choices=("apart", "inside"), default="apart")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--partners", type=int, default=6, help="how many work at once")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was seen")
    options = parser.parse_args(arguments)
    try:
        with databases(options.engine) as (bank, books):
            report = run(
                options.engine,
                bank,
                books if options.billers == "apart" else None,
                kills=options.kills,
                seed=options.seed,
                partners=options.partners,
            )
    except ImportError as error:
        print(f"cannot run: {error.name or error} is missing", file=sys.stderr)
        return 2
    text = json.dumps(asdict(report), indent=2, ensure_ascii=False)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0 if report.clean else 1


if __name__ == "__main__":
    sys.exit(main())
