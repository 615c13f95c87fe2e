"""Telemetry of a run: beside it, never in its way, and only what is known to the last part."""

import dataclasses
import json
import threading
import types

import numpy as np
import pytest
from stand_in_driver import LOST, Library, sound_gpu
from test_stages import finish, metrics_in

from workloads.common.construction import make_adam, make_model
from workloads.common.devices import open_devices
from workloads.common.errors import RunFailed
from workloads.common.feeding import memory_feed
from workloads.common.fingerprint import measure_fingerprint
from workloads.common.inputs import StreamFeed
from workloads.common.limits import Limits
from workloads.common.progress import no_progress
from workloads.common.records import recording
from workloads.common.steps import Stepper
from workloads.common.telemetry.gpu_sampling import Sampler
from workloads.common.telemetry.gpu_state import Gpu
from workloads.common.telemetry.gpu_watch import LAST_WORD, GpuWatch
from workloads.common.telemetry.reporting import Telemetry, record_telemetry, summarise
from workloads.common.training import Training
from workloads.common.utilisation import record_utilisation
from workloads.skyline.__main__ import _parser
from workloads.skyline.model import build
from workloads.skyline.objective import PatchClassification

BATCH, SAMPLES = 32, 96
# Whoever opens telemetry here, fails.
NO_TELEMETRY = """
import sys
from workloads.skyline.__main__ import main
from workloads.skyline.stages import train
train.open_telemetry = None
sys.exit(main())
"""


class Steps:
    """A source that notes what it is asked for, and says when it was sampled three times."""

    def __init__(self):
        self.asked = []
        self.sampled = threading.Event()

    def begin(self):
        self.asked.append("begin")

    def sample(self):
        self.asked.append("sample")
        if len(self.asked) > 3:
            self.sampled.set()

    def end(self):
        self.asked.append("end")


def watch_of(answers, uuid="GPU-1"):
    return GpuWatch(Library({uuid: answers}), Gpu(uuid, uuid, uuid), "node7")


def test_sources_are_begun_sampled_again_and_again_and_ended():
    source = Steps()
    sampler = Sampler([source], interval=0)
    sampler.start()
    assert source.asked[0] == "begin"
    assert source.sampled.wait(60)
    sampler.stop()
    assert source.asked[-1] == "end"
    assert source.asked.count("begin") == source.asked.count("end") == 1


def test_nothing_to_sample_starts_no_thread():
    before = threading.active_count()
    sampler = Sampler([])
    sampler.start()
    assert threading.active_count() == before
    sampler.stop()


def test_a_driver_that_hangs_holds_up_neither_the_run_nor_its_end():
    asked, answer = threading.Event(), threading.Event()

    def hang(kind):
        asked.set()
        answer.wait()
        return 1980

    watch = watch_of(sound_gpu(nvmlDeviceGetClockInfo=[1980, hang]))
    sampler = Sampler([watch], interval=0, patience=0)
    sampler.start()
    assert asked.wait(60)
    sampler.stop()
    health = watch.health()
    answer.set()
    assert health["lost"] == "it does not answer its driver"
    assert health["uuid"] == "GPU-1"


def test_a_gpu_that_is_lost_leaves_the_others_and_the_run_alone():
    lost, sound = watch_of(sound_gpu(nvmlDeviceGetClockInfo=LOST)), watch_of(sound_gpu(), "GPU-2")
    steps = Steps()
    sampler = Sampler([lost, sound, steps], interval=0)
    sampler.start()
    assert steps.sampled.wait(60)
    sampler.stop()
    assert lost.health()["lost"] == "GPU is lost"
    assert sound.health()["energy_joules"] == 90
    assert "lost" not in sound.health()


def test_telemetry_that_breaks_leaves_the_other_sources_and_the_run_alone():
    def break_down(kind):
        raise AttributeError("no such function")

    broken = watch_of(sound_gpu(nvmlDeviceGetClockInfo=break_down))
    sound, steps = watch_of(sound_gpu(), "GPU-2"), Steps()
    sampler = Sampler([broken, sound, steps], interval=0)
    sampler.start()
    assert steps.sampled.wait(60)
    sampler.stop()
    assert broken.health()["telemetry_failed"] == "AttributeError: no such function"
    assert "lost" not in broken.health()
    assert sound.health()["energy_joules"] == 90


@pytest.mark.parametrize("reports", [True, False])
def test_a_run_that_fails_leaves_word_of_its_gpus(reports, tmp_path, capsys):
    telemetry = Telemetry([watch_of(sound_gpu())])
    with (
        pytest.raises(RunFailed),
        recording("train", tmp_path, reports) as recorder,
        telemetry.sampled(recorder, reports),
    ):
        raise RunFailed("the loss is not a number")
    printed = capsys.readouterr()
    [line] = [each for each in printed.err.splitlines() if each.startswith(LAST_WORD)] or [None]
    if reports:
        assert recorder.provenances["gpu_health"] == telemetry.gpu_health()
        assert line is None
    else:
        assert json.loads(line.removeprefix(LAST_WORD)) == telemetry.gpu_health()


