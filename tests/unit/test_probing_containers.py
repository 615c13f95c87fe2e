"""A node says which container runtimes start something there, and is held to what is declared."""

import os
from pathlib import Path

import pytest
from node_answers import ABSENT, FINE, LOCKED, answer, judged, partition, stand_in

from systems.probing.answer import Place, Runtime, SubordinateIds, UserNamespaces
from systems.probing.image_judgement import image_paths
from systems.probing.node import containers as node_containers

APPTAINER = Runtime("apptainer", "1.4.5", "")
NO_DAEMON = Runtime("docker", "", "Cannot connect to the Docker daemon")
ALLOWED, FORBIDDEN = UserNamespaces(True, ""), UserNamespaces(False, "No space left on device")
IDS = SubordinateIds(65536, 65536, True)
# As Apptainer 1.4.5 prints it.
NO_NAMESPACE = r"""
printf '\033[91mERROR  : Failed to create user namespace: maximum number exceeded\n\033[0m' >&2
echo 'INFO   : A system administrator may need to enable user namespaces' >&2
exit 1"""
REFERENCE = "registry.example/skyline@sha256:" + "0" * 64


@pytest.fixture
def only(tmp_path, monkeypatch):
    """Nothing but stand-ins on PATH: `only(name=script)` makes them, with _ for -."""

    def make(**scripts):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        for name, script in scripts.items():
            stand_in(folder, name.replace("_", "-"), script)
        monkeypatch.setenv("PATH", str(folder))

    return make


def node(**more):
    """A node on which an ordinary user may run Apptainer."""
    usual = {"runtimes": [APPTAINER], "starts": {"apptainer": "", "apptainer --fakeroot": ""}}
    usual |= {"user_namespaces": ALLOWED, "subordinate_ids": IDS, "mounting": "FUSE"}
    usual |= {"unpacking_folder": "/tmp", "places": {"/tmp": FINE, **more.pop("places", {})}}
    return answer(**(usual | more))


def test_runtimes_say_their_versions_or_why_they_do_not_answer(only):
    only(
        apptainer="echo apptainer version 1.4.5-2.el9",
        docker="echo Cannot connect to the Docker daemon >&2; exit 1",
        enroot="echo 3.4.1",
        shifter="true",
    )
    assert node_containers.runtimes() == [
        {"command": "apptainer", "version": "1.4.5-2.el9", "error": ""},
        {"command": "shifter", "version": "", "error": ""},
        {"command": "enroot", "version": "3.4.1", "error": ""},
        {"command": "docker", "version": "", "error": "Cannot connect to the Docker daemon"},
    ]


@pytest.mark.parametrize(("options", "found"), [("--container-image=", ["pyxis"]), ("--mpi", [])])
def test_pyxis_is_there_where_srun_has_its_options(only, options, found):
    only(srun=f'[ "$1" = --help ] && echo " {options} [pyxis] the image"')
    assert [each["command"] for each in node_containers.runtimes()] == found


def test_a_start_is_tried_in_a_folder_that_leads_to_the_node_s_own_programs(only):
    only(apptainer='while [ $# -gt 2 ]; do shift; done; [ "$2" = /usr/bin/true ] && [ -L $1/lib ]')
    assert node_containers.starts() == {"apptainer": "", "apptainer --fakeroot": ""}


def test_a_start_that_fails_is_in_the_words_of_the_error_and_not_of_the_advice(only):
    only(apptainer=f'case " $* " in *--fakeroot*) exit 3;; esac{NO_NAMESPACE}')
    assert node_containers.starts() == {
        "apptainer": "Failed to create user namespace: maximum number exceeded",
        "apptainer --fakeroot": "exit code 3",
    }


def test_user_namespaces_that_are_forbidden_come_with_the_setting_that_forbids_them(
    only, monkeypatch
):
    only(unshare="exit 0")
    assert node_containers.user_namespaces() == {"work": True, "error": ""}

    only(unshare="echo unshare failed: Operation not permitted >&2; exit 1")
    settings = {"/proc/sys/kernel/unprivileged_userns_clone": "0"}
    monkeypatch.setattr(node_containers, "read", lambda path: settings.get(path, "1000"))
    error = "unshare failed: Operation not permitted; kernel.unprivileged_userns_clone is 0"
    assert node_containers.user_namespaces() == {"work": False, "error": error}


