"""How good the verdicts are: false alerts, nights until a change is found, and what is missed.

Series are judged again every night, as an operator sees it; a finding that was already there the
night before is not counted again."""

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from statistics import mean, median
from typing import Any

from rich.table import Table

from tests.benchmarks._shared.verdicts import Verdict, at_least, at_most
from tests.benchmarks._tracking import experiments, simulated, suite
from tests.benchmarks._tracking.experiments import NEVER, Find

#: At most so many false alerts per series and year.
MOST_FALSE = {
    "Gaussian": 0.1,
    "3 % slow nights": 0.1,
    "heavy tails": 0.1,
    "autocorrelated": 0.6,
}
MOST_INCIDENTS = 4.0
#: Steps, and the nights within which the median one is found; None where that is not bounded.
STEPS: dict[tuple[str, float], float | None] = {
    ("Gaussian", -0.03): 10,
    ("Gaussian", -0.05): 5,
    ("Gaussian", -0.1): 4,
    ("3 % slow nights", -0.05): 5,
    ("heavy tails", -0.05): None,
    ("autocorrelated", -0.05): None,
}
SPIKES = (-0.3, 0.3)
NODE_CHANGES = (0.0, -0.05)
LEAST_FOUND = 0.95
ACCURACY = 3

Advance = Callable[[int], None]
_Work = Callable[[], Any]


@dataclass
class Found:
    """The results of each simulation, by its subject, and how many were made of each."""

    results: dict[tuple[str, Any], list[Any]] = field(default_factory=dict)

    def tables(self) -> Iterator[Table]:
        """All figures."""
        yield self._false_table()
        yield self._step_table()

    def verdicts(self) -> list[Verdict]:
        """Whether they hold the bounds."""
        return [*self._on_false_alerts(), *self._on_changes(), *self._on_nodes()]

    def _false_table(self) -> Table:
        table = _table("nothing changes", "series", "false alerts", "per series and year")
        for (kind, subject), counts in self.results.items():
            if kind in {"false", "first year"}:
                name = subject if kind == "false" else f"{subject}, from the first night on"
                table.add_row(name, f"{len(counts)}", f"{sum(counts)}", f"{mean(counts):.3f}")
        return table

    def _step_table(self) -> Table:
        table = _table("a change", "series", "found", "nights: median", "9 of 10", "held by 95 %")
        for (kind, subject), finds in self.results.items():
            if kind == "step":
                _add_finds(table, f"{subject[1]:+.0%}, {subject[0]}", finds)
            elif kind == "loss":
                _add_finds(table, f"{experiments.LOSS:+.0%} in a year, slowly", finds)
            elif kind == "accuracy":
                _add_finds(table, "accuracy of no noise, -0.02", finds)
            elif kind == "nodes" and subject:
                name = f"{subject:+.0%}, one of {experiments.FLEET} nodes slow"
                _add_finds(table, name, [find for _, find in finds])
        return table

    def _on_false_alerts(self) -> Iterator[Verdict]:
        for noise, most in MOST_FALSE.items():
            text = f"false alerts per series and year, {noise}: {{}}"
            yield at_most(text, mean(self.results["false", noise]), most)
        suites = self._incidents()
        if suites:
            shown = ", ".join(map(str, suites))
            text = f"false incidents of 200 series in a year ({shown}): {{}}"
            yield at_most(text, mean(suites), MOST_INCIDENTS)
        for change in SPIKES:
            text = f"alerts after a single night of {change:+.0%}: {{}}"
            yield at_most(text, sum(self.results["spike", change]), 0)
        for odd in simulated.ODD:
            yield at_most(f"alerts, {odd}: {{}}", sum(self.results["still", odd]), 0)

    def _on_changes(self) -> Iterator[Verdict]:
        for (noise, change), most in STEPS.items():
            if most is not None:
                text = f"nights until {change:+.0%} is found, {noise}, median: {{}}"
                nights = median(_nights(self.results["step", (noise, change)]))
                yield at_most(text, nights, most)
        for name, kind in (("a slow loss of 6 % in a year", "loss"), ("accuracy", "accuracy")):
            finds = self.results[kind, None]
            yield at_least(f"{name}, share found: {{}}", _share(finds), LEAST_FOUND)
        nights = max(_nights(self.results["accuracy", None]))
        yield at_most("nights until an accuracy without noise has fallen: {}", nights, ACCURACY)

    def _on_nodes(self) -> Iterator[Verdict]:
        for change in NODE_CHANGES:
            results = self.results["nodes", change]
            text = f"false alerts per series and year, one node slow, system {change:+.0%}: {{}}"
            yield at_most(text, mean(false for false, _ in results), 0.1)
            finds = [find for _, find in results if not find.node]
            if change:
                share = len(_found(finds)) / len(results)
                yield at_least("... found, as the system's, share: {}", share, LEAST_FOUND)

    def _incidents(self) -> list[int]:
        """Of each suite: alerts that say the same of the same night are one."""
        said: dict[int, set[tuple[str, int]]] = {}
        for number, alerts in self.results.get(("suite", None), []):
            said.setdefault(number, set()).update(alerts)
        return [len(incidents) for incidents in said.values()]


