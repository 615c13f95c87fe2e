"""The two sides of the comparison: this Python natively, and that of the image."""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workloads.common.own_code import own_code_environment
from workloads.container.children import Finished, run_child

# Of the host's Python and checkout: platforms that pass the environment on would let them in.
_OF_THE_HOST = ("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "TRIGPOINT_COMMIT")


@dataclass(frozen=True)
class Side:
    """`words` start its Python; `name` is for files, `where` for sentences."""

    name: str
    where: str
    words: tuple[str, ...]
    environment: Mapping[str, str]

    def run(self, what: str, arguments: Sequence[str], log: Path) -> Finished:
        """Run its Python with `arguments`, one at a time; errors as of `run_child`."""
        command = [*self.words, *arguments]
        return run_child(f"{what} {self.where}", command, self.environment, log)


def native_side() -> Side:
    """This very Python, with the checkout on its path."""
    return Side("native", "natively", (sys.executable,), own_code_environment())


def image_side(launch: Sequence[str]) -> Side:
    """What the words start, without what the environment says of the host's Python."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THE_HOST}
    return Side("image", "in the image", tuple(launch), kept)