def test_a_run_without_gpus_that_fails_has_no_word_of_them(tmp_path, capsys):
    with (
        pytest.raises(RunFailed),
        recording("train", tmp_path) as recorder,
        Telemetry().sampled(recorder, True),
    ):
        raise RunFailed("the loss is not a number")
    assert "gpu_health" not in recorder.provenances
    assert LAST_WORD not in capsys.readouterr().err


def part(*gpus, source=None, joules=None):
    return json.dumps({"gpus": list(gpus), "source": source, "joules": joules})


def gpu(number, **more):
    return {"uuid": f"GPU-{number}", "node": "node7", "driver_version": "580"} | more


def test_figures_are_over_all_processes():
    first = gpu(1, energy_joules=10.0, utilisation=0.5), gpu(2, energy_joules=20.0, utilisation=0.9)
    texts = [part(*first), part(gpu(3, energy_joules=30.0, utilisation=0.7))]
    provenance, figures = summarise(texts, gpus=3, nodes=2, images=120)
    assert figures["energy_joules"] == 60
    assert figures["joules_per_image"] == 0.5
    assert figures["gpu_utilisation"] == pytest.approx(0.7)
    assert provenance["gpu_uuids"] == ["GPU-1", "GPU-2", "GPU-3"]
    assert [each["uuid"] for each in provenance["gpu_health"]] == provenance["gpu_uuids"]
    assert provenance["driver_version"] == "580"


def test_a_sum_that_lacks_a_part_is_no_figure():
    one = part(gpu(1, energy_joules=10.0, utilisation=0.5))
    assert summarise([one, part(gpu(2))], gpus=2, nodes=1, images=8)[1] == {}
    assert summarise([one, part()], gpus=2, nodes=1, images=8)[1] == {}


def test_drivers_that_differ_are_all_named():
    texts = [part(gpu(1)), part(gpu(2, driver_version="570"))]
    assert summarise(texts, gpus=2, nodes=2, images=8)[0]["driver_version"] == "570, 580"


@pytest.mark.parametrize(
    ("parts", "joules"),
    [
        ([part(source="rapl", joules=5.0), part(), part(source="rapl", joules=7.0)], 12.0),
        ([part(source="rapl", joules=5.0), part(), part(source="rapl")], None),
        ([part(source="rapl", joules=5.0), part(), part()], None),
        ([part(source="slurm", joules=5.0), part(), part()], 5.0),
        ([part(source="slurm"), part(), part(source="rapl", joules=7.0)], None),
        ([part(), part(), part(source="rapl", joules=7.0)], None),
        ([part(), part(), part()], None),
    ],
)
def test_host_energy_is_that_of_all_nodes_or_none(parts, joules):
    provenance, figures = summarise(parts, gpus=0, nodes=2, images=8)
    assert figures == ({} if joules is None else {"host_energy_joules": joules})
    source = json.loads(parts[0])["source"]
    assert provenance == ({} if joules is None else {"host_energy_source": source})


@pytest.fixture(scope="module")
def devices():
    return open_devices(0, deterministic=True, environment={})


def with_a_gpu(devices, name="NVIDIA H100 80GB HBM3"):
    """The same devices, said to be one GPU: its telemetry comes from the stand-in."""
    return dataclasses.replace(devices, gpus=1, names=(name,))


def training_of(devices, output, recorder, advance=no_progress):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, SAMPLES).astype(np.uint8)
    patches = rng.integers(0, 256, (SAMPLES, 29, 29, 3), dtype=np.uint8)
    shares = devices.shares(SAMPLES, 1)
    feed = memory_feed(devices, shares, [(patches[s.owned], labels[s.owned]) for s in shares])
    model = make_model(devices, lambda: build("optimised"), 1, "float32")
    optimizer = make_adam(devices, 1e-3, "float32")
    stepper = Stepper(devices, model, optimizer, PatchClassification(), BATCH, 3)
    limits = Limits(epochs=2, patience=9, warmup_steps=0)
    return Training(stepper, feed, feed, limits, recorder, output, {}, advance)


def test_a_sampled_run_records_energy_per_image_and_health(devices, tmp_path):
    telemetry = Telemetry([watch_of(sound_gpu())])
    with recording("train", tmp_path) as recorder:
        training = training_of(devices, tmp_path, recorder)
        with telemetry.sampled(recorder, True):
            training.run()
        assert training.images == 2 * SAMPLES
        record_telemetry(recorder, with_a_gpu(devices), telemetry, training.images)
    assert recorder.figures["energy_joules"] == 90
    assert recorder.figures["joules_per_image"] == pytest.approx(90 / (2 * SAMPLES))
    assert recorder.figures["gpu_utilisation"] == pytest.approx(0.8)
    assert recorder.provenances["gpu_health"][0]["uuid"] == "GPU-1"


