"""Simulations of one series each. Every one is a function of its number alone, its random seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tests.benchmarks._tracking import simulated
from tests.benchmarks._tracking.replay import Alert, alerts

Array = NDArray[np.float64]

YEAR = 365
#: Nights that are known before the first that is judged.
KNOWN = 90
#: Nights before a step, after it, and how far from it a finding of it may start.
BEFORE, AFTER, NEAR = 120, 60, 8
LOSS = -0.06
FLEET = 20
SLOW_NODE, SLOWNESS = 7, -0.1
NEVER = float("inf")


@dataclass(frozen=True)
class Find:
    """Nights until a change was found (NEVER where it was not), its size, and whether the interval
    holds the true one."""

    nights: float
    difference: float = 0.0
    held: bool = False
    node: str = ""


def false_alerts(noise: str, number: int, known: int = KNOWN) -> int:
    """Alerts in a year in which nothing changes."""
    random = _random(1, noise, number)
    values = simulated.series(simulated.NOISES[noise](random, known + YEAR))
    return len(list(alerts(values, known)))


def step(noise: str, change: float, number: int) -> Find:
    """A step, and what is said of it."""
    random = _random(2, noise, number)
    nights = BEFORE + AFTER
    factors = simulated.step(nights, BEFORE, change)
    values = simulated.series(simulated.NOISES[noise](random, nights)) * factors
    return _first(list(alerts(values, BEFORE)), change)


def loss(number: int) -> Find:
    """A year in which 6 % are lost from night to night; nights count from its first."""
    random = _random(3, "Gaussian", number)
    factors = simulated.drift(KNOWN + YEAR, KNOWN, KNOWN + YEAR, LOSS)
    values = simulated.series(simulated.gaussian(random, KNOWN + YEAR)) * factors
    for alert in alerts(values, KNOWN):
        if alert.kind == "regression":
            return Find(alert.night + 1 - KNOWN, alert.finding.difference)
    return Find(NEVER)


def spike(change: float, number: int) -> int:
    """Alerts in the 30 nights from a single night that is far out."""
    random = _random(4, "Gaussian", number)
    factors = simulated.spike(BEFORE + 30, BEFORE, change)
    values = simulated.series(simulated.gaussian(random, BEFORE + 30)) * factors
    return len(list(alerts(values, BEFORE)))


def still(kind: str, number: int) -> int:
    """Alerts in half a year, from the first night on, of a series that only looks odd."""
    random = _random(5, "Gaussian", number)
    values = simulated.ODD[kind](random, 180)
    comparison = "absolute" if kind.startswith("accuracy") else "relative"
    return len(list(alerts(values, 0, comparison=comparison)))


def accuracy_falls(number: int) -> Find:
    """An accuracy that is the same to the last digit, and falls by 0.02 after 20 runs or more."""
    before = int(_random(6, "Gaussian", number).integers(20, 100))
    values = np.where(np.arange(before + 10) < before, 0.95, 0.93)
    return _first(list(alerts(values, before, comparison="absolute")), -0.02, before)


def nodes(change: float, number: int) -> tuple[int, Find]:
    """A year on nodes of a fleet of which one is slow, drawn at random, the system changing in the
    middle: alerts that are false, and the finding of the change."""
    random = _random(7, "Gaussian", number)
    drawn = random.integers(FLEET, size=KNOWN + YEAR)
    values = simulated.series(simulated.gaussian(random, drawn.size))
    values = np.where(drawn == SLOW_NODE, values * (1 + SLOWNESS), values)
    first = KNOWN + YEAR // 2
    values *= simulated.step(drawn.size, first, change)
    said = list(alerts(values, KNOWN, [f"n{node}" for node in drawn]))
    true = [alert for alert in said if change and abs(alert.finding.start - first) <= NEAR]
    return len(said) - len(true), _first(true, change, first)


def _first(said: list[Alert], change: float, since: int = BEFORE) -> Find:
    for alert in said:
        found = alert.finding
        if alert.kind == "regression" and abs(found.start - since) <= NEAR:
            held = found.low <= change <= found.high
            return Find(alert.night + 1 - since, found.difference, held, found.node)
    return Find(NEVER)


def _random(experiment: int, noise: str, number: int) -> np.random.Generator:
    return np.random.default_rng([experiment, list(simulated.NOISES).index(noise), number])
