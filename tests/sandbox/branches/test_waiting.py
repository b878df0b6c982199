"""The line at a branch, and numbers in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import Partner

from openteller_sandbox import clock
from openteller_sandbox.branches.waiting import STEP_MS, Line
from openteller_sandbox.clock import MINUTE

OPENS = 1_790_643_600_000  # 2026-09-29T09:00:00+08:00
SHAPES = st.sampled_from([[(0, 480)], [(0, 210), (300, 510)], [(0, 120)], [(0, 30)], [(0, 1440)], [(0, 60), (61, 62)]])
LINES = st.builds(lambda key, shape: (Line(key, hours(shape)), hours(shape)), st.text(min_size=1, max_size=12), SHAPES)


def hours(shape: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(OPENS + begin * MINUTE, OPENS + end * MINUTE) for begin, end in shape]


@settings(max_examples=20)
@given(LINES)
def test_numbers_given_out_and_called_never_go_back_and_nobody_is_called_before_coming(
    made: tuple[Line, list[tuple[int, int]]],
) -> None:
    line, day = made
    given_out = called = 0
    for now in range(day[0][0], day[-1][1], 227_000):
        assert line.given_out(now) >= max(given_out, line.called(now))
        assert line.called(now) >= called
        given_out, called = line.given_out(now), line.called(now)


@settings(max_examples=20)
@given(LINES)
def test_nobody_is_in_line_when_doors_open_and_when_they_close(made: tuple[Line, list[tuple[int, int]]]) -> None:
    line, day = made
    for instant in (day[0][0], day[-1][1]):
        assert line.given_out(instant) == line.called(instant)


@settings(max_examples=20)
@given(LINES, st.integers(0, 86_400_000))
def test_who_has_a_place_is_called_when_so_many_have_been(made: tuple[Line, list[tuple[int, int]]], ms: int) -> None:
    line, day = made
    now = min(day[0][0] + ms, day[-1][1] - 1)
    place = line.given_out(now)
    call_at = line.call_of(place)
    if call_at is not None:
        assert line.called(call_at + 1000) >= place
        assert any(begin <= call_at <= end for begin, end in day)


@settings(max_examples=20)
@given(LINES, st.integers(0, 86_400_000))
def test_the_feed_is_of_the_last_five_minutes_and_says_what_fits_together(
    made: tuple[Line, list[tuple[int, int]]], ms: int
) -> None:
    line, day = made
    begin, end = day[0]
    wait = line.wait(min(begin + ms, end - 1))
    assert 0 <= min(begin + ms, end - 1) - wait.as_of < STEP_MS
    assert (wait.minutes == 0) is (wait.tickets_waiting == 0)
    assert wait.minutes <= 60


def test_the_same_seed_branch_and_day_have_the_same_line_and_others_another() -> None:
    day = hours([(0, 480)])
    feeds = [[Line(key, day).wait(OPENS + minute * MINUTE) for minute in range(0, 480, 5)] for key in ("a", "a", "b")]
    assert feeds[0] == feeds[1] != feeds[2]


# --- over HTTP --------------------------------------------------------------------------------------------------------

USER = "a-user-of-the-line-{}"


def a_branch(partner: Partner, **query: Any) -> dict[str, Any]:
    found: dict[str, Any] = partner.get(
        "/v1/branches", near="31.2304,121.4737", type="PHYSICAL", service="CASH", **query
    ).json["data"][0]
    return found


def draw(partner: Partner, branch: str, user: object = 1, **body: Any) -> Any:
    return partner.post(
        f"/v1/branches/{branch}/tickets", {"service": "CASH", "end_user_ref": USER.format(user), **body}, key=None
    )


def test_open_branches_say_how_long_one_waits_and_that_moves(new_partner: Callable[..., Partner]) -> None:
    partner, seen = new_partner(), []
    for _ in range(2):
        rows = partner.get("/v1/branches", city="上海", type="PHYSICAL", open_now="true", limit=50).json["data"]
        assert all(row["wait"].keys() == {"minutes", "tickets_waiting", "as_of"} for row in rows)
        assert rows[0]["wait"] == partner.get(f"/v1/branches/{rows[0]['branch_id']}").json["wait"]
        seen.append([row["wait"]["tickets_waiting"] for row in rows])
        partner.advance(seconds=1200)
    assert len(seen[0]) > 20
    assert seen[0] != seen[1]


def test_a_closed_branch_and_one_of_machines_say_nothing_of_it(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    machines = partner.get("/v1/branches", type="SELF_SERVICE", open_now="true", limit=5).json["data"]
    assert machines
    assert not any("wait" in row for row in machines)
    assert not any("wait" in row for row in partner.get("/v1/atms", open_now="true", limit=5).json["data"])
    partner.advance(to="2026-09-29T23:00:00+08:00")
    assert not any("wait" in row for row in partner.get("/v1/branches", city="上海", limit=50).json["data"])


def test_worlds_have_lines_of_their_own_and_anybody_sees_one(new_partner: Callable[..., Partner]) -> None:
    one, other = new_partner(), new_partner()
    for partner in (one, other):
        partner.advance(to="2026-09-29T11:00:00+08:00")
    query = {"city": "上海", "type": "PHYSICAL", "open_now": "true", "limit": 30}
    lines = [
        [row["wait"]["tickets_waiting"] for row in each.get("/v1/branches", **query).json["data"]]
        for each in (one, other)
    ]
    assert lines[0] != lines[1]
    assert all("wait" in row for row in one.client.get("/v1/branches", query_string=query).json["data"])


def test_a_copy_of_one_worlds_answer_is_not_anothers(new_partner: Callable[..., Partner]) -> None:
    one, other = new_partner(), new_partner()
    tags = {each.get("/v1/branches", city="上海").headers["ETag"] for each in (one, other)}
    assert len(tags) == 2


def test_a_number_moves_up_is_called_and_lapses(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    partner.advance(to="2026-09-29T10:50:00+08:00")
    branch = a_branch(partner)["branch_id"]
    answer = draw(partner, branch)
    assert answer.status_code == 201
    ticket = answer.json
    assert answer.headers["Location"] == f"/v1/tickets/{ticket['ticket_id']}"
    assert ticket["status"] == "WAITING"
    before = ticket["ahead"]
    draw(partner, branch, 2)  # who comes later holds nobody up
    for _ in range(60):
        partner.advance(seconds=60)
        now = partner.get(f"/v1/tickets/{ticket['ticket_id']}").json
        assert now["ahead"] <= before
        assert {name: now[name] for name in ticket.keys() - {"ahead", "status"}} == {
            name: ticket[name] for name in ticket.keys() - {"ahead", "status"}
        }
        before = now["ahead"]
        if now["status"] != "WAITING":
            break
    assert (now["status"], now["ahead"]) == ("CALLED", 0)
    partner.advance(seconds=15 * 60)
    assert partner.get(f"/v1/tickets/{ticket['ticket_id']}").json["status"] == "EXPIRED"


def test_later_numbers_are_higher_stand_behind_and_are_called_later(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)["branch_id"]
    tickets = [draw(partner, branch, number).json for number in range(5)]
    for name in ("ahead", "ticket_number", "estimated_call_at"):
        values = [ticket[name] for ticket in tickets]
        assert values == sorted(values)
        assert len(set(values)) == 5 or name == "estimated_call_at"
    cancelled = partner.post(f"/v1/tickets/{tickets[1]['ticket_id']}:cancel", key=None)
    assert (cancelled.status_code, cancelled.json["status"], cancelled.json["ahead"]) == (200, "CANCELLED", 0)
    behind = partner.get(f"/v1/tickets/{tickets[4]['ticket_id']}").json
    assert behind["ahead"] == tickets[4]["ahead"] - 1


def test_a_number_is_given_back_once_and_not_after_it_was_called(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)["branch_id"]
    back, called = (draw(partner, branch, number).json["ticket_id"] for number in (1, 2))
    twice = [partner.post(f"/v1/tickets/{back}:cancel", key=None) for _ in range(2)]
    assert [answer.status_code for answer in twice] == [200, 200]
    assert twice[0].json == twice[1].json
    partner.advance(seconds=3600)
    refused = partner.post(f"/v1/tickets/{called}:cancel", key=None)
    assert (refused.status_code, refused.json["code"], refused.json["allowed"]) == (409, "INVALID_TRANSITION", [])


def test_a_repeat_with_its_key_draws_no_second_number(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    path = f"/v1/branches/{a_branch(partner)['branch_id']}/tickets"
    body = {"service": "CASH", "end_user_ref": USER.format(1)}
    first, again = (partner.post(path, body, key="one-key") for _ in range(2))
    assert first.json == again.json
    other = partner.post(path, {**body, "service": "CARD"}, key="one-key")
    assert (other.status_code, other.json["code"]) == (422, "IDEMPOTENCY_MISMATCH")


@pytest.mark.abuse("lines", "holds numbers at many branches, or several at one")
def test_a_user_holds_one_number_at_a_branch_and_two_in_all(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    rows = partner.get("/v1/branches", city="上海", type="PHYSICAL", service="CASH", open_now="true").json["data"]
    first, second, third = (row["branch_id"] for row in rows[:3])
    held = draw(partner, first).json["ticket_id"]
    again = draw(partner, first)
    assert (again.status_code, again.json["code"], again.json["ticket_id"]) == (409, "TICKET_HELD", held)
    assert draw(partner, second).status_code == 201
    refused = draw(partner, third)
    assert (refused.status_code, refused.json["code"]) == (429, "TICKET_LIMIT")
    assert refused.headers["Retry-After"]
    partner.post(f"/v1/tickets/{held}:cancel", key=None)
    assert draw(partner, third).status_code == 201


@pytest.mark.abuse("lines", "draws numbers and gives them back all day")
def test_drawing_and_giving_back_ends_at_ten_a_day(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)["branch_id"]
    for _ in range(10):
        partner.post(f"/v1/tickets/{draw(partner, branch).json['ticket_id']}:cancel", key=None)
    assert draw(partner, branch).json["code"] == "TICKET_LIMIT"
    partner.advance(to="2026-09-30T10:31:00+08:00")
    assert draw(partner, branch).status_code == 201


@pytest.mark.abuse("lines", "fills the line of a branch with invented users")
def test_an_app_has_twenty_that_wait_at_a_branch(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)["branch_id"]
    answers = [draw(partner, branch, number).status_code for number in range(21)]
    assert answers == [201] * 20 + [429]


def test_who_would_be_called_after_closing_gets_no_number(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)
    closes = clock.parse(branch["next_change_at"])
    for instant in (closes - 30_000, closes, closes + 3_600_000):
        partner.advance(to=clock.to_wire(instant))
        refused = draw(partner, branch["branch_id"])
        assert (refused.status_code, refused.json["code"]) == (409, "BRANCH_CLOSED")


def test_a_counter_with_hours_of_its_own_gives_none_outside_of_them(new_partner: Callable[..., Partner]) -> None:
    """At the weekend the branch is open and its corporate counter is not."""
    partner = new_partner()
    partner.advance(to="2026-10-11T10:30:00+08:00")
    rows = partner.get(
        "/v1/branches", service="CORPORATE", type="PHYSICAL", open_at="2026-10-12T10:30:00+08:00", limit=100
    )
    row = next(
        row
        for row in rows.json["data"]
        if row["open_now"] and "availability" in next(one for one in row["services"] if one["code"] == "CORPORATE")
    )
    refused = draw(partner, row["branch_id"], service="CORPORATE")
    assert (refused.status_code, refused.json["code"]) == (409, "BRANCH_CLOSED")
    assert draw(partner, row["branch_id"], 2, service="CASH").status_code == 201


def test_what_a_branch_does_not_offer_has_no_line(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    rows = partner.get("/v1/branches", city="上海", type="PHYSICAL", open_now="true", limit=50).json["data"]
    row = next(row for row in rows if "SAFE_DEPOSIT" not in {one["code"] for one in row["services"]})
    refused = draw(partner, row["branch_id"], service="SAFE_DEPOSIT")
    assert (refused.status_code, refused.json["code"]) == (422, "SERVICE_NOT_OFFERED")


def test_machines_have_no_line_whatever_they_do(partner: Partner) -> None:
    row = partner.get("/v1/branches", type="SELF_SERVICE", service="CASH", open_now="true", limit=1).json["data"][0]
    refused = draw(partner, row["branch_id"], "at-machines")
    assert (refused.status_code, refused.json["code"]) == (422, "SERVICE_NOT_OFFERED")


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"service": "SELF_SERVICE"}, "/service"),
        ({"service": "HAIRCUT"}, "/service"),
        ({"service": None}, "/service"),
        ({"end_user_ref": "short"}, "/end_user_ref"),
        ({"end_user_ref": "小明在上海的微博账号一二三四五六"}, "/end_user_ref"),
        ({"end_user_ref": "x" * 129}, "/end_user_ref"),
        ({"name": "小明"}, "/name"),
    ],
)
def test_what_cannot_be_is_refused_and_named(partner: Partner, body: dict[str, Any], pointer: str) -> None:
    answer = draw(partner, a_branch(partner)["branch_id"], "bad-input", **body)
    assert answer.status_code in {400, 422}
    assert {fault["pointer"] for fault in answer.json["errors"]} == {pointer}


@pytest.mark.abuse("lines", "draws a number without credentials, or reads and gives back another app's")
def test_nobody_draws_without_a_token_and_no_other_app_sees_a_ticket(new_partner: Callable[..., Partner]) -> None:
    owner = new_partner()
    branch = a_branch(owner)["branch_id"]
    path, body = f"/v1/branches/{branch}/tickets", {"service": "CASH", "end_user_ref": USER.format(1)}
    anonymous = owner.client.post(path, json=body)
    assert (anonymous.status_code, anonymous.json["code"]) == (401, "TOKEN_MISSING")
    ticket = draw(owner, branch).json["ticket_id"]
    for stranger in (new_partner(), new_partner(headers=owner.headers, join="world")):
        for answer in (stranger.get(f"/v1/tickets/{ticket}"), stranger.post(f"/v1/tickets/{ticket}:cancel", key=None)):
            assert (answer.status_code, answer.json["code"]) == (404, "NOT_FOUND")
    assert owner.get(f"/v1/tickets/{ticket}").json["status"] == "WAITING"


def test_another_apps_numbers_of_the_same_world_are_in_the_same_line(new_partner: Callable[..., Partner]) -> None:
    one = new_partner()
    other = new_partner(headers=one.headers, join="world")
    branch = a_branch(one)["branch_id"]
    first, second = draw(one, branch).json, draw(other, branch).json
    assert second["ahead"] == first["ahead"] + 1
    assert second["ticket_number"] != first["ticket_number"]


def test_a_world_that_begins_again_has_no_tickets(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    ticket = draw(partner, a_branch(partner)["branch_id"]).json["ticket_id"]
    partner.post("/sandbox/v1/reset", key=None)
    assert partner.get(f"/v1/tickets/{ticket}").status_code == 404


def test_a_replay_draws_the_same_numbers(new_partner: Callable[..., Partner]) -> None:
    partner = new_partner()
    branch = a_branch(partner)["branch_id"]
    draw(partner, branch)
    partner.advance(seconds=60)
    partner.post(f"/v1/tickets/{draw(partner, branch, 2).json['ticket_id']}:cancel", key=None)
    done = partner.post("/sandbox/v1/worlds/current:replay", key=None).json
    assert (done["same"], done["differences"]) == (True, [])