def test_a_run_goes_on_when_telemetry_finds_its_gpu_lost(devices, tmp_path):
    telemetry = Telemetry([watch_of(sound_gpu(nvmlDeviceGetClockInfo=LOST))])
    with recording("train", tmp_path) as recorder:
        training = training_of(devices, tmp_path, recorder)
        with telemetry.sampled(recorder, True):
            training.run()
        record_telemetry(recorder, with_a_gpu(devices), telemetry, training.images)
    assert recorder.provenances["gpu_health"][0]["lost"] == "GPU is lost"
    assert "energy_joules" not in recorder.figures


def test_images_of_a_continued_run_are_those_of_this_process(devices, tmp_path):
    epochs = []

    def interrupt(steps):
        epochs.append(steps)
        if len(epochs) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), recording("train", tmp_path) as recorder:
        training_of(devices, tmp_path, recorder, interrupt).run()
    with recording("train", tmp_path) as recorder:
        training = training_of(devices, tmp_path, recorder)
        assert training.run().images == 2 * SAMPLES
    assert training.images == SAMPLES


def test_free_memory_is_asked_of_this_process_s_gpus_alone(devices):
    # The GPU is not one that this machine's driver knows: nothing is made resident on it.
    columns = [(np.zeros((8, 2), np.uint8), np.zeros(8, np.uint8))]
    feed = memory_feed(with_a_gpu(devices), devices.shares(32, 1), columns)
    assert isinstance(feed, StreamFeed)


@pytest.mark.parametrize(
    ("changes", "stated", "throughput", "expected"),
    [
        ({}, None, 1e6, 1e6 * 3 * 6_490_320 / 494.7e12),
        ({"gpus": 4, "names": ("NVIDIA A30",) * 2}, None, 1e6, 1e6 * 3 * 6_490_320 / (4 * 82e12)),
        ({}, 100.0, 1e6, 1e6 * 3 * 6_490_320 / 100e12),
        ({"names": ("NVIDIA A30 MIG 1g.6gb",)}, 20.0, 1e6, 1e6 * 3 * 6_490_320 / 20e12),
        ({"names": ("NVIDIA A30 MIG 1g.6gb",)}, None, 1e6, None),
        ({"names": ("NVIDIA A30", "NVIDIA A40")}, None, 1e6, None),
        ({"names": ("unknown GPU",)}, None, 1e6, None),
        ({"gpus": 0}, 100.0, 1e6, None),
        ({}, None, None, None),
    ],
)
def test_utilisation_is_what_the_model_needs_over_what_the_devices_can(
    devices, tmp_path, changes, stated, throughput, expected
):
    changed = dataclasses.replace(with_a_gpu(devices), **changes)
    shape = (29, 29, 3)
    with recording("train", tmp_path) as recorder:
        model = build("original")
        record_utilisation(recorder, changed, model, shape, throughput, "float32", stated)
    found = recorder.figures.get("model_flop_utilisation")
    assert found == (expected if expected is None else pytest.approx(expected))


def test_without_a_gpu_training_records_no_telemetry(start_stage, tmp_path):
    arguments = ("train", "--gpus", 0, "--gpu-peak-tflops", 100, "--max-steps", 24)
    [(out, err, code)] = finish(start_stage(*arguments, "--output", tmp_path / "run"))
    assert code == 0, err
    figures = metrics_in(out)[0]
    assert "throughput" in figures
    assert not figures.keys() & {
        "energy_joules",
        "joules_per_image",
        "gpu_utilisation",
        "model_flop_utilisation",
        "gpu_health",
        "gpu_uuids",
    }


def test_telemetry_can_be_left_out(start_stage, tmp_path):
    arguments = ("train", "--gpus", 0, "--no-telemetry", "--max-steps", 8)
    process = start_stage(*arguments, "--output", tmp_path / "run", code=NO_TELEMETRY)
    [(_, err, code)] = finish(process)
    assert code == 0, err


def test_the_short_deterministic_run_is_not_sampled(monkeypatch, tmp_path):
    commands = []

    def start(command, **_):
        commands.append(command)
        return types.SimpleNamespace(returncode=1)

    monkeypatch.setattr("subprocess.run", start)
    options = _parser().parse_args(
        ["train", "--output", str(tmp_path), "--gpu-peak-tflops", "15.7"]
    )
    with pytest.raises(RunFailed, match="deterministic run"):
        measure_fingerprint("workloads.skyline", options, first_rank=True)
    # What it is started with is understood.
    assert _parser().parse_args(commands[0][3:]).no_telemetry is True
    assert options.no_telemetry is False
