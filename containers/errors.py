"""What a command here ends with: what went wrong in one line, and an exit code."""


class UnusableInput(ValueError):
    """Something given, or something that this machine lacks, makes the command impossible."""

    exit_code = 2


class BuildFailed(RuntimeError):
    """An engine could not build the image, or what it built is not what was asked for."""

    exit_code = 1
