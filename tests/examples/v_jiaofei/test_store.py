"""The account's memory: each row in one hand, in order, through threads, processes and crashes."""

from __future__ import annotations

import multiprocessing
import sqlite3
import stat
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from v_jiaofei.reading import Ask, Intent, Place, Reading
from v_jiaofei.records import Arrival, Happening, Incoming, Link, Outgoing, Question
from v_jiaofei.store import LEASE_S, QUESTION_S, REMEMBERED_S, REPLY_WINDOW_S, Store

NOW = 1_790_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "account.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    with closing(Store(path)) as opened:
        yield opened


def message(key: str, sender: str = "7", *, is_public: bool = False, text: str = "上海电费") -> Incoming:
    ref = 1 if is_public else None
    return Incoming(key, sender, NOW, is_public=is_public, account_like=False, text=text, status_id=ref)


def answer(key: str, receiver: str | None = "7") -> Outgoing:
    return Outgoing(f"answer:{key}", "请点链接", NOW + REPLY_WINDOW_S, receiver=receiver)


def test_a_message_is_new_once(store: Store) -> None:
    assert store.receive(message("a"), NOW) is Arrival.TAKEN
    assert store.receive(message("a"), NOW) is Arrival.KNOWN


def test_a_message_of_somebody_who_waits_for_an_answer_waits_too(store: Store) -> None:
    store.receive(message("a"), NOW)
    assert store.receive(message("b"), NOW) is Arrival.WAITING
    assert store.receive(message("c", "8"), NOW) is Arrival.TAKEN
    assert store.take_message(NOW) is None

    store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)
    taken = store.take_message(NOW)
    assert taken is not None and taken.key == "b"


def test_mentions_wait_for_nobody(store: Store) -> None:
    assert store.receive(message("a", is_public=True), NOW) is Arrival.WAITING
    assert store.receive(message("b", is_public=True), NOW) is Arrival.WAITING

    assert [taken.key for taken in (store.take_message(NOW), store.take_message(NOW)) if taken] == ["a", "b"]


def test_what_is_taken_is_due_again_when_its_taker_has_died_and_that_counts_as_a_try(store: Store) -> None:
    store.receive(message("a"), NOW)
    assert store.take_message(NOW + LEASE_S - 1) is None

    again = store.take_message(NOW + LEASE_S)
    assert again is not None and again.tries == 1


def test_a_message_is_answered_once_by_whoever_is_first(store: Store) -> None:
    store.receive(message("a"), NOW)
    store.take_message(NOW + LEASE_S)

    assert store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)
    assert not store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)
    store.put_back("a", NOW)  # the late one has failed meanwhile
    assert store.take_message(NOW + LEASE_S) is None


def test_what_is_said_to_one_person_keeps_its_order_and_others_do_not_wait(store: Store) -> None:
    for key, receiver in (("a", "7"), ("b", "7"), ("c", "8")):
        store.receive(message(key, receiver), NOW)
        store.answered(key, NOW, outgoing=answer(key, receiver), say_at=NOW)

    first, other = store.take_outgoing(NOW), store.take_outgoing(NOW)
    assert first is not None and other is not None
    assert (first.name, other.name) == ("answer:a", "answer:c")
    assert store.take_outgoing(NOW) is None

    store.said("answer:a")
    then = store.take_outgoing(NOW)
    assert then is not None and then.name == "answer:b"


def test_a_kind_that_must_wait_holds_up_no_other(store: Store) -> None:
    for key, receiver in (("a", None), ("b", "7")):
        store.receive(message(key, "7", is_public=receiver is None), NOW)
        store.answered(key, NOW, outgoing=answer(key, receiver), say_at=NOW)

    taken = store.take_outgoing(NOW, comments=False)
    assert taken is not None and taken.name == "answer:b"
    assert store.take_outgoing(NOW, comments=False) is None


def test_whether_something_may_have_been_said_is_remembered(store: Store) -> None:
    store.receive(message("a"), NOW)
    store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)

    def take(at: float) -> bool:
        taken = store.take_outgoing(at)
        assert taken is not None
        return taken.maybe_said

    assert not take(NOW)
    store.say_later("answer:a", NOW + 1)
    assert not take(NOW + 1)
    assert take(NOW + 1 + LEASE_S), "its taker has died"


