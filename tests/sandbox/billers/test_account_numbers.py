"""Check digits: the standards' own examples, and the errors that they promise to find."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openteller_sandbox.billers.account_numbers import ALGORITHMS, check_digits, is_valid

algorithms = st.sampled_from(sorted(ALGORITHMS))
bodies = st.text("0123456789", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("algorithm", "body", "digits"),
    [
        ("LUHN", "7992739871", "3"),
        ("LUHN", "411111111111111", "1"),
        ("LUHN", "49015420323751", "8"),
        ("ISO7064_MOD11_10", "0794", "5"),
        ("ISO7064_MOD11_10", "6943515153", "0"),
        ("ISO7064_MOD97_10", "794", "44"),
        # An ISO 11649 creditor reference, RF18 5390 0754 7034, with its letters as numbers and its digits at the end.
        ("ISO7064_MOD97_10", "5390075470342715", "18"),
    ],
)
def test_the_published_examples_hold(algorithm: str, body: str, digits: str) -> None:
    """Luhn: the textbook number, a scheme's test card, an IMEI. ISO/IEC 7064: its own 0794 and 794, a tax number."""
    assert check_digits(algorithm, body) == digits
    assert is_valid(algorithm, body + digits)


@given(algorithms, bodies)
def test_a_number_with_its_check_digits_is_valid(algorithm: str, body: str) -> None:
    assert is_valid(algorithm, body + check_digits(algorithm, body))


@given(algorithms, bodies)
def test_there_is_one_right_ending_and_no_other(algorithm: str, body: str) -> None:
    length = ALGORITHMS[algorithm].length
    endings = [f"{ending:0{length}d}" for ending in range(10**length)]

    assert [ending for ending in endings if is_valid(algorithm, body + ending)] == [check_digits(algorithm, body)]


@given(algorithms, bodies, st.data())
def test_every_single_wrong_digit_is_found(algorithm: str, body: str, data: st.DataObject) -> None:
    number = body + check_digits(algorithm, body)
    place = data.draw(st.integers(0, len(number) - 1))
    wrong = data.draw(st.sampled_from(sorted(set("0123456789") - {number[place]})))

    assert not is_valid(algorithm, number[:place] + wrong + number[place + 1 :])


@given(bodies, st.data())
def test_mod_97_10_finds_every_swap_of_neighbours(body: str, data: st.DataObject) -> None:
    number = body + check_digits("ISO7064_MOD97_10", body)
    place = data.draw(st.integers(0, len(number) - 2))
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]

    assert swapped == number or not is_valid("ISO7064_MOD97_10", swapped)


@given(algorithms, st.text(max_size=12))
def test_whatever_is_typed_is_answered_and_never_raises(algorithm: str, number: str) -> None:
    assert is_valid(algorithm, number) in (True, False)


@pytest.mark.parametrize("number", ["", "4", "79 927", "٧٩٩٢٧٣٩٨٧١٣", "²²", "79927398713\n", "-794"])
@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_anything_but_ascii_digits_is_refused(algorithm: str, number: str) -> None:
    assert not is_valid(algorithm, number)


def test_a_body_that_is_no_number_is_an_error_that_does_not_repeat_it() -> None:
    with pytest.raises(ValueError, match="decimal digits") as refusal:
        check_digits("LUHN", "31a")

    assert "31a" not in str(refusal.value)
