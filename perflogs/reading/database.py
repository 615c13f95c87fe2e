"""Reads ReFrame's results database, which another process may be writing, and never writes it."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from perflogs.reading.origins import CHARACTERS_KEPT, Origin
from perflogs.reading.records import Records, concatenate
from perflogs.reading.report_records import NotAReport, read_cases, read_session

MAGIC = b"SQLite format 3\x00"
#: ReFrame holds it for as long as it takes to store a session.
_PATIENCE_SECONDS = 10.0
#: Of a character in UTF-8.
_BYTES_AT_MOST = 4


class UnusableDatabase(ValueError):
    """A database that is locked, is damaged or is not ReFrame's; the message says which."""


class Database:
    """A results database. Close it."""

    def __init__(self, path: Path) -> None:
        """Raises UnusableDatabase."""
        self.path = path
        name = f"file:{quote(str(path.resolve()))}?mode=ro"
        try:
            self._connection = sqlite3.connect(name, timeout=_PATIENCE_SECONDS, uri=True)
        except sqlite3.Error as error:
            raise UnusableDatabase(str(error)) from None

        # A blob that is not UTF-8 is one session that cannot be read, not the end of all.
        self._connection.text_factory = bytes

    def close(self) -> None:
        """Ends the connection."""
        self._connection.close()

    def sessions(self) -> list[str]:
        """The uuids of all sessions. Raises UnusableDatabase."""
        try:
            with closing(self._connection.execute("SELECT uuid FROM sessions")) as rows:
                return [str(uuid, errors="replace") for (uuid,) in rows]
        except (sqlite3.Error, TypeError) as error:
            raise UnusableDatabase(str(error)) from None

    def records(self, uuid: str, origin: Origin) -> Records:
        """The records of a session, which the origin is given too. What cannot be read goes
        there."""
        blob = b""
        try:
            blob, origin.changed = self._blob_and_end(uuid)
            report = json.loads(blob)
            origin.session = read_session(report)
        except (sqlite3.Error, NotAReport) as error:
            origin.refuse(0, uuid, str(error))
        except (ValueError, TypeError, RecursionError) as error:
            text = blob[: _BYTES_AT_MOST * CHARACTERS_KEPT].decode(errors="replace")
            origin.refuse(0, text, f"the session is not JSON: {error}")
        else:
            return read_cases(report, origin)

        return concatenate([])

    def _blob_and_end(self, uuid: str) -> tuple[bytes, float | None]:
        query = "SELECT json_blob, session_end_unix FROM sessions WHERE uuid = ?"
        with closing(self._connection.execute(query, (uuid,))) as rows:
            blob, end = rows.fetchone()
            return bytes(blob), end if isinstance(end, float) else None