def test_an_open_question_comes_back_as_it_was(store: Store) -> None:
    reading = Reading(
        Intent.PAY,
        places=(Place("220000", "吉林省"), Place("220200", "吉林市", "吉林省", "船营区")),
        categories=("WATER", "GAS"),
        accounts=("3100000011",),
        words="示范",
        currencies=("USD",),
        position=(31.2, 121.5),
        phone_given=True,
        ask=Ask.PLACE,
    )
    store.receive(message("a"), NOW)
    store.answered("a", NOW, outgoing=answer("a"), say_at=NOW, question=Question(reading, "en"))

    assert store.question("7", NOW + QUESTION_S - 1) == Question(reading, "en")
    assert store.question("7", NOW + QUESTION_S) is None
    assert store.question("8", NOW) is None


def test_an_event_waits_for_the_link_that_it_is_about(store: Store) -> None:
    store.keep_events([Happening("evt_1", "payment.succeeded", "pay_1", 5)], NOW, cursor="evt_1")
    assert store.take_event(NOW) is None

    store.receive(message("a"), NOW)
    link = Link("pay_1", "0123", "a", "7", is_public=False, language="zh-CN")
    store.answered("a", NOW, outgoing=answer("a"), say_at=NOW, link=link)

    assert store.take_event(NOW) == Happening("evt_1", "payment.succeeded", "pay_1", 5, 0, link)
    store.heard("evt_1", NOW)
    assert store.take_event(NOW + LEASE_S) is None
    assert store.cursor() == "evt_1"


def test_a_nonce_is_one_bodys(store: Store) -> None:
    assert store.claim("1", "a", NOW)
    assert store.claim("1", "a", NOW)
    assert not store.claim("1", "b", NOW)
    store.forget(NOW + 3601)
    assert store.claim("1", "b", NOW)


def test_what_is_done_is_forgotten_in_time_and_the_file_does_not_grow(store: Store, path: Path) -> None:
    sizes = []
    for week in range(4):
        now = NOW + week * (REMEMBERED_S + REPLY_WINDOW_S + 1)
        for number in range(300):
            key, sender = f"{week}-{number}", str(number)
            store.claim(key, "digest", now)
            store.receive(message(key, sender), now)
            link = Link(f"pay_{key}", "0123", key, sender, is_public=False, language="en")
            question = Question(Reading(Intent.PAY, ask=Ask.ACCOUNT), "en")
            store.answered(key, now, outgoing=answer(key, sender), say_at=now, link=link, question=question)
            store.said(f"answer:{key}")
            store.keep_events([Happening(f"evt_{key}", "payment.succeeded", f"pay_x{key}", 5)], now)
        store.forget(now)
        sizes.append(path.stat().st_size)

    with store._lock:
        rows = {
            table: store._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("inbox", "outbox", "questions", "links", "happenings", "nonces")
        }
    assert max(rows.values()) <= 600
    assert sizes[3] <= sizes[1] * 1.1
    assert Path(f"{path}-wal").stat().st_size == 0


def test_a_failing_act_leaves_the_store_usable(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = Link("pay_1", "0123", "a", None, is_public=False, language="en")  # type: ignore[arg-type]
    store.receive(message("a"), NOW)
    with pytest.raises(sqlite3.IntegrityError):
        store.answered("a", NOW, outgoing=answer("a"), say_at=NOW, link=broken)

    assert store.take_outgoing(NOW) is None, "nothing of it was kept"
    assert store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)


