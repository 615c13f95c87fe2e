"""The folders of the host that a case has in its image, each at its own path."""

import os
import re
from pathlib import Path
from typing import Any

from reframe.core.exceptions import ReframeError
from reframe.core.runtime import runtime

from checks.base import geometry

ROOT = Path(__file__).resolve().parents[2]
# ReFrame puts paths between double quotes; platforms cut them at the colon and the comma.
_CANNOT_BE_BOUND = re.compile(r'["$`\\:,]')


def cache_folder(test: Any) -> str:
    """Where a case keeps its data: on its storage, or in the workload's own default."""
    storage = geometry.storage_paths(test.current_partition).get(test.storage)
    return storage or default_cache()


def default_cache() -> str:
    """Where workloads keep data that no partition has a place for."""
    return str(Path(os.environ.get("TRIGPOINT_CACHE") or ROOT / ".cache").absolute())


def bound_folders(test: Any) -> list[str]:
    """The stage folders of the session, in which are those of the case and of all that it reads,
    its cache, its data and the scratch. Raises ReframeError for a path that cannot be bound."""
    scratch = test.current_partition.extras.get("scratch")
    folders = [runtime().stage_prefix, cache_folder(test), test.data, scratch]
    # As the stage would read it: from its own folder.
    paths = dict.fromkeys(str(Path(test.stagedir, each)) for each in folders if each)
    for path in paths:
        if _CANNOT_BE_BOUND.search(path) or not path.isprintable():
            raise ReframeError(
                f'{path!r} cannot be bound in an image: a path without any of " $ ` \\ : , and '
                "control characters is expected; move it, or run natively with -S container=none"
            )

    return [*paths]
