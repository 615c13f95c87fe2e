"""What a node must have before a stage starts in an image: lines of the job script that end it
otherwise, and say why. Of several nodes they look at the first one."""

import shlex
from collections.abc import Iterable

from checks.base.container_platforms import PLATFORMS

# In the words by which sanity.py knows what a job ended with, and whose failure it was.
_REFUSE = (
    'refuse() { echo "error: $1 on $(uname -n): $2" >&2; echo "trigpoint: exit code 2"; exit 2; }'
)
# PBS lists the nodes of a job in a file of its own that no image has; the stage folder is bound.
_NODE_FILE = (
    '[ -z "${PBS_NODEFILE:-}" ] || { cp "$PBS_NODEFILE" pbs_nodes && '
    'export PBS_NODEFILE="$PWD/pbs_nodes"; } || '
    'refuse "PBS_NODEFILE=$PBS_NODEFILE cannot be read" "see the spool of PBS there"'
)


def conditions(
    platform: str, image: str, folders: Iterable[str], own_cache: str, partition: str
) -> list[str]:
    """The lines for an image and the `folders` that are bound in it. Of these only `own_cache`, if
    it is not empty, is made where it is missing: it is nobody else's."""
    name = PLATFORMS[platform].name
    mend = f"or mend the site file of {partition}"
    lines = [
        _REFUSE,
        _NODE_FILE,
        _condition(PLATFORMS[platform].presence, f"{name} is not installed", f"load it, {mend}"),
    ]
    if image.startswith("/"):
        lines.append(_there(image, f"the image {image}", f"put it where nodes see it, {mend}"))

    if own_cache:
        made = f"mkdir -p {shlex.quote(own_cache)}"
        lines.append(_condition(made, f"{own_cache} cannot be made", f"free its place, {mend}"))

    bound = f"make it, {mend}"
    lines += (_there(each, f"{each}, which is bound in the image,", bound) for each in folders)
    return lines


def _there(path: str, what: str, advice: str) -> str:
    return _condition(f"[ -e {shlex.quote(path)} ]", f"{what} is not there", advice)


def _condition(command: str, complaint: str, advice: str) -> str:
    return f"{command} || refuse {shlex.quote(complaint)} {shlex.quote(advice)}"
