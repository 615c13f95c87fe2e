"""Where a stage writes what the next one reads: on the storage that the case is about."""

import hashlib
import shlex
import shutil
from pathlib import Path
from typing import Any

import reframe as rfm
import reframe.core.builtins as builtins

from checks.base import geometry
from checks.base.workload_stage import RUN_FOLDER


class StoredOutput(rfm.RegressionTestPlugin):
    """The stage writes its RUN_FOLDER on the storage of its case, for the cases that wait for it.

    It lies in the stage directory, or, where the partition names a folder of the storage, in there
    with a link to it. With the stage directory it is removed, when all that wait for it are done;
    the next run of the case replaces what a failed one has left."""

    @builtins.run_before("run")
    def write_on_storage(self: Any) -> None:
        """Let the job make the folder, empty, before anything else."""
        folder = self._folder_on_storage()
        if folder is not None:
            path = shlex.quote(str(folder))
            make = f"rm -rf {path} && mkdir -p {path} && ln -sfn {path} {RUN_FOLDER} || exit 2"
            self.prerun_cmds = [*self.prerun_cmds, make]

    @builtins.run_after("cleanup")
    def leave_nothing_on_storage(self: Any) -> None:
        """Remove the folder where the stage directory has been removed, and not kept."""
        folder = self._folder_on_storage()
        if folder is not None and not Path(self.stagedir).exists():
            shutil.rmtree(folder, ignore_errors=True)

    def _folder_on_storage(self: Any) -> Path | None:
        path = geometry.storage_paths(self.current_partition).get(self.storage)
        if path is None:
            return None

        # Sessions with another prefix, and other checkouts, have cases of the same name.
        place = hashlib.sha256(self.stagedir.encode()).hexdigest()[:16]
        return Path(path, self.workload, "runs", f"{self.unique_name}-{place}")
