"""What is to change in a reference file, metric by metric: never a bound loosened in silence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from perflogs.baselines.comparable_runs import Case, LeftOut
from perflogs.baselines.learning import Lesson
from perflogs.baselines.provenance import origins, source_of
from perflogs.baselines.reference_file import Entry, ReferenceFile
from perflogs.baselines.rewriting import NewReferences
from perflogs.statistics.bounds import Bounds

NEW, TIGHTER, LOOSER, REFUSED, SAME = "new", "tighter", "looser", "would loosen", "same"
# Of a threshold: what writing it as a fraction and reading it again may change.
_PRECISION = 1e-9


@dataclass(frozen=True)
class Proposal:
    """What becomes of one metric: `before` is None where it had no reference, and `after` what it
    would have. A refused one stays as it is."""

    lesson: Lesson
    before: Bounds | None
    after: Bounds
    verdict: str


def propose(
    file: ReferenceFile, lessons: Sequence[Lesson], may_loosen: Callable[[str], bool]
) -> tuple[list[Proposal], list[LeftOut]]:
    """Compares what was learnt with what the file says; `may_loosen` is asked of each metric."""
    proposals: list[Proposal] = []
    left_out: list[LeftOut] = []
    for lesson in lessons:
        why = _keyed_otherwise(file, lesson.case)
        found = file.entry_of(lesson.case)
        before, unit = (found.references if found else {}).get(lesson.metric, (None, lesson.unit))
        if unit != lesson.unit:
            why = f"its reference is in {unit}, its runs are in {lesson.unit}"

        if why:
            left_out.append(LeftOut(lesson.case, lesson.metric, why))
        else:
            after = _keeping_the_better_side(lesson.bounds, before)
            proposals.append(
                Proposal(lesson, before, after, _verdict(lesson, before, after, may_loosen))
            )

    return proposals, left_out


def loosens(before: Bounds, after: Bounds, better: str) -> bool:
    """Whether some value passes after that did not before: on the worse side, or on either where
    `better` is "equal"."""
    precision = _PRECISION * abs(before.value)
    is_lower = better != "lower" and after.least < before.least - precision
    return is_lower or (better != "higher" and after.greatest > before.greatest + precision)


def changes(
    file: ReferenceFile, proposals: Sequence[Proposal], origin: Callable[[Lesson], str]
) -> list[NewReferences]:
    """What to write: all that is new, tighter, or looser as it may be, a case at a time."""
    wanted: dict[tuple[str, str, str], list[Proposal]] = {}
    for proposal in proposals:
        if proposal.verdict in (NEW, TIGHTER, LOOSER):
            wanted.setdefault(proposal.lesson.case.identity, []).append(proposal)

    return [_change(file, of_case, origin) for of_case in wanted.values()]


def _change(
    file: ReferenceFile, of_case: Sequence[Proposal], origin: Callable[[Lesson], str]
) -> NewReferences:
    case = of_case[0].lesson.case
    found: Entry | None = file.entry_of(case)
    metrics = list(found.references) if found else []
    taught = {each.lesson.metric: each for each in of_case}
    sources = origins(found.source, metrics) if found else {}
    sources |= {metric: origin(each.lesson) for metric, each in taught.items()}
    runs = [each.lesson.runs for each in of_case]
    if found and set(metrics) - set(taught):
        runs.append(found.runs)

    return NewReferences(
        case=case,
        references={metric: (each.after, each.lesson.unit) for metric, each in taught.items()},
        source=source_of(sources),
        # Of the metric that fewest stand behind.
        runs=min(runs),
    )


def _keyed_otherwise(file: ReferenceFile, case: Case) -> str:
    for entry in file.entries_of(case):
        if wrong := sorted(entry.case.keys() ^ case.keys.keys()):
            line = entry.node.line + 1
            return (
                f"{file.path.name}, line {line}, and the records do not have the same keys: only "
                f"one of them has {', '.join(wrong)}"
            )

    return ""


def _keeping_the_better_side(after: Bounds, before: Bounds | None) -> Bounds:
    """With a bound that the reference has on the better side, which is not for us to remove."""
    if before is None:
        return after

    return replace(
        after,
        lower=before.lower if after.lower is None else after.lower,
        upper=before.upper if after.upper is None else after.upper,
    )


def _verdict(
    lesson: Lesson, before: Bounds | None, after: Bounds, may_loosen: Callable[[str], bool]
) -> str:
    if before is None:
        return NEW

    if after == before:
        return SAME

    if loosens(before, after, lesson.better):
        return LOOSER if may_loosen(lesson.metric) else REFUSED

    return TIGHTER
