"""The README is true: every command in it runs, every file it names is there."""

import re
import shlex
import shutil
import sys

import pytest
from bare_checkout import REFRAME, ROOT

README = (ROOT / "README.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```bash\n(.*?)```", README, flags=re.DOTALL)
    for line in block.splitlines()
]
# Runs that other end-to-end tests read too.
ALREADY_RUN = {
    "reframe -c checks -r": "passed_cold",
    "export RFM_CONFIG_PATH=$PWD/systems": "passed_configured",
    "reframe -c checks -r -P preset=tiny -P pipeline=packed": "passed_configured",
}
REAL_DATA = "/data/skyline-extraction-patches-dataset"
OWN_PHOTOGRAPHS = "real/photographs"
# A real dataset is not to be had here: its commands run on synthetic patches in the same layout,
# and the published size would take a day.
SMALLER = {"--preset published": "--preset tiny", "preset=published": "preset=tiny"}
# The whole of slstr is run by the suite itself: by hand its smallest size does.
SMALLEST = ("--preset", "tiny")


def test_there_are_commands_to_try():
    assert "make run" in COMMANDS
    assert len(COMMANDS) >= 11


@pytest.fixture(scope="module")
def tiny_patches(suite):
    """Patches in the published layout, where the real dataset would be, and photographs where the
    user's own would."""
    ended = suite.bare.run(
        sys.executable, "-m", "workloads.skyline", "synthesise", "--preset", "tiny"
    )
    assert ended.code == 0, ended.text
    [patches] = suite.bare.folder.glob(".cache/skyline/tiny-1-*/patches")
    own = suite.bare.folder / OWN_PHOTOGRAPHS
    own.mkdir(parents=True)
    for path in (patches / "photographs/testing").glob("*.jpg"):
        shutil.copy(path, own)
    return patches


@pytest.fixture
def passed_cold(suite):
    assert suite.finished.code == 0, suite.finished.text
    return suite


@pytest.fixture
def passed_configured(configured):
    assert configured.finished.code == 0, configured.finished.text
    return configured


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_of_the_readme_works(suite, tiny_patches, request, command):
    if command.startswith("make "):
        target = command.split()[1]
        assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
        return
    if command in ALREADY_RUN:
        assert request.getfixturevalue(ALREADY_RUN[command]) is not None
        return
    for published, smaller in SMALLER.items():
        command = command.replace(published, smaller)
    command = command.replace(REAL_DATA, str(tiny_patches)).replace(
        "/data/", f"{suite.bare.folder}/real/"
    )
    program, *arguments = shlex.split(command)
    start = {"python": [sys.executable], "reframe": [REFRAME]}[program]
    extra = SMALLEST if "workloads.slstr" in arguments else ()
    ended = suite.bare.run(*start, *arguments, *extra)
    assert ended.code == 0, ended.text


def test_the_error_shown_is_the_error_printed(suite):
    [command] = re.findall(r"^\$ python (.*)$", README, flags=re.MULTILINE)
    [shown] = re.findall(r"^error: .*$", README, flags=re.MULTILINE)
    ended = suite.bare.run(sys.executable, *shlex.split(command))
    assert ended.code == 2
    assert shown in ended.text.splitlines()


def test_every_file_and_folder_named_exists():
    for target in re.findall(r"\]\((docs/[^)]+)\)", README):
        assert (ROOT / target).is_file(), target
    for folder in re.findall(r"^\| `(\w+)/` \|", README, flags=re.MULTILINE):
        assert (ROOT / folder).is_dir()


@pytest.mark.parametrize(
    "check",
    [
        *("SkylineTrain", "SkylineEvaluate", "SkylineExtract"),
        *("SlstrExtract", "SlstrConvert", "SlstrTrain", "SlstrInference", "SlstrSstComparison"),
    ],
)
def test_every_metric_that_a_check_reports_is_explained(suite, check):
    [table] = re.findall(r"\| metric \| what it is \|\n(.*?)\n\n", README, flags=re.DOTALL)
    explained = set(re.findall(r"`(\w+)…?`", table))
    prefixes = tuple(re.findall(r"`(\w+_)…`", table))
    for case in suite.cases(check):
        for name in (each.rsplit(":", 1)[1] for each in case["perfvalues"]):
            assert name in explained or name.startswith(prefixes), name
