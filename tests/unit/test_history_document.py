"""The page about the history is true: its commands work on one, and end as it says."""

import json
import re
import shlex
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from simulated_history import Run, morning_after, write_performance_logs

from perflogs.__main__ import main

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/history.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", PAGE, flags=re.DOTALL)
    for line in block.splitlines()
]
ENDS = {"check": 1, "compare": 1}
CHANGED = 84


def runs() -> list[Run]:
    """Ninety nights on twenty nodes; from CHANGED on another driver, with which all is slower."""
    random = np.random.default_rng(1)
    made = []
    for night in range(90):
        driver = "560.28" if night >= CHANGED else "550.90"
        level = 0.93 if night >= CHANGED else 1.0
        for gpus in (1, 4):
            run = Run(
                name=f"SkylineTrain %num_gpus={gpus} %preset=nightly",
                night=night,
                case={"preset": "nightly", "num_gpus": gpus},
                columns={"driver_version": driver, "partition_nodes": 20},
            )
            for node in random.choice(20, 6, replace=False) if gpus == 1 else [0]:
                speed = 5000 * gpus * level * (1 + 0.01 * random.standard_normal())
                where = f"n{node:03}" if gpus == 1 else "n000,n001"
                made.append(replace(run, nodes=where, figures={"throughput": float(speed)}))
    return made


@pytest.fixture(autouse=True)
def history(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of which only the history is there."""
    for variable in ("RFM_PERFLOG_DIR", "RFM_SQLITE_DB_FILE", "RFM_REPORT_FILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made = runs()
    write_performance_logs(tmp_path / "perflogs", made)
    shutil.copytree(ROOT / "systems/references", tmp_path / "references")
    monkeypatch.setattr("perflogs.commands.check.today", lambda: morning_after(made))
    return tmp_path


def finding() -> str:
    """The name of a regression that stands."""
    main(["check", "--json", "found.json"])
    found = json.loads(Path("found.json").read_text())["findings"]
    return next(each["finding"] for each in found if each["state"] == "regression")


def test_the_page_has_commands() -> None:
    assert len(COMMANDS) >= 10


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith("python")])
def test_every_command_of_the_page_works(command: str) -> None:
    program, *arguments = shlex.split(command)
    assert (program, arguments[:2]) == ("python", ["-m", "perflogs"])
    words = [finding() if each == "R-1a2b3c4d" else each for each in arguments[2:]]
    assert main(words) == ENDS.get(words[0], 0)


def test_the_exit_codes_of_the_page_are_those_of_the_command(
    capsys: pytest.CaptureFixture[str],
) -> None:
    listed = re.findall(r"^\| (\d) \|", PAGE, flags=re.MULTILINE)
    with pytest.raises(SystemExit):
        main(["check", "--help"])
    assert sorted(re.findall(r"^  (\d)  ", capsys.readouterr().out, flags=re.MULTILINE)) == listed
