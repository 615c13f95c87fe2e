"""What a preflight found: one line for each thing looked at, green or red."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from systems.probing.errors import one_line

GREEN, RED, PLAIN = "\033[32m", "\033[31m", "\033[0m"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is as it should be, why, and what to do if not."""

    subject: str
    green: bool
    text: str
    remedy: str = ""


@dataclass
class PartitionFindings:
    """The lines of one partition, and where they were found."""

    partition: str
    node: str = ""
    job: str = ""
    findings: list[Finding] = field(default_factory=list)

    @property
    def green(self) -> bool:
        """Whether every line is green."""
        return all(each.green for each in self.findings)


def as_json(system: str, found: list[PartitionFindings]) -> dict[str, Any]:
    """The same as a record for programs."""
    partitions = [{**asdict(each), "green": each.green} for each in found]
    return {
        "system": system,
        "green": all(each.green for each in found),
        "partitions": partitions,
    }


def print_findings(found: list[PartitionFindings], output: TextIO = sys.stdout) -> None:
    """Prints the lines of all partitions, in colour on a terminal."""
    coloured = output.isatty() and "NO_COLOR" not in os.environ
    for each in found:
        where = f", node {each.node}" if each.node else ""
        print(f"{each.partition}{where}", file=output)
        for finding in each.findings:
            word = "green" if finding.green else "red  "
            if coloured:
                word = f"{GREEN if finding.green else RED}{word}{PLAIN}"
            remedy = f": {finding.remedy}" if finding.remedy and not finding.green else ""
            text = one_line(finding.text + remedy, 1000)
            print(f"  {word}  {finding.subject:<12}  {text}", file=output)

    red = sum(not finding.green for each in found for finding in each.findings)
    total = sum(len(each.findings) for each in found)
    print(f"{total - red} of {total} green" + (f", {red} red" if red else ""), file=output)
