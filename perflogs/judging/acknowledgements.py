"""Which findings are known of, and until when: `acknowledged.json` beside the history."""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from perflogs.judging.finding import FAILURE, Acknowledgement, Finding
from perflogs.judging.lasting_words import lasting_words
from perflogs.series import identity
from perflogs.whole_file import write_whole

# A change point may move by some nights as more runs come in; what begins later is another.
_SAME_START = timedelta(days=7)
_VERSION = 1


class UnusableAcknowledgements(ValueError):
    """A file of acknowledgements that cannot be read; the message says what to do."""


def read_acknowledgements(path: Path) -> dict[str, Acknowledgement]:
    """All acknowledgements by the name of the finding; none where there is no such file.

    Raises UnusableAcknowledgements where the file is damaged: if it were passed over, what was
    known of would raise alarms again, and nobody would know why."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UnusableAcknowledgements(_complaint(path, error)) from None

    try:
        if content["version"] != _VERSION:
            raise ValueError(f"version {content['version']!r}, not {_VERSION}")

        found = [_acknowledgement(each) for each in content["acknowledged"]]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnusableAcknowledgements(_complaint(path, error)) from None

    return {each.finding: each for each in found}


def write_acknowledgements(path: Path, known: Iterable[Acknowledgement]) -> None:
    """Writes them, sorted by finding. Raises OSError where that is not possible."""
    entries = [
        {key: _written(value) for key, value in asdict(each).items()}
        for each in sorted(known, key=lambda each: each.finding)
    ]
    text = json.dumps({"version": _VERSION, "acknowledged": entries}, indent=2)
    write_whole(path, text + "\n")


def acknowledge(
    finding: Finding, reason: str, by: str, when: datetime, expires: date
) -> Acknowledgement:
    """That `by` knows of the finding, as it stands now."""
    return Acknowledgement(
        finding=finding.identity,
        reason=reason,
        by=by,
        when=when,
        expires=expires,
        start=finding.since,
        level=_worst(finding),
        category=finding.category,
        about=_about(finding),
    )


def marked(
    findings: Iterable[Finding], known: dict[str, Acknowledgement], today: date
) -> list[Finding]:
    """The findings, those with their acknowledgement that one covers today."""
    return [
        replace(each, acknowledged=known[each.identity])
        if each.identity in known and covers(known[each.identity], each, today)
        else each
        for each in findings
    ]


def covers(known: Acknowledgement, finding: Finding, today: date) -> bool:
    """Whether the finding is still the one that was acknowledged: until it expires, as long as it
    is of the same class, did not begin anew since, and has not become so much worse that its
    interval lies wholly beyond what was known. Of a failure, the reason must be the same in its
    lasting words."""
    if today > known.expires or finding.category != known.category:
        return False

    if known.about and known.about != _about(finding):
        return False

    if _begins_anew(known, finding):
        return False

    best = _best(finding)
    if known.level is None or best is None:
        return True

    return best * known.level >= 0 and abs(best) <= abs(known.level)


def _begins_anew(known: Acknowledgement, finding: Finding) -> bool:
    """More than seven nights later, and since it was acknowledged: where a slow loss is cut moves
    by weeks as more runs come in, but within what was known."""
    if known.start is None or finding.since is None or finding.since < known.when.date():
        return False

    return finding.since - known.start > _SAME_START


def _about(finding: Finding) -> str:
    """A digest of the reason of a failure, as it is night after night, and of whether its case has
    stopped reporting since; empty for all else."""
    if finding.state != FAILURE:
        return ""

    silence = [] if finding.silent_since is None else ["not run any more"]
    return identity(lasting_words(finding.reason), *silence)


def _worst(finding: Finding) -> float | None:
    bounds = _bounds(finding)
    return max(bounds, key=abs) if bounds else None


def _best(finding: Finding) -> float | None:
    bounds = _bounds(finding)
    if not bounds:
        return None

    return 0.0 if min(bounds) <= 0 <= max(bounds) else min(bounds, key=abs)


def _bounds(finding: Finding) -> list[float]:
    measured = finding.measured
    return [] if measured is None else [x for x in (measured.low, measured.high) if x is not None]


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _acknowledgement(entry: dict[str, Any]) -> Acknowledgement:
    texts = {key: entry[key] for key in ("finding", "reason", "by", "category")}
    if not all(isinstance(text, str) for text in texts.values()):
        raise ValueError("finding, reason, by and category must be texts")

    return Acknowledgement(
        **texts,
        when=datetime.fromisoformat(entry["when"]),
        expires=date.fromisoformat(entry["expires"]),
        start=None if entry["start"] is None else date.fromisoformat(entry["start"]),
        level=None if entry["level"] is None else float(entry["level"]),
        about=str(entry.get("about", "")),
    )


def _complaint(path: Path, error: Exception) -> str:
    what = f"lacks {error}" if isinstance(error, KeyError) else str(error)
    return (
        f"{path} is not a file of acknowledgements: {what}: mend it, or move it away and "
        "acknowledge again"
    )
