"""Calls `python -m perflogs` as a user does, and reads what it says."""

import pytest

from perflogs.__main__ import main


def called(*arguments: object) -> int:
    """The exit code of a command line, also of one that cannot be parsed."""
    try:
        return main([str(each) for each in arguments])
    except SystemExit as ended:
        return int(ended.code or 0)


def one_line_error(capsys: pytest.CaptureFixture[str]) -> str:
    """The error that was printed, which is all that was."""
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.startswith("error: ")
    assert written.err.count("\n") == 1
    return written.err
