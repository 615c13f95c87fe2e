"""An image is the right one, or the case says why not, before it runs where that can be known; one
that is missing is named, built or pulled."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from fake_checkout import Checkout
from fake_runtimes import COMMIT, every_call, path_with, place_image, place_runtimes
from fake_systems import configuration, local_partition, system
from reframe.core.exceptions import ReframeError

from checks.base import image_examination, image_files, image_rules
from checks.base.image_rules import Wanted
from containers.digests import path_digest

DIGEST = f"sha256:{'0123456789abcdef' * 4}"
PINNED = f"registry.example/fake@{DIGEST}"
PULLED = {"missing_images": "pull", "image_sources": {"fake": PINNED}}
OTHER = "badcafe"
# In the place of the command that builds images: it writes one, and says how it was called.
BUILDER = """
import json
import sys
from pathlib import Path

print(*sys.argv[1:])
place = Path(sys.argv[sys.argv.index("--output") + 1])
place.write_text(json.dumps({"name": "fake", "suite_commit": "c0ffee"}))
"""


def place_site(
    checkout: Checkout,
    image: object,
    platform: str = "Apptainer",
    variables: Sequence[list[str]] = (),
    **extras: object,
) -> dict[str, str]:
    """A system `box` that runs the fake workload in an image by a platform with `variables` of its
    own, and the environment in which ReFrame finds it."""
    pulled = {"pulled": json.loads(identity())}
    place_runtimes(checkout, "apptainer", "singularity", "enroot", "srun", references=pulled)
    declared = {"type": platform, "env_vars": list(variables)}
    part = {**local_partition("p"), "container_platforms": [declared]}
    part["launcher"] = "srun" if platform == "Pyxis" else "local"
    part["extras"] = {"images": {"fake": str(image)}, **extras}
    checkout.write("systems/box.py", configuration(system("box", part)))
    path = {"PATH": path_with(checkout), "RFM_CONFIG_PATH": "systems", "RFM_SYSTEM": "box"}
    return {**path, "TRIGPOINT_COMMIT": COMMIT}


def identity(name: str = "fake", commit: str = COMMIT) -> str:
    """What an image says of itself."""
    return json.dumps({"name": name, "suite_commit": commit})


def place_manifest(image: Path, **changes: str) -> None:
    """Writes what stands beside an image when it has been built."""
    said = {**json.loads(image.read_text()), "image_digest": path_digest(image), **changes}
    image.with_name(f"{image.name}.manifest.json").write_text(json.dumps(said))


def rows(checkout: Checkout) -> list[dict[str, str]]:
    """What the performance log has of the case."""
    return checkout.perflog(place="box/p")


def why_it_was_not_made(checkout: Checkout) -> str:
    """What the report has of the case that failed to make an image; the other waited for it."""
    cases = checkout.report()["runs"][0]["testcases"]
    [failed] = [case for case in cases if case["result"] == "fail"]
    return str(failed["fail_reason"])


def test_the_digest_of_the_file_is_in_every_record(checkout: Checkout) -> None:
    image = place_image(checkout)
    place_manifest(image)
    outcome = checkout.reframe("-r", **place_site(checkout, image))
    assert outcome.code == 0, outcome.text
    assert len(rows(checkout)) == 3
    for row in rows(checkout):
        assert (row["image"], row["image_digest"]) == (str(image), path_digest(image))
        assert row["image_commit"] == row["suite_commit"] == COMMIT


WRONG = {
    "of another commit": ({"commit": OTHER}, {}, f"is of commit {OTHER}, the checkout of {COMMIT}"),
    "of another workload": ({"name": "slstr"}, {}, "slstr.sif is an image of slstr, not of fake"),
    "changed": ({}, {"image_digest": "sha256:0"}, "its manifest says sha256:0: it was changed"),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_image_with_a_manifest_is_red_before_it_runs(
    checkout: Checkout, wrong: str
) -> None:
    says, manifest, reason = WRONG[wrong]
    image = place_image(checkout, **says)
    place_manifest(image, **manifest)
    assert checkout.reframe("-r", **place_site(checkout, image)).code == 1
    [row] = rows(checkout)
    assert (row["failure_class"], row["fail_phase"]) == ("input", "setup")
    assert reason in row["failure_reason"]
    assert row["image"] == str(image)
    assert not list(checkout.folder.rglob("rfm_job.sh"))


@pytest.mark.parametrize("wrong", ["of another commit", "of another workload"])
def test_a_wrong_image_without_a_manifest_is_red_by_its_own_word(
    checkout: Checkout, wrong: str
) -> None:
    says, _, reason = WRONG[wrong]
    variables = place_site(checkout, place_image(checkout, **says))
    assert checkout.reframe("-r", **variables).code == 1
    for row in rows(checkout):
        assert (row["failure_class"], row["fail_phase"]) == ("input", "sanity")
        assert reason in row["failure_reason"]
        assert row["image_commit"] == says.get("commit", COMMIT)
        assert row["suite_commit"] == COMMIT


def test_an_image_of_another_commit_runs_where_that_is_asked_for(checkout: Checkout) -> None:
    image = place_image(checkout, commit=OTHER)
    place_manifest(image)
    variables = place_site(checkout, image)
    outcome = checkout.reframe("-r", "-S", "any_image_commit=1", **variables)
    assert outcome.code == 0, outcome.text
    for row in rows(checkout):
        assert (row["image_commit"], row["suite_commit"]) == (OTHER, COMMIT)


def test_code_that_is_not_of_the_image_is_red(checkout: Checkout) -> None:
    # As where a variable lets Python find the checkout before the image's own code.
    nothing = {"image_name": None, "image_commit": None}
    variables = place_site(checkout, place_image(checkout))
    outcome = checkout.reframe("-r", fake={"provenance": nothing}, **variables)
    assert outcome.code == 1
    assert {row["failure_class"] for row in rows(checkout)} == {"input"}
    assert "the code that ran did not come from the image" in rows(checkout)[0]["failure_reason"]


def test_a_missing_image_is_named_with_the_command_that_builds_it(checkout: Checkout) -> None:
    image = checkout.home / "a folder/fake.sif"
    assert checkout.reframe("-r", **place_site(checkout, image)).code == 1
    [row] = rows(checkout)
    assert (row["failure_class"], row["fail_phase"]) == ("input", "setup")
    command = f"python -m containers build fake --output '{image}'"
    assert f"the image {image} is missing: make it with `{command}`" in row["failure_reason"]
    assert not list(checkout.folder.rglob("rfm_job.sh"))


def test_a_missing_image_is_built_once_before_the_tests_where_the_site_wants_that(
    checkout: Checkout,
) -> None:
    checkout.write("containers/__main__.py", BUILDER)
    image = checkout.home / "fake.sif"
    variables = place_site(checkout, image, missing_images="build")
    outcome = checkout.reframe("-r", "-P", "preset=tiny,smoke", **variables)
    assert outcome.code == 0, outcome.text
    [built] = checkout.folder.glob("output/**/ImageSupply*/rfm_job.out")
    assert built.read_text() == f"build fake --output {image}\n"
    assert len(rows(checkout)) == 6
    assert {row["image_digest"] for row in rows(checkout)} == {path_digest(image)}


def test_an_image_that_cannot_be_built_is_red_with_the_builder_s_word(checkout: Checkout) -> None:
    checkout.write("containers/__main__.py", "import sys; sys.exit('error: no engine is here')")
    variables = place_site(checkout, checkout.home / "fake.sif", missing_images="build")
    assert checkout.reframe("-r", **variables).code == 1
    [row] = rows(checkout)
    assert (row["result"], row["failure_class"]) == ("fail_deps", "run")
    assert "made no image: no engine is here" in why_it_was_not_made(checkout)


@pytest.mark.parametrize(
    ("platform", "program", "word", "source"),
    [
        ("Apptainer", "apptainer", "build", f"/fake@{DIGEST}"),
        ("Singularity", "singularity", "pull", f"/fake@{DIGEST}"),
        ("Pyxis", "enroot", "import", f"#fake:{DIGEST}"),
    ],
)
def test_a_missing_image_is_pulled_before_the_tests_where_the_site_wants_that(
    checkout: Checkout, platform: str, program: str, word: str, source: str
) -> None:
    image = checkout.home / "a folder/fake.sif"
    image.parent.mkdir()
    variables = place_site(checkout, image, platform, **PULLED)
    for _ in range(2):
        outcome = checkout.reframe("-r", **variables)
        assert outcome.code == 0, outcome.text

    assert image.read_text() == identity()
    assert list(image.parent.iterdir()) == [image]
    first, *later = [call for call in every_call(checkout) if call["words"][0] == word]
    assert (first["program"], later) == (program, [])
    assert first["words"][-1] == f"docker://registry.example{source}"


def test_a_pull_that_is_interrupted_leaves_no_image_for_the_next_session(
    checkout: Checkout,
) -> None:
    image = checkout.home / "fake.sif"
    variables = place_site(checkout, image, **PULLED)
    half = {"pulled": {"fetch_ends_with": "FATAL: no space left on device"}}
    place_runtimes(checkout, "apptainer", references=half)
    assert checkout.reframe("-r", **variables).code == 1
    assert "made no image: FATAL: no space left on device" in why_it_was_not_made(checkout)
    assert not list(checkout.home.glob("fake.sif*"))


@pytest.mark.parametrize("missing_images", ["pull", "build"])
def test_the_program_that_makes_an_image_is_found_where_the_platform_says(
    checkout: Checkout, missing_images: str
) -> None:
    checkout.write(
        "containers/__main__.py", f"import shutil\n{BUILDER}print(shutil.which('apptainer'))"
    )
    image = checkout.home / "fake.sif"
    programs = checkout.folder / "elsewhere"
    sources = {"image_sources": {"fake": PINNED}} if missing_images == "pull" else {}
    found = [["PATH", f"{programs}:$PATH"]]
    variables = place_site(
        checkout, image, variables=found, missing_images=missing_images, **sources
    )
    programs.mkdir()
    (checkout.folder / "bin/apptainer").rename(programs / "apptainer")
    outcome = checkout.reframe("-r", **variables)
    assert outcome.code == 0, outcome.text
    [made] = checkout.folder.glob("output/**/ImageSupply*/rfm_job.out")
    assert (str(programs) in made.read_text()) == (missing_images == "build")


def wanted(**changes: Any) -> Wanted:
    """An image of fake's at a commit that is known, unless changed."""
    usual = {"place": "/i.sif", "workload": "fake", "names": ("fake",), "commit": COMMIT}
    return Wanted(**{**usual, "any_commit": False, **changes})


