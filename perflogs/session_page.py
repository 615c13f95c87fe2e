"""Prints a session: a table of its cases, what failed and why, and where the records are."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from rich.console import Console
from rich.table import Table

from perflogs.rerun import rerun_command
from perflogs.scaling import scaling_efficiency, throughput
from perflogs.session import Case, Session
from perflogs.words import for_terminal, say, shortened

_RESULTS = {
    "pass": "[green]pass[/]",
    "xfail": "[yellow]expected failure[/]",
    "fail": "[red]FAIL[/]",
    "fail_deps": "[yellow]not run[/]",
    "skip": "[yellow]not run[/]",
    "abort": "[red]aborted[/]",
}
_ACCURACIES = ("test_accuracy", "validation_accuracy", "columns_within_3_pixels", "accuracy")


def print_session(session: Session, console: Console) -> None:
    """Prints the page of a session."""
    console.print(_table(session))
    for case in session.cases:
        if not case.green and case.result not in {"fail_deps", "skip"}:
            _print_failure(session, case, console)

    for label, place in _records(session):
        say(console, f"{label:<17} {for_terminal(place)}")


def _table(session: Session) -> Table:
    several_runs = len({case.run for case in session.cases}) > 1
    places = sorted({":".join(case.place[:2]) for case in session.cases})
    started = session.info.get("time_start", "at a time unknown")
    title = f"{len(session.cases)} cases on {', '.join(places)}, started {started}"
    table = Table(title=for_terminal(title), title_justify="left")
    table.add_column("case", overflow="fold")
    table.add_column("result")
    scaling = [scaling_efficiency(session, case) for case in session.cases]
    scales = any(each is not None for each in scaling)
    columns = ["throughput", *(["scaling"] if scales else []), "accuracy", "seconds"]
    for column in columns:
        table.add_column(column, justify="right")

    for case, efficiency in zip(session.cases, scaling, strict=True):
        again = f" (run {case.run + 1})" if several_runs else ""
        table.add_row(
            for_terminal(_short_name(case, places)) + again,
            _RESULTS.get(case.result, for_terminal(case.result))
            if case.measured
            else "not measured",
            _throughput(case),
            *(["" if efficiency is None else f"{efficiency:.0%}"] if scales else []),
            _accuracy(case),
            "" if case.seconds is None else f"{case.seconds:.1f}",
        )

    return table


def _short_name(case: Case, places: list[str]) -> str:
    name, *parameters = case.name.split(" %")
    where = [f"@{':'.join(case.place[:2])}"] if len(places) > 1 else []
    node = [f"on {case.pinned_to}"] if case.pinned_to else []
    return " ".join([name, *(each.split(" ~")[0] for each in parameters), *where, *node])


def _throughput(case: Case) -> str:
    found = throughput(case)
    return "" if found is None else for_terminal(f"{found[0]:,.0f} {found[1]}")


def _accuracy(case: Case) -> str:
    for name in _ACCURACIES:
        if name in case.metrics:
            return f"{case.metrics[name][0]:.4f}"

    return ""


def _print_failure(session: Session, case: Case, console: Console) -> None:
    what = f"{_short_name(case, [])} @{':'.join(case.place[:2])}"
    say(console, f"[red]{for_terminal(what)}[/]")
    reason = case.reason or "it was not measured"
    say(console, f"  why    {for_terminal(shortened(reason))}")
    say(console, f"  again  {for_terminal(rerun_command(session, case))}\n")


def _records(session: Session) -> list[tuple[str, str]]:
    root = Path(os.environ.get("RFM_PERFLOG_DIR") or _prefix(session) / "perflogs")
    places = sorted({case.place[:2] for case in session.cases})
    logs = [root.joinpath(*place) for place in places]
    written = [str(folder) for folder in logs if folder.is_dir()]
    database = Path(
        os.environ.get("RFM_SQLITE_DB_FILE", Path.home() / ".reframe" / "reports" / "results.db")
    )
    return [
        ("performance logs", ", ".join(written) or "none written"),
        ("results database", str(database) if _holds(database, session) else "not kept"),
        ("run report", str(session.path.resolve())),
    ]


def _prefix(session: Session) -> Path:
    return Path(session.info["prefix_output"]).parent


def _holds(database: Path, session: Session) -> bool:
    if not database.is_file():
        return False

    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            query = "SELECT 1 FROM sessions WHERE uuid = ?"
            return connection.execute(query, [session.info["uuid"]]).fetchone() is not None
    except sqlite3.Error:
        return False
