"""Reading a question: words that are known, words that name nothing, and what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.billers.search import FILLERS, Piece, Vocabulary, candidates, readings, tokens_of
from openteller_sandbox.folding import fold
from openteller_sandbox.traditional import simplified

WORDS = Vocabulary(
    categories={word: frozenset({"A"}) for word in ("电", "电费", "dianfei", "罚款", "交通罚款")},
    places={word: ["310000"] for word in ("上海", "shanghai", "海南")},
)
_texts = st.text(st.characters(codec="utf-8"), max_size=60)


def _last(question: str) -> list[tuple[str, str]]:
    return [tuple(piece) for piece in readings(tokens_of(question), WORDS)[-1]]


@pytest.mark.parametrize(
    ("question", "pieces"),
    [
        ("交上海电费", [("place", "上海"), ("category", "电费")]),
        ("上海南电费", [("place", "上海"), ("free", "南"), ("category", "电费")]),
        ("交通罚款", [("category", "交通罚款")]),  # and not 交 and 通
        ("上海X电费", [("place", "上海"), ("free", "x"), ("category", "电费")]),
        ("shanghaidianfei", [("place", "shanghai"), ("category", "dianfei")]),
        ("shanghaix", [("free", "shanghaix")]),
    ],
)
def test_a_question_is_cut_into_as_few_words_as_leave_least_over(question: str, pieces: list[tuple[str, str]]) -> None:
    assert _last(question) == pieces


def test_a_question_of_nothing_but_words_that_name_nothing_is_read_as_it_is() -> None:
    assert readings(tokens_of("我要交费"), WORDS) == [(Piece("free", "我要交费"),)]


@given(_texts)
def test_every_reading_holds_all_of_the_question_but_fillers(question: str) -> None:
    tokens = tokens_of(question)
    typed = "".join(tokens)
    for reading in readings(tokens, WORDS):
        rest = typed
        for piece in reading:
            before, found, rest = rest.partition(piece.text)
            assert found
            assert _is_made_of_fillers(before)
        assert _is_made_of_fillers(rest)


def _is_made_of_fillers(text: str) -> bool:
    if not text:
        return True
    return any(text.startswith(word) and _is_made_of_fillers(text[len(word) :]) for word in FILLERS)


@given(_texts)
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(_texts)
def test_what_may_be_a_word_is_part_of_the_question(question: str) -> None:
    tokens = tokens_of(question)
    assert all(stretch in "".join(tokens) for stretch in candidates(tokens))


@pytest.mark.parametrize(
    ("traditional", "plain"),
    [("繳費", "缴费"), ("臺北", "台北"), ("瀋陽", "沈阳"), ("廈門", "厦门"), ("乾县", "乾县"), ("abc", "abc")],
)
def test_traditional_characters_are_read_as_simplified_ones(traditional: str, plain: str) -> None:
    assert simplified(traditional) == plain
