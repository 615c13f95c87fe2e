"""What changed with the figures: events that come, go back, or come with another node."""

import pytest
from history_verdicts import findings_of
from simulated_history import Run, history

from perflogs.judging.causes import candidate_causes
from perflogs.judging.finding import Finding


def causes(drivers: str, start: int) -> tuple[str, ...]:
    """The candidate causes of a change at run `start`, each letter being the driver of a run."""
    runs = [Run(night=n, columns={"driver_version": each}) for n, each in enumerate(drivers)]
    return candidate_causes(history(runs).runs, range(len(runs)), start)


@pytest.mark.parametrize("period", [3, 5, 9])
def test_a_driver_that_is_rolled_back_is_a_cause(period: int) -> None:
    drivers = "a" * 20 + "b" * period + "a" * 5
    assert causes(drivers, 20) == ("driver a -> b",)
    assert causes(drivers, 20 + period) == ("driver b -> a",)


@pytest.mark.parametrize("drivers", ["ab" * 10, "aaab" * 5, "aab" * 7, "bbabbabaabab" * 2])
def test_what_goes_to_and_fro_is_no_cause(drivers: str) -> None:
    assert causes(drivers, 15) == ()


def slower_on(nodes: list[str], driver: str = "b") -> Finding:
    """The regression of a throughput that falls after 40 nights, when another driver came, on
    these nodes from then on."""
    runs = [
        Run(night=night, nodes=f"n{night % 2}", columns={"driver_version": "a"})
        for night in range(40)
    ]
    runs += [
        Run(
            night=40 + night,
            nodes=node,
            figures={"throughput": 800.0 if node == nodes[0] else 1000.0},
            columns={"driver_version": driver},
        )
        for night, node in enumerate(nodes)
    ]
    [finding] = findings_of("regression", *runs)
    return finding


def test_a_node_that_was_drawn_as_the_driver_changed_is_not_blamed_alone() -> None:
    finding = slower_on(["n3"] * 8)
    assert (finding.category, finding.node) == ("regression", "n3")
    assert finding.attribution == "node n3 or driver a -> b"


def test_a_node_is_blamed_alone_where_nothing_else_changed_or_others_are_well_with_it() -> None:
    for finding in (slower_on(["n3"] * 8, "a"), slower_on(["n3", "n3", "n1", "n3", "n3", "n3"])):
        assert (finding.category, finding.attribution) == ("hardware", "node n3")
