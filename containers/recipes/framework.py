"""The block of the framework: a virtual environment with exactly the locked packages."""

import hpccm
from hpccm.primitives import comment, copy, shell

from containers.bases import Base, Framework
from containers.recipes import places, source
from containers.recipes.operating_system import BUILD_STAGE, python

_HANDED_IN = f"{places.HANDED_IN}/{places.PIP_CONFIGURATION}"
# A build gets the machine's pip configuration and certificates as secrets: no layer has them.
_SECRETS = " ".join(
    f"--mount=type=secret,id={name},target={places.HANDED_IN}/{name}"
    for name in (places.PIP_CONFIGURATION, places.CERTIFICATES)
)
#: By the bytes of the source, never by times, which image formats keep differently.
COMPILE = f"{places.PYTHON} -m compileall -q -j 0 --invalidation-mode unchecked-hash"


def in_base(base: Base, from_source: bool) -> tuple[list[str], bool]:
    """Which locked packages an image has otherwise, and whether with all that they need."""
    if from_source:
        return ["tensorflow"], False
    return (["tensorflow"], True) if base.framework is Framework.OWN_IN_BASE else ([], False)


def build_framework(stage: hpccm.Stage, base: Base, march: str | None, *, definition: bool) -> None:
    """Add the virtual environment, and TensorFlow built for `march` where that is given."""
    own = base.framework is Framework.OWN_IN_BASE
    pip = ["python3-pip"] if base.framework is Framework.INDEX else []
    tools = source.TOOLS if march else ()
    stage += python(base, *pip, *tools)
    if march:
        source.tensorflow(stage, base, march)
    stage += comment("The versions of the suite's lock, checked by hash.")
    stage += copy(src="requirements.txt", dest=places.LOCK)
    stage += shell(commands=_install(own, bool(march)), _arguments="" if definition else _SECRETS)


def take_framework(stage: hpccm.Stage) -> None:
    """Add what was built to the final stage, without what built it."""
    stage += copy(_from=BUILD_STAGE, src=places.ENVIRONMENT, dest=places.ENVIRONMENT)


def _install(own: bool, from_source: bool) -> list[str]:
    environment = "--system-site-packages " if own else ""
    # The configuration is looked for where a build binds it; where nothing is, pip has its own.
    # NVIDIA's images constrain what pip installs, to versions of their own without hashes.
    unconstrained = "PIP_CONSTRAINT='' " if own else ""
    install = (
        f"{unconstrained}PIP_CONFIG_FILE={_HANDED_IN} python3 -m pip --python {places.PYTHON} "
        "install --no-cache-dir --no-compile --no-deps --disable-pip-version-check"
    )
    commands = [
        "umask 022",
        f"python3 -m venv --without-pip {environment}{places.ENVIRONMENT}",
        f"{install} --only-binary :all: --require-hashes -r {places.LOCK}",
    ]
    if from_source:
        # A base may have this very version, which pip would take for the wheel.
        commands.append(f"{install} --force-reinstall {places.WHEELS}/*.whl")
    return [*commands, f"{COMPILE} {places.ENVIRONMENT}/lib"]
