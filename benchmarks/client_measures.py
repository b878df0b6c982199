"""What is measured of the SDK and of V缴费: against bare httpx, stripe-python and openai-python on comparable calls.

A client's cost is the CPU time of its process a call, which other work on the machine disturbs little; each client runs
in a process of its own, in turns. The answers are as long for every client: a branch of the seed, and objects of the
peers' own APIs with as many bytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, Self

import anyio
import pushes
import servers
from measures import Lab, Row, branch_path
from servers import PROJECT, Unavailable

_HERE = Path(__file__).parent
_PEER_NAMES = {"httpx": "httpx", "stripe": "stripe-python", "openai": "openai-python"}
_REFRESHES = 8


def _import_time(lab: Lab) -> list[Row]:
    ours = [_import_seconds(sys.executable, "import openteller") for _ in range(lab.pace.starts * 2 + 1)]
    first_use = [
        _import_seconds(sys.executable, "from openteller import OpenTeller; OpenTeller().branches; "
                        "import openteller._drivers.network")
        for _ in range(lab.pace.starts * 2 + 1)
    ]  # fmt: skip
    peers = [_import_seconds(str(servers.peer_python()), "import httpx") for _ in range(lab.pace.starts * 2 + 1)]
    note = f"with the transport and the models of a first call it is {median(first_use) * 1000:.0f} ms."
    ratios = [mine / its for mine, its in zip(ours, peers, strict=True)]
    detail = {"ours": ours, "peer": peers, "first use": first_use}
    return [
        Row(
            "import openteller",
            "ms",
            median(ours) * 1e3,
            "httpx",
            median(peers) * 1e3,
            ratios,
            0.45,
            "less",
            detail,
            note,
        )
    ]


def _import_seconds(python: str, statement: str) -> float:
    """Give the CPU seconds of a statement, without those of the interpreter's own start."""
    code = f"import time; began = time.process_time(); {statement}; print(time.process_time() - began)"
    environment = os.environ | {"PYTHONPATH": str(PROJECT / "sdk")}
    done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return float(done.stdout)


def _calls(lab: Lab) -> list[Row]:
    with _canned(lab) as url:
        seen: dict[tuple[str, str], list[float]] = {}
        for _ in range(lab.pace.rounds):
            for call in ("one", "page"):
                for client in ("openteller", "httpx", "stripe", "openai"):
                    seen.setdefault((client, call), []).append(_cpu(lab, client, call, url))
    names = {"one": "CPU of one typed GET", "page": "CPU of a page of 100 branches"}
    targets = {("httpx", "one"): 1.0, ("httpx", "page"): 0.65}
    rows = []
    for peer in ("httpx", "stripe", "openai"):
        for call, name in names.items():
            ours, its = seen["openteller", call], seen[peer, call]
            ratios = [mine / other for mine, other in zip(ours, its, strict=True)]
            detail = {"ours": ours, "peer": its}
            target = targets.get((peer, call), 0.5)
            rows.append(Row(name, "us", median(ours), _PEER_NAMES[peer], median(its), ratios, target, "less", detail))
    return rows


def _cpu(lab: Lab, client: str, call: str, url: str) -> float:
    python = sys.executable if client == "openteller" else str(servers.peer_python())
    command = [python, str(_HERE / "client_load.py"), client, call, url, str(lab.pace.round_s)]
    done = subprocess.run(servers.pinned(lab.cores.generator, command), capture_output=True, text=True, check=False)
    if done.returncode:
        raise Unavailable(f"{client} did not run: {done.stderr[-500:]}")
    return float(done.stdout)


@contextmanager
def _canned(lab: Lab) -> Iterator[str]:
    """Serve answers of the sandbox, and answers as long in the shapes of the peers."""
    folder = lab.folder / "canned"
    folder.mkdir(exist_ok=True)
    sandbox, _ = lab.sandbox_and_prism()
    branch = sandbox.get(branch_path())
    page = sandbox.get("/v1/branches?limit=100")
    size = len(_text(page["data"])) // len(page["data"])
    answers = {
        "v1-branches-brn_one": branch,
        "v1-branches": page,
        "v1-customers-cus_one": _customer(size),
        "v1-customers": {"object": "list", "data": [_customer(size)] * 100, "has_more": False, "url": "/v1/customers"},
        "v1-fine_tuning-jobs-ftjob_one": _job(size),
        "v1-fine_tuning-jobs": {"object": "list", "data": [_job(size)] * 100, "has_more": False},
    }
    for name, answer in answers.items():
        (folder / f"{name}.json").write_text(_text(answer), encoding="utf-8")
    command = servers.pinned(lab.cores.server, [sys.executable, str(_HERE / "canned.py"), str(folder)])
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.kill()
        process.wait()


