"""Checks of the skyline workload (PeakLens): training a patch classifier, its accuracy, and the
skylines that it finds in photographs."""

from pathlib import Path

import reframe as rfm
import reframe.core.builtins as builtins
import reframe.utility.typecheck as typ
from reframe.core.exceptions import ReframeError
from reframe.core.runtime import runtime
from reframe.utility import udeps

from checks.base import guards
from checks.base.fixtures import require
from checks.base.workload_check import WorkloadCheck
from checks.base.workload_stage import RUN_FOLDER, WorkloadFixture, WorkloadStage


def require_data(test: WorkloadStage, stage: type[WorkloadFixture]) -> None:
    """Makes `test` wait for a stage that prepares the very data that it reads."""
    names = ["preset", "seed", "storage", *(["data"] if test.data else [])]
    require(test, stage, **{name: getattr(test, name) for name in names})


def has_photographs(data: Path) -> bool:
    """Whether a dataset, or its only subfolder as in the published archive, has photographs."""
    return any(any(data.glob(f"{nested}photographs/testing")) for nested in ("", "*/"))


class SkylineSynthesis(WorkloadFixture):
    """Photographs with skylines and their patches, unless the cache has them."""

    descr = "skyline: synthetic photographs and patches in the cache"
    workload = "skyline"
    stage = "synthesise"


class SkylinePacking(WorkloadFixture):
    """The patches as dense shards, unless the cache has them."""

    descr = "skyline: patches packed into shards in the cache"
    workload = "skyline"
    stage = "pack"

    @builtins.run_after("init")
    def need_patches(self) -> None:
        """Wait for the patches, unless the user has given data."""
        if not self.data:
            require_data(self, SkylineSynthesis)


class SkylineCheck(WorkloadCheck):
    """What training, evaluation and extraction share."""

    workload = "skyline"
    #: `files` decodes the JPEGs every epoch as published, `packed` reads the shards.
    pipeline = builtins.parameter(["files", "packed"], type=str)
    #: The published network, or the small one: `original` or `optimised`.
    model = builtins.variable(str, value="original")
    #: float32, mixed_bfloat16 or mixed_float16.
    precision = builtins.variable(str, value="float32")
    #: Copy batches to the device ahead of time.
    prefetch_to_device = builtins.variable(typ.Bool, value=False)
    #: Compile the steps with XLA.
    jit = builtins.variable(typ.Bool, value=False)
    engine = builtins.variable(str, value="tensorflow")
    #: Epochs at most; 0 for as many as the preset has, and the five of the published GPU runs.
    epochs = builtins.variable(int, value=0)

    known_values = {
        "pipeline": ("files", "packed"),
        "model": ("original", "optimised"),
        "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
        "dataset": ("synthetic", "given"),
        "engine": ("tensorflow",),
    }
    confirmed_keys: tuple[str, ...] = (
        "dataset",
        "pipeline",
        "model",
        "precision",
        "prefetch_to_device",
        "engine",
    )
    reference_keys = (*WorkloadCheck.reference_keys, *confirmed_keys, "jit", "epochs")

    @builtins.run_after("init")
    def train_as_published(self) -> None:
        """Give the published size the epochs of the published runs."""
        if self.preset == "published" and not self.epochs:
            self.epochs = 5

    def arguments(self) -> list[str]:
        """Where to write, on what to compute, which network, and how it is fed."""
        options = ["--output", RUN_FOLDER, "--gpus", str(self.num_gpus)]
        options += ["--model", self.model, "--pipeline", self.pipeline]
        if self.stage_to_scratch:
            options += ["--scratch", self.current_partition.extras["scratch"]]

        return [*options, "--prefetch-to-device"] if self.prefetch_to_device else options


@rfm.simple_test
class SkylineTrain(SkylineCheck):
    """Trains, and is measured while it does."""

    stage = "train"
    metrics = (
        "throughput",
        "mean_train_images_per_second",
        "first_epoch_seconds",
        "epoch_seconds",
        "total_seconds",
        "step_seconds_median",
        "step_seconds_99th_percentile",
        "input_stall_fraction",
        "peak_memory_bytes",
        "train_loss",
        "train_accuracy",
        "validation_loss",
        "validation_accuracy",
        "loss_step100",
    )
    optional_metrics = (
        "peak_device_memory_bytes",
        "staging_seconds",
        "energy_joules",
        "joules_per_image",
        "gpu_utilisation",
        "host_energy_joules",
        "model_flop_utilisation",
    )
    floors = {"validation_accuracy": 0.90}
    confirmed_keys = (*SkylineCheck.confirmed_keys, "jit")

    @builtins.run_after("init")
    def need_data(self) -> None:
        """Wait for the data in the form that the pipeline reads."""
        if self.pipeline == "packed":
            require_data(self, SkylinePacking)
        elif not self.data:
            require_data(self, SkylineSynthesis)

    def arguments(self) -> list[str]:
        """As for both stages; also how to compute."""
        options = [*super().arguments(), "--precision", self.precision]
        peak = self.current_partition.extras.get("gpu_peak_tflops", {}).get(self.precision)
        if peak:
            options += ["--gpu-peak-tflops", str(peak)]

        if self.jit:
            options += ["--jit"]

        if self.epochs:
            options += ["--epochs", str(self.epochs)]

        return options


