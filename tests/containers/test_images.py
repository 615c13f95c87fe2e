"""What is built is what was asked for: by both ways, verified, run, and nothing left behind."""

import gzip
import json
import re
import subprocess
import sys
import tarfile

from image_builds import PLANTED

from containers.digests import path_digest
from containers.oci_archive import read_configuration

STAGES = (
    ("synthesise",),
    ("pack",),
    ("train", "--output", "run", "--gpus", "0", "--max-steps", "112"),
)


# That of a definition is verified by the commands of the page.
def test_an_image_from_a_dockerfile_is_all_that_verify_asks(workplace, slstr):
    finished = workplace.containers("verify", slstr)
    assert finished.code == 0, finished.out + finished.err
    assert "all green" in finished.out


def test_a_second_build_has_nothing_to_do(workplace, skyline):
    before = skyline.stat()
    finished = workplace.containers(
        "build", "skyline", "--base", workplace.base, "--output", skyline
    )
    assert (finished.code, finished.out) == (0, f"{skyline} is current: nothing to do\n")
    assert skyline.stat().st_mtime_ns == before.st_mtime_ns


def test_the_manifest_says_what_the_image_is(workplace, skyline):
    found = workplace.manifest("skyline.sif")
    assert found["image_digest"] == path_digest(skyline)
    assert found["base_digest"] == path_digest(workplace.base)
    assert found["suite_commit"] == workplace.git("rev-parse", "HEAD")
    assert found["engine"].startswith("apptainer 1.")
    assert found["packages"]["system"]["python3"]


def test_both_ways_hold_the_same_packages(workplace, skyline, skyline_archive):
    first = workplace.manifest("skyline.sif")["packages"]
    second = workplace.manifest("skyline.oci")["packages"]
    assert first == second
    assert first["python"]["tensorflow"] == "2.21.0"
    assert "pip" not in first["python"]


def secrets(workplace):
    """Words of this machine's pip configuration that no image may hold."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        env=workplace.environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    addresses = re.findall(r"[a-z]+://[^\s'/]+", listed)
    # What is public anyway stands in many a package.
    return [PLANTED, *(word for word in addresses if not word.endswith("//pypi.org"))]


def test_no_layer_and_no_history_of_an_archive_knows_the_machine_s_index(
    workplace, skyline_archive
):
    words = secrets(workplace)
    assert PLANTED in words
    text = json.dumps(read_configuration(skyline_archive))
    assert not [
        word for word in (*words, "PIP_") if word in text.replace("PIP_CONFIG_FILE=/mnt", "")
    ]
    with tarfile.open(skyline_archive) as outer:
        for member in outer:
            file = outer.extractfile(member)
            if file is None:
                continue
            packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            with gzip.open(file) if packed else file as stream:
                assert not held(stream, words), member.name


def held(stream, words):
    """Which of the words a stream of bytes holds, also across the borders of its pieces."""
    found, before = set(), b""
    while piece := stream.read(1 << 24):
        text = before + piece
        found |= {word for word in words if word.encode() in text}
        before = text[-200:]
    return found


def test_no_file_of_a_sif_knows_the_machine_s_index(workplace, skyline):
    patterns = [word for each in secrets(workplace) for word in ("-e", each)]
    places = ("/opt", "/etc", "/root", "/var", "/mnt", "/run", "/srv", "/.singularity.d")
    done = workplace.run(
        "apptainer", "exec", "--contain", "--cleanenv", skyline, "grep", "-rlF", *patterns, *places
    )
    assert done.out == ""
    done = workplace.run("apptainer", "exec", "--contain", "--cleanenv", skyline, "env")
    assert "PIP_" not in done.out


def test_an_image_run_by_itself_takes_the_stages_of_its_workload(workplace, skyline, tmp_path):
    command = ["apptainer", "run", "--contain", "--bind", f"{tmp_path}:/work", "--pwd", "/work"]
    for stage in STAGES:
        variables = {"TRIGPOINT_CACHE": ".cache"}
        done = workplace.run(*command, skyline, *stage, "--preset", "tiny", **variables)
        assert done.code == 0, (stage, done.out, done.err)
    text = (tmp_path / "run/train.records.log").read_text()
    assert '"validation_accuracy"' in text
    assert workplace.manifest("skyline.sif")["suite_commit"] in text


def test_nothing_is_left_in_temporary_folders_or_mounted(
    workplace, skyline, skyline_archive, slstr
):
    assert list((workplace.folder / "tmp").iterdir()) == []
    names = {path.name for path in (workplace.folder / "images").iterdir()}
    built = {"skyline.sif", "skyline.oci", "slstr.sif"}
    assert names == built | {f"{name}.manifest.json" for name in built}
    own = str(workplace.folder / "storage")
    assert [place for place in workplace.mounts() if not place.startswith(own)] == []
