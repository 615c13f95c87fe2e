"""Judging what a probe has seen in an image; and the probe, in this interpreter."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from containers.verification import judging, probe, running
from containers.verification.findings import Finding
from containers.verification.judging import judge
from containers.verification.running import last_words
from containers.verification.table import print_findings

PROBE = Path(probe.__file__)
SOUND = {
    "identity": {"suite_commit": "c0ffee", "workload": "skyline", "locked": {"numpy": "2.0"}},
    "commit_variable": "c0ffee",
    "versions": {"numpy": "2.0", "six": "1.0"},
    "broken_imports": {},
    "stages_without_help": {},
    "compilers": [],
    "leftovers": [],
    "writable": [],
}


def red(changes, any_commit=False, commit="c0ffee", locked=None):
    seen = copy.deepcopy(SOUND) | changes
    found = judge(seen, commit, locked or {"numpy": "2.0"}, any_commit)
    return {each.subject: each.text for each in found if not each.green}


def test_a_sound_image_is_green():
    assert red({}) == {}


@pytest.mark.parametrize(
    ("changes", "subject", "text"),
    [
        ({"commit_variable": ""}, "commit", "runs would record -"),
        ({"versions": {"numpy": "1.9"}}, "versions", "numpy 1.9, locked 2.0"),
        ({"versions": {}}, "versions", "numpy missing, locked 2.0"),
        ({"broken_imports": {"workloads": "none"}}, "imports", "workloads: none"),
        ({"stages_without_help": {"": "no module"}}, "stages", "no module"),
        ({"writable": ["/usr"]}, "read-only", "/usr"),
        ({"compilers": ["gcc"]}, "compilers", "gcc"),
        ({"leftovers": ["/etc/pip.conf"]}, "package index", "/etc/pip.conf"),
    ],
)
def test_each_fault_is_red_alone(changes, subject, text):
    found = red(changes)
    assert list(found) == [subject]
    assert text in found[subject]


def test_an_image_of_another_commit_is_red_unless_told():
    assert "build it again" in red({}, commit="decaf")["commit"]
    assert red({}, commit="decaf", any_commit=True) == {}


def test_a_modified_image_is_not_that_of_a_modified_checkout_unless_told():
    """Both may have been modified otherwise."""
    modified = "c0ffee-modified"
    changes = {
        "identity": SOUND["identity"] | {"suite_commit": modified},
        "commit_variable": modified,
    }
    assert "commit it and build again" in red(changes, commit=modified)["commit"]
    assert red(changes, commit=modified, any_commit=True) == {}


def test_any_commit_does_not_excuse_an_image_that_records_another_than_it_carries():
    assert "commit" in red({"commit_variable": "decaf"}, any_commit=True)


def test_what_was_found_is_printed_as_it_stands(capsys):
    print_findings([Finding("a", False, "[bold]x[/bold]"), Finding("b", True, "y")])
    shown = capsys.readouterr().out
    assert "[bold]x[/bold]" in shown
    assert "1 of 2 red" in shown


def test_the_probe_runs_in_any_python_and_says_one_line():
    done = subprocess.run(
        [sys.executable, "-S", "-"], input=PROBE.read_text(), capture_output=True, text=True
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["identity"] == {}
    assert found["broken_imports"]


def test_the_probe_finds_folders_that_can_be_written(tmp_path):
    assert probe.writable([str(tmp_path), str(tmp_path / "none")]) == [str(tmp_path)]
    assert list(tmp_path.iterdir()) == []


def test_the_probe_finds_compilers_by_any_of_their_names(tmp_path):
    names = ["gcc", "g++-13", "x86_64-linux-gnu-gcc-13", "clang-18", "aarch64-linux-gnu-g++"]
    for name in (*names, "gcc-ar-13", "c++filt", "clang-format", "ccache", "python3"):
        (tmp_path / name).touch()
    assert probe.compilers([str(tmp_path), str(tmp_path / "none")]) == sorted(names)


class Answering:
    """An image whose TensorFlow sees these GPUs."""

    def __init__(self, *gpus):
        self.gpus = [{"name": name} for name in gpus]
        self.options = None

    def run(self, arguments, *, options):
        self.options = options
        said = {"version": "2.21.0", "build": "CUDA 12.5.1", "gpus": self.gpus}
        return subprocess.CompletedProcess(arguments, 0, json.dumps(said), "")


@pytest.mark.parametrize(
    ("gpus", "there", "seen", "options", "green"),
    [
        ("nvidia", ["nvidiactl"], ["V100"], ("--nv",), True),
        ("nvidia", ["nvidiactl"], [], ("--nv",), False),
        ("nvidia", ["dxg"], ["RTX"], ("--nv", "--nvccli"), True),
        ("nvidia", [], [], (), True),
        ("amd", ["kfd"], [], ("--rocm",), False),
        ("", ["nvidiactl", "kfd"], [], (), True),
    ],
)
def test_an_image_for_gpus_sees_those_of_this_machine(
    gpus, there, seen, options, green, tmp_path, monkeypatch
):
    for name in there:
        (tmp_path / name).touch()
    monkeypatch.setattr(
        running,
        "_GPU_OPTIONS",
        {
            maker: tuple((str(tmp_path / Path(device).name), words) for device, words in known)
            for maker, known in running._GPU_OPTIONS.items()
        },
    )
    image = Answering(*seen)
    assert judging._devices(image, gpus).green is green
    assert image.options == options


def test_the_probe_finds_stages_without_help(monkeypatch):
    assert "" in probe.stages_without_help("no_such_workload")
    assert probe.stages_without_help("collectives") == {}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("INFO:    a\n\x1b[91mERROR  : no namespace\n\x1b[0m", "ERROR  : no namespace"),
        ("Traceback\nImportError: x\nWARNING: y\n", "ImportError: x"),
        ("INFO:    a\n", "exit code 7"),
    ],
)
def test_the_last_words_of_a_command_are_a_plain_line(said, words):
    assert last_words(subprocess.CompletedProcess([], 7, "", said)) == words
