"""Pages."""

from __future__ import annotations

from flask import Blueprint

from openteller_sandbox.bank import Bank
from openteller_sandbox.http.api import Api


def blueprint(bank: Bank, api: Api) -> Blueprint:  # noqa: ARG001
    """Make the pages over a bank."""
    return Blueprint("hosted", __name__)
