"""Which value of a metric that must not change at all is the right one."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perflogs.series import Series

#: A sum over several nodes or processes may be made in another order, and differ in rounding.
ROUNDING = 1e-3

#: The commit of this suite, and then all else that computes.
Software = tuple[str, ...]


@dataclass(frozen=True)
class Value:
    """One run of the series: its place in it, where it ran, with what, and what came out."""

    place: int
    nodes: str
    software: Software
    value: float


def tolerance_of(series: Series) -> float:
    """By what fraction equal values may differ."""
    per_gpu = "%process_per=gpu" in series.name
    several = any("," in nodes for nodes in series.nodes)
    return ROUNDING if per_gpu or several else 0.0


def equal(one: float, other: float | None, tolerance: float) -> bool:
    """Whether both are the same but for rounding; not where there is no other."""
    return other is not None and abs(one - other) <= tolerance * abs(other)


def trusted_values(values: Sequence[Value], tolerance: float) -> dict[Software, float | None]:
    """The right value with each software; None where nothing tells which it is.

    What came out on a single node is not trusted where other nodes had another value before and
    have the same one again since, and only the commit of the suite was another."""
    groups = {
        each: [value for value in values if value.software == each]
        for each in dict.fromkeys(value.software for value in values)
    }
    found = {each: trusted(group, tolerance) for each, group in groups.items()}
    order = list(groups)
    for number, software in enumerate(order):
        nodes = {value.nodes for value in groups[software]}
        if len(nodes) == 1:
            others = [
                next(
                    (
                        found[each]
                        for each in side
                        if each[1:] == software[1:] and not nodes & {v.nodes for v in groups[each]}
                    ),
                    None,
                )
                for side in (order[number - 1 :: -1] if number else [], order[number + 1 :])
            ]
            before, after = others
            if before is not None and after is not None and equal(before, after, tolerance):
                found[software] = before

    return found


def trusted(values: Iterable[Value], tolerance: float) -> float | None:
    """The value on most nodes, of those on as many the one of most runs; None where that leaves
    two. A node that differs from itself is not asked, unless there is no other."""
    found: list[float] = []
    for each in values:
        if not any(equal(each.value, one, tolerance) for one in found):
            found.append(each.value)

    named = [
        (each.nodes, next(one for one in found if equal(each.value, one, tolerance)))
        for each in values
    ]
    answers: dict[str, set[float]] = {}
    for nodes, value in named:
        answers.setdefault(nodes, set()).add(value)

    votes = Counter(min(own) for own in answers.values() if len(own) == 1)
    counts = Counter(value for _, value in named)
    ranked = sorted(found, key=lambda value: (votes[value], counts[value]), reverse=True)
    best = [(votes[value], counts[value]) for value in ranked[:2]]
    return None if len(best) == 2 and best[0] == best[1] else ranked[0]
