"""Where histories are: what a source holds, and where ReFrame puts its records by default."""

import glob
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path

from perflogs.kept_files import ACKNOWLEDGED, NODE_ACTIONS
from perflogs.reading.database import MAGIC
from perflogs.reading.errors import UnusableHistory

_LOG = re.compile(r"(?P<check>.*)\.log(\.h(?P<age>\d+))?")
_DATABASE_SUFFIXES = {".db", ".sqlite", ".sqlite3"}
_REPORTS = Path(".reframe") / "reports"


@dataclass
class Files:
    """The files of a source, by what they hold."""

    logs: list[Path] = field(default_factory=list)
    databases: list[Path] = field(default_factory=list)
    reports: list[Path] = field(default_factory=list)

    @property
    def all(self) -> list[Path]:
        """All of them."""
        return [*self.logs, *self.databases, *self.reports]


def look_into(source: Path) -> Files:
    """The files of a source: a folder of performance logs, of run reports where it has none, or a
    file of either kind or a results database. Raises UnusableHistory where there is none."""
    try:
        if not source.is_dir():
            return _sorted_out(source)

        logs = find_logs(source)
        reports = [] if logs else _reports(source)
    except OSError as error:
        raise UnusableHistory(
            f"no history at {source} ({error.strerror or error}): name a folder of performance "
            "logs, a results database or a run report"
        ) from None

    if not logs and not reports:
        raise UnusableHistory(
            f"{source} holds neither a performance log (*.log) nor a run report (*.json): name the "
            "folder that ReFrame writes them to"
        )

    return Files(logs=logs, reports=reports)


def _reports(folder: Path) -> list[Path]:
    own = (ACKNOWLEDGED, NODE_ACTIONS)
    found = (path for path in folder.glob("*.json") if path.name not in own)
    return sorted(path for path in found if path.is_file())


def find_logs(folder: Path) -> list[Path]:
    """The performance logs below a folder, older ones of the same check before newer ones."""
    found = []
    for parent, _, names in os.walk(folder):
        found += [Path(parent, name) for name in names if _LOG.fullmatch(name)]

    return sorted((path for path in found if not _is_pipe_or_device(path)), key=age)


def age(path: Path) -> tuple[str, str, float]:
    """Sorts performance logs by folder and check; ReFrame numbers those that it puts aside."""
    parts = _LOG.fullmatch(path.name)
    if parts is None:
        return str(path.parent), path.name, float("inf")

    return str(path.parent), parts["check"], float(parts["age"] or "inf")


def latest_report() -> Path:
    """Where ReFrame writes the report of a session: RFM_REPORT_FILE, else its newest one.

    Where that has a field such as `{sessionid}`, the newest file of that form; ReFrame keeps its
    own link to the latest report only in its own folder."""
    named = Path(os.path.expandvars(os.environ.get("RFM_REPORT_FILE", "")))
    if not named.name:
        return Path.home() / _REPORTS / "latest.json"

    pattern = re.sub(r"\{\w*\}", "*", glob.escape(named.name))
    found = [path for path in named.parent.glob(pattern) if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=named)


def default_sources() -> list[Path]:
    """What is there of the performance logs, the results database and the latest run report, where
    ReFrame's environment variables or its defaults put them; `make run` puts all in `perflogs`."""
    logs = Path(os.path.expandvars(os.environ.get("RFM_PERFLOG_DIR", "perflogs")))
    named = os.environ.get("RFM_SQLITE_DB_FILE")
    places = [Path("perflogs", "results.db"), Path.home() / _REPORTS / "results.db"]
    if named:
        places = [Path(os.path.expandvars(named))]

    databases = [path for path in places if path.is_file()][:1]
    report = latest_report()
    return [
        *([logs] if find_logs(logs) else []),
        *databases,
        *([report] if report.is_file() else []),
    ]


def _is_pipe_or_device(path: Path) -> bool:
    """Whoever opens a pipe waits for somebody who writes to it. What cannot be looked at is none:
    it is said later that it cannot be read."""
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False


def _sorted_out(path: Path) -> Files:
    if _is_pipe_or_device(path):
        raise UnusableHistory(f"{path} is neither a file nor a folder: no history is in it")

    with path.open("rb") as file:
        begins = file.read(len(MAGIC))

    if _LOG.fullmatch(path.name):
        return Files(logs=[path])

    if begins == MAGIC or path.suffix in _DATABASE_SUFFIXES:
        return Files(databases=[path])

    if begins.lstrip().startswith(b"{") or path.suffix == ".json":
        return Files(reports=[path])

    return Files(logs=[path])
