"""References to a partner's users: the same for ever, and without a word about whom."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller import user_ref
from openteller.errors import ConfigurationError

KEY = b"a key of the tests, kept as a secret"
words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)


def test_a_reference_stays_the_same_from_release_to_release() -> None:
    """Partners keep them: another one would be another user."""
    message = b"5:weibo10:2803301701"
    expected = hmac.new(KEY, message, hashlib.sha256).hexdigest()[:40]

    assert user_ref(KEY, "weibo", "2803301701") == expected == "95282a992094c6162e38b8f06a2dd7d6fb598329"


@given(st.lists(words, min_size=1, max_size=4), st.lists(words, min_size=1, max_size=4))
def test_only_the_same_parts_give_the_same_reference(a: list[str], b: list[str]) -> None:
    """Above all not ("ab", "c") and ("a", "bc")."""
    assert (user_ref(KEY, *a) == user_ref(KEY, *b)) is (a == b)


@given(words)
def test_a_reference_fits_the_contract_and_says_nothing(word: str) -> None:
    reference = user_ref(KEY, "weibo", word)

    assert len(reference) == 40 and set(reference) <= set("0123456789abcdef")


def test_a_key_may_be_text() -> None:
    assert user_ref(KEY.decode(), "weibo", "1") == user_ref(KEY, "weibo", "1")
    assert user_ref(KEY, "weibo", "1") != user_ref(KEY + b"!", "weibo", "1")


@pytest.mark.parametrize("key", [b"", b"fifteen bytes..", "十五个字节"])
def test_a_short_key_is_refused(key: bytes | str) -> None:
    with pytest.raises(ConfigurationError, match="at least 16 bytes"):
        user_ref(key, "weibo", "1")


@pytest.mark.parametrize("parts", [(), ("",), ("weibo", ""), ("weibo", 2803301701), (None,)])
def test_a_missing_part_is_refused(parts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigurationError, match="what names the user"):
        user_ref(KEY, *parts)
