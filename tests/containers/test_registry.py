"""An image that is missing is pulled from a registry before the tests, where the site allows it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bare_checkout import Bare, Finished, read_perflog
from image_builds import Workplace
from image_registry import WITHOUT_ENCRYPTION, ImageRegistry, image_registry

OPTIONS = ("-c", "checks", "-r", "-n", "SkylineTrain", "-P", "preset=tiny", "-P", "pipeline=packed")


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ImageRegistry]:
    """A registry that holds nothing yet."""
    with image_registry(tmp_path) as running:
        yield running


def pulling(workplace: Workplace, folder: Path, reference: str) -> tuple[Finished, Path]:
    """A session on a machine of its own whose site pulls missing images; and the image's path."""
    image = folder / "pulled.sif"
    partition: dict[str, Any] = {
        "name": "here",
        "scheduler": "local",
        "launcher": "local",
        "environs": ["builtin"],
        "container_platforms": [{"type": "Apptainer"}],
        "extras": {
            "images": {"skyline": str(image)},
            "missing_images": "pull",
            "image_sources": {"skyline": reference},
        },
    }
    system: dict[str, Any] = {"name": "pulling_box", "hostnames": [], "partitions": [partition]}
    site = folder / "pulling_box.py"
    site.write_text(f"site_configuration = { ({'systems': [system]})!r}\n")
    variables = {
        **workplace.variables(folder, system["name"]),
        **WITHOUT_ENCRYPTION,
        "APPTAINER_CACHEDIR": str(folder / "cache"),
        "RFM_CONFIG_FILES": str(site),
    }
    return Bare(workplace.checkout, folder).reframe(*OPTIONS, **variables), image


def test_a_missing_image_is_pulled_and_the_checks_run_in_it(
    workplace: Workplace, skyline_archive: Path, registry: ImageRegistry, tmp_path: Path
) -> None:
    reference = registry.push(skyline_archive, "trigpoint/skyline")
    finished, image = pulling(workplace, tmp_path, reference)
    assert finished.code == 0, finished.text
    lines = read_perflog(workplace.checkout / "perflogs", "SkylineTrain", "pulling_box/here")
    assert {line["image"] for line in lines} == {str(image)}
    assert {line["image_commit"] for line in lines} == {workplace.git("rev-parse", "HEAD")}


def test_an_image_that_the_registry_has_not_got_is_red(
    workplace: Workplace, registry: ImageRegistry, tmp_path: Path
) -> None:
    reference = f"{registry.address}/trigpoint/skyline@sha256:{'0' * 64}"
    finished, image = pulling(workplace, tmp_path, reference)
    assert finished.code == 1
    assert "made no image" in finished.text
    assert "manifest unknown" in finished.text
    assert not image.exists()
