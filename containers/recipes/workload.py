"""The uppermost block: a workload's code, what the image is, and how it is started."""

import hpccm
from hpccm.primitives import comment, copy, environment, label, runscript, shell

from containers.bases import Base
from containers.catalogue import WorkloadImage
from containers.recipes import places
from containers.recipes.framework import COMPILE


def add_workload(stage: hpccm.Stage, image: WorkloadImage, base: Base, commit: str) -> None:
    """Add the code, compiled, so that nothing is written when it runs, and the way in."""
    stage += comment("The code, and what the image is.")
    for name in ("workloads", "inside", "image.json", "requirements.txt"):
        stage += copy(src=name, dest=f"{places.HOME}/{name}")
    stage += shell(commands=_settle())
    stage += environment(variables=_variables(commit), _export=False)
    stage += label(
        metadata={
            "org.opencontainers.image.title": f"trigpoint-{image.name}",
            "org.opencontainers.image.revision": commit,
            "org.opencontainers.image.base.name": base.label,
            "org.opencontainers.image.licenses": "Apache-2.0",
        }
    )
    stage += runscript(commands=[f"{places.PYTHON} -m workloads.{image.name}"])


def _settle() -> list[str]:
    site = f"{places.ENVIRONMENT}/lib/python3.*/site-packages"
    return [
        "umask 022",
        f"chmod -R a+rX {places.HOME}/workloads {places.HOME}/inside {places.HOME}/*.*",
        f"cd {site}",
        f"printf '%s\\n' {places.HOME} 'import trigpoint_image' > trigpoint.pth",
        f"mv {places.HOME}/inside/trigpoint_image.py .",
        f"mkdir {places.HOME}/keras",
        f"mv {places.HOME}/inside/keras.json {places.HOME}/keras/",
        f"{COMPILE} {places.HOME}/workloads trigpoint_image.py",
        f"{places.PYTHON} {places.HOME}/inside/packages.py > {places.PACKAGES}",
    ]


def _variables(commit: str) -> dict[str, str]:
    return {
        "PATH": f"{places.ENVIRONMENT}/bin:$PATH",
        "LANG": "C.UTF-8",
        "KERAS_HOME": f"{places.HOME}/keras",
        "PYTHONDONTWRITEBYTECODE": "1",
        # Packages in a home that is mounted are not those of the lock, nor is a folder at hand.
        "PYTHONNOUSERSITE": "1",
        "PYTHONSAFEPATH": "1",
        "TRIGPOINT_COMMIT": commit,
    }
