"""Bases: what is taken for a reference, a path, or neither; and digests of trees."""

import dataclasses
import os
import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import bases
from containers.bases import Framework, Kind
from containers.digests import folder_digest
from containers.errors import UnusableInput

DIGEST = "sha256:" + "ab" * 32


@pytest.fixture
def tree(tmp_path):
    """A small tree of an operating system."""
    for name in ("etc", "usr/bin"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "etc/hostname").write_text("a\n")
    (tmp_path / "bin").symlink_to("usr/bin")
    return tmp_path


@pytest.mark.parametrize("name", bases.NAMED)
def test_a_named_base_has_a_version_and_no_moving_tag(name):
    reference = bases.resolve(name).reference
    tag = reference.rsplit(":", 1)[1]
    assert re.search(r"\d", tag)
    assert tag not in {"latest", "12", "13"}


def test_gpus_and_framework_are_told_by_the_name():
    assert bases.resolve("cpu").framework is Framework.INDEX
    assert bases.resolve("nvidia").framework is Framework.INDEX
    assert bases.resolve("nvidia-tensorflow").framework is Framework.REPLACED_IN_BASE
    assert bases.resolve("amd").framework is Framework.OWN_IN_BASE
    mirrored = bases.resolve("registry.site.org:5000/mirror/rocm/tensorflow:7")
    assert (mirrored.framework, mirrored.gpus) == (Framework.OWN_IN_BASE, "amd")
    ngc = bases.resolve("nvcr.io/nvidia/tensorflow:25.02-tf2-py3")
    assert (ngc.framework, ngc.gpus) == (Framework.OWN_IN_BASE, "nvidia")
    assert bases.resolve("docker.io/nvidia/cuda:12.9.1-cudnn-runtime-ubuntu24.04").gpus == "nvidia"


def test_a_pinned_reference_has_its_digest():
    assert bases.resolve(f"debian:12@{DIGEST}").digest == DIGEST
    assert bases.resolve("debian:12").digest == ""


@pytest.mark.parametrize(
    ("reference", "address"),
    [
        ("debian", "debian"),
        ("debian:12", "debian"),
        (f"debian:12@sha256:{'0' * 64}", "debian"),
        ("localhost:5000/x/base", "localhost:5000/x/base"),
        ("localhost:5000/x/base:1", "localhost:5000/x/base"),
    ],
)
def test_what_has_a_digest_is_fetched_by_it_and_named_as_it_was(reference, address):
    base = dataclasses.replace(bases.resolve(reference), digest=DIGEST)
    assert base.address == f"{address}@{DIGEST}"
    assert base.label == reference


@pytest.mark.parametrize(
    "text",
    [
        "debian:12; rm -rf /",
        "debian 12",
        "debian:12\nRUN true",
        "$(id)",
        "Debian:12",
        "debian:",
        "-debian",
        "debian@sha256:abc",
        "",
    ],
)
def test_what_is_no_reference_is_refused(text):
    with pytest.raises(UnusableInput):
        bases.resolve(text)


@given(st.text(max_size=60))
def test_no_accepted_reference_means_anything_to_a_shell(text):
    try:
        base = bases.resolve(text)
    except (UnusableInput, ValueError, OSError):
        return
    assert shlex.quote(base.reference) == base.reference


def test_a_path_that_does_not_exist_is_not_taken_for_a_reference():
    with pytest.raises(UnusableInput, match="does not exist"):
        bases.resolve("./nothing/here")


def test_a_folder_must_hold_an_operating_system(tmp_path, tree):
    assert bases.resolve(str(tree)).kind is Kind.FOLDER
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnusableInput, match="no etc and usr"):
        bases.resolve(str(tmp_path / "empty"))


def test_files_are_known_by_their_ending(tmp_path):
    for name, kind in (("a.sif", Kind.SIF), ("a.oci", Kind.ARCHIVE), ("a.tar", Kind.ARCHIVE)):
        (tmp_path / name).write_bytes(b"x")
        assert bases.resolve(str(tmp_path / name)).kind is kind
    (tmp_path / "a.iso").write_bytes(b"x")
    with pytest.raises(UnusableInput, match="is no base"):
        bases.resolve(str(tmp_path / "a.iso"))


def test_a_path_that_a_recipe_cannot_hold_is_refused(tmp_path):
    folder = tmp_path / "a b"
    (folder / "etc").mkdir(parents=True)
    with pytest.raises(UnusableInput, match="recipes cannot hold"):
        bases.resolve(str(folder))


def test_the_digest_of_a_tree_does_not_depend_on_times(tree):
    before = folder_digest(tree)
    os.utime(tree / "etc/hostname", (1, 1))
    assert folder_digest(tree) == before


@pytest.mark.parametrize("change", ["content", "name", "mode", "link"])
def test_the_digest_of_a_tree_sees_every_other_change(tree, change):
    before = folder_digest(tree)
    if change == "content":
        (tree / "etc/hostname").write_text("b\n")
    elif change == "name":
        (tree / "etc/hostname").rename(tree / "etc/hostnamf")
    elif change == "mode":
        (tree / "etc/hostname").chmod(0o600)
    else:
        (tree / "bin").unlink()
        (tree / "bin").symlink_to("usr/sbin")
    assert folder_digest(tree) != before


def test_a_tree_may_hold_a_name_that_is_no_text(tree):
    before = folder_digest(tree)
    (tree / os.fsdecode(b"etc/caf\xe9")).touch()
    assert folder_digest(tree) != before


def test_a_tree_that_is_not_all_readable_is_said(tree, monkeypatch):
    # Root reads everything, so that the refusal is not to be had by modes.
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path / "etc/shadow"))

    monkeypatch.setattr(bases, "path_digest", refuse)
    with pytest.raises(UnusableInput, match="not all yours to read"):
        bases.resolve(str(tree))
