"""NVIDIA's TAO by version: the images with `yolo_v4` on TensorFlow 1, which JamCam trains.

Nothing is installed over them: the published recipe's pins broke what TAO brings."""

import hpccm
from hpccm.primitives import baseimage, environment, label, runscript

from containers.catalogue import JAMCAM_TAO
from containers.errors import UnusableInput
from containers.recipes.formats import Format, render

_OLD = "nvcr.io/nvidia/tao/tao-toolkit-tf"
_NEW = "nvcr.io/nvidia/tao/tao-toolkit"
#: Image by version, oldest first. The published generator's 3.21.12 is 3.21.11 with a newer
#: TensorFlow.
VERSIONS = {
    "3.21.08": f"{_OLD}:v3.21.08-py3",
    "3.21.11": f"{_OLD}:v3.21.11-tf1.15.4-py3",
    "3.21.12": f"{_OLD}:v3.21.11-tf1.15.5-py3",
    "3.22.05-tf1.15.4": f"{_OLD}:v3.22.05-tf1.15.4-py3",
    "3.22.05": f"{_OLD}:v3.22.05-tf1.15.5-py3",
    "4.0.0": f"{_NEW}:4.0.0-tf1.15.5",
    "5.0.0": f"{_NEW}:5.0.0-tf1.15.5",
}
NEWEST = "newest"
ALL = "all"
CHOICES = (ALL, NEWEST, *reversed(VERSIONS))


def chosen(version: str) -> list[str]:
    """The versions that `all`, `newest` or one version means.

    Raises:
        UnusableInput: there is no such version.
    """
    if version == ALL:
        return list(VERSIONS)
    if version == NEWEST:
        return [list(VERSIONS)[-1]]
    if version not in VERSIONS:
        raise UnusableInput(f"there is no TAO {version!r}; there are {', '.join(CHOICES)}")
    return [version]


def tao_recipe(version: str, kind: Format) -> str:
    """The text of the recipe for one of VERSIONS."""

    def stages() -> list[hpccm.Stage]:
        only = hpccm.Stage()
        only += baseimage(image=VERSIONS[version], _distro="ubuntu20")
        # TAO sends usage to NVIDIA otherwise.
        only += environment(variables={"TELEMETRY_OPT_OUT": "1"}, _export=False)
        only += label(
            metadata={
                "org.opencontainers.image.title": f"trigpoint-{JAMCAM_TAO}",
                "org.opencontainers.image.base.name": VERSIONS[version],
                "trigpoint.tao.version": version,
            }
        )
        only += runscript(commands=["yolo_v4"])
        return [only]

    return render(stages, kind)
