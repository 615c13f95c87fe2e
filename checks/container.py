"""Check of what a container costs: the same training natively and in its image, within one job."""

import dataclasses

import reframe as rfm
import reframe.core.builtins as builtins
from reframe.core.exceptions import ReframeError
from reframe.core.runtime import emit_loadenv_commands, runtime

from checks.base import geometry, guards, images, sanity
from checks.base.container_launch import IMAGE_PYTHON
from checks.base.container_platforms import NATIVE, PLATFORMS
from checks.base.single_process_check import SingleProcessCheck
from checks.base.workload_stage import RUN_FOLDER

#: A container that is surely slower than this share of the native throughput is red.
THROUGHPUT_FLOOR = 0.97
#: Ten trainings take longer than one.
TIME_LIMITS = {"tiny": "15m", "smoke": "1h", "nightly": "2h", "published": "2h"}
#: By which platforms nothing can be compared, and why.
NOT_COMPARED = {
    NATIVE: "without a container platform there is nothing to compare",
    "pyxis": "Pyxis puts a whole job step into an image: one job cannot have both sides",
}


@rfm.simple_test
class ContainerCost(SingleProcessCheck):
    """Starts, imports and trains natively and in the image in turn, five times each.

    The job itself runs natively. Its speed is held against no reference: red is an image that is
    slower by more than 3 % with the whole 95 % interval, or that learns something else."""

    workload = "container"
    stage = "cost"
    trained_workload = builtins.parameter(["skyline", "slstr"], type=str)
    metrics = (
        "throughput_ratio",
        "throughput_ratio_low",
        "throughput_ratio_high",
        "native_throughput",
        "image_throughput",
        "native_start_seconds",
        "image_start_seconds",
        "image_first_start_seconds",
        "native_import_seconds",
        "image_import_seconds",
        "total_seconds",
    )
    #: That of an image of a registry lies with the platform.
    optional_metrics = ("image_size_bytes",)
    floors = {"throughput_ratio_high": THROUGHPUT_FLOOR}
    known_values = {
        "trained_workload": ("skyline", "slstr"),
        "dataset": ("synthetic", "given"),
    }
    reference_keys = (*SingleProcessCheck.reference_keys, "dataset", "trained_workload")
    confirmed_keys = ("trained_workload",)

    @builtins.run_after("init")
    def prepare_launch(self) -> None:
        """As for every stage; with the time that ten trainings take."""
        if self.time_limit is None:
            self.time_limit = TIME_LIMITS.get(self.preset)

        super().prepare_launch()

    @builtins.run_after("init")
    def leave_out_partitions(self) -> None:
        """Leave out the partitions on which nothing can be compared."""
        partitions = {each.fullname: each for each in runtime().system.partitions}
        for name in [*self.valid_systems]:
            platform = images.chosen(self.container, partitions[name])
            if platform in NOT_COMPARED:
                guards.leave_out(f"{type(self).__name__} on {name}", NOT_COMPARED[platform])
                self.valid_systems.remove(name)

    @builtins.run_after("setup")
    def require_two_sides(self) -> None:
        """Refuse what only a value given by `-P` can make of a case."""
        if self.container in NOT_COMPARED:
            raise ReframeError(f"container={self.container}: {NOT_COMPARED[self.container]}")

    def image_names(self) -> tuple[str, ...]:
        """That of the training: the job itself needs none."""
        return (self.trained_workload,)

    def expectation(self) -> sanity.Expectation:
        """As for every check; also what both sides must have in common, in every size."""
        expected = super().expectation()
        asked = {"gpus_used": self._num_gpus(), "results_agree": True}
        return dataclasses.replace(expected, floors=self.floors, asked={**expected.asked, **asked})

    def _num_gpus(self) -> int:
        return geometry.smallest(self.current_partition).num_gpus

    def arguments(self) -> list[str]:
        """What is trained, on what, and which image it is."""
        options = ["--workload", self.trained_workload, "--output", RUN_FOLDER]
        options += ["--gpus", str(self._num_gpus())]
        return [*options, "--image", self.image] if self.image.startswith("/") else options

    @builtins.run_before("run", always_last=True)
    def launch_in_image(self) -> None:
        """Run natively, and be told how Python is started in the image."""
        platform = self.image_platform(self.container)
        platform.command = IMAGE_PYTHON
        # A shell line, as ReFrame would put it into the script.
        self.executable_opts += ["--", platform.launch_command(self.stagedir)]
        self.env_vars = {**self.env_vars, **self.image_variables(self.container)}
        name = PLATFORMS[self.container].name
        loading = emit_loadenv_commands(self.current_partition.container_environs[name])
        self.prerun_cmds += [*loading, *self.image_conditions(self.container)]
