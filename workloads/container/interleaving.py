"""Two series measured together, so that neither has the better part of an hour."""

from collections.abc import Callable
from typing import TypeVar

Measurement = TypeVar("Measurement")


def interleaved(
    pairs: int,
    first: Callable[[int], Measurement],
    second: Callable[[int], Measurement],
) -> tuple[list[Measurement], list[Measurement]]:
    """Call `first` and `second` with 1, 2, ... `pairs`; what each of them returned, in that order.

    One is called at a time. In odd pairs `first` goes first, in even ones `second`: what drifts,
    and what one leaves warm for the other, falls on both.
    """
    measured: tuple[list[Measurement], list[Measurement]] = ([], [])
    sides = ((first, measured[0]), (second, measured[1]))
    for pair in range(1, pairs + 1):
        for measure, results in sides if pair % 2 else reversed(sides):
            results.append(measure(pair))
    return measured
