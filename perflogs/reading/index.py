"""Keeps what was read, so that the next time only what is new has to be read.

A folder with `index.json`, which says how far each origin was read, and the records in parts, as
Parquet. Parts are never changed: what is new is one more, and small ones are now and then put
together. Whoever replaces `index.json` last is right; nothing that another process may still read
is removed within the hour."""

import contextlib
import dataclasses
import json
import time
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from perflogs.reading.origins import Origin, Position, Session
from perflogs.reading.records import Records, concatenate

#: Another number for any other layout, and for other rules by which records are made.
VERSION = 2
_NAME = "index.json"
_SAFE_SECONDS = 3600


@dataclass
class Index:
    """What is known already: origins by number, and the parts that hold their records, each with
    the number of its rows."""

    folder: Path | None = None
    origins: dict[int, Origin] = field(default_factory=dict)
    parts: list[tuple[str, int]] = field(default_factory=list)
    following: int = 0

    def new_origin(self, path: Path, **fields: Any) -> Origin:
        """An origin with a number of its own."""
        origin = Origin(self.following, str(path), **fields)
        self.following += 1
        self.origins[origin.number] = origin
        return origin

    def forget(self, origin: Origin) -> None:
        """Leaves out an origin that is no longer what it was, or not to be relied on."""
        self.origins.pop(origin.number, None)


def open_index(folder: Path | None) -> tuple[Index, Records]:
    """The index of a folder with all its records; an empty one where there is none, or none that
    can be used."""
    nothing = Index(folder), concatenate([])
    if folder is None:
        return nothing

    try:
        content = json.loads((folder / _NAME).read_text())
        if content["version"] != VERSION:
            return nothing

        origins = [_origin(each) for each in content["origins"]]
        parts = [(str(name), int(rows)) for name, rows in content["parts"]]
        known = {origin.number: origin for origin in origins}
        index = Index(folder, known, parts, int(content["following"]))
        return index, _read_parts(folder, [name for name, _ in parts])
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return nothing


def save_index(index: Index, new: Records) -> None:
    """Adds new records and replaces what the folder says of origins; where it cannot be written,
    nothing happens."""
    if index.folder is None:
        return

    with contextlib.suppress(OSError, pl.exceptions.PolarsError):
        index.folder.mkdir(parents=True, exist_ok=True)
        if new.runs.height:
            index.parts.append(_write_part(index.folder, new))
            _put_together(index.folder, index)

        _replace(index.folder, index)
        _remove_unused(index.folder, {name for name, _ in index.parts})


def _replace(folder: Path, index: Index) -> None:
    content = {
        "version": VERSION,
        "following": index.following,
        "parts": index.parts,
        "origins": [dataclasses.asdict(origin) for origin in index.origins.values()],
    }
    written = folder / f"index-{uuid.uuid4().hex}.json"
    written.write_text(json.dumps(content))
    written.replace(folder / _NAME)


def _put_together(folder: Path, index: Index) -> None:
    """Each part is more than twice as large as the next, so that there are few, and a row is
    written again a few times only."""
    while len(index.parts) > 1 and index.parts[-2][1] <= 2 * index.parts[-1][1]:
        last = [name for name, _ in index.parts[-2:]]
        records = _read_parts(folder, last).of_origins(index.origins)
        index.parts[-2:] = [_write_part(folder, records)]


def _files(name: str) -> tuple[str, str]:
    return f"part-{name}.runs.parquet", f"part-{name}.figures.parquet"


def _write_part(folder: Path, records: Records) -> tuple[str, int]:
    name = uuid.uuid4().hex
    for frame, file in zip((records.runs, records.figures), _files(name), strict=True):
        frame.write_parquet(folder / file, compression="zstd", compression_level=1)

    return name, records.runs.height


def _read_parts(folder: Path, names: Sequence[str]) -> Records:
    """All records of these parts. Raises OSError, PolarsError or ValueError for damaged ones."""
    found = []
    for name in names:
        runs, figures = (pl.read_parquet(folder / file) for file in _files(name))
        if figures.height and figures["row"].max() >= runs.height:  # type: ignore[operator]
            raise ValueError(f"{name} has figures of no run")

        found.append(Records(runs, figures))

    return concatenate(found)


def _remove_unused(folder: Path, names: Collection[str]) -> None:
    used = {_NAME, *(file for name in names for file in _files(name))}
    for path in (*folder.glob("part-*.parquet"), *folder.glob("index-*.json")):
        if path.name not in used and time.time() - path.stat().st_mtime > _SAFE_SECONDS:
            path.unlink(missing_ok=True)


def _origin(content: Mapping[str, Any]) -> Origin:
    fields = dict(content)
    fields["unreadable"] = [(line, text, why) for line, text, why in fields["unreadable"]]
    fields["stamp"] = fields["stamp"] and tuple(fields["stamp"])
    if fields["position"]:
        fields["position"] = Position(**fields["position"])
        fields["position"].identity = tuple(fields["position"].identity)

    if fields["session"]:
        fields["session"] = Session(**fields["session"])

    return Origin(**fields)
