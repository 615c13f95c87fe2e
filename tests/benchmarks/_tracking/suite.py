"""A whole suite of cases in which nothing changes, and the incidents that are seen all the same."""

import numpy as np

from tests.benchmarks._tracking import simulated
from tests.benchmarks._tracking.experiments import KNOWN, YEAR
from tests.benchmarks._tracking.replay import alerts

#: Cases by their noise, with so many metrics each: 200 series.
CASES = {"Gaussian": 26, "3 % slow nights": 12, "heavy tails": 8, "autocorrelated": 4}
METRICS = 4
#: Of the variance of a metric: what all metrics of a case share in a night.
SHARED = 0.5


def numbers() -> list[tuple[str, int]]:
    """The noise and the number of each case."""
    return [(noise, number) for noise, count in CASES.items() for number in range(count)]


def case(suite: int, noise: str, number: int) -> list[tuple[str, int]]:
    """The false alerts of the metrics of one case in a year: their kinds and first nights."""
    random = np.random.default_rng([8, suite, list(CASES).index(noise), number])
    draw = simulated.NOISES[noise]
    common = draw(random, KNOWN + YEAR)
    said = []
    for _ in range(METRICS):
        own = draw(random, KNOWN + YEAR)
        # Slow nights are slow for all metrics of the case.
        if noise == "3 % slow nights":
            own = simulated.gaussian(random, KNOWN + YEAR)
        mixed = np.sqrt(SHARED) * common + np.sqrt(1 - SHARED) * own
        said += [(a.kind, a.finding.start) for a in alerts(simulated.series(mixed), KNOWN)]
    return said
