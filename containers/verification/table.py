"""Findings as a table for people."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from containers.verification.findings import Finding


def print_findings(findings: Sequence[Finding]) -> None:
    """Print them on standard output, and how many are red."""
    table = Table("what", "", "how it was found")
    table.columns[2].overflow = "fold"
    for found in findings:
        mark = "[green]green[/]" if found.green else "[red]red[/]"
        table.add_row(escape(found.subject), mark, escape(found.text))
    console = Console()
    console.print(table)
    red = sum(not found.green for found in findings)
    console.print("all green" if red == 0 else f"{red} of {len(findings)} red")
