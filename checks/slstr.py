"""Checks of the SLSTR workload: from zipped satellite scenes to a network that masks their clouds,
and to what its masks do for sea-surface temperatures."""

import dataclasses
from pathlib import Path

import reframe as rfm
import reframe.core.builtins as builtins
from reframe.core.exceptions import SanityError
from reframe.core.runtime import runtime

from checks.base import sanity
from checks.base.bind_mounts import cache_folder
from checks.base.dependencies import Input
from checks.base.fixtures import require
from checks.base.single_process_check import SingleProcessCheck
from checks.base.stored_output import StoredOutput
from checks.base.workload_check import WorkloadCheck
from checks.base.workload_stage import RUN_FOLDER, WorkloadFixture, WorkloadStage

TRAINING, VALIDATION = "training", "validation"
#: The folder of converted scenes that the network is trained for.
BY_DAY = "day"
#: The least accuracy against the Bayesian flags, on scenes that training has not seen: of drawn
#: scenes, whose flags err at a known rate, and of real ones, of which 0.823 has been published.
TEST_ACCURACY_FLOORS = {"synthetic": 0.85, "given": 0.80}
#: The least accuracy against the clouds themselves, which only drawn scenes know.
TRUTH_ACCURACY_FLOOR = 0.90
#: By how much the network's mask takes the bias of temperatures down at least, in K.
BIAS_REDUCTION_FLOOR = 0.01
#: The sides of a patch, patches in a batch of one replica, and epochs of the published runs.
PUBLISHED_SIZES = {"patch_size": 256, "batch_size": 32, "epochs": 30}
TRUTH = ("truth_accuracy", "truth_f1", "truth_iou")


def archive(test: WorkloadStage) -> Path:
    """The folder of the zipped scenes, their lists and the match-ups: given, or drawn and kept."""
    if test.data:
        return Path(test.data)

    return Path(cache_folder(test), test.workload, f"{test.preset}-{test.seed}")


class SlstrSynthesis(WorkloadFixture):
    """Zipped scenes and match-ups, unless they are there."""

    descr = "slstr: synthetic scenes and match-ups in the cache"
    workload = "slstr"
    stage = "synthesise"
    reads_data = False

    def arguments(self) -> list[str]:
        """Where the scenes are kept."""
        return [str(archive(self)), "--refresh"]


class SlstrPreparation(StoredOutput, SingleProcessCheck):
    """What unzipping and conversion share: scenes for training and for validation apart."""

    workload = "slstr"
    reads_data = False
    split = builtins.parameter([TRAINING, VALIDATION], type=str)
    metrics = (
        "scenes_per_second",
        "megabytes_read_per_second",
        "megabytes_written_per_second",
        "total_seconds",
    )
    known_values = {"split": (TRAINING, VALIDATION), "dataset": ("synthetic", "given")}
    reference_keys: tuple[str, ...] = (*SingleProcessCheck.reference_keys, "dataset", "split")


@rfm.simple_test
class SlstrExtract(SlstrPreparation):
    """Unzips the scenes of a list."""

    stage = "extract"

    @builtins.run_after("init")
    def need_archive(self) -> None:
        """Wait for the scenes to be drawn, on partitions that have no data of their own."""
        partitions = {each.fullname: each for each in runtime().system.partitions}
        drawn = [name for name in self.valid_systems if not self.data_on(partitions[name])]
        names = ("preset", "seed", "storage")
        require(self, SlstrSynthesis, drawn, **{name: getattr(self, name) for name in names})

    def arguments(self) -> list[str]:
        """Which scenes, and where they go."""
        return [f"{archive(self)}/{self.split}.txt", RUN_FOLDER]


@rfm.simple_test
class SlstrConvert(SlstrPreparation):
    """Turns the scenes that SlstrExtract has unzipped into one HDF5 file each."""

    stage = "convert_hdf"
    #: Side of a chunk of the files, and so of a patch; 0 for the preset's.
    patch_size = builtins.variable(int, value=0)
    reference_keys = (*SlstrPreparation.reference_keys, "patch_size")
    confirmed_sizes = ("patch_size",)
    inputs = {"scenes": Input(SlstrExtract, ("seed", *SlstrPreparation.reference_keys))}

    def arguments(self) -> list[str]:
        """Which scenes, where they go, and how they are cut."""
        cut = ["--patch-size", str(self.patch_size)] if self.patch_size else []
        return [self.folder_of("scenes"), RUN_FOLDER, *cut]


