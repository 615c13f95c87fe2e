"""What kept a case of a run report from running: the cases that it needs, by their names."""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

from perflogs.history import NEEDS
from perflogs.reading.texts import text_of

#: Of a case that was not run ReFrame keeps no reason.
_REASONS = {
    "fail_deps": "not run: a case that it needs did not pass",
    "skip": "skipped by the check itself",
}
_PASSED = ("pass", "xfail")
_NAMED = 3


class Together:
    """The cases of one run of a session."""

    def __init__(self, cases: Sequence[Any]) -> None:
        """The cases as the report has them, whatever that is."""
        self._cases = cases

    def why_not_run(self, case: dict[str, Any]) -> str:
        """The reason in words; empty where the case was run."""
        if case["result"] not in _REASONS:
            return ""

        ends = [text_of(each.get("name")) or "" for each in self._ends(case)]
        named = ", ".join(list(dict.fromkeys(ends))[:_NAMED])
        return f"{NEEDS} ({named})" if named else _REASONS[case["result"]]

    def _ends(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        """What failed, or was skipped, at the ends of all that the case waits for; where it waits
        in a circle, all of that."""
        reached = [case]
        ends = []
        for each in reached:
            needed = self._not_passed(each)
            reached += [other for other in needed if all(other is not known for known in reached)]
            if not needed and each is not case:
                ends.append(each)

        return ends or reached[1:]

    def _not_passed(self, case: dict[str, Any]) -> list[dict[str, Any]]:
        found = (self._by_need.get(needed) for needed in _needs(case))
        return [each for each in found if each and text_of(each.get("result")) not in _PASSED]

    @cached_property
    def _by_need(self) -> dict[tuple[str, ...], dict[str, Any]]:
        return {
            (
                str(each.get("unique_name")),
                f"{each.get('system')}:{each.get('partition')}",
                str(each.get("environ")),
            ): each
            for each in self._cases
            if isinstance(each, dict)
        }


def _needs(case: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    """What the case depends on: unique name, place and environment of each."""
    for each in case.get("dependencies_actual") or []:
        yield tuple(map(str, each))
