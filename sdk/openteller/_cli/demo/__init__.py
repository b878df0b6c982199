"""``openteller demo``: a sandbox of its own, and a story told at it over HTTP.

It uses nothing but what a partner's program and a payer's browser have: the API and the page.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from openteller._cli.calling import connected
from openteller._cli.credentials import ANONYMOUS, Credentials
from openteller._cli.demo import story
from openteller._cli.demo.process import started
from openteller._cli.serving import need_sandbox
from openteller._cli.signals import leave_on_signals

__all__ = ["run"]


def run(*, once: bool) -> None:
    """Tell the story; then stay up until Ctrl-C, unless ``once``.

    Raises:
        click.ClickException: the sandbox is not installed or does not start, or a step fails.
    """
    need_sandbox()
    leave_on_signals()
    with (
        tempfile.TemporaryDirectory(prefix="openteller-demo-") as folder,
        started(Path(folder)) as sandbox,
        connected(sandbox.url, ANONYMOUS) as visitor,
    ):
        app = story.make_app(visitor)
        with connected(sandbox.url, Credentials(app.client_id, app.client_secret)) as client:
            cast = story.tell(sandbox.url, client, app)
            if once:
                return
            try:
                story.stay(sandbox.url, cast)
                sandbox.wait()
            except KeyboardInterrupt:
                return
