"""A record says from which commit the code is that ran, and from which image."""

import json
import subprocess
import sys

import pytest

from workloads.common import provenance
from workloads.common.commit import suite_commit
from workloads.common.errors import UnusableInput
from workloads.common.image_identity import CHECKOUT, image_identity

IDENTITY = {"name": "skyline", "workload": "skyline", "suite_commit": "c0ffee", "base": "debian"}


def git(folder, *arguments):
    identity = ["-c", "user.name=T", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    command = ["git", *identity, *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout of git with one commit."""
    monkeypatch.delenv("TRIGPOINT_COMMIT", raising=False)
    (tmp_path / "workloads").mkdir()
    (tmp_path / "workloads/__init__.py").touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    git(tmp_path, "commit", "--quiet", "-m", "first")
    return tmp_path


def test_a_checkout_says_its_commit_and_whether_that_is_what_runs(checkout):
    commit = git(checkout, "rev-parse", "HEAD").strip()
    assert suite_commit(checkout) == commit
    (checkout / "notes").touch()
    assert suite_commit(checkout) == commit
    (checkout / "workloads/new.py").touch()
    assert suite_commit(checkout) == f"{commit}-modified"
    (checkout / "workloads/new.py").unlink()
    (checkout / "workloads/__init__.py").write_text("changed")
    assert suite_commit(checkout) == f"{commit}-modified"


def test_a_variable_says_it_where_there_is_no_git_and_never_in_an_image(tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    monkeypatch.delenv("TRIGPOINT_COMMIT", raising=False)
    assert suite_commit(tmp_path) == "unknown"
    monkeypatch.setenv("TRIGPOINT_COMMIT", "badcafe")
    assert suite_commit(tmp_path) == "badcafe"
    (tmp_path / "image.json").write_text(json.dumps(IDENTITY))
    assert suite_commit(tmp_path) == "c0ffee"
    assert image_identity(tmp_path) == ("skyline", "c0ffee")


@pytest.mark.parametrize("text", ["{", "[]", '{"name": "skyline"}'])
def test_an_image_that_does_not_say_what_it_is_is_an_error(tmp_path, text):
    (tmp_path / "image.json").write_text(text)
    with pytest.raises(UnusableInput, match=r"image\.json does not say what the image is"):
        image_identity(tmp_path)


def test_a_checkout_is_no_image(monkeypatch):
    assert image_identity(CHECKOUT) is None
    assert provenance._image() == {}
    monkeypatch.setattr(provenance, "CHECKOUT", CHECKOUT / "no such folder")
    assert provenance._image() == {}


def test_an_image_is_in_the_records_by_name_and_commit(tmp_path, monkeypatch):
    (tmp_path / "image.json").write_text(json.dumps(IDENTITY))
    monkeypatch.setattr(provenance, "CHECKOUT", tmp_path)
    assert provenance._image() == {"image_name": "skyline", "image_commit": "c0ffee"}


def test_the_commit_is_a_command_that_needs_nothing_but_python(monkeypatch):
    monkeypatch.setenv("TRIGPOINT_COMMIT", "badcafe")
    command = [sys.executable, "-S", "-m", "workloads.common.commit"]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "badcafe\n"
