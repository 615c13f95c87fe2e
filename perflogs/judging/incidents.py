"""Puts findings that move together into one incident: they have one cause, and are told once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from perflogs.judging.finding import FAILURE, IMPROVEMENT, NOT_RUN, REGRESSION, Finding
from perflogs.judging.lasting_words import lasting_words
from perflogs.series import identity

# How far from each other, in nights, the beginnings of one change may be found.
_TOGETHER = timedelta(days=2)
_ORDER = (REGRESSION, "suspect", FAILURE, NOT_RUN, IMPROVEMENT, "change")


@dataclass(frozen=True)
class Incident:
    """Findings that move together, the clearest first.

    `identity` names all of them at once; an incident of one has the name of its finding."""

    identity: str
    members: tuple[Finding, ...]

    @property
    def head(self) -> Finding:
        """The clearest of the findings."""
        return self.members[0]


def incidents(findings: Iterable[Finding]) -> list[Incident]:
    """All findings in incidents: regressions first, then by the night on which they began.

    Changes are together where they go in the same direction on the same partition, within two
    nights, on the same node, or for a common candidate cause or none; failures and what did not
    run where partition, night, class and the lasting words of the reason are the same."""
    groups: list[list[Finding]] = []
    for finding in sorted(findings, key=_by_time):
        group = next((group for group in groups if _together(group[0], finding)), None)
        if group is None:
            groups.append([finding])
        else:
            group.append(finding)

    found = [_incident(group) for group in groups]
    return sorted(found, key=lambda each: (_ORDER.index(each.head.state), *_by_time(each.head)))


def _by_time(finding: Finding) -> tuple[str, str, str, str, str]:
    measured = "" if finding.measured is None else finding.measured.metric
    since = str(finding.since or "")
    return since, finding.place, finding.name, measured, finding.identity


def _together(one: Finding, other: Finding) -> bool:
    if (one.state, one.place, one.category) != (other.state, other.place, other.category):
        return False

    if one.since is None or other.since is None or abs(one.since - other.since) > _TOGETHER:
        return False

    if one.state in (FAILURE, NOT_RUN):
        same_end = (one.since, one.recovered) == (other.since, other.recovered)
        return same_end and lasting_words(one.reason) == lasting_words(other.reason)

    if one.node or other.node:
        return one.node == other.node

    return bool(set(one.causes) & set(other.causes)) or not (one.causes or other.causes)


def _incident(group: list[Finding]) -> Incident:
    members = tuple(sorted(group, key=_clearness))
    if len(members) == 1:
        return Incident(members[0].identity, members)

    first = group[0]
    about = (first.state, first.place, first.node, ";".join(first.causes))
    name = identity(*about, lasting_words(first.reason), str(first.since))
    return Incident(f"G-{name[:8]}", members)


def _clearness(finding: Finding) -> tuple[float, float, str]:
    """What is surest comes first, then what differs most from no change, then by name."""
    measured = finding.measured
    if measured is None:
        return 0.0, 0.0, finding.name

    nearest = 0.0
    if measured.low is not None and measured.high is not None:
        width = measured.high - measured.low
        nearest = abs(measured.difference) / width if width > 0 else float("inf")

    return -(measured.confidence or 0.0), -nearest, finding.identity
