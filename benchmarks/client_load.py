"""One HTTP client at work: ``python benchmarks/client_load.py CLIENT CALL URL SECONDS`` prints its CPU time a call.

Clients: ``openteller``, ``httpx`` (a bare GET and ``json``), ``stripe``, ``openai``. Calls: ``one`` and ``page``. Each
runs in a process of its own, with the packages of its own environment; the server is the canned one of
``client_measures.py``, which gives whatever the path asks for.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

_SLICES = 8


def _openteller(call: str, url: str) -> Callable[[], object]:
    sys.path[:0] = [str(Path(__file__).parents[1] / "sdk")]
    from openteller import OpenTeller

    bank = OpenTeller(url)
    if call == "one":
        return lambda: bank.branches.get("brn_one").name.zh_cn
    return lambda: bank.branches.list(limit=100).page().data[-1].name.zh_cn


def _httpx(call: str, url: str) -> Callable[[], object]:
    import httpx

    client = httpx.Client(base_url=url)
    if call == "one":
        return lambda: client.get("/v1/branches/brn_one").json()["name"]["zh-CN"]
    return lambda: client.get("/v1/branches", params={"limit": 100}).json()["data"][-1]["name"]["zh-CN"]


def _stripe(call: str, url: str) -> Callable[[], object]:
    import stripe

    client = stripe.StripeClient("sk_test_benchmark", base_addresses={"api": url})
    if call == "one":
        return lambda: client.v1.customers.retrieve("cus_one").id
    return lambda: client.v1.customers.list({"limit": 100}).data[-1].id


def _openai(call: str, url: str) -> Callable[[], object]:
    import openai

    client = openai.OpenAI(api_key="sk-benchmark", base_url=f"{url}/v1")
    if call == "one":
        return lambda: client.fine_tuning.jobs.retrieve("ftjob_one").id
    return lambda: client.fine_tuning.jobs.list(limit=100).data[-1].id


CLIENTS = {"openteller": _openteller, "httpx": _httpx, "stripe": _stripe, "openai": _openai}


def main() -> None:
    """Call for so many seconds, in slices; print the CPU microseconds a call of the best slice."""
    client, call, url, seconds = sys.argv[1:]
    act = CLIENTS[client](call, url)
    for _ in range(20):
        act()
    best = float("inf")
    for _ in range(_SLICES):
        calls, began, ends = 0, time.process_time(), time.monotonic() + float(seconds) / _SLICES
        while time.monotonic() < ends:
            act()
            calls += 1
        best = min(best, (time.process_time() - began) / calls)
    print(best * 1e6)


if __name__ == "__main__":
    main()
