"""Reads the files of sources, each once, and of them only what the index does not know."""

from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from perflogs.reading.database import Database, UnusableDatabase
from perflogs.reading.index import Index
from perflogs.reading.log_records import read_records
from perflogs.reading.origins import Origin
from perflogs.reading.places import Files
from perflogs.reading.records import Records, concatenate
from perflogs.reading.report_file import read_report_file, stamp_of
from perflogs.reading.whole_lines import BLOCK, Lines, is_continued, read_lines

#: What is read, how many bytes are done, and of how many.
Progress = Callable[[str, int, int], None]
_WHAT = "reading"


class SourceReader:
    """Reads sources one after the other; `records` are what the index does not have yet."""

    def __init__(self, index: Index, progress: Progress | None, total: int) -> None:
        """`total` is the size of all files, of which `progress` is told how much is done."""
        self._index = index
        self._progress = progress
        self._done, self._total = 0, total
        self._known: dict[str, list[Origin]] = {}
        for origin in index.origins.values():
            self._known.setdefault(origin.path, []).append(origin)

        self._read: dict[Path, list[Origin]] = {}
        self._found: list[Records] = []
        #: Lines of several files below the same header are parsed at once.
        self._waiting: dict[str, list[Lines]] = {}
        self._waiting_bytes = 0

    def read(self, files: Files) -> list[Origin]:
        """All origins in these files. What could not be read of them, they say."""
        origins: list[Origin] = []
        for paths, read in (
            (files.databases, self._read_database),
            (files.reports, self._read_report),
            (files.logs, self._read_log),
        ):
            for path in (each.resolve() for each in paths):
                if path not in self._read:
                    try:
                        self._read[path] = read(path)
                    except OSError as error:
                        self._read[path] = [self._refused(path, error.strerror or str(error))]

                origins += self._read[path]

        return origins

    def records(self) -> Records:
        """All records that were read from the files themselves."""
        self._parse_waiting()
        return concatenate(self._found)

    def _read_log(self, path: Path) -> list[Origin]:
        origin = next(iter(self._known.get(str(path), [])), None)
        if origin is None or not origin.position or not is_continued(path, origin.position):
            if origin:
                self._index.forget(origin)

            origin = self._index.new_origin(path)

        all_done = self._done + path.stat().st_size
        self._tell(origin.position.size if origin.position else 0)
        for lines in read_lines(path, origin):
            self._waiting.setdefault(lines.header.text, []).append(lines)
            self._waiting_bytes += len(lines.data)
            self._tell(len(lines.data))
            if self._waiting_bytes >= BLOCK:
                self._parse_waiting()

        self._tell(all_done - self._done)
        if origin.position is None:
            self._index.forget(origin)

        return [origin]

    def _parse_waiting(self) -> None:
        for parts in self._waiting.values():
            self._found.append(read_records(parts))

        self._waiting, self._waiting_bytes = {}, 0

    def _read_report(self, path: Path) -> list[Origin]:
        stamp = stamp_of(path)
        self._tell(stamp[0])
        for origin in self._known.get(str(path), []):
            if origin.stamp == stamp:
                return [origin]

            self._index.forget(origin)

        origin = self._index.new_origin(path, stamp=stamp, changed=stamp[1] / 1e9)
        self._found.append(read_report_file(path, origin))
        if origin.session is None:
            self._index.forget(origin)

        return [origin]

    def _read_database(self, path: Path) -> list[Origin]:
        known = {each.session.uuid: each for each in self._known.get(str(path), []) if each.session}
        origins: list[Origin] = []
        self._tell(0)
        try:
            with closing(Database(path)) as database:
                uuids = database.sessions()
                for uuid in set(known) - set(uuids):
                    self._index.forget(known.pop(uuid))

                for uuid in uuids:
                    origins.append(known.get(uuid) or self._read_session(database, uuid))
        except UnusableDatabase as error:
            origins = [*known.values(), self._refused(path, str(error))]

        self._tell(path.stat().st_size)
        return origins

    def _read_session(self, database: Database, uuid: str) -> Origin:
        origin = self._index.new_origin(database.path)
        records = database.records(uuid, origin)
        self._found.append(records)
        if records.runs.is_empty():
            self._index.forget(origin)

        return origin

    def _refused(self, path: Path, why: str) -> Origin:
        origin = self._index.new_origin(path)
        self._index.forget(origin)
        with suppress(OSError):
            origin.changed = path.stat().st_mtime

        origin.refuse(0, "", why)
        return origin

    def _tell(self, size: int) -> None:
        self._done += size
        if self._progress:
            self._progress(_WHAT, self._done, self._total)