def test_subordinate_users_are_counted_by_the_name_service_or_in_the_files(only, monkeypatch):
    files = {
        "/etc/subuid": f"other:1:7\n{os.getuid()}:100000:65536\nbroken",
        "/etc/subgid": "other:1:7",
    }
    monkeypatch.setattr(node_containers, "read", files.get)
    only(newuidmap="")
    counted = {"users": 65536, "groups": 0, "newuidmap": True}
    assert node_containers.subordinate_ids() == counted

    only(getsubids='[ "$1" = -g ] && echo 0: me 5 10 || { echo 0: me 5 1000; echo 1: me 5 24; }')
    counted = {"users": 1024, "groups": 10, "newuidmap": True}
    assert node_containers.subordinate_ids() == counted


def test_images_are_unpacked_where_the_runtime_s_variables_say(monkeypatch):
    for name in ("APPTAINER_TMPDIR", "SINGULARITY_TMPDIR", "TMPDIR"):
        monkeypatch.delenv(name, raising=False)
    assert node_containers.unpacking_folder() == "/tmp"
    monkeypatch.setenv("TMPDIR", "/job")
    assert node_containers.unpacking_folder() == "/job"
    monkeypatch.setenv("APPTAINER_TMPDIR", "/large")
    assert node_containers.unpacking_folder() == "/large"


def test_images_are_mounted_by_root_by_a_setuid_program_by_fuse_or_not_at_all(
    only, tmp_path, monkeypatch
):
    own = tmp_path / "libexec/apptainer/bin"
    own.mkdir(parents=True)
    only(apptainer=f"echo LIBEXECDIR={tmp_path}/libexec")
    assert os.geteuid() != 0 or node_containers.mounting() == "the kernel"
    monkeypatch.setattr(node_containers.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(node_containers.os, "access", lambda path, mode: path == "/dev/fuse")
    assert node_containers.mounting() == ""
    stand_in(own, "squashfuse_ll", "")
    assert node_containers.mounting() == "FUSE"
    stand_in(own, "starter-suid", "")
    Path(own, "starter-suid").chmod(0o4755)
    assert node_containers.mounting() == "the kernel"


def test_a_platform_that_answers_and_starts_a_container_is_green_with_its_version():
    lines = judged(partition(platforms=["Apptainer"]), node())
    assert lines["container"].colour == "green"
    assert "apptainer 1.4.5 answers and starts a container" in lines["container"].text
    assert lines["namespaces"].colour == "green"
    assert "65536 subordinate users" in lines["fakeroot"].text


@pytest.mark.parametrize(
    ("platform", "found", "colour", "words"),
    [
        ("Apptainer", {"runtimes": []}, "red", "apptainer is not on the node's PATH"),
        ("Docker", {"runtimes": [NO_DAEMON]}, "red", "docker does not answer: Cannot connect"),
        ("Pyxis", {}, "red", "srun on the node has no --container-image"),
        (
            "Apptainer",
            {"starts": {"apptainer": "no"}, "user_namespaces": FORBIDDEN},
            "red",
            "apptainer 1.4.5 starts no container: no",
        ),
        ("Apptainer", {"starts": {"apptainer": "no"}}, "amber", "a folder does not start"),
        ("Apptainer", {"user_namespaces": FORBIDDEN}, "green", "starts a container"),
        (
            "Podman",
            {"runtimes": [Runtime("podman", "4.3.1", "")], "starts": {"podman": "setrlimit"}},
            "red",
            "podman 4.3.1 starts no container: setrlimit",
        ),
        (
            "Pyxis",
            {"runtimes": [Runtime("enroot", "3.4.1", ""), Runtime("pyxis", "", "")]},
            "green",
            "pyxis on enroot 3.4.1 answers",
        ),
    ],
)
def test_a_platform_is_held_to_what_its_runtime_does_on_the_node(platform, found, colour, words):
    line = judged(partition(platforms=[platform]), node(**found))["container"]
    assert line.colour == colour
    assert words in line.text
    assert line.colour == "green" or line.remedy


def test_runtimes_that_nobody_declares_are_shown_and_are_never_red():
    line = judged(partition(), node(runtimes=[APPTAINER, NO_DAEMON]))["container"]
    assert line.colour == "green"
    assert "none declared; on the node: apptainer 1.4.5, docker, which does not" in line.text


@pytest.mark.parametrize(
    ("platforms", "starts", "colour"),
    [
        ([], {}, "green"),
        (["Apptainer"], {"apptainer": ""}, "green"),
        (["Apptainer"], {"apptainer": "no"}, "amber"),
        (["Docker"], {}, "green"),
        (["Docker", "Pyxis"], {}, "amber"),
    ],
)
def test_missing_user_namespaces_are_amber_where_a_declared_platform_needs_them(
    platforms, starts, colour
):
    found = node(user_namespaces=FORBIDDEN, starts=starts)
    line = judged(partition(platforms=platforms), found)["namespaces"]
    assert line.colour == colour
    assert "No space left on device" in line.text


def test_fakeroot_informs_and_stops_nothing():
    tried = {"apptainer": "", "apptainer --fakeroot": "no mapping"}
    line = judged(partition(platforms=["Apptainer"]), node(starts=tried))["fakeroot"]
    assert line.colour == "green"
    assert "not to be had (apptainer --fakeroot: no mapping)" in line.text


def image_of(tmp_path, on_node, **more):
    """The line of an image of 5 bytes here, of which the node says something."""
    path = tmp_path / "skyline.sif"
    path.write_bytes(b"image")
    extras = {"images": {"slstr": REFERENCE, "skyline": str(path)}, **more.pop("extras", {})}
    return judged(partition(**more, **extras), node(places={str(path): on_node}))["image"]


def test_an_image_that_the_node_reads_is_green_with_its_size(tmp_path):
    path = tmp_path / "skyline.sif"
    path.touch()
    os.truncate(path, 578_000_000)
    seen = Place(True, False, True, False, 1, "nfs4", "", 578_000_000)
    of = partition(images={"skyline": str(path)})
    line = judged(of, node(places={str(path): seen}))["image"]
    assert line.colour == "green"
    assert "0.6 GB" in line.text


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (ABSENT, "is not there"),
        (LOCKED, "cannot be read"),
        (Place(True, False, True, False, 1, "xfs", "", 4), "4 bytes on the node and 5 bytes on th"),
    ],
)
def test_an_image_that_the_node_does_not_see_as_this_host_does_is_red(tmp_path, seen, words):
    line = image_of(tmp_path, seen)
    assert line.colour == "red"
    assert words in line.text


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ({}, "python -m containers build skyline --output "),
        ({"count": 4}, "python -m containers build skyline --base nvidia --output "),
        ({"count": 4, "arch": "gfx90a"}, "python -m containers build skyline --base amd --output "),
        ({"platforms": ["Pyxis"]}, "enroot import --output "),
    ],
)
def test_a_missing_image_is_named_with_the_command_that_makes_it(tmp_path, more, command):
    assert command in image_of(tmp_path, ABSENT, **more).remedy


