"""A stage that is measured, and is the work of one process without a device."""

from typing import Any

import reframe.core.builtins as builtins
from reframe.core.runtime import runtime

from checks.base import geometry, presets
from checks.base.measured_stage import MeasuredStage


class SingleProcessCheck(MeasuredStage):
    """A stage of one process: once for each partition, whatever the sizes of its other cases."""

    preset = builtins.parameter([presets.default_preset(runtime().system.partitions)], type=str)
    storage = builtins.parameter(geometry.storage_kinds(runtime().system.partitions), type=str)

    def layout_on(self, partition: Any) -> geometry.Layout | None:
        """One process on one node of any partition, with one GPU where that has some."""
        return geometry.layout(geometry.smallest(partition), partition)

    @builtins.run_after("init")
    def choose_partitions(self) -> None:
        """Choose the partitions that have this storage."""
        self.valid_systems = geometry.with_storage(self.storage, runtime().system.partitions)
