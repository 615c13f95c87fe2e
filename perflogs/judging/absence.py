"""The finding that a case, or a metric of it, is no longer reported."""

from collections.abc import Sequence
from datetime import date

from perflogs.judging.finding import NOT_RUN, Finding, finding_name


def absence(case: Sequence[str], category: str, since: date, reason: str, about: str) -> Finding:
    """`case` is system, partition, environment and name, `since` the last night with a record, and
    `about` what is missing of the case: empty for all of it."""
    system, partition, environ, name = case
    return Finding(
        identity=finding_name(NOT_RUN, *case, about),
        state=NOT_RUN,
        category=category,
        system=system,
        partition=partition,
        environ=environ,
        name=name,
        since=since,
        reason=reason,
    )