def converted(split: str) -> Input:
    """The converted scenes of a split, which one process has made for cases of every size."""
    return Input(SlstrConvert, ("seed", "preset", "storage", "dataset"), {"split": split})


class SlstrCheck(StoredOutput, WorkloadCheck):
    """What training, inference and the comparison of temperatures share."""

    workload = "slstr"
    reads_data = False
    #: Where patches are kept once read: memory, disk or none.
    cache = builtins.variable(str, value="memory")
    #: float32, mixed_bfloat16 or mixed_float16.
    precision = builtins.variable(str, value="float32")
    engine = builtins.variable(str, value="tensorflow")
    #: Side of a patch, patches in a batch of one replica, and epochs; 0 for the preset's.
    patch_size = builtins.variable(int, value=0)
    batch_size = builtins.variable(int, value=0)
    epochs = builtins.variable(int, value=0)

    known_values = {
        "cache": ("memory", "disk", "none"),
        "precision": ("float32", "mixed_bfloat16", "mixed_float16"),
        "dataset": ("synthetic", "given"),
        "engine": ("tensorflow",),
    }
    reference_keys = (
        *(key for key in WorkloadCheck.reference_keys if key != "stage_to_scratch"),
        *("dataset", "cache", "precision", "engine", "patch_size", "batch_size", "epochs"),
    )
    confirmed_keys: tuple[str, ...] = ("precision", "engine")

    @builtins.run_before("setup")
    def stage_nothing(self) -> None:
        """Read the scenes where they are: what goes to a scratch are the patches, if any."""
        self.stage_to_scratch = False

    @builtins.run_after("init")
    def train_as_published(self) -> None:
        """Give the published size what the published runs were made with."""
        if self.preset == "published":
            for name, size in PUBLISHED_SIZES.items():
                setattr(self, name, getattr(self, name) or size)

    def computing(self) -> list[str]:
        """On what to compute, and how."""
        return ["--gpus", str(self.num_gpus), "--precision", self.precision]


@rfm.simple_test
class SlstrTrain(SlstrCheck):
    """Trains the cloud mask, and is measured while it does."""

    stage = "train"
    metrics = (
        "total_time",
        "first_epoch_time",
        "second_epoch_time",
        "first_epoch_train_time",
        "second_epoch_train_time",
        "first_epoch_test_time",
        "second_epoch_test_time",
        "imgs_per_s_first_epoch",
        "imgs_per_s_second_epoch",
        "train_accuracy",
        "test_accuracy",
        "train_loss",
        "test_loss",
        "throughput",
        "first_epoch_seconds",
        "epoch_seconds",
        "total_seconds",
        "step_seconds_median",
        "step_seconds_99th_percentile",
        "input_stall_fraction",
        "peak_memory_bytes",
        "loss_step100",
    )
    optional_metrics = (
        "peak_device_memory_bytes",
        "energy_joules",
        "joules_per_image",
        "gpu_utilisation",
        "host_energy_joules",
        "model_flop_utilisation",
    )
    confirmed_keys = (*SlstrCheck.confirmed_keys, "cache")
    confirmed_sizes = ("patch_size", "batch_size")
    inputs = {"scenes": converted(TRAINING)}

    @builtins.run_after("setup")
    def find_floor(self) -> None:
        """Know how good a network must be on these scenes."""
        self.floors = {"test_accuracy": TEST_ACCURACY_FLOORS[self.dataset]}

    def arguments(self) -> list[str]:
        """Which scenes, where the network goes, and how to train it."""
        extras = self.current_partition.extras
        scenes = f"{self.folder_of('scenes')}/{BY_DAY}"
        options = [scenes, RUN_FOLDER, *self.computing(), "--cache", self.cache]
        if self.cache == "disk" and extras.get("scratch"):
            options += ["--scratch", extras["scratch"]]

        if self.batch_size:
            options += ["--batch-size", str(self.batch_size)]

        if self.epochs:
            options += ["--epochs", str(self.epochs)]

        peak = extras.get("gpu_peak_tflops", {}).get(self.precision)
        return [*options, "--gpu-peak-tflops", str(peak)] if peak else options


