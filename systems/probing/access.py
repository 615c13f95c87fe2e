"""Looks at the options of a submission before there is one: they become lines of the job script,
and what follows a line break there is a command."""

from collections.abc import Iterable

from systems._declaration import NO_NAME
from systems.probing.errors import one_line


def complaint(options: Iterable[str]) -> str:
    """What is wrong with the first option that may not come into a job script; empty where all
    may."""
    for option in options:
        variable = option.partition(NO_NAME)[2]
        if variable:
            return (
                f"{one_line(variable)} holds no name: letters, digits and . _ @ : + - are expected,"
                " and no blank"
            )

        if not option.isprintable():
            return (
                "access: one line without control characters is expected, not "
                f"{one_line(repr(option))}"
            )

    return ""
