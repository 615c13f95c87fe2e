"""The page about clusters is true: its commands run on one."""

import re
import shlex
import sys
from pathlib import Path

import pytest
from bare_checkout import REFRAME, ROOT
from cluster_session import TRAIN, Cluster

PAGE = (ROOT / "docs/clusters.md").read_text()
LINES = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]
EXPORTS = dict(line.split()[1].split("=") for line in LINES if line.startswith("export "))
COMMANDS = [line for line in LINES if not line.startswith("export ")]


def test_the_page_has_commands() -> None:
    assert EXPORTS
    assert len(COMMANDS) >= 6


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_page_works(
    cluster: Cluster, command: str, request: pytest.FixtureRequest
) -> None:
    program, *arguments = shlex.split(command)
    if arguments == ["-c", "checks", "-r", *TRAIN]:
        # On the partition of the page: other tests read this session too.
        assert EXPORTS == {"RFM_SYSTEM": "slurm_box:cpu"}
        assert request.getfixturevalue("trained")
        return
    start: dict[str, list[str | Path]] = {
        "python": [sys.executable],
        "reframe": [REFRAME, "--nocolor"],
    }
    finished = cluster.run(*start[program], *arguments, timeout=300, **EXPORTS)
    assert finished.code == 0, finished.text
