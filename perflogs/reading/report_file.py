"""Reads a run report of ReFrame, which may just be being written."""

import json
from pathlib import Path

from perflogs.reading.origins import Origin
from perflogs.reading.records import Records, concatenate
from perflogs.reading.report_records import NotAReport, read_cases, read_session


def stamp_of(path: Path) -> tuple[int, int]:
    """Size and time of change, by which a report is known to be the one that was read. Raises
    OSError."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def read_report_file(path: Path, origin: Origin) -> Records:
    """The records of a run report, and its session in the origin. What cannot be read goes there
    as well. Raises OSError."""
    content = path.read_bytes()
    try:
        report = json.loads(content)
        origin.session = read_session(report)
    except NotAReport as error:
        origin.refuse(1, "", str(error))
        return concatenate([])
    except (ValueError, RecursionError) as error:
        # ReFrame writes it in place; the bracket comes last.
        if content.rstrip().endswith(b"}"):
            origin.refuse(1, content[:1000].decode(errors="replace"), f"not JSON: {error}")
        else:
            origin.unfinished = True

        return concatenate([])

    return read_cases(report, origin)
