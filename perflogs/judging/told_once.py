"""A case that failed and then stopped reporting has one story, and is told once."""

from collections.abc import Collection, Iterable
from dataclasses import replace
from datetime import date

from perflogs.judging.acknowledgements import marked
from perflogs.judging.finding import FAILURE, Acknowledgement, Finding


def told_once(
    findings: Iterable[Finding],
    stopped: Collection[str],
    known: dict[str, Acknowledgement],
    today: date,
) -> list[Finding]:
    """The findings, but for those named in `stopped` (of cases that are no longer reported) where
    the case stands as failed: then its failure says since when. One that was acknowledged before
    (`known`, up to `today`) tells nothing of that, and the two stand beside each other."""
    findings = list(findings)
    silent = {
        _case(each): each.since
        for each in findings
        if each.identity in stopped and not each.acknowledged
    }
    told: list[Finding] = []
    in_failures: set[tuple[str, ...]] = set()
    for each in findings:
        case = _case(each)
        counts = not (each.recovered or each.acknowledged)
        if each.state == FAILURE and counts and case in silent:
            in_failures.add(case)
            told += marked([replace(each, silent_since=silent[case])], known, today)
        else:
            told.append(each)

    return [each for each in told if not (each.identity in stopped and _case(each) in in_failures)]


def _case(finding: Finding) -> tuple[str, ...]:
    return finding.system, finding.partition, finding.environ, finding.name
