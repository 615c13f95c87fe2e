"""`python -m perflogs import published`: published results as history."""

import os
from argparse import ArgumentParser, Namespace, _SubParsersAction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from perflogs.published_history import published_runs
from perflogs.published_logs import PublishedLog, write_published

_DESCRIPTION = """\
Writes the published results of PEARL, SCARF and the SODALITE testbed as performance logs of the
campaign `published`. They have no date, for none was published: they are shown and compared with,
and belong to no series. Importing them again changes nothing. Exit codes: 0 imported, 2 unusable
input.
"""


def register(subparsers: "_SubParsersAction[Any]") -> None:
    """Adds the command."""
    parser: ArgumentParser = subparsers.add_parser(
        "import",
        help="published results as history",
        description=_DESCRIPTION,
    )
    parser.add_argument("what", choices=["published"], help="what to import")
    parser.add_argument(
        "--to",
        type=Path,
        metavar="FOLDER",
        help="the folder of performance logs (default: $RFM_PERFLOG_DIR or ./perflogs)",
    )
    parser.set_defaults(run=run)


def run(options: Namespace) -> int:
    """Writes the logs. Raises OSError where that is not possible."""
    folder = options.to or Path(os.environ.get("RFM_PERFLOG_DIR") or "perflogs")
    table = Table("system", "check", "runs", "figures", "")
    table.add_column("file", overflow="fold")
    for each in _written(folder):
        table.add_row(
            *(each.system, each.check, str(each.runs), str(each.figures)),
            *("written" if each.is_new else "was there", escape(str(each.path))),
        )

    Console().print(table)
    return 0


def _written(folder: Path) -> list[PublishedLog]:
    try:
        return write_published(folder, published_runs())
    except OSError as error:
        raise OSError(
            f"{error.filename or folder} cannot be written ({error.strerror or error}): name a "
            "folder that you may write to with --to"
        ) from None
