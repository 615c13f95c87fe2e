"""Where records come from: a performance log, or a session in a database or in a run report."""

from dataclasses import dataclass, field
from pathlib import Path

from perflogs.history import Unreadable

#: Of each origin so many unreadable lines are kept, and so many characters of each.
LINES_KEPT = 100
CHARACTERS_KEPT = 200


@dataclass
class Session:
    """What ReFrame wrote of one of its sessions. Times are seconds since 1970; `offset` is the
    minutes that its clock was before UTC."""

    uuid: str
    start: float | None = None
    end: float | None = None
    offset: int = 0
    campaign: str = ""
    command: str = ""
    workdir: str = ""
    configuration: str = ""


@dataclass
class Position:
    """How far a performance log was read: `size` bytes and `lines` lines, `header` being the one
    that held there. `identity` is of the file, `digest` of its beginning and of what stands before
    that size."""

    size: int = 0
    lines: int = 0
    header: str = ""
    identity: tuple[int, int] = (0, 0)
    digest: str = ""


@dataclass
class Origin:
    """One file or one session: what it is known by, and what in it could not be read.

    A performance log has a `position`, a session is a `session`; `stamp` is size and time of
    change of the report that it was read from, where that was no database. `changed` is when the
    file, or the session that cannot be read, was written last, in seconds since 1970; None of a
    file that is no record. `unfinished` is a file whose last line, or all of it, is being
    written."""

    number: int
    path: str
    position: Position | None = None
    session: Session | None = None
    stamp: tuple[int, int] | None = None
    unreadable: list[tuple[int, str, str]] = field(default_factory=list)
    unlisted: int = 0
    unfinished: bool = False
    changed: float | None = None

    def refuse(self, line: int, text: str, why: str) -> None:
        """Notes a line that could not be read; beyond LINES_KEPT only their number is kept."""
        if len(self.unreadable) < LINES_KEPT:
            self.unreadable.append((line, text[:CHARACTERS_KEPT], why))
        else:
            self.unlisted += 1

    def complaints(self) -> list[Unreadable]:
        """What could not be read, as the history shows it."""
        return [Unreadable(Path(self.path), *each) for each in sorted(self.unreadable)]
