"""Runs the scheduler's own commands."""

import subprocess

from systems.probing.errors import UnusableInput, one_line

SECONDS = 60


def output_of(*command: str) -> str:
    """What the command prints. Raises UnusableInput, with its complaint, where it fails."""
    words = " ".join(command)
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise UnusableInput(
            f"`{words}` did not end within {SECONDS} seconds: does the scheduler answer?"
        ) from None
    except OSError as error:
        raise UnusableInput(f"`{words}` cannot be run: {error.strerror}") from None

    if done.returncode:
        complaint = one_line((done.stderr or done.stdout).decode(errors="replace"))
        raise UnusableInput(
            f"`{words}` ended with exit code {done.returncode}: {complaint or 'it says nothing'}"
        )

    return done.stdout.decode(errors="replace")
