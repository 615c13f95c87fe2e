"""The file of an image comes to its place whole or not at all, and takes no other file's place."""

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from checks.base import image_fetching
from checks.base.image_fetching import FILE, SECONDS_LIMIT, fetch

WRITE = "import sys; open(sys.argv[1], 'w').write('fetched')"
HANG = (
    "import sys; open(sys.argv[1], 'w').write('half'); print('ready', flush=True); sys.stdin.read()"
)


def python(code: str, *words: object) -> list[str]:
    """A command that runs this code with the file to write as its first argument."""
    return [sys.executable, "-c", code, FILE, *map(str, words)]


def lying(folder: Path) -> dict[str, str]:
    """What lies in a folder, and what the files hold."""
    return {path.name: path.read_text() for path in folder.iterdir()}


def test_what_is_missing_is_fetched(tmp_path: Path) -> None:
    assert fetch(tmp_path / "i.sif", python(WRITE)) == 0
    assert lying(tmp_path) == {"i.sif": "fetched"}


def test_what_is_there_is_not_fetched(tmp_path: Path) -> None:
    (tmp_path / "i.sif").write_text("there")
    assert fetch(tmp_path / "i.sif", ["no-such-program", FILE]) == 0
    assert lying(tmp_path) == {"i.sif": "there"}


def test_a_fetch_that_fails_leaves_nothing_and_says_so(tmp_path: Path) -> None:
    assert fetch(tmp_path / "i.sif", python(f"{WRITE}; sys.exit(7)")) == 7
    assert lying(tmp_path) == {}


def test_an_image_that_another_session_fetched_meanwhile_stays(tmp_path: Path) -> None:
    place = tmp_path / "i.sif"
    other = "; open(sys.argv[2], 'w').write('of another')"
    assert fetch(place, python(WRITE + other, place)) == 0
    assert lying(tmp_path) == {"i.sif": "of another"}


def test_a_file_system_without_links_will_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EXDEV, "no links between folders")

    monkeypatch.setattr(os, "link", refuse)
    assert fetch(tmp_path / "i.sif", python(WRITE)) == 0
    assert lying(tmp_path) == {"i.sif": "fetched"}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_an_interruption_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-m", image_fetching.__name__, str(tmp_path / "i.sif")]
    with subprocess.Popen(
        [*command, *python(HANG)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as fetching:
        assert fetching.stdout is not None
        assert fetching.stdout.readline() == b"ready\n"
        [folder] = tmp_path.iterdir()
        assert lying(folder) == {"image": "half"}
        os.killpg(fetching.pid, number)
        assert fetching.wait() != 0

    assert lying(tmp_path) == {}


def test_what_a_killed_fetch_left_is_removed_and_what_runs_is_not(tmp_path: Path) -> None:
    place = tmp_path / "i.sif"
    for name, age in (("killed", SECONDS_LIMIT + 60), ("running", SECONDS_LIMIT - 60)):
        folder = tmp_path / f"i.sif.partial-{name}"
        folder.mkdir()
        then = folder.stat().st_mtime - age
        os.utime(folder, (then, then))

    assert fetch(place, python(WRITE)) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"i.sif", "i.sif.partial-running"}


@pytest.mark.parametrize(
    ("place", "program", "words"),
    [("i.sif", "no-such-program", "no-such-program"), ("none/i.sif", sys.executable, "none")],
)
def test_a_fetch_that_cannot_be_is_said(
    tmp_path: Path, place: str, program: str, words: str
) -> None:
    command = [sys.executable, "-m", image_fetching.__name__, str(tmp_path / place), program, FILE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert words in done.stderr
    assert "No such file or directory" in done.stderr
    assert lying(tmp_path) == {}