def test_an_image_that_is_made_before_the_tests_may_be_missing(tmp_path):
    assert image_of(tmp_path, ABSENT, extras={"missing_images": "build"}).colour == "amber"


def test_an_image_of_a_registry_is_no_place_to_look_at():
    of = partition(images={"skyline": REFERENCE})
    assert image_paths(of) == []
    assert judged(of, node())["image"].colour == "green"


def test_a_file_is_red_where_the_platform_starts_none(tmp_path):
    line = image_of(tmp_path, FINE, platforms=["Docker"])
    assert line.colour == "red"
    assert "Docker starts no file" in line.text


def test_a_workload_without_an_image_is_red_where_cases_run_in_images():
    line = judged(partition(platforms=["Apptainer"], images={"skyline": REFERENCE}), node())
    assert line["image"].colour == "red"
    assert "slstr: runs in Apptainer here and has no image" in line["image"].text


TIGHT = Place(True, True, True, True, 1_000_000_000, "xfs", "")
MEMORY = Place(True, True, True, True, 10**11, "tmpfs", "")
CLOSED = Place(True, True, True, False, 10**12, "xfs", "read-only")


@pytest.mark.parametrize(
    ("mounting", "folder", "colour", "words"),
    [
        ("FUSE", FINE, "green", "mounted by FUSE"),
        ("", FINE, "green", "images are unpacked; /tmp"),
        ("", MEMORY, "green", "in memory"),
        ("FUSE", TIGHT, "amber", "takes about 1.7 GB"),
        ("", TIGHT, "red", "takes about 1.7 GB"),
        ("", CLOSED, "red", "cannot be written (read-only)"),
        ("", ABSENT, "red", "cannot be written"),
    ],
)
def test_room_for_a_sandbox_is_amber_where_images_are_mounted_and_red_where_they_are_not(
    mounting, folder, colour, words
):
    image = Place(True, False, True, False, 1, "nfs4", "", 578_000_000)
    of = partition(platforms=["Apptainer"], images={"skyline": "/x/skyline.sif"})
    found = node(mounting=mounting, places={"/tmp": folder, "/x/skyline.sif": image})
    line = judged(of, found)["sandbox"]
    assert line.colour == colour
    assert words in line.text