def _text(answer: Any) -> str:
    return json.dumps(answer, ensure_ascii=False, separators=(",", ":"))


def _customer(size: int) -> dict[str, Any]:
    """Give an object of stripe's API with so many bytes: a customer with shipping, address and notes."""
    place = {
        "city": "Shanghai",
        "country": "CN",
        "line1": "Renmin 1",
        "line2": None,
        "postal_code": "200001",
        "state": None,
    }
    known = {
        "id": "cus_one", "object": "customer", "address": place, "balance": 0, "created": 1790649000, "currency": "cny",
        "delinquent": False, "description": "", "email": None, "invoice_prefix": "A1", "livemode": False, "phone": None,
        "invoice_settings": {"custom_fields": None, "default_payment_method": None, "footer": None},
        "name": "A customer", "preferred_locales": [], "shipping": {"address": place, "name": "A customer"},
        "tax_exempt": "none", "metadata": {},
    }  # fmt: skip
    return _filled(known, known["metadata"], size)


def _job(size: int) -> dict[str, Any]:
    """Give an object of openai's API with so many bytes: a fine-tuning job with notes."""
    known = {
        "id": "ftjob_one", "object": "fine_tuning.job", "created_at": 1790649000, "error": None,
        "fine_tuned_model": None, "finished_at": None, "hyperparameters": {"n_epochs": 3, "batch_size": 1},
        "model": "m", "organization_id": "org", "result_files": [], "seed": 1, "status": "succeeded",
        "trained_tokens": 100, "training_file": "file", "validation_file": None, "metadata": {}, "integrations": [],
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 1}}},
    }  # fmt: skip
    return _filled(known, known["metadata"], size)


def _filled(known: dict[str, Any], notes: dict[str, str], size: int) -> dict[str, Any]:
    """Fill an object up with notes of forty bytes, as many as a branch has members."""
    while len(_text(known)) < size:
        notes[f"note_{len(notes):02d}"] = "a note of some forty bytes, as notes are"
    return known


def _refreshes(_: Lab) -> list[Row]:
    """Count token requests when eight threads, and eight tasks, find one expired token."""
    from openteller import AsyncOpenTeller, OpenTeller

    counts = []
    for kind in ("threads", "tasks"):
        with _TokenServer() as server:
            if kind == "threads":
                with OpenTeller(server.url, client_id="app", client_secret="secret") as bank:
                    _together([bank.status.get] * _REFRESHES)
                    server.expire()
                    _together([bank.status.get] * _REFRESHES)
            else:
                anyio.run(_tasks, AsyncOpenTeller(server.url, client_id="app", client_secret="secret"), server)
            counts.append(float(server.after_expiry))
    rows = zip(("threads", "tasks"), counts, strict=True)
    return [
        Row(f"token requests, {_REFRESHES} {kind}, one expired token", "", n, "", None, [n], 1, "less", {"count": n})
        for kind, n in rows
    ]


async def _tasks(bank: Any, server: _TokenServer) -> None:
    async with bank:
        for _ in range(2):
            async with anyio.create_task_group() as group:
                for _ in range(_REFRESHES):
                    group.start_soon(bank.status.get)
            server.expire()


