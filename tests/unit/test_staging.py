"""Staging: verified copies, one for each node, that nothing outlives but the next run."""

import contextlib
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from folder_contents import contents

from workloads.common.copying import copy_files, list_files
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.staging import Dataset, staged
from workloads.skyline.__main__ import main
from workloads.skyline.dataset import to_stage

CHECKOUT = Path(__file__).parents[2]
HOLD = """
import sys
from pathlib import Path
from workloads.common.command_line import run_stage
from workloads.common.staging import Dataset, staged
def hold_it():
    with staged(Dataset(Path(sys.argv[1]), lambda name: True), Path(sys.argv[2])):
        %s
sys.exit(run_stage(hold_it, False))
"""
WAITING = "print('waiting', flush=True); input()"
# No signal wakes a thread from waiting for a condition, as none does from waiting in TensorFlow.
# The other thread gets the mutex when the main thread has begun to wait.
BLOCKED = (
    "import ctypes, threading; library = ctypes.CDLL(None);"
    "mutex, condition = (ctypes.c_char * 64)(), (ctypes.c_char * 64)();"
    "library.pthread_mutex_lock(mutex);"
    "say = lambda: (library.pthread_mutex_lock(mutex), print('waiting', flush=True));"
    "threading.Thread(target=say).start(); library.pthread_cond_wait(condition, mutex)"
)


@pytest.fixture
def source(tmp_path):
    folder = tmp_path / "source"
    (folder / "deep/er").mkdir(parents=True)
    (folder / "deep/er/one").write_bytes(b"1" * 3_000_000)
    (folder / "two").write_bytes(b"2")
    (folder / "empty").write_bytes(b"")
    return folder


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


def everything(folder):
    return Dataset(folder, lambda name: True)


def stage(dataset, scratch):
    with staged(dataset, scratch):
        pass


@pytest.fixture
def hold(source, scratch):
    """Start another process that has a copy on `scratch` until it is ended."""
    with contextlib.ExitStack() as stack:

        def start(how=WAITING):
            process = subprocess.Popen(
                [sys.executable, "-c", HOLD % how, str(source), str(scratch)],
                cwd=CHECKOUT,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout.readline() == "waiting\n", process.stderr.read()
            return process

        yield start


def copies(scratch):
    return sorted(scratch.glob("trigpoint-*/*@*"))


def test_a_copy_is_whole_private_and_gone_at_the_end(source, scratch):
    with staged(everything(source), scratch) as (folder, size):
        assert contents(folder) == contents(source)
        assert size == 3_000_001
        assert folder.parent.stat().st_mode & 0o777 == 0o700
        assert folder.parent.parent.stat().st_mode & 0o777 == 0o700
    assert list(scratch.iterdir()) == []


def test_a_copy_is_gone_after_an_error(source, scratch):
    with pytest.raises(ZeroDivisionError), staged(everything(source), scratch):
        raise ZeroDivisionError
    assert list(scratch.iterdir()) == []


def test_only_what_is_wanted_is_copied(source, scratch):
    with staged(Dataset(source, lambda name: name == "two"), scratch) as (folder, _size):
        assert set(contents(folder)) == {"two"}


def test_links_are_followed_but_not_in_circles(source, scratch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/three").write_bytes(b"3")
    (source / "link").symlink_to(tmp_path / "elsewhere")
    with staged(everything(source), scratch) as (folder, _size):
        assert (folder / "link/three").read_bytes() == b"3"
        assert not (folder / "link").is_symlink()
    (source / "circle").symlink_to(source)
    with pytest.raises(UnusableInput, match="circle is a link to a folder above it"):
        stage(everything(source), scratch)


def test_what_is_no_file_is_refused(source, scratch):
    os.mkfifo(source / "pipe")
    with pytest.raises(UnusableInput, match="pipe is neither file nor folder"):
        stage(everything(source), scratch)


def test_the_copy_of_a_killed_run_is_removed_by_the_next_and_that_of_a_live_one_is_not(
    source, scratch, hold
):
    killed, live = (hold() for _ in range(2))
    killed.kill()
    killed.wait()
    assert len(copies(scratch)) == 2
    with staged(everything(source), scratch):
        assert len(copies(scratch)) == 2
    [left] = copies(scratch)
    assert contents(left / "dataset") == contents(source)
    live.kill()
    live.wait()
    stage(everything(source), scratch)
    assert list(scratch.iterdir()) == []


def test_a_half_removed_copy_is_removed(source, scratch, hold):
    killed = hold()
    killed.kill()
    killed.wait()
    [left] = copies(scratch)
    (left / ".lock").unlink()
    stage(everything(source), scratch)
    assert list(scratch.iterdir()) == []


def test_copies_of_another_node_on_shared_scratch_are_left_alone(source, scratch):
    other = scratch / f"trigpoint-{os.geteuid()}" / f"{socket.gethostname()}x@1"
    other.mkdir(parents=True)
    other.parent.chmod(0o700)
    stage(everything(source), scratch)
    assert copies(scratch) == [other]


def test_what_is_no_copy_is_left_alone(source, scratch, tmp_path):
    parent = scratch / f"trigpoint-{os.geteuid()}"
    parent.mkdir(mode=0o700)
    (tmp_path / "precious").mkdir()
    file, link, odd = (parent / f"{socket.gethostname()}@{name}" for name in ("a", "b", "c"))
    file.write_text("a plain file")
    link.symlink_to(tmp_path / "precious")
    (odd / ".lock").mkdir(parents=True)
    for _ in range(2):
        with staged(everything(source), scratch) as (folder, _size):
            assert contents(folder) == contents(source)
    assert copies(scratch) == [file, link, odd]
    assert (tmp_path / "precious").is_dir()


def test_runs_at_the_same_time_do_not_remove_each_others_copies(source, scratch):
    def use(_number):
        with staged(everything(source), scratch) as (folder, _size):
            return contents(folder) == contents(source)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(use, range(48)))
    assert list(scratch.iterdir()) == []


def test_the_last_copy_takes_the_folder_above_along_and_the_next_makes_it_again(tmp_path, scratch):
    (tmp_path / "small").mkdir()

    def use(_number):
        stage(everything(tmp_path / "small"), scratch)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(use, range(1500)))
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("how", [WAITING, BLOCKED], ids=["in Python", "blocked in a library"])
def test_sigterm_ends_a_stage_and_removes_its_copy(scratch, hold, how):
    process = hold(how)
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 128 + signal.SIGTERM
    assert error.splitlines() == [
        "error: ended by SIGTERM: cancelled, preempted, or over the job's time limit"
    ]
    assert list(scratch.iterdir()) == []


