"""From sources to the history."""

from collections.abc import Collection, Sequence
from pathlib import Path

from perflogs.history import History
from perflogs.reading.complaints import dated_complaints
from perflogs.reading.errors import UnusableHistory
from perflogs.reading.frames import figures_frame, runs_frame
from perflogs.reading.index import open_index, save_index
from perflogs.reading.merging import merge
from perflogs.reading.origins import Origin
from perflogs.reading.places import Files, age, look_into
from perflogs.reading.records import concatenate
from perflogs.reading.source_reader import Progress, SourceReader


def read_history(
    sources: Sequence[Path], index: Path | None = None, progress: Progress | None = None
) -> History:
    """Reads all sources into one history, in which no run is counted twice.

    A source is a performance log or a folder of them, a results database, a run report or a folder
    of them. `index` is a folder that keeps what was read, for the next time; it may be lost.
    `progress` is told what is read, how many bytes are done, and of how many.

    Raises UnusableHistory where a source does not exist, or holds no record."""
    if not sources:
        raise UnusableHistory(
            "there is no history: run `reframe -c checks -r` first, or name where the records are "
            "with --history"
        )

    contents = [look_into(source) for source in sources]
    kept, known = open_index(index)
    reader = SourceReader(kept, progress, _size(contents))
    found = [reader.read(files) for files in contents]
    new = reader.records()
    save_index(kept, new)
    records = concatenate([known, new])
    del known, new

    with_records = set(records.runs["origin"].unique().to_list())
    for source, here in zip(sources, found, strict=True):
        _require_records(source, here, with_records)

    origins = {origin.number: origin for here in found for origin in here}
    ranks = _ranked(origins.values())
    unreadable = dated_complaints(origins.values(), records.runs)
    merged = merge(records.of_origins(ranks), origins, ranks)
    del records
    return History(
        runs=runs_frame(merged, origins),
        figures=figures_frame(merged),
        unreadable=unreadable,
        unfinished=sorted({Path(each.path) for each in origins.values() if each.unfinished}),
        sources=list(sources),
        unlisted=sum(origin.unlisted for origin in origins.values()),
    )


def _size(contents: Sequence[Files]) -> int:
    paths = {path.resolve() for files in contents for path in files.all}
    return sum(path.stat().st_size for path in paths if path.exists())


def _require_records(source: Path, here: Sequence[Origin], with_records: Collection[int]) -> None:
    if any(origin.number in with_records for origin in here):
        return

    complaints = [each for origin in here for each in origin.complaints()]
    if complaints:
        first = complaints[0]
        where = first.path if not first.line else f"{first.path}, line {first.line}"
        raise UnusableHistory(f"no record can be read from {source}: {where}: {first.why}")

    if any(origin.unfinished for origin in here):
        raise UnusableHistory(f"{source} holds no whole record yet: it is being written")

    raise UnusableHistory(f"{source} holds no record yet: run `reframe -c checks -r` first")


def _ranked(origins: Collection[Origin]) -> list[int]:
    """Origins in the order of trust: logs by age, then sessions, each once, the latest last."""
    logs = [origin for origin in origins if origin.session is None]
    sessions: dict[str, Origin] = {}
    for origin in origins:
        if origin.session:
            sessions.setdefault(origin.session.uuid, origin)

    ordered = sorted(sessions.values(), key=_start)
    logs.sort(key=lambda origin: age(Path(origin.path)))
    return [origin.number for origin in (*logs, *ordered)]


def _start(origin: Origin) -> tuple[float, str]:
    assert origin.session is not None
    return origin.session.start or 0.0, origin.session.uuid
