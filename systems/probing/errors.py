"""What ends a command here in one line."""


class UnusableInput(Exception):
    """What was given, or what is here, cannot be used; the message says what is wrong, where, and
    what to do. The command prints it as one line and exits with code 2."""

    exit_code = 2


def one_line(text: object, limit: int = 300) -> str:
    """`text` without line ends and control characters, and not longer than `limit`."""
    line = "".join(each if each.isprintable() else " " for each in str(text))
    line = " ".join(line.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