def _together(acts: list[Callable[[], object]]) -> None:
    threads = [threading.Thread(target=act) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class _TokenServer:
    """A bank of two endpoints: it counts token requests, and refuses tokens that it has let expire."""

    def __init__(self) -> None:
        from werkzeug.serving import make_server
        from werkzeug.wrappers import Request, Response

        self.issued = 0
        self._refused_up_to = 0
        self._before = 0

        @Request.application
        def app(request: Request) -> Response:
            if request.path == "/oauth/token":
                self.issued += 1
                time.sleep(0.05)  # long enough for all eight to be waiting
                grant = {"access_token": f"t{self.issued}", "token_type": "Bearer", "expires_in": 900}
                return Response(json.dumps(grant), content_type="application/json")
            number = int(request.headers["Authorization"].removeprefix("Bearer t"))
            if number <= self._refused_up_to:
                return Response("{}", 401, content_type="application/problem+json")
            return Response(json.dumps(_STATUS), content_type="application/json")

        import logging

        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        self._server = make_server("127.0.0.1", 0, app, threaded=True)
        self.url = f"http://127.0.0.1:{self._server.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def expire(self) -> None:
        """Refuse every token so far; the first time, begin to count."""
        if not self._refused_up_to:
            self._refused_up_to = self._before = self.issued

    @property
    def after_expiry(self) -> int:
        """How many tokens were asked for since the first was refused."""
        return self.issued - self._before


_STATUS = {
    "status": "OPERATIONAL",
    "environment": "SANDBOX",
    "contract_version": "0.1.0",
    "bank_time": "2026-09-29T10:30:00+08:00",
    "services": [],
}


def _in_process(lab: Lab) -> list[Row]:
    """Time the same call at the sandbox in this process, and at the sandbox behind a socket."""
    from openteller import OpenTeller
    from openteller_sandbox.app import create_app, create_bank
    from openteller_sandbox.settings import RateLimits, Settings

    server, _ = lab.sandbox_and_prism()
    branch_id = branch_path().rpartition("/")[2]
    limits = RateLimits(app=10**9, anonymous=10**9)
    bank = create_bank(Settings(database=str(lab.folder / "in_process.db"), rate_limits=limits))
    with OpenTeller(wsgi_app=create_app(bank)) as inside, OpenTeller(f"http://127.0.0.1:{server.port}") as outside:
        ours, peers = [], []
        for _ in range(lab.pace.rounds):
            ours.append(_wall(lambda: inside.branches.get(branch_id), lab.pace.round_s))
            peers.append(_wall(lambda: outside.branches.get(branch_id), lab.pace.round_s))
    bank.db.close()
    ratios = [mine / its for mine, its in zip(ours, peers, strict=True)]
    detail = {"ours": ours, "peer": peers}
    return [
        Row(
            "one call into a WSGI transport", "us", median(ours), "a socket", median(peers), ratios, 0.6, "less", detail
        )
    ]


def _wall(act: Callable[[], object], seconds: float) -> float:
    """Give the microseconds of a call, from its median."""
    times = []
    ends = time.perf_counter() + seconds
    while (began := time.perf_counter()) < ends:
        act()
        times.append(time.perf_counter() - began)
    return median(times) * 1e6


def _pushes(lab: Lab) -> list[Row]:
    total, twice = (5000, 1200) if lab.pace.rounds > 3 else (500, 120)
    seen = pushes.measure(total, twice, 8)
    asked, once = seen["messages"], seen["once"]
    note = (
        f"{seen['pushes']} pushes of {asked} messages at {seen['pushes_per_second']:.0f} a second, over 8 connections, "
        "with the sandbox, the stand-in for Weibo and the crowd on the same cores."
    )
    return [
        Row("V缴费: messages answered once", "", once, "", None, [once / asked], 1.0, "more", seen, note),
        Row("V缴费: p99 of an answer", "s", seen["p99_s"], "", None, [seen["p99_s"]], 1.0, "less", seen),
    ]


def _reading(lab: Lab) -> list[Row]:
    """Read 2,000 noisy messages, and those that were written by hand before the reader was."""
    from tests.examples.v_jiaofei.messages import noisy_messages
    from tests.examples.v_jiaofei.test_reading import SEED, facts, held_out

    from openteller import OpenTeller
    from v_jiaofei.directory import load
    from v_jiaofei.reading import Reader

    server, _ = lab.sandbox_and_prism()
    with OpenTeller(f"http://127.0.0.1:{server.port}") as bank:
        directory = load(bank)
        billers = [biller.to_dict() for biller in bank.billers.list(limit=100)]
    reader = Reader(directory.places, directory.categories)
    whole, messages = 0, list(noisy_messages(billers, 2000, SEED))
    for expected in messages:
        found = reader.read(expected.text)
        place = found.place.adcode if found.place else ""
        whole += (place, found.category_code, found.account) == (expected.adcode, expected.category, expected.account)
    by_hand = held_out()
    right = sum(facts(reader.read(text)) == expected for text, expected in by_hand)
    note = f"of {len(by_hand)} messages written by hand, {right / len(by_hand) * 100:.1f} % were read as meant."
    share = whole / len(messages)
    detail = {"noisy": whole, "by hand": right}
    return [Row("V缴费: noisy messages read whole", "", share, "", None, [share], 0.99, "more", detail, note)]


CLIENT_MEASURES: dict[str, Callable[[Lab], list[Row]]] = {
    "import": _import_time,
    "client": _calls,
    "tokens": _refreshes,
    "wsgi": _in_process,
    "pushes": _pushes,
    "reading": _reading,
}
