"""Where webhooks may go, and where not."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from tests.receivers import Receiver, receiver

from openteller_sandbox import guard
from openteller_sandbox.webhooks.sender import Attempt, Outgoing, Sender

PUBLIC = "93.184.215.14"

# Whatever the settings say.
NEVER = [
    "http://0.0.0.0/",
    "http://0.1.2.3/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.254/",
    "http://192.168.1.1/",
    "http://169.254.169.254/latest/meta-data/",
    "http://100.64.0.1/",
    "http://100.100.100.200/latest/meta-data/",
    "http://168.63.129.16/metadata",
    "http://192.0.0.192/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://198.51.100.1/",
    "http://203.0.113.1/",
    "http://192.88.99.1/",
    "http://224.0.0.1/",
    "http://239.255.255.250/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://[::]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[::ffff:93.184.215.14]/",
    "http://[0:0:0:0:0:ffff:7f00:1]/",
    "http://[::ffff:0:127.0.0.1]/",
    "http://[::ffff:169.254.169.254]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::a00:1]/",
    "http://[64:ff9b:1::a00:1]/",
    "http://[2002:7f00:1::]/",
    "http://[2001:0:53aa:64c::1]/",
    "http://[2001:db8::1]/",
    "http://[3fff::1]/",
    "http://[fc00::1]/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fe80::1%25eth0]/",
    "http://[2606:2800:220:1::1%eth0]/",
    "http://[2606:2800:220:1::1%25eth0]/",
    "http://[::1%lo]/",
    "http://[fec0::1]/",
    "http://[ff02::1]/",
    "http://[100::1]/",
    # No addresses for us, but for some resolvers.
    "http://2130706433/",
    "http://0x7f000001/",
    "http://017700000001/",
    "http://0/",
    "http://0x0/",
    "http://0x7F.1/",
    "http://127.1/",
    "http://127.0.1./",
    "http://127.000.000.001/",
    "http://169.254.43518/",
    "http://0xA9FEA9FE/",
    "http://127。0。0。1/",
    "http://①②⑦.0.0.1/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://127.0.0.1.nip.0/",
    "http://1.2.3.4.5/",
    "http://256.256.256.256/",
    # No place to send to at all.
    "ftp://bot.example/",
    "file:///etc/passwd",
    "gopher://bot.example/",
    "http://user@bot.example/",
    "http://user:secret@bot.example/",
    "http://bot.example@127.0.0.1/",
    "http://bot.example\\@127.0.0.1/",
    "http://bot.example/#fragment",
    "http:///hook",
    "http://:80/",
    "http://bot.example:0/",
    "http://bot.example:65536/",
    "http://bot.example:80:80/",
    "http://bot.example:http/",
    "http://bot.example:/",
    "http://bot.example:-80/",
    "http://bot.example:+80/",
    "http://bot.example:８０/",
    "http://bot.example:80@127.0.0.1/",
    "http://bot.example/\thook",
    "http://bot.example/ho\nok",
    "http://bot.example/hook ",
    "http://bot.exa\x00mple/",
    "http://bot.example%00/",
    "http://bot.example%2f@127.0.0.1/",
    "http://-bot.example/",
    "http://bot..example/",
    "http://bot%2eexample/",
    "http://bot.example\r\nX: y/",
    "http://[::1/",
    "http://[bot.example]/",
    f"http://{'a' * 64}.example/",
    f"http://{'a.' * 130}example/",
]
OF_THIS_MACHINE = [
    "http://127.0.0.1/",
    "http://127.8.8.8:8080/",
    "http://[::1]:99/",
    "http://localhost/x",
    "http://LOCALHOST.",
]
PUBLIC_URLS = [
    "https://bot.example/hook",
    "http://bot.example:8443/hook?shop=1",
    "https://BOT.example./",
    "https://b-1_x.bot.example",
    f"http://{PUBLIC}/",
    "https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:8443/",
    "https://xn--fiq228c.example/",
    "https://2130706433.example/",
]


@pytest.mark.abuse("webhooks", "writes an internal address in another notation")
@pytest.mark.parametrize("url", NEVER)
@pytest.mark.parametrize("allow_loopback", [False, True])
def test_nothing_is_sent_to_what_only_the_bank_can_reach(url: str, *, allow_loopback: bool) -> None:
    with pytest.raises((guard.Refused, ValueError)):
        guard.parse(url, allow_loopback=allow_loopback)


@pytest.mark.parametrize("url", OF_THIS_MACHINE)
def test_this_machine_is_reached_where_the_settings_allow_it(url: str) -> None:
    guard.parse(url, allow_loopback=True)
    with pytest.raises(guard.Refused):
        guard.parse(url, allow_loopback=False)


@pytest.mark.parametrize("url", PUBLIC_URLS)
def test_public_servers_are_reached(url: str) -> None:
    target = guard.parse(url, allow_loopback=False)
    assert target.path.startswith("/")
    assert target.host == target.host.lower()


def test_a_target_has_its_parts() -> None:
    assert guard.parse("http://Bot.example/a?b=c", allow_loopback=False) == guard.Target(
        "http", "bot.example", 80, "/a?b=c"
    )
    assert guard.parse("https://[2606:2800::1]:8443?x", allow_loopback=False) == guard.Target(
        "https", "2606:2800::1", 8443, "/?x"
    )


def test_no_refusal_repeats_the_url() -> None:
    for url in NEVER:
        with pytest.raises((guard.Refused, ValueError)) as caught:
            guard.parse(url, allow_loopback=False)
        if isinstance(caught.value, guard.Refused):
            assert "bot" not in str(caught.value) and "127" not in str(caught.value)


# --- names, at the boundary of the socket module


Resolver = Callable[..., list[tuple[Any, ...]]]


class Names:
    """A resolver that answers as it is told, one answer after the other, and counts."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int | None, *_: object, **__: object) -> list[tuple[Any, ...]]:
        answer = self.answers[min(self.asked, len(self.answers) - 1)]
        self.asked += 1
        return [
            (socket.AF_INET6 if ":" in text else socket.AF_INET, socket.SOCK_STREAM, 6, "", (text, port))
            for text in answer
        ]


