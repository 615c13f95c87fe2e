"""What was looked at, and how it was found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing: green or red, and why."""

    subject: str
    green: bool
    text: str
