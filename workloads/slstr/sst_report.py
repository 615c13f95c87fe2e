"""What a comparison of sea-surface temperatures comes to, as a table on screen and as CSV."""

import csv
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table

from workloads.common.writing import replacing
from workloads.slstr.sst import Comparison

LABELS = {
    "all": "all match-ups",
    "network": "clear by the network",
    "operational": "clear by the operational mask",
}


def print_differences(comparison: Comparison) -> None:
    """Print number, median and robust standard deviation of every group on standard output."""
    title = "satellite minus buoy"
    table = Table("match-ups", "number", "median, K", "robust standard deviation, K", title=title)
    table.title_justify = "left"
    for column in table.columns[1:]:
        column.justify = "right"
    for group, difference in comparison.differences.items():
        figures = (f"{difference.median:+.3f}", f"{difference.robust_deviation:.3f}")
        table.add_row(LABELS[group], f"{difference.number:,}", *figures)
    Console(width=None if sys.stdout.isatty() else 100).print(table)


def write_csv(path: Path, comparison: Comparison) -> None:
    """Write one line for each group, whole or not at all."""
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("matchups", "number", "median_kelvin", "robust_deviation_kelvin"))
        for group, difference in comparison.differences.items():
            figures = (difference.number, difference.median, difference.robust_deviation)
            writer.writerow((group, *figures))