def attempt(url: str, *, allow_loopback: bool = True) -> Attempt:
    sender = Sender(allow_loopback=allow_loopback, timeout_s=2)
    try:
        return sender(Outgoing(url, "dlv_1", b"{}", dict))
    finally:
        sender.close()


@pytest.mark.abuse("webhooks", "registers a name that leads inside as well as outside")
@pytest.mark.parametrize(
    "addresses",
    [
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["::ffff:10.0.0.1"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
        ["0.0.0.0"],
        ["::"],
        ["64:ff9b::a9fe:a9fe"],
        ["::ffff:127.0.0.1"],
        [PUBLIC, "10.0.0.1"],
        ["127.0.0.1", "192.168.0.1"],
    ],
)
def test_a_name_that_leads_inside_is_refused_even_when_another_of_its_addresses_does_not(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(addresses))
    assert attempt("http://bot.example/hook").outcome == "ADDRESS_REFUSED"


def test_a_name_that_turns_to_this_machine_is_refused_where_that_is_not_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with receiver() as server:
        monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.1"]))
        url = f"http://bot.example:{server.server_address[1]}/"
        assert attempt(url, allow_loopback=False).outcome == "ADDRESS_REFUSED"
        assert server.got == []


@pytest.mark.abuse("webhooks", "turns a name to an internal address after the check (DNS rebinding)")
def test_a_name_is_looked_up_once_and_the_connection_goes_to_the_address_that_was_checked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding: the second answer would lead inside, but nobody asks a second time."""
    connected: list[Any] = []
    connect = socket.socket.connect

    def watched(self: socket.socket, address: Any) -> None:
        connected.append(address)
        connect(self, address)

    names = Names(["127.0.0.1"], ["10.0.0.1"])
    with receiver() as server:
        port = server.server_address[1]
        monkeypatch.setattr(socket, "getaddrinfo", names)
        monkeypatch.setattr(socket.socket, "connect", watched)
        assert attempt(f"http://bot.example:{port}/hook?x=1").outcome == "DELIVERED"
    assert names.asked == 1
    assert connected == [("127.0.0.1", port)]
    (received,) = server.got
    assert received.headers["host"] == f"bot.example:{port}"
    assert received.path == "/hook?x=1"


def test_a_kept_connection_is_never_looked_up_again_and_a_new_one_is_checked_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = Names(["127.0.0.1"], ["10.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", names)
    with receiver() as server:
        outgoing = Outgoing(f"http://bot.example:{server.server_address[1]}/", "dlv_1", b"{}", dict)
        sender = Sender(allow_loopback=True, timeout_s=2)
        assert [sender(outgoing).outcome for _ in range(3)] == ["DELIVERED"] * 3
        assert names.asked == 1
        sender.close()
        assert sender(outgoing).outcome == "ADDRESS_REFUSED"


def test_the_next_address_is_tried_when_one_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as server:
        monkeypatch.setattr(socket, "getaddrinfo", Names(["127.0.0.2", "127.0.0.1"]))
        assert attempt(f"http://bot.example:{server.server_address[1]}/").outcome == "DELIVERED"


def test_a_name_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert attempt("http://bot.example/").outcome == "NAME_NOT_FOUND"


def test_a_resolver_that_does_not_answer_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    hold = threading.Event()

    def silent(*_: object, **__: object) -> list[Any]:
        hold.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", silent)
    sender = Sender(allow_loopback=True, timeout_s=0.2)
    began = time.monotonic()
    assert sender(Outgoing("http://bot.example/", "dlv_1", b"{}", dict)).outcome == "TIMED_OUT"
    assert time.monotonic() - began < 5
    hold.set()


def test_names_that_hang_hold_up_no_other_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A partner's own name server decides how long its name takes, and nobody can call a look-up back."""
    hold, asked = threading.Event(), Counter[str]()

    def answer(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        asked[host] += 1
        if host.startswith("slow"):
            hold.wait(30)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    impatient = Sender(allow_loopback=True, timeout_s=0.05)
    with receiver() as server:
        for number in range(40):
            url = f"http://slow-{number % 8}.example/"
            assert impatient(Outgoing(url, "dlv_1", b"{}", dict)).outcome == "TIMED_OUT"
        assert attempt(f"http://bot.example:{server.server_address[1]}/").outcome == "DELIVERED"
    hold.set()
    assert [asked[f"slow-{number}.example"] for number in range(8)] == [1] * 8


def test_proxies_of_the_environment_are_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy, receiver() as server:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert attempt(server.url).outcome == "DELIVERED"
        assert proxy.got == []
        assert isinstance(server, Receiver) and len(server.got) == 1
