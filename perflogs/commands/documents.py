"""The documents that a command writes beside its page, or in place of it: to files, or one to
standard output."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from perflogs.whole_file import write_whole

_STANDARD_OUTPUT = Path("-")
_NAME = "name a file in a folder that exists and that you may write to"
_Subject = TypeVar("_Subject")


class UnusableOutput(ValueError):
    """Options that write two documents to one place."""


def add_document_options(parser: ArgumentParser, contents: Mapping[str, str]) -> None:
    """Adds an option for each document: `contents` says by its name what is in it."""
    for name, content in contents.items():
        parser.add_argument(
            f"--{name}",
            type=Path,
            metavar="FILE",
            help=f"write {content}; `-` writes it to standard output instead of the page",
        )


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


@contextmanager
def unusable_said(
    wanted: Mapping[str, Path], writers: Mapping[str, Callable[[str], str]]
) -> Iterator[None]:
    """Says in the documents as well what is raised in the block, before that goes on: those of
    yesterday would say that all is well. `writers` make the text of each from the message."""
    try:
        yield
    except Exception as error:
        # Of two errors, the one in the input is the one to be told.
        with suppress(OSError):
            write_documents(wanted, writers, str(error))

        raise


def write_documents(
    wanted: Mapping[str, Path], writers: Mapping[str, Callable[[_Subject], str]], subject: _Subject
) -> bool:
    """Writes the documents that are wanted, and tells whether one went to standard output, in place
    of the page. `writers` make the text of each from what it is about.

    Raises OSError where a file cannot be written, when all others have been: one that is left of
    yesterday would look like today's."""
    failed: list[OSError] = []
    on_standard_output = ""
    for name, path in wanted.items():
        text = writers[name](subject)
        if path == _STANDARD_OUTPUT:
            on_standard_output = text
            continue

        try:
            write_whole(path, text)
        except OSError as error:
            failed.append(OSError(f"{path} cannot be written ({error.strerror or error}): {_NAME}"))

    # Last, for nobody may read it any more.
    sys.stdout.write(on_standard_output)
    sys.stdout.flush()
    if failed:
        raise failed[0]

    return _STANDARD_OUTPUT in wanted.values()
