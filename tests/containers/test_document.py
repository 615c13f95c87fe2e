"""The page about containers is true: its commands run, in images that are there already."""

import functools
import re
import shlex
import sys
from pathlib import Path

import pytest
from bare_checkout import REFRAME, ROOT, Bare
from image_builds import Workplace

PAGE = (ROOT / "docs/containers.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]
TINY = ("-P", "preset=tiny")
ONE_PIPELINE = ("-P", "pipeline=packed")
# The page builds on Debian's image and takes the usual sizes.
AS_BUILT = {"skyline": (), "slstr": ("--engine", "buildah")}
FEWER = ("--preset", "tiny", "--runs", "2")


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 8


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.usefixtures("skyline", "slstr")
def test_every_command_of_the_page_works(
    command: str, workplace: Workplace, tmp_path: Path
) -> None:
    variables = workplace.variables(tmp_path, "apptainer_box")
    run = functools.partial(Bare(workplace.checkout, tmp_path).run, **variables)
    here = command.replace("/shared/images", str(workplace.image(""))).replace(
        "$PWD", str(workplace.checkout)
    )
    here = re.sub(r" skyline\.sif", f" {workplace.image('skyline.sif')}", here)
    program, *words = shlex.split(here)
    if program == "reframe":
        fewer = ONE_PIPELINE if "SkylineTrain" in words else ()
        finished = run(REFRAME, "--nocolor", *words, *TINY, *fewer)
    elif words[1] == "workloads.container":
        launch = words.index("--")
        finished = run(sys.executable, *words[:launch], *FEWER, *words[launch:])
    else:
        built = words[2] == "build"
        more = ("--base", workplace.base, *AS_BUILT[words[3]]) if built else ()
        finished = run(sys.executable, *words, *more)
        assert not built or "nothing to do" in finished.text
    assert finished.code == 0, finished.text
