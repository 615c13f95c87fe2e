"""The two ways in which a stage ends badly, and the exit code of each."""

import errno
import re


class UnusableInput(Exception):
    """What the user gave cannot be used; the message says what is wrong, where, and what to do.

    The command line prints the message as one line and exits with code 2.
    """

    exit_code = 2


class RunFailed(Exception):
    """The run itself went wrong: the loss is not a number, or ranks disagree.

    The records are closed with status "failed" and this reason, and the exit code is 1.
    """

    exit_code = 1


OUT_OF_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def error_number(error: OSError) -> int | None:
    """The errno of `error`; HDF5 raises OSErrors that carry theirs in the message alone."""
    if error.errno is not None:
        return error.errno
    match = re.search(r"errno = (\d+)", str(error))
    return int(match.group(1)) if match else None


def explain_os_error(error: OSError) -> str:
    """One line for the user about an error of the operating system."""
    where = f" ({error.filename})" if error.filename else ""
    number = error_number(error)
    if number in OUT_OF_SPACE:
        return f"no space left to write{where}: free some, or write elsewhere"
    if number in {errno.EACCES, errno.EPERM, errno.EROFS}:
        return f"no permission{where}: write where you may"
    if number == errno.ENOENT:
        return f"no such file or folder{where}: check the path"
    if number in {errno.ENOTDIR, errno.EEXIST, errno.EISDIR}:
        return f"a file stands where a folder is needed, or the reverse{where}: choose another path"
    return f"{error}"
