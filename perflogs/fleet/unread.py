"""Says that a part of the history could not be read."""

import sys

from perflogs.history import History


def say_unreadable(history: History) -> None:
    """Says on standard error how much could not be read; nothing where all could."""
    count = len(history.unreadable)
    if count:
        print(f"{count} places could not be read; `check` shows where", file=sys.stderr)
