"""What could not be read of a history: how much, and of which nights."""

import sys

from perflogs.history import History


def unread(history: History) -> int:
    """How many lines, sessions or files could not be read, listed or not."""
    return len(history.unreadable) + history.unlisted


def say_unread(history: History) -> None:
    """Says on standard error how much could not be read; nothing where all could."""
    if count := unread(history):
        print(f"{count} places could not be read; `check` shows where", file=sys.stderr)