def measure(series: int, suites: int, processes: int, advance: Advance) -> Found:
    """Simulate so many series of each kind, and whole suites."""
    works = list(_works(series, suites))
    found = Found()
    with ProcessPoolExecutor(processes) as pool:
        futures = [(subject, pool.submit(work)) for subject, work in works]
        for subject, future in futures:
            found.results.setdefault(subject, []).append(future.result())
            advance(1)
    return found


def count(series: int, suites: int) -> int:
    """How many simulations those are."""
    return sum(1 for _ in _works(series, suites))


def _works(series: int, suites: int) -> Iterator[tuple[tuple[str, Any], _Work]]:
    few = max(series // 5, 1)
    for noise in simulated.NOISES:
        for number in range(series):
            yield ("false", noise), partial(experiments.false_alerts, noise, number)
    for number in range(series):
        yield (
            ("first year", "Gaussian"),
            partial(experiments.false_alerts, "Gaussian", number, known=0),
        )
    for noise, change in STEPS:
        for number in range(2 * series):
            yield ("step", (noise, change)), partial(experiments.step, noise, change, number)
    for number in range(few):
        yield ("loss", None), partial(experiments.loss, number)
        yield ("accuracy", None), partial(experiments.accuracy_falls, number)
        for change in SPIKES:
            yield ("spike", change), partial(experiments.spike, change, number)
        for change in NODE_CHANGES:
            yield ("nodes", change), partial(experiments.nodes, change, number)
        for odd in simulated.ODD:
            yield ("still", odd), partial(experiments.still, odd, number)
    for number in range(suites):
        for noise, case in suite.numbers():
            yield ("suite", None), partial(_suite, number, noise, case)


def _suite(number: int, noise: str, case: int) -> tuple[int, list[tuple[str, int]]]:
    return number, suite.case(number, noise, case)


def _nights(finds: list[Find]) -> list[float]:
    return [find.nights for find in finds]


def _found(finds: list[Find]) -> list[Find]:
    return [find for find in finds if find.nights < NEVER]


def _share(finds: list[Find]) -> float:
    return len(_found(finds)) / len(finds)


def _table(subject: str, *columns: str) -> Table:
    table = Table(subject, *columns)
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def _add_finds(table: Table, name: str, finds: list[Find]) -> None:
    nights = sorted(_nights(finds))
    held = mean(find.held for find in _found(finds)) if _found(finds) else 0.0
    ninth = nights[min(int(0.9 * len(nights)), len(nights) - 1)]
    table.add_row(
        name,
        f"{len(finds)}",
        f"{_share(finds):.1%}",
        f"{median(nights):g}",
        f"{ninth:g}",
        f"{held:.0%}",
    )
