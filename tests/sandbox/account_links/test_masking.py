"""How an account is called is shown so that its holder knows it, and nobody learns it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openteller_sandbox.account_links.masking import masked


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("@小明在成都", "@小***都"),
        ("小明", "***明"),
        ("明", "***明"),
        ("liming@example.com", "l***@example.com"),
        ("@bot@social.example", "@b***@social.example"),
        ("2803301701", "***701"),
        ("13800138000", "***000"),
        ("12", "***"),
        ("@", "@***"),
        ("   ", "***?"),
        ("a\u202eb\u200b", "***b"),
    ],
)
def test_labels_are_masked_as_the_page_on_links_says(label: str, shown: str) -> None:
    assert masked(label) == shown


@given(st.text(min_size=1, max_size=60))
@settings(max_examples=60)
def test_a_mask_shows_two_characters_of_a_name_at_most_and_no_length(label: str) -> None:
    shown = masked(label)
    assert "***" in shown
    local = shown.removeprefix("@").partition("@")[0].replace("***", "", 1)
    assert len(local) <= 4 if local.isdigit() else len(local) <= 2
    assert shown == masked(f" {label} ")
