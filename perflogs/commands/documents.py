"""Writes the documents that a command was asked for: to files, or one to standard output."""

import sys
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from perflogs.whole_file import write_whole

_STANDARD_OUTPUT = Path("-")


class UnusableOutput(ValueError):
    """Options that write two documents to one place."""


def wanted_documents(options: Namespace, names: Iterable[str]) -> dict[str, Path]:
    """Where each of these documents goes that the options name. Raises UnusableOutput where two go
    to the same place."""
    paths = {name: getattr(options, name) for name in names}
    wanted: dict[str, Path] = {name: path for name, path in paths.items() if path is not None}
    for name, path in wanted.items():
        others = [f"--{each}" for each, other in wanted.items() if other == path and each != name]
        if others:
            raise UnusableOutput(f"--{name} and {others[0]} both write to {path}")

    return wanted


def write_documents(wanted: Mapping[str, Path], texts: Mapping[str, Callable[[], str]]) -> bool:
    """Writes them, and tells whether one went to standard output, in place of the page. Raises
    OSError where a file cannot be written."""
    for name, path in wanted.items():
        if path == _STANDARD_OUTPUT:
            sys.stdout.write(texts[name]())
            sys.stdout.flush()
        else:
            write_whole(path, texts[name]())

    return _STANDARD_OUTPUT in wanted.values()