@pytest.fixture
def no_large_files():
    """For the time of a test, no file of this process grows over a megabyte."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_too_little_space_is_found_before_copying(source, scratch, no_large_files):
    with (source / "huge").open("wb") as file:
        file.truncate(10 * 10**12)
    no_large_files()
    with pytest.raises(UnusableInput, match=r"needs 1\d{4}\.\d+ GB on .*scratch .* GB are free"):
        stage(everything(source), scratch)
    assert list(scratch.iterdir()) == []


def test_space_that_ends_in_mid_copy_leaves_nothing(source, scratch, no_large_files):
    no_large_files()
    with pytest.raises(UnusableInput, match=r"scratch on .* was filled up while 0\.003 GB"):
        stage(everything(source), scratch)
    assert list(scratch.iterdir()) == []


def test_a_folder_that_others_made_or_may_read_is_refused(source, scratch, tmp_path):
    ours = scratch / f"trigpoint-{os.geteuid()}"
    ours.symlink_to(tmp_path)
    with pytest.raises(UnusableInput, match="is not a folder of this user alone"):
        stage(everything(source), scratch)
    ours.unlink()
    ours.mkdir(mode=0o755)
    with pytest.raises(UnusableInput, match="is not a folder of this user alone"):
        stage(everything(source), scratch)


def test_a_file_that_changes_while_it_is_copied_is_named(source, tmp_path):
    listing = list_files(source, lambda name: True)
    (source / "two").write_bytes(b"two")
    with pytest.raises(UnusableInput, match=r"two had 1 bytes and now 3: it changes"):
        copy_files(listing, tmp_path / "copy", lambda done: None)


def test_the_digest_of_a_copy_is_that_of_its_files_but_the_manifest(source, tmp_path):
    (source / "manifest.json").write_text("{}")
    expected = FileSetDigest()
    for name, content in contents(source).items():
        if name != "manifest.json":
            expected.add(name, content)
    copied = copy_files(list_files(source, lambda name: True), tmp_path / "copy", lambda done: None)
    assert str(copied) == str(expected)


def test_a_missing_scratch_is_named_with_the_node(source, tmp_path):
    words = rf"no folder .*nowhere on {socket.gethostname()}: correct --scratch"
    with pytest.raises(UnusableInput, match=words):
        stage(everything(source), tmp_path / "nowhere")


def test_a_damaged_dataset_is_found_by_its_manifest(tiny_patches, scratch, tmp_path):
    shutil.copytree(tiny_patches, tmp_path / "data")
    with staged(to_stage(tmp_path / "data"), scratch) as (folder, _size):
        assert not (folder / "photographs").exists()
        assert (folder / "manifest.json").exists()
    patch = next((tmp_path / "data/testing/patches/positive").iterdir())
    patch.write_bytes(b"x" * patch.stat().st_size)
    with pytest.raises(UnusableInput, match="not those of its manifest"):
        stage(to_stage(tmp_path / "data"), scratch)
    assert list(scratch.iterdir()) == []


@pytest.mark.parametrize("pipeline", ["packed", "files"])
def test_a_staged_run_trains_as_one_that_is_not(cache, scratch, tmp_path, capsys, pipeline):
    losses = []
    for extra in ((), ("--scratch", scratch)):
        output = tmp_path / f"run{len(losses)}"
        command = ["train", "--preset", "tiny", "--cache", cache, "--gpus", 0, "--max-steps", 4]
        command += ["--pipeline", pipeline, "--output", output, *extra]
        assert main([str(each) for each in command]) == 0
        lines = capsys.readouterr().out.splitlines()
        [loss] = [line.split('"value": ')[1] for line in lines if '"key": "train_loss"' in line]
        losses.append(float(loss.split(",")[0]))
        text = "\n".join(lines)
        assert ('"staged", "value": true' in text) is bool(extra)
        assert ('"key": "staging_seconds"' in text) is bool(extra)
    assert losses[0] == losses[1]
    assert list(scratch.iterdir()) == []
