"""What a preflight found: one line for each thing looked at, green, amber or red."""

from __future__ import annotations

import os
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import Any, TextIO

from systems.probing.answer import Answer
from systems.probing.errors import one_line

COLOURS = {"green": "\033[32m", "amber": "\033[33m", "red": "\033[31m"}
PLAIN = "\033[0m"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, whether it is as it should be, why, and what to do if not.

    A green line that is `amber` stops no case, or not all of them, and should be read."""

    subject: str
    green: bool
    text: str
    remedy: str = ""
    amber: bool = False

    @property
    def colour(self) -> str:
        """The word that it is printed with."""
        return "red" if not self.green else "amber" if self.amber else "green"


def unanswered(subject: str, answer: Answer, question: str) -> Finding:
    """The line for a question to the node that failed."""
    reason = answer.failed.get(question, "the probe did not answer")
    return Finding(subject, False, reason, "see what stops the probe on that node")


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
            word = f"{finding.colour:<5}"
            if coloured:
                word = f"{COLOURS[finding.colour]}{word}{PLAIN}"
            remedy = f": {finding.remedy}" if finding.remedy and finding.colour != "green" else ""
            text = one_line(finding.text + remedy, 1000)
            print(f"  {word}  {finding.subject:<12}  {text}", file=output)

    counts = Counter(finding.colour for each in found for finding in each.findings)
    others = "".join(f", {counts[word]} {word}" for word in ("amber", "red") if counts[word])
    print(f"{counts['green']} of {counts.total()} green{others}", file=output)
