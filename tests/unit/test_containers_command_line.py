"""The command line of the images: what it prints, and that what is wrong is one line."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import commands
from containers.__main__ import main
from containers.recipes import tao

CHECKOUT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def clean(monkeypatch):
    """The checkout as one without changes, whatever it is."""
    monkeypatch.setattr(commands, "commit_of", lambda _: "0" * 40)


def one_line_error(capsys):
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err.startswith("error: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_list_names_every_image_and_base(capsys):
    assert main(["list"]) == 0
    shown = capsys.readouterr().out
    for name in ("skyline", "slstr", "jamcam-tao", "newest", "nvidia-tensorflow", "amd"):
        assert name in shown


def test_a_recipe_is_printed(capsys):
    assert main(["recipe", "skyline", "--format", "dockerfile"]) == 0
    assert capsys.readouterr().out.startswith("FROM docker.io/library/debian")


def test_a_recipe_is_written_with_everything_that_it_copies(tmp_path, capsys):
    folder = tmp_path / "recipe"
    assert main(["recipe", "slstr", "--output", str(folder)]) == 0
    assert capsys.readouterr().out == f"{folder}/image.def\n"
    for line in (folder / "image.def").read_text().splitlines():
        words = line.split()
        if len(words) == 2 and words[1].startswith("/opt/") and not words[0].startswith("/"):
            assert (folder / words[0]).exists() or words[0] in {"cd", "mkdir"}, line
    assert (folder / "workloads/slstr/__main__.py").is_file()
    assert main(["recipe", "slstr", "--output", str(folder)]) == 2
    assert "exists already" in one_line_error(capsys)


def test_tao_is_used_as_the_published_generator_was(tmp_path, capsys):
    assert main(["recipe", "jamcam-tao", "--tao-version", "newest"]) == 0
    assert "tao-toolkit:5.0.0-tf1.15.5" in capsys.readouterr().out
    folder = tmp_path / "all"
    assert main(["recipe", "jamcam-tao", "--tao-version", "all", "--output", str(folder)]) == 0
    assert len(list(folder.iterdir())) == len(tao.VERSIONS)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["recipe", "jamcam-tao", "--tao-version", "all"], "name a folder"),
        (["recipe", "jamcam-tao", "--tao-version", "9"], "there is no TAO"),
        (["recipe", "skyline", "--tao-version", "newest"], "jamcam-tao alone"),
        (["recipe", "jamcam-tao", "--base", "amd"], "--base is of workloads' images"),
        (["recipe", "skyline", "--march", "haswell"], "--march is of --build source alone"),
        (["recipe", "skyline", "--base", "a b"], "is no base"),
        (["recipe", "skyline", "--base", ""], "is no base"),
        (["recipe", "skyline", "--build", "source", "--march", "a;b"], "no name of a processor"),
        (["recipe", "skyline", "--build", "source", "--base", "amd"], "built by AMD"),
        (["build", "jamcam-tao"], "write the recipe"),
        (["verify", "none.sif"], "does not exist"),
        (["verify", ""], "is no image"),
    ],
)
def test_what_is_wrong_is_one_line_with_exit_code_2(arguments, text, capsys):
    assert main(arguments) == 2
    assert text in one_line_error(capsys)


@pytest.mark.parametrize("arguments", [[], ["recipe", "nothing"], ["build", "skyline", "--format"]])
def test_a_wrong_command_line_is_one_line_with_exit_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    one_line_error(capsys)


def test_a_changed_checkout_is_refused_unless_told(capsys, monkeypatch):
    monkeypatch.setattr(commands, "commit_of", lambda _: "0" * 40 + "-modified")
    assert main(["recipe", "skyline"]) == 2
    assert "differs from its commit" in one_line_error(capsys)
    assert main(["recipe", "skyline", "--allow-modified"]) == 0
    assert "TRIGPOINT_COMMIT=" + "0" * 40 + "-modified" in capsys.readouterr().out


@given(st.text(max_size=30), st.sampled_from(["--base", "--march", "--tao-version"]))
def test_no_argument_makes_a_traceback(text, option):
    arguments = ["recipe", "skyline", "--build", "source", f"{option}={text}"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(commands, "commit_of", lambda _: "0" * 40)
        assert main(arguments) in {0, 2}


def test_help_comes_without_importing_a_workload():
    code = (
        "import sys; sys.argv = ['x', '--help']\n"
        "from containers.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'tensorflow', 'workloads', 'reframe'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("set()\n")
