"""What a finished job left to be judged by."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Evidence:
    """What a finished job left: `exit_code` and the final `state` are the scheduler's, None and ""
    where it does not know; `cancelled_here` where ReFrame itself gave the job up, `started` whether
    it ever ran."""

    exit_code: int | None
    stdout: str
    stderr: str
    state: str = ""
    cancelled_here: bool = False
    started: bool = True
