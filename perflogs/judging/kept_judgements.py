"""A file of judgements, so that a series without a new run need not be judged again."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from perflogs.statistics.judgement import Change, Judgement, Segment, Suspect
from perflogs.whole_file import write_whole


def read_kept(path: Path, version: str) -> dict[str, Judgement]:
    """Judgements by digest; none where the file is missing, damaged, or of another version."""
    try:
        content = json.loads(path.read_text())
        if content["version"] != version:
            return {}

        return {digest: _judgement(each) for digest, each in content["judgements"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def write_kept(path: Path, version: str, judgements: dict[str, Judgement]) -> None:
    """Writes them; where the folder cannot be written to, they are judged again next time."""
    content = {
        "version": version,
        "judgements": {digest: asdict(each) for digest, each in judgements.items()},
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, json.dumps(content))
    except OSError:
        return


def _judgement(kept: dict[str, Any]) -> Judgement:
    changes = {
        name: None if kept[name] is None else _change(kept[name])
        for name in ("regression", "improvement", "change")
    }
    suspect = kept["suspect"]
    return Judgement(
        segments=tuple(Segment(**each) for each in kept["segments"]),
        suspect=None if suspect is None else Suspect(**suspect),
        slow=tuple(_change(each) for each in kept["slow"]),
        **changes,
    )


def _change(kept: dict[str, Any]) -> Change:
    segments = {name: Segment(**kept[name]) for name in ("before", "after")}
    return Change(**{**kept, **segments})
