"""Which engine builds and with which rights: programs that answer stand in for the engines."""

import os
import select
import sys

import pytest

from containers.engines.apptainer import Apptainer
from containers.engines.engine import SIF, Engine, choose, find
from containers.engines.privileges import (
    ALONE,
    MAPPED,
    Privileges,
    has_all_capabilities,
    privileges,
)
from containers.errors import BuildFailed, UnusableInput
from containers.streaming import Progress, stream


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put programs on an otherwise empty PATH, by name and what they answer."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def install(name, answer, code=0):
        path = folder / name
        path.write_text(f"#!/bin/sh\necho '{answer}'\nexit {code}\n")
        path.chmod(0o755)

    return install


def test_the_first_engine_that_is_there_is_taken(installed):
    installed("buildah", "buildah version 1.28.2 (image-spec 1.0.2)")
    installed("apptainer", "apptainer version 1.4.5")
    assert choose("sif", None) == Engine("apptainer", "1.4.5")
    assert choose("oci", None) == Engine("buildah", "1.28.2")
    assert choose("sif", "buildah") == Engine("buildah", "1.28.2")


def test_no_engine_is_said_with_what_to_install(installed):
    with pytest.raises(UnusableInput, match=r"install apptainer$"):
        choose("sif", None)
    with pytest.raises(UnusableInput, match="install buildah or podman or docker"):
        choose("oci", None)
    with pytest.raises(UnusableInput, match="apptainer is not installed"):
        choose("sif", "apptainer")


def test_an_engine_alone_that_cannot_make_the_format_is_refused(installed):
    installed("buildah", "buildah version 1.28.2")
    with pytest.raises(UnusableInput, match="only apptainer makes sif"):
        choose("sif", None)
    with pytest.raises(UnusableInput, match="apptainer makes no OCI archive"):
        choose("oci", "apptainer")


def test_docker_without_its_daemon_is_no_engine(installed):
    installed("docker", "", code=1)
    assert find("docker") is None
    with pytest.raises(UnusableInput, match="daemon does not answer"):
        choose("oci", "docker")
    installed("docker", "27.5.1")
    assert find("docker") == Engine("docker", "27.5.1")


def test_root_with_all_capabilities_needs_nothing():
    assert privileges(False, user=0, full=True).prefix == ()


def test_root_without_all_capabilities_enters_a_namespace():
    found = privileges(False, user=0, full=False, enter=lambda command: command == MAPPED)
    assert found.prefix == MAPPED
    with pytest.raises(UnusableInput, match=r"lacks capabilities.*subuid"):
        privileges(False, user=0, full=False, enter=lambda _: False)


def test_an_ordinary_user_builds_in_a_namespace_or_is_told_what_is_missing():
    assert privileges(False, user=1000, enter=lambda command: command == ALONE).prefix == ()
    with pytest.raises(UnusableInput, match="without user namespaces") as caught:
        privileges(False, user=1000, enter=lambda _: False)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


def test_fakeroot_needs_a_user_mapping():
    asked = []
    ask = {"user": 1000, "maps": True, "enter": lambda each: asked.append(each) or True}
    assert privileges(True, **ask).prefix == ()
    assert asked == [MAPPED]
    with pytest.raises(UnusableInput, match=r"newuidmap.*subuid"):
        privileges(True, **ask | {"enter": lambda command: command == ALONE})


def test_fakeroot_is_left_to_apptainer_where_unshare_is_too_old_to_try_it(installed):
    """As on Red Hat's 8 and 9."""
    ask = {"user": 1000, "maps": False, "enter": lambda command: command == ALONE}
    with pytest.raises(UnusableInput, match="newuidmap"):
        privileges(True, **ask)
    installed("newuidmap", "")
    assert privileges(True, **ask).description == "fakeroot"


def test_capabilities_are_read_from_the_kernel_s_own_files(tmp_path):
    status, last = tmp_path / "status", tmp_path / "last"
    last.write_text("40\n")
    status.write_text("Name:\tsh\nCapEff:\t000001ffffffffff\n")
    assert has_all_capabilities(status, last)
    status.write_text("Name:\tsh\nCapEff:\t000001fffeffffff\n")
    assert not has_all_capabilities(status, last)
    assert not has_all_capabilities(tmp_path / "none", last)


def test_an_image_is_packed_by_zstd_in_words_that_every_version_of_apptainer_takes(
    tmp_path, monkeypatch
):
    program = tmp_path / "bin" / "apptainer"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\necho "$* by $APPTAINER_MKSQUASHFS_ARGS"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)
    log = tmp_path / "log"
    apptainer = Apptainer(
        Privileges((), "as root"),
        fakeroot=False,
        scratch=tmp_path,
        progress=Progress(print=lambda _: None),
        log=log,
    )
    apptainer.from_archive(tmp_path / "a.oci", tmp_path / "a.sif", SIF)
    assert log.read_text().strip() == (
        f"build --force {tmp_path}/a.sif oci-archive:{tmp_path}/a.oci "
        "by -comp zstd -Xcompression-level 3"
    )


def run(code, tmp_path, said):
    stream(
        [sys.executable, "-c", code],
        Progress(print=said.append),
        tmp_path / "log",
        tmp_path,
        os.environ,
    )


def test_steps_are_shown_with_the_time_and_all_lines_are_kept(tmp_path):
    said = []
    run("print('STEP 1/2: FROM a'); print('noise'); print('INFO:    Creating')", tmp_path, said)
    assert [line.split(" s  ")[1] for line in said] == ["STEP 1/2: FROM a", "INFO:    Creating"]
    assert (tmp_path / "log").read_text() == "STEP 1/2: FROM a\nnoise\nINFO:    Creating\n"


def test_a_failure_says_why_and_where_the_log_is(tmp_path, capsys):
    with pytest.raises(BuildFailed, match=r"exit code 3; all that it said is in .*log"):
        run("print('why'); raise SystemExit(3)", tmp_path, [])
    assert "why" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words", ["write: No space left on device", "tar: ./a: Wrote only 6144 of 10240 bytes"]
)
def test_a_full_device_is_said_as_such(words, tmp_path, capsys):
    with pytest.raises(BuildFailed, match="no space left on device"):
        run(f"print({words!r}); raise SystemExit(1)", tmp_path, [])


def test_an_interrupted_build_leaves_no_process(tmp_path):
    alive = tmp_path / "alive"
    os.mkfifo(alive)
    reader = os.open(alive, os.O_RDONLY | os.O_NONBLOCK)
    code = (
        "import signal, subprocess\n"
        f"held = open({str(alive)!r}, 'w')\n"
        "subprocess.Popen(['sleep', '600'], stdout=held)\n"
        "print('STEP 1: a', flush=True)\n"
        "signal.pause()\n"
    )

    def interrupt(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stream(
            [sys.executable, "-c", code],
            Progress(print=interrupt),
            tmp_path / "log",
            tmp_path,
            os.environ,
        )
    # The end of the file comes when nobody is left who could write.
    assert select.select([reader], [], [], 60)[0] == [reader]
    assert os.read(reader, 1) == b""
    os.close(reader)
