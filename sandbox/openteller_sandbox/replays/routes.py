"""A world's log, and playing it again, under ``/sandbox/v1/worlds``."""

from __future__ import annotations

from openteller_sandbox.http import (
    Answer,
    Call,
    Later,
    Routes,
    Turn,
    decode_cursor,
    encode_cursor,
    json_answer,
    json_text,
    page,
)
from openteller_sandbox.replays import service
from openteller_sandbox.replays.schemas import DeedSchema, ReplayReportSchema, WorldLogQuery
from openteller_sandbox.replays.service import Report

routes = Routes()
_DEED = DeedSchema()
_REPORT = ReplayReportSchema()


@routes.operation("listWorldLog", query=WorldLogQuery)
def list_world_log(call: Call) -> Answer:
    """List what was done in the world, oldest first."""
    cursor = decode_cursor(call, int)
    after = cursor[0] if cursor else 0
    done = service.log(call.bank, call.caller, call.path["world_id"], after, call.limit + 1)
    more = encode_cursor(call, [done[call.limit - 1]["number"]]) if len(done) > call.limit else None
    return page(call, [json_text(_DEED.present(deed)) for deed in done[: call.limit]], more)


@routes.operation("replayWorld")
def replay_world(call: Call) -> Later[Report]:
    """Do it all again in a bank in memory, beside everything else that the server does."""
    replay = service.prepare(call.bank, call.caller, call.path["world_id"])
    return Later(replay.run, lambda report: json_answer(_REPORT.present(report)), Turn.COMPUTING)
