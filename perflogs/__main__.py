"""Command line of the history: `python -m perflogs session [REPORT.json]`."""

import argparse
import glob
import os
import re
import sys
from pathlib import Path

from rich.console import Console

from perflogs.session import UnusableReport, read_report
from perflogs.session_page import print_session

UNUSABLE_INPUT = 2


def latest_report() -> Path:
    """Where ReFrame writes the report of a session: RFM_REPORT_FILE, else its newest one.

    Where that has a field such as `{sessionid}`, the newest file of that form; ReFrame keeps its
    own link to the latest report only in its own folder."""
    named = Path(os.path.expandvars(os.environ.get("RFM_REPORT_FILE", "")))
    if not named.name:
        return Path.home() / ".reframe" / "reports" / "latest.json"

    pattern = re.sub(r"\{\w*\}", "*", glob.escape(named.name))
    found = [path for path in named.parent.glob(pattern) if path.is_file()]
    return max(found, key=lambda path: path.stat().st_mtime, default=named)


def main(arguments: list[str] | None = None) -> int:
    """Runs the command line and returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m perflogs", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    session = commands.add_parser(
        "session",
        help="what the last session of ReFrame found, and where its records are",
        description="Exit codes: 0 all cases passed, 2 unusable input, 3 a test failed, "
        "4 nothing could be judged (no case, or all skipped).",
    )
    session.add_argument(
        "report", nargs="?", type=Path, help="a run report of ReFrame (default: the latest)"
    )
    options = parser.parse_args(arguments)
    try:
        found = read_report(options.report or latest_report())
    except UnusableReport as error:
        print(f"error: {error}", file=sys.stderr)
        return UNUSABLE_INPUT

    print_session(found, Console())
    return found.exit_code


if __name__ == "__main__":
    sys.exit(main())