@pytest.mark.parametrize(
    ("commit", "own", "words"),
    [
        (COMMIT, COMMIT, ""),
        (OTHER, COMMIT, "build it again"),
        (f"{COMMIT}-modified", f"{COMMIT}-modified", "what was modified has no name"),
        (COMMIT, f"{COMMIT}-modified", "what was modified has no name"),
        ("unknown", "unknown", "nothing says that they are the same"),
    ],
)
def test_only_a_commit_that_names_the_code_is_the_same(commit: str, own: str, words: str) -> None:
    found = image_rules.complaint("fake", commit, wanted(commit=own))
    assert (words in found, bool(found)) == (True, bool(words))
    assert image_rules.complaint("fake", commit, wanted(commit=own, any_commit=True)) == ""
    assert image_rules.complaint("slstr", commit, wanted(commit=own, any_commit=True)) != ""


def test_the_checks_and_the_builder_digest_files_and_sandboxes_alike(tmp_path: Path) -> None:
    sandbox = tmp_path / "sandbox"
    (sandbox / "etc").mkdir(parents=True)
    (sandbox / "etc/os-release").write_text("Debian")
    (sandbox / "bin").symlink_to("usr/bin")
    (sandbox / os.fsdecode(b"caf\xe9")).touch()
    for path in (sandbox, sandbox / "etc/os-release"):
        assert image_files.digest(path) == path_digest(path)