def test_only_its_owner_may_read_the_file(store: Store, path: Path) -> None:
    store.receive(message("a"), NOW)

    for file in path.parent.glob("account.db*"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_no_repr_shows_what_somebody_wrote(store: Store) -> None:
    store.receive(message("a"), NOW)
    store.answered("a", NOW, outgoing=answer("a"), say_at=NOW)

    assert "上海" not in repr(message("a"))
    assert "请点" not in repr(store.take_outgoing(NOW))


# Many hands


def _take_all(path: Path, hand: int) -> list[str]:
    """Take and answer until nothing is left."""
    with closing(Store(path)) as store:
        return _answered_by(store)


def _answered_by(store: Store) -> list[str]:
    keys = []
    while (taken := store.take_message(NOW)) is not None:
        assert store.answered(taken.key, NOW, outgoing=answer(taken.key, taken.sender), say_at=NOW)
        keys.append(taken.key)
    while (one := store.take_outgoing(NOW)) is not None:
        keys.append(one.name)
        store.said(one.name)
    return keys


def _fill(store: Store, messages: int) -> None:
    for number in range(messages):
        store.receive(message(str(number), str(number % 20)), NOW)
        store.put_back(str(number), NOW)


def test_eight_threads_never_hold_the_same_row(store: Store) -> None:
    _fill(store, 200)
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):  # of one person, one at a time
            parts = list(pool.map(lambda _: _answered_by(store), range(8)))
            tally = Counter(key for part in parts for key in part)
            assert set(tally.values()) <= {1}
    assert store.counts() == {"inbox DONE": 200, "outbox SAID": 200}


def test_two_processes_never_hold_the_same_row(store: Store, path: Path) -> None:
    _fill(store, 200)
    context = multiprocessing.get_context("spawn")
    with context.Pool(2) as pool:
        parts = pool.starmap(_take_all, [(path, 0), (path, 1)])
    parts.append(_answered_by(store))

    tally = Counter(key for part in parts for key in part)
    assert set(tally.values()) == {1} and len(tally) == 400


# Every order of things


class Account(RuleBasedStateMachine):
    """Messages of three people come, are taken, put back, answered, forgotten by dying takers, in any order."""

    folder: Path

    def __init__(self) -> None:
        super().__init__()
        self.number = 0
        self.now = NOW
        self.held: dict[str, float] = {}
        """Key -> when its lease ends."""
        self.arrived: dict[str, list[str]] = {"7": [], "8": [], "9": []}
        self.answered: set[str] = set()
        self.path = type(self).folder / f"{id(self)}.db"
        self.path.unlink(missing_ok=True)
        self.store = Store(self.path)

    def teardown(self) -> None:
        self.store.close()
        for suffix in ("", "-wal", "-shm"):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def is_first(self, key: str, sender: str) -> bool:
        return next(one for one in self.arrived[sender] if one not in self.answered) == key

    @rule(sender=st.sampled_from("789"))
    def arrives(self, sender: str) -> None:
        self.number += 1
        key = str(self.number)
        self.arrived[sender].append(key)
        became = self.store.receive(message(key, sender), self.now)
        assert (became is Arrival.TAKEN) == self.is_first(key, sender)
        if became is Arrival.TAKEN:
            self.held[key] = self.now + LEASE_S

    @rule()
    def is_taken(self) -> None:
        taken = self.store.take_message(self.now)
        if taken is not None:
            assert self.held.get(taken.key, 0) <= self.now, "somebody has it"
            assert taken.key not in self.answered
            assert self.is_first(taken.key, taken.sender)
            self.held[taken.key] = self.now + LEASE_S

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def is_put_back(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        self.store.put_back(key, self.now + 5)
        self.held.pop(key)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def is_answered(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.held)))
        assert self.store.answered(key, self.now, outgoing=answer(key), say_at=self.now) == (key not in self.answered)
        self.answered.add(key)
        self.held.pop(key)

    @rule(seconds=st.sampled_from([1.0, 5.0, LEASE_S]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def the_process_dies(self) -> None:
        self.store.close()
        self.store = Store(self.path)

    @invariant()
    def nothing_is_lost(self) -> None:
        counts: dict[str, Any] = self.store.counts()
        open_ones = counts.get("inbox TAKEN", 0) + counts.get("inbox WAITING", 0)
        assert open_ones + counts.get("inbox DONE", 0) == self.number
        assert counts.get("inbox DONE", 0) == len(self.answered)


def test_in_every_order_of_things_a_message_is_in_one_hand_and_none_is_lost(tmp_path: Path) -> None:
    Account.folder = tmp_path
    run_state_machine_as_test(Account)
