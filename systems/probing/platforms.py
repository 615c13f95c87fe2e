"""ReFrame's names of container platforms, and what a node says of each."""

from systems.probing.answer import Answer, Runtime
from systems.probing.node.containers import PYXIS

# The command of each; the preferred first. Podman and Pyxis are the suite's own additions.
COMMANDS = {
    "Apptainer": "apptainer",
    "Singularity": "singularity",
    "Sarus": "sarus",
    "Shifter": "shifter",
    "Pyxis": PYXIS,
    "Podman": "podman",
    "Docker": "docker",
}
# What starts images as a user's own namespaces alone; the others have a daemon or a setuid program.
IN_USER_NAMESPACES = ("Pyxis", "Podman")
# What starts image files, and unpacks those that it cannot mount.
OF_FILES = ("Apptainer", "Singularity")
# What starts images of a registry alone.
OF_REGISTRIES = ("Sarus", "Shifter", "Podman", "Docker")


def runtime(answer: Answer, command: str) -> Runtime | None:
    """The runtime of that command, if it is on the node."""
    return next((each for each in answer.runtimes or [] if each.command == command), None)


def unusable(platform: str, answer: Answer) -> str:
    """Why nothing can be started by the platform on the node; empty where it can."""
    command = COMMANDS[platform]
    found = runtime(answer, command)
    if found is None and command == PYXIS:
        return "srun on the node has no --container-image"

    if found is None:
        return f"{command} is not on the node's PATH"

    if found.error:
        return f"{command} does not answer: {found.error}"

    start = _start(found, answer)
    forbidden = answer.user_namespaces is not None and not answer.user_namespaces.work
    certain = start and (forbidden or platform not in OF_FILES)
    return f"{described(found, answer)} starts no container: {start}" if certain else ""


def doubtful(platform: str, answer: Answer) -> str:
    """Why the platform may not be of use on the node, although it answers: a folder does not start
    as a container, which some sites forbid while their images start."""
    found = runtime(answer, COMMANDS[platform])
    start = _start(found, answer) if found else ""
    return f"a folder does not start as a container: {start}" if start else ""


def described(found: Runtime, answer: Answer) -> str:
    """The command and its version; of Pyxis, which has none, that of the Enroot below it."""
    below = runtime(answer, "enroot") if found.command == PYXIS else None
    words = f"{found.command} {found.version}".strip()
    return f"{words} on {described(below, answer)}" if below else words


def state(found: Runtime, answer: Answer) -> str:
    """The command and its version, and what is amiss with it."""
    if found.error:
        return f"{found.command}, which does not answer: {found.error}"

    start, words = _start(found, answer), described(found, answer)
    return f"{words}, which starts no container: {start}" if start else words


def _start(found: Runtime, answer: Answer) -> str:
    return (answer.starts or {}).get(found.command, "")