class TrainedSlstrCheck(SlstrCheck):
    """What follows from the training of the same case: how patches were kept does not matter."""

    reference_keys = tuple(key for key in SlstrCheck.reference_keys if key != "cache")


@rfm.simple_test
class SlstrInference(TrainedSlstrCheck):
    """Masks the clouds of the validation scenes with the network of the same case."""

    stage = "inference"
    metrics = (
        "total",
        "imgs_per_s",
        "bayes_accuracy",
        "bayes_f1",
        "bayes_iou",
        "total_seconds",
        "peak_memory_bytes",
    )
    optional_metrics = TRUTH
    inputs = {
        "network": Input(SlstrTrain, ("seed", *SlstrCheck.reference_keys)),
        "scenes": converted(VALIDATION),
    }

    @builtins.run_after("setup")
    def find_floor(self) -> None:
        """Know how good the masks must be, where the clouds are known."""
        self.floors = {"bayes_accuracy": TEST_ACCURACY_FLOORS[self.dataset]}
        if self.dataset == "synthetic":
            self.floors["truth_accuracy"] = TRUTH_ACCURACY_FLOOR

    def expectation(self) -> sanity.Expectation:
        """As for every check; also how well the clouds are found, where they are known."""
        expected = super().expectation()
        if self.dataset == "given":
            return expected

        return dataclasses.replace(expected, metrics=(*expected.metrics, *TRUTH))

    @builtins.run_after("sanity")
    def refuse_training_scenes(self) -> None:
        """Fail where the masks are judged on scenes that the network has learnt from."""
        learnt = self.found["network"].dataset_digest
        if not self.is_dry_run() and self.dataset_digest in ("", learnt):
            self.failure_class = sanity.JUDGEMENT
            raise SanityError(
                f"{sanity.JUDGEMENT}: the masks are judged on the scenes of the training, or on "
                f"scenes that no record names: {self.dataset_digest!r}"
            )

    def arguments(self) -> list[str]:
        """Which network, which scenes, where the masks go, and on what to compute."""
        scenes = f"{self.folder_of('scenes')}/{BY_DAY}"
        return [self.folder_of("network"), scenes, RUN_FOLDER, *self.computing()]


@rfm.simple_test
class SlstrSstComparison(TrainedSlstrCheck):
    """Compares sea-surface temperatures with those of buoys, where the network sees no cloud.

    It is the work of one process, after the inference of the smallest case: there are cases of one
    GPU or one node."""

    stage = "sst_comp"
    metrics = (
        "sst_bias_all",
        "sst_bias_network",
        "sst_bias_operational",
        "sst_absolute_bias_network",
        "sst_robust_deviation_all",
        "sst_robust_deviation_network",
        "sst_robust_deviation_operational",
        "sst_bias_reduction",
        "matchups_per_second",
        "total_seconds",
    )
    floors = {"sst_bias_reduction": BIAS_REDUCTION_FLOOR}
    confirmed_keys = ()
    inputs = {"masks": Input(SlstrInference, ("seed", *TrainedSlstrCheck.reference_keys))}
    keep_files = [f"{RUN_FOLDER}/*.{kind}" for kind in ("log", "csv", "png")]

    @builtins.run_after("init")
    def be_one_process(self) -> None:
        """Leave out the cases that there are of training and inference alone."""
        if max(self.num_gpus, self.cpu_nodes) > 1:
            self.valid_systems = []

    def asked_of_devices(self) -> dict[str, object]:
        """Nothing: it computes on none."""
        return {}

    def arguments(self) -> list[str]:
        """Which match-ups, which masks, and where the comparison goes."""
        matchups = f"{archive(self)}/sst_matchups.h5"
        return [matchups, self.folder_of("masks"), "--output", RUN_FOLDER]
