"""The platforms and images that a detected site file names, and what its comments say of them."""

import ast

import pytest
from node_answers import ABSENT, FINE, answer

from systems.detection import containers_text
from systems.detection.source import dictionary
from systems.probing.answer import Place, Runtime, SubordinateIds, UserNamespaces

ALLOWED, FORBIDDEN = UserNamespaces(True, ""), UserNamespaces(False, "not permitted")
APPTAINER = Runtime("apptainer", "1.4.5", "")
ALIAS = Runtime("singularity", "1.4.5", "")
DOCKER = Runtime("docker", "27.1", "")
NO_DAEMON = Runtime("docker", "", "Cannot connect to the Docker daemon")
PYXIS = [Runtime("enroot", "3.4.1", ""), Runtime("pyxis", "", "")]
SIF = Place(True, False, True, False, 1, "nfs4", "", 578_000_000)


def node(*runtimes, **more):
    usual = {"runtimes": list(runtimes), "starts": {"apptainer": ""}, "user_namespaces": ALLOWED}
    usual |= {"unpacking_folder": "/tmp", "mounting": "FUSE", "places": {"/tmp": FINE}}
    return answer(**(usual | more))


def written(block):
    """The entries of a block, and its comments as one line."""
    lines = dictionary(block, "")
    comments = [line.strip().removeprefix("# ") for line in lines if line.strip()[0] == "#"]
    return ast.literal_eval("\n".join(lines)), " ".join(comments)


@pytest.fixture
def image(tmp_path, monkeypatch):
    """The path of skyline's image in TRIGPOINT_IMAGES, which has no other."""
    monkeypatch.setenv("TRIGPOINT_IMAGES", str(tmp_path))
    return f"{tmp_path}/skyline.sif"


@pytest.mark.parametrize(
    ("runtimes", "names"),
    [
        ([APPTAINER, ALIAS], ["Apptainer"]),
        ([DOCKER, APPTAINER], ["Apptainer", "Docker"]),
        ([APPTAINER, NO_DAEMON], ["Apptainer"]),
        ([APPTAINER, *PYXIS, Runtime("podman", "5.0", "")], ["Apptainer", "Pyxis", "Podman"]),
    ],
)
def test_platforms_whose_runtime_answers_are_declared_where_there_are_images(
    image, runtimes, names
):
    found = node(*runtimes, places={image: SIF})
    entries, _ = written(containers_text.containers(found))
    assert entries == {"container_platforms": [{"type": each} for each in names]}
    assert written(containers_text.images(found))[0] == {"images": {"skyline": image}}


def test_without_images_the_platforms_are_a_comment_and_cases_run_natively(image):
    found = node(APPTAINER, places={image: ABSENT})
    entries, comments = written(containers_text.containers(found))
    assert entries == {}
    assert '"container_platforms": [{"type": "Apptainer"}]' in comments
    assert written(containers_text.images(found))[0] == {}


def test_image_files_are_of_no_use_to_a_platform_that_starts_none(image):
    found = node(DOCKER, places={image: SIF})
    assert written(containers_text.containers(found))[0] == {}


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (node(NO_DAEMON), "docker, which does not answer: Cannot connect to the Docker daemon"),
        (
            node(APPTAINER, starts={"apptainer": "no"}, user_namespaces=FORBIDDEN),
            "apptainer 1.4.5, which starts no container: no",
        ),
        (node(APPTAINER, starts={"apptainer": "no"}), "which starts no container: no"),
        (node(Runtime("enroot", "3.4.1", "")), "on the node: enroot 3.4.1."),
        (node(), "No container runtime is on the node's PATH"),
        (answer(runtimes=None), "Not known: the container platforms"),
        (None, "Not known: the container platforms"),
    ],
)
def test_a_runtime_that_starts_nothing_is_told_and_not_declared(image, found, words):
    entries, comments = written(containers_text.containers(found))
    assert entries == {}
    assert words in comments
    assert '"container_platforms"' not in comments


def test_comments_say_what_a_user_may_do_and_where_images_are_unpacked():
    starts = {"apptainer": "", "apptainer --fakeroot": "no mapping"}
    ids = SubordinateIds(65536, 65536, True)
    comments = written(containers_text.containers(node(DOCKER, starts=starts)))[1]
    assert "user namespaces: yes; fakeroot: no; image files: mounted by FUSE" in comments
    found = node(DOCKER, user_namespaces=FORBIDDEN, subordinate_ids=ids, mounting="")
    comments = written(containers_text.containers(found))[1]
    assert "user namespaces: no; fakeroot: not tried, 65536 subordinate users" in comments
    assert "not mounted, but unpacked in /tmp, 1000.0 GB free, xfs" in comments


def test_the_folders_of_images_are_looked_at_and_told_with_their_room(image, tmp_path):
    assert image in containers_text.image_places()
    assert str(tmp_path) in containers_text.image_places()
    comments = written(containers_text.images(node(places={str(tmp_path): FINE})))[1]
    assert f"The node sees {tmp_path}: 1000.0 GB free, xfs" in comments


@pytest.mark.parametrize("value", ["", "images", "../images"])
def test_a_folder_of_images_that_is_no_absolute_path_is_not_looked_at(monkeypatch, value):
    monkeypatch.setenv("TRIGPOINT_IMAGES", value)
    assert all(each.startswith("/") for each in containers_text.image_places())
    assert not any(each.endswith(".sif") for each in containers_text.image_places())
