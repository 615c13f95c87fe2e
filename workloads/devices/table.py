"""The inventory as a table for people."""

from rich.console import Console
from rich.table import Table

from workloads.common.inventory import Inventory


def print_table(inventory: Inventory) -> None:
    """Print it on standard output."""
    table = Table(show_header=False)
    table.add_column(style="bold")
    table.add_column(overflow="fold")
    table.add_row("TensorFlow", f"{inventory.version}, built for {inventory.build}")
    table.add_row("processor has", " ".join(inventory.processor_features) or "none of note")
    for number, gpu in enumerate(inventory.gpus):
        capability = f", compute capability {gpu.compute_capability}"
        table.add_row(f"GPU {number}", gpu.name + (capability if gpu.compute_capability else ""))
    if not inventory.gpus:
        table.add_row("GPUs", "none that TensorFlow sees")
    Console().print(table)