class TrainedSkylineCheck(SkylineCheck):
    """A stage that reads what the same case of SkylineTrain has learnt."""

    @builtins.run_after("init")
    def need_training(self) -> None:
        """Wait for the training of the same case."""
        # All these classes have the same parameters, so that the same variant is the same case.
        variant = self.unique_name.removeprefix(type(self).__name__)
        self.training = f"{SkylineTrain.__name__}{variant}"
        self.depends_on(self.training, udeps.by_case)

    @builtins.run_after("setup")
    def find_checkpoint(self) -> None:
        """Find the trained weights. ReframeError where they are of another case."""
        trained = self.getdep(self.training)
        for key in ("seed", *self.reference_keys):
            if getattr(trained, key) != getattr(self, key):
                raise ReframeError(
                    f"{trained.display_name} was trained with {key}={getattr(trained, key)!r}, to "
                    f"{self.stage} is {getattr(self, key)!r}: give `-P` and `-S` without a class "
                    "name"
                )

        self.checkpoint = f"{trained.stagedir}/{RUN_FOLDER}"


@rfm.simple_test
class SkylineEvaluate(TrainedSkylineCheck):
    """Judges on the test split what the same case of SkylineTrain has learnt."""

    stage = "evaluate"
    metrics = (
        "test_accuracy",
        "test_loss",
        "test_precision",
        "test_recall",
        "test_f1",
        "evaluation_throughput",
        "total_seconds",
    )
    floors = {"test_accuracy": 0.90}

    def arguments(self) -> list[str]:
        """As for training; also where the trained weights are."""
        return [*super().arguments(), "--checkpoint", self.checkpoint]


@rfm.simple_test
class SkylineExtract(TrainedSkylineCheck):
    """Finds the skylines of the testing photographs, which training has not seen.

    It is the work of one process on one device, and how the patches came to the training says
    nothing about it: there are cases of one GPU or one node, after packed training alone unless
    `-P pipeline=...` asks for others."""

    stage = "extract"
    metrics = (
        "extraction_throughput",
        "skyline_error",
        "columns_within_3_pixels",
        "total_seconds",
    )
    ceilings = {"skyline_error": 3.0}
    floors = {"columns_within_3_pixels": 0.80}
    confirmed_keys = ("dataset", "pipeline", "model", "precision", "engine")
    reference_keys = tuple(
        key
        for key in SkylineCheck.reference_keys
        # Of the patches alone.
        if key not in ("stage_to_scratch", "prefetch_to_device")
    )

    @builtins.run_after("init")
    def be_one_process_after_one_pipeline(self) -> None:
        """Leave out the cases that there are of training alone."""
        own, default = (each.param_space.params["pipeline"] for each in (type(self), SkylineCheck))
        # The same object, and not an equal one: `-P pipeline=files,packed` asks for both.
        is_wanted = self.pipeline == "packed" or own is not default
        if max(self.num_gpus, self.cpu_nodes) > 1 or not is_wanted:
            self.valid_systems = []

    @builtins.run_after("init")
    def need_photographs(self) -> None:
        """Wait for the photographs; leave out partitions whose dataset is of patches alone."""
        partitions = {each.fullname: each for each in runtime().system.partitions}
        for name in [*self.valid_systems]:
            data = self.data_on(partitions[name])
            if data and not has_photographs(Path(data)):
                why = f"no photographs/testing is seen from here in {data}"
                guards.leave_out(f"{type(self).__name__} on {name}", why)
                self.valid_systems.remove(name)

        if not self.data:
            require_data(self, SkylineSynthesis)

    @builtins.run_before("setup")
    def stage_nothing(self) -> None:
        """Read the photographs where they are: only the patches are copied to a scratch."""
        self.stage_to_scratch = False

    def arguments(self) -> list[str]:
        """Where to write, on what to compute, and where the trained weights are."""
        computing = ["--output", RUN_FOLDER, "--gpus", str(self.num_gpus)]
        return [*computing, "--checkpoint", self.checkpoint]