def test_the_manifest_is_found_beside_what_a_link_leads_to(tmp_path: Path) -> None:
    image, link = tmp_path / "skyline-2026.sif", tmp_path / "links/skyline.sif"
    image.write_text(identity("skyline"))
    link.parent.mkdir()
    link.symlink_to(image)
    assert image_files.read_manifest(link) is None
    place_manifest(image)
    assert image_files.read_manifest(link) == ("skyline", COMMIT, path_digest(image))
    image.with_name(f"{image.name}.manifest.json").write_text("{}")
    with pytest.raises(ReframeError, match="is no manifest of an image"):
        image_files.read_manifest(link)


def test_an_image_that_was_exchanged_before_its_job_ended_is_red(tmp_path: Path) -> None:
    image = tmp_path / "image.sif"
    image.write_text("first")
    digest = path_digest(image)
    assert image_examination.exchanged(str(image), digest) is None
    assert image_examination.exchanged(PINNED, "sha256:0") is None
    for change in (lambda: image.write_text("the second"), image.unlink):
        change()
        complaint = image_examination.exchanged(str(image), digest)
        assert complaint is not None
        assert "was exchanged or removed" in complaint.text


def test_a_file_that_changed_in_the_session_is_digested_again(tmp_path: Path) -> None:
    image = tmp_path / "image.sif"
    for text in ("first", "the second"):
        image.write_text(text)
        assert image_files.digest(image) == path_digest(image)
