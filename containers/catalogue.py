"""The images that there are: one for each workload, and NVIDIA's TAO for JamCam."""

from dataclasses import dataclass

from containers.errors import UnusableInput


@dataclass(frozen=True)
class WorkloadImage:
    """An image with the code of one workload, and of what every workload needs."""

    name: str
    description: str
    #: Packages below `workloads/` that it carries. The all-reduce is measured in each image, with
    #: the gradients of skyline's models.
    packages: tuple[str, ...]


WORKLOAD_IMAGES = (
    WorkloadImage(
        "skyline",
        "PeakLens: skylines in mountain photographs",
        ("common", "devices", "collectives", "skyline"),
    ),
    WorkloadImage(
        "slstr",
        "Sentinel-3: cloud masks and sea-surface temperatures",
        ("common", "devices", "collectives", "skyline", "slstr"),
    ),
)
JAMCAM_TAO = "jamcam-tao"
JAMCAM_TAO_DESCRIPTION = "JamCam: NVIDIA's TAO with yolo_v4, by version (NVIDIA GPUs)"


def names() -> list[str]:
    """All names of images."""
    return [*(image.name for image in WORKLOAD_IMAGES), JAMCAM_TAO]


def workload_image(name: str) -> WorkloadImage:
    """The image of a workload.

    Raises:
        UnusableInput: there is none of that name.
    """
    for image in WORKLOAD_IMAGES:
        if image.name == name:
            return image
    raise UnusableInput(f"there is no image {name!r}; there are {', '.join(names())}")
