"""``openteller demo``: a sandbox of its own, and a story told at it over HTTP.

It uses nothing but what a partner's program and a payer's browser have: the API and the page.
"""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path
from types import FrameType
from typing import NoReturn

from openteller._cli.demo import story
from openteller._cli.demo.process import started
from openteller._cli.serving import need_sandbox

__all__ = ["run"]


def run(*, once: bool) -> None:
    """Tell the story; then stay up until Ctrl-C, unless ``once``.

    Raises:
        click.ClickException: the sandbox is not installed or does not start, or a step fails.
    """
    need_sandbox()
    signal.signal(signal.SIGTERM, _leave)
    with tempfile.TemporaryDirectory(prefix="openteller-demo-") as folder, started(Path(folder)) as sandbox:
        story.tell(sandbox.url)
        if once:
            return
        story.stay(sandbox.url)
        try:
            sandbox.wait()
        except KeyboardInterrupt:
            return


def _leave(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001 - as signal calls it
    """End as Ctrl-C does, so that the sandbox ends too and its folder goes."""
    raise KeyboardInterrupt
