"""What a benchmark says of its bounds, and the exit code that follows."""

from collections.abc import Sequence
from dataclasses import dataclass

TOLERANCE = 0.15


@dataclass(frozen=True)
class Verdict:
    """A bound, and whether it holds: None where it cannot be judged, `refused` where that is an
    error."""

    text: str
    holds: bool | None
    refused: bool = False

    def __str__(self) -> str:
        word = {True: "holds", False: "DOES NOT HOLD", None: "not judged"}[self.holds]
        return f"{word}: {self.text}"


def conclude(verdicts: Sequence[Verdict]) -> int:
    """Print the verdicts; 2 where judging was refused, 1 where a bound does not hold, else 0."""
    for verdict in verdicts:
        print(verdict)
    if any(verdict.refused for verdict in verdicts):
        return 2
    return int(any(verdict.holds is False for verdict in verdicts))


def proportion(text: str, measured: float, noted: float) -> Verdict:
    """Whether two parts of a published way stand to each other as they were found to.

    `text` has a place for the measured figure. Outside of TOLERANCE the verdict is refused: what is
    compared with such a published way judges nothing.
    """
    within = abs(measured / noted - 1) <= TOLERANCE
    said = f"{text.format(f'{measured:,.4g}')}, noted were {noted:.3g} within {TOLERANCE:.0%}"
    return Verdict(said, within or None, refused=not within)


def at_least(text: str, measured: float, bound: float, judges: bool = True) -> Verdict:
    """That a figure, for which `text` has a place, is not below a bound.

    Not judged unless `judges`, as where the published way that it is relative to is not reproduced.
    """
    said = f"{text.format(f'{measured:,.4g}')}, at least {bound:g}"
    return Verdict(said, measured >= bound if judges else None)


def at_most(text: str, measured: float, bound: float) -> Verdict:
    """That a figure, for which `text` has a place, is not above a bound."""
    return Verdict(f"{text.format(f'{measured:,.4g}')}, at most {bound:g}", measured <= bound)
