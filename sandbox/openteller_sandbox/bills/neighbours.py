"""Numbers that stand side by side, as somebody has them who goes through a list instead of asking about an account.

Pure arithmetic: nothing here knows an account or an app.
"""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["longest_run"]


def longest_run(number: int, others: Collection[int], distance: int) -> int:
    """Give how many numbers, this one among them, stand in the longest row that it is part of.

    A row is a chain whose neighbours are at most ``distance`` apart, or numbers at one distance each, however large.
    In which order they came does not matter, nor does a number that came twice.
    """
    numbers = set(others) | {number}
    chain = 1 + _chained(number, numbers, distance) + _chained(number, numbers, -distance)
    return max(chain, *(_stepped(number, numbers, abs(other - number)) for other in numbers))


def _chained(number: int, numbers: set[int], distance: int) -> int:
    """Count the numbers that are reached from one, going up (or, where the distance is negative, down)."""
    reached, direction = 0, 1 if distance > 0 else -1
    while True:
        steps = (number + direction * step for step in range(1, abs(distance) + 1))
        following = next((each for each in steps if each in numbers), None)
        if following is None:
            return reached
        reached, number = reached + 1, following


def _stepped(number: int, numbers: set[int], step: int) -> int:
    """Count the numbers that follow one another by the same step, on both sides of one."""
    if not step:
        return 1
    length = 1
    for direction in (step, -step):
        following = number + direction
        while following in numbers:
            length, following = length + 1, following + direction
    return length
