"""What every command that calls the bank has in common: its options, its client, and how it shows an answer."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from openteller._cli import credentials, refusals
from openteller._cli.credentials import Credentials
from openteller._cli.inputs import LIMIT

if TYPE_CHECKING:
    from openteller import OpenTeller, RawAnswer

__all__ = ["SANDBOX", "Session", "calling", "connected", "dump", "paged", "url_option"]

SANDBOX = "http://127.0.0.1:8080"
P = ParamSpec("P")
T = TypeVar("T")
Command = TypeVar("Command", bound=Callable[..., Any])


def dump(document: object) -> str:
    """Write JSON for people and programs."""
    return json.dumps(document, ensure_ascii=False, indent=2)


class Session:
    """A client at work for one command. url: where the bank is; notice: said once, before the bank is called."""

    def __init__(self, client: OpenTeller, url: str, *, as_json: bool, notice: str = "") -> None:
        self.url = url
        self._client = client
        self._notice = notice
        self.as_json = as_json

    @property
    def client(self) -> OpenTeller:
        """The client."""
        if self._notice:
            click.echo(self._notice, err=True)
            self._notice = ""
        return self._client

    def ask(self, method: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> RawAnswer[T]:
        """Call a method of the client; give the answer as it came too."""
        return self._client.raw(method, *args, **kwargs)

    def show(self, answer: RawAnswer[T], view: Callable[[T], str]) -> None:
        """Print an answer: as it came over the wire with ``--json``, else as ``view`` writes it."""
        click.echo(dump(json.loads(answer.body)) if self.as_json else view(answer.parsed))


@contextmanager
def connected(url: str, found: Credentials, *, allow_http: bool = False) -> Iterator[OpenTeller]:
    """Give a client; whatever it raises becomes one line.

    Raises:
        click.ClickException: a call came to nothing.
    """
    from openteller import OpenTeller  # noqa: PLC0415 - the client and its models; the help needs neither

    with (
        refusals.guarded(url, found),
        OpenTeller(
            url,
            client_id=found.client_id,
            client_secret=found.client_secret or None,
            private_key=found.private_key,
            allow_http=allow_http,
        ) as client,
    ):
        yield client


def url_option(command: Command) -> Command:
    """Add ``--url`` and ``--allow-http``."""
    add = click.option("--url", default=SANDBOX, show_default=True, envvar="OPENTELLER_BASE_URL", show_envvar=True)
    allow = click.option(
        "--allow-http", is_flag=True, help="Let http:// lead to another machine; tokens then travel in clear text."
    )
    return add(allow(command))


def paged(command: Command) -> Command:
    """Add ``--limit`` and ``--after``."""
    limit = click.option("--limit", type=LIMIT, default=20, show_default=True, help="Rows, 1 to 100.")
    after = click.option("--after", metavar="CURSOR", help="Go on where a page ended.")
    return limit(after(command))


def calling(function: Callable[..., None]) -> Callable[..., None]:
    """Give a command a session as its first argument, and the options that every call has."""

    @click.option("--json", "as_json", is_flag=True, help="Print the answer as it came over the wire.")
    @url_option
    @click.option("--client-id", metavar="ID", help="The app's client_id. [env var: OPENTELLER_CLIENT_ID]")
    @click.option(
        "--credentials",
        "file",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The app's credentials, as apps create prints them. [env var: OPENTELLER_CREDENTIALS] A secret is taken "
        "from there or from OPENTELLER_CLIENT_SECRET only.",
    )
    @functools.wraps(function)
    def run(
        *args: Any,
        as_json: bool,
        url: str,
        allow_http: bool,
        client_id: str | None,
        file: Path | None,
        **kwargs: Any,
    ) -> None:
        found = credentials.find(url, client_id=client_id, file=file)
        notice = f"As the demo app {found.client_id}, whose secret is published." if found is credentials.DEMO else ""
        with connected(url, found, allow_http=allow_http) as client:
            function(Session(client, url, as_json=as_json, notice=notice), *args, **kwargs)

    return run
