"""Data drawn by other code is other data: the digest of a generator covers all that it imports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from workloads.skyline import synthesis as skyline_synthesis
from workloads.slstr import synthesis as slstr_synthesis

CHECKOUT = Path(__file__).parents[2]
IMPORTED = "import json, sys, {module}; print(json.dumps(sorted(sys.modules)))"


@pytest.mark.parametrize("synthesis", [skyline_synthesis, slstr_synthesis])
def test_every_module_that_decides_what_is_drawn_is_in_the_digest(synthesis):
    program = IMPORTED.format(module=synthesis.__name__)
    command = [sys.executable, "-c", program]
    output = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True).stdout
    package = synthesis.__package__
    modules = {name for name in json.loads(output) if name.startswith(f"{package}.")}
    # Of what workloads share, this alone draws; the rest writes files and shows progress.
    modules.add("workloads.common.noise")
    files = {name.removeprefix("workloads.").replace(".", "/") + ".py" for name in modules}
    assert files == set(synthesis._GENERATOR)
