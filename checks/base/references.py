"""Reference values from `systems/references/SYSTEM.yaml`, found by every key that changes a figure.

    PARTITION:
      CHECK:
        - case: {preset: smoke, num_gpus: 0, pipeline: [files, packed], ...}
          source: where the values come from
          runs: 1
          references:
            test_accuracy: {value: 0.95, lower: -0.04, upper: null, unit: "1"}

`lower` and `upper` are fractions of `value`, as in ReFrame; null is no bound. A list in `case`
stands for any of its values. A value that no case can have is refused: it would never match, and
nothing would be judged."""

import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

FOLDER = Path(__file__).resolve().parents[2] / "systems" / "references"
_ENTRY_FIELDS = {"case", "source", "runs", "references"}
_REFERENCE_FIELDS = {"value", "lower", "upper", "unit"}


class ReferencesError(ValueError):
    """A reference file that does not say clearly what to compare with."""


class Reference(NamedTuple):
    """One value and its bounds (fractions of it), in the order that ReFrame takes them."""

    value: float
    lower: float | None
    upper: float | None
    unit: str


class Wanted(NamedTuple):
    """Whose references are looked for: `case` holds every key that changes the figures of `check`,
    `metrics` are those it declares, `partitions` the names that its system has, `checks` the names
    of all checks, `values` those that a key of `case` may have at all."""

    partition: str
    check: str
    case: Mapping[str, Any]
    metrics: Iterable[str]
    partitions: Iterable[str]
    checks: Iterable[str]
    values: Mapping[str, Iterable[Any]] = {}


def find(path: Path, wanted: Wanted) -> dict[str, Reference]:
    """The references of one case by metric; none where the file, or an entry for it, is missing.

    Raises ReferencesError, naming file and field, for a file that is malformed, names a partition
    that the system lacks, or has two entries for the case; every entry of the check is read."""
    if not path.exists():
        return {}

    content = _mapping(_load(path), f"{path}")
    for partition in content:
        if partition not in set(wanted.partitions):
            _refuse(f"{path}: {partition}", f"no such partition; there are {[*wanted.partitions]}")

        unknown = set(_mapping(content[partition], f"{path}: {partition}")) - set(wanted.checks)
        if unknown:
            _refuse(
                f"{path}: {partition}", f"no such check: {', '.join(sorted(map(str, unknown)))}"
            )

    where = f"{path}: {wanted.partition}"
    entries = content.get(wanted.partition, {}).get(wanted.check, [])
    where = f"{where}: {wanted.check}"
    if not isinstance(entries, list):
        _refuse(where, "a list of entries is expected")

    found: list[dict[str, Reference]] = []
    for number, entry in enumerate(entries, 1):
        references = _entry(entry, f"{where}: entry {number}", wanted)
        if all(wanted.case[key] in _any_of(entry["case"][key]) for key in wanted.case):
            found.append(references)

    if len(found) > 1:
        _refuse(where, f"{len(found)} entries match {dict(wanted.case)}")

    return found[0] if found else {}


def _load(path: Path) -> Any:
    try:
        return YAML(typ="safe", pure=True).load(path) or {}
    except (YAMLError, UnicodeError, OSError) as error:
        raise ReferencesError(f"{path}: {' '.join(str(error).split())}") from None


def _entry(entry: Any, where: str, wanted: Wanted) -> dict[str, Reference]:
    _require_keys(entry, _ENTRY_FIELDS, where)
    _require_keys(entry["case"], set(wanted.case), f"{where}: case")
    for key, given in entry["case"].items():
        _require_possible(_any_of(given), key, f"{where}: case: {key}", wanted)

    if not isinstance(entry["source"], str) or not entry["source"].strip():
        _refuse(f"{where}: source", "a text is expected that says where the values come from")

    if not _is_count(entry["runs"]):
        _refuse(f"{where}: runs", f"a number of runs is expected, not {entry['runs']!r}")

    references = _mapping(entry["references"], f"{where}: references")
    unknown = sorted(set(references) - set(wanted.metrics))
    if unknown or not references:
        _refuse(
            f"{where}: references", f"{wanted.check} has no metric {unknown or 'without a name'}"
        )

    return {name: _reference(each, f"{where}: {name}") for name, each in references.items()}


def _require_possible(given: list[Any], key: str, where: str, wanted: Wanted) -> None:
    if not given:
        _refuse(where, "an empty list matches no case")

    # Not `isinstance`: to Python, false is the whole number 0.
    kind = type(wanted.case[key])
    for each in given:
        if type(each) is not kind:
            _refuse(where, f"a value of type {kind.__name__} is expected, not {each!r}")

    known = wanted.values.get(key, given)
    strange = [each for each in given if each not in known]
    if strange:
        _refuse(where, f"no such value {strange}; there are {[*known]}")


def _reference(fields: Any, where: str) -> Reference:
    _require_keys(fields, _REFERENCE_FIELDS, where)
    reference = Reference(**fields)
    if not _is_number(reference.value):
        _refuse(f"{where}: value", f"a number is expected, not {reference.value!r}")

    for name, bound, low, high in (
        ("lower", reference.lower, -1, 0),
        ("upper", reference.upper, 0, math.inf),
    ):
        if bound is not None and not (_is_number(bound) and low <= bound <= high):
            _refuse(
                f"{where}: {name}", f"a fraction in {low}..{high} or null is expected: {bound!r}"
            )

    if reference.lower is None and reference.upper is None:
        _refuse(where, "a reference without a bound judges nothing")

    if not isinstance(reference.unit, str) or not reference.unit:
        _refuse(f"{where}: unit", f"a text is expected, not {reference.unit!r}")

    return reference


def _require_keys(fields: Any, keys: set[str], where: str) -> None:
    given = set(_mapping(fields, where))
    if missing := sorted(keys - given):
        _refuse(where, f"{', '.join(missing)} missing")

    if unknown := sorted(map(str, given - keys)):
        _refuse(where, f"unknown {', '.join(unknown)}")


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        _refuse(where, f"a mapping is expected, not {value!r}")

    return value


def _any_of(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _refuse(where: str, complaint: str) -> NoReturn:
    raise ReferencesError(f"{where}: {complaint}")
