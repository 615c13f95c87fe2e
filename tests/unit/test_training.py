"""The training loop, on a few hundred random patches: what it reports, when it stops, resume."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf

from workloads.common import checkpoints
from workloads.common.construction import make_adam, make_model
from workloads.common.devices import open_devices
from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.evaluation import Evaluation, evaluate
from workloads.common.feeding import memory_feed
from workloads.common.inputs import StreamFeed, training_plan
from workloads.common.limits import Limits
from workloads.common.progress import no_progress
from workloads.common.records import recording
from workloads.common.steps import Stepper
from workloads.common.training import Training
from workloads.skyline.model import LEARNING_RATES, build
from workloads.skyline.objective import PatchClassification

BATCH, SAMPLES = 64, 320


@pytest.fixture(scope="module")
def devices():
    return open_devices(0, deterministic=True, environment={})


@pytest.fixture(scope="module")
def arrays():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 2, SAMPLES).astype(np.uint8)
    # Dark ones: what is to be learnt of noise is learnt in a few epochs.
    patches = rng.integers(0, 16, (SAMPLES, 29, 29, 3), dtype=np.uint8)
    patches[labels == 1] //= 2
    return patches, labels


def feed_of(devices, arrays):
    shares = devices.shares(len(arrays[1]), seed=1)
    return memory_feed(
        devices, shares, [(arrays[0][share.owned], arrays[1][share.owned]) for share in shares]
    )


def training_of(
    devices,
    arrays,
    output,
    recorder,
    objective=None,
    seed=1,
    precision="float32",
    jit=False,
    name="original",
    steps_per_call=2,
    **limits,
):
    model = make_model(devices, lambda: build(name), seed, precision)
    optimizer = make_adam(devices, LEARNING_RATES[name], precision)
    objective = objective or PatchClassification()
    stepper = Stepper(devices, model, optimizer, objective, BATCH, steps_per_call, jit)
    feed = feed_of(devices, arrays)
    limits = Limits(**{"epochs": 3, "patience": 10, "warmup_steps": 2} | limits)
    settings = {"seed": seed, "precision": "float32"}
    return Training(stepper, feed, feed, limits, recorder, output, settings, no_progress)


def evaluation_of(stepper, feed):
    return evaluate(stepper, stepper.evaluator(feed), feed, no_progress)


def train(devices, arrays, output, **options):
    with recording("train", output) as recorder:
        return training_of(devices, arrays, output, recorder, **options).run()


def weights_in(output, name=checkpoints.LAST, groups=("weights", "optimizer")):
    with h5py.File(output / name) as file:
        return {
            f"{group}/{name}": file[group][name][()] for group in groups for name in file[group]
        }


def test_the_model_learns_and_every_figure_is_reported(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path, epochs=25)
    figures = state.figures()
    assert figures["validation_accuracy"] > 0.9
    assert figures["throughput"] > 0
    assert min(figures["first_epoch_seconds"], figures["epoch_seconds"]) > 0
    assert 0 <= figures["input_stall_fraction"] < 1
    assert figures["step_seconds_99th_percentile"] >= figures["step_seconds_median"] > 0
    assert state.steps == 25 * (SAMPLES // BATCH)
    assert np.isfinite(list(figures.values())).all()


def test_continued_in_the_middle_it_ends_with_the_same_bits(devices, arrays, tmp_path):
    train(devices, arrays, tmp_path / "whole", epochs=4)

    with (
        pytest.raises(KeyboardInterrupt),
        recording("train", tmp_path / "killed") as recorder,
    ):
        training = training_of(devices, arrays, tmp_path / "killed", recorder, epochs=4)
        steps = []

        def interrupt(done):
            steps.append(done)
            if sum(steps) > 2 * (SAMPLES // BATCH):
                raise KeyboardInterrupt

        training.advance = interrupt
        training.run()
    train(devices, arrays, tmp_path / "killed", epochs=4)
    whole, resumed = weights_in(tmp_path / "whole"), weights_in(tmp_path / "killed")
    assert whole.keys() == resumed.keys()
    for name in whole:
        assert np.array_equal(whole[name], resumed[name]), name
    other = tmp_path / "other"
    train(devices, arrays, other, epochs=4, seed=2)
    assert any(not np.array_equal(whole[name], value) for name, value in weights_in(other).items())


def test_the_first_steps_after_a_resume_are_warm_up_again(devices, arrays, tmp_path):
    with pytest.raises(KeyboardInterrupt), recording("train", tmp_path) as recorder:
        training = training_of(devices, arrays, tmp_path, recorder, epochs=3)

        def interrupt(done):
            if recorder.figures.setdefault("calls", 0) > 3:
                raise KeyboardInterrupt
            recorder.figures["calls"] += 1

        training.advance = interrupt
        training.run()
    state = train(devices, arrays, tmp_path, epochs=3)
    # Of 15 steps the first two of each process are not steady; calls are of 2, 2 and 1 steps.
    assert sum(steps for _, steps in state.clock.steady_calls) == 11


def test_an_epoch_that_was_cut_is_not_timed(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path / "two", epochs=9, max_steps=8)
    assert (state.epochs, len(state.epoch_seconds)) == (2, 1)
    whole = train(devices, arrays, tmp_path / "one", epochs=1)
    assert state.train_loss == whole.train_loss
    short = train(devices, arrays, tmp_path / "none", epochs=1, max_steps=3)
    assert "first_epoch_seconds" not in short.figures()


def test_a_step_follows_the_gradient_of_the_mean_loss_over_the_global_batch(devices, arrays):
    model = make_model(devices, lambda: build("original"), 1, "float32")
    task, rate = PatchClassification(), 0.5
    stepper = Stepper(devices, model, keras.optimizers.SGD(rate), task, BATCH, 1)
    feed = feed_of(devices, arrays)
    plan = training_plan(feed.shares[0], BATCH, 0)
    samples = feed.shares[0].owned[plan.positions[0]]
    with tf.GradientTape() as tape:
        outputs = task.network(model)(task.prepare(arrays[0][samples], plan.bits[0]))
        mean = tf.reduce_mean(task.losses(arrays[1][samples], outputs))
    slopes = tape.gradient(mean, model.trainable_variables)
    before = [np.array(each) for each in model.trainable_variables]
    arguments, steps = next(feed.begin([plan], 1))
    sums = stepper.trainer(feed)(arguments, steps)
    assert sums[0, 0] / BATCH == pytest.approx(float(mean), rel=1e-5)
    for old, new, slope in zip(before, model.trainable_variables, slopes, strict=True):
        assert np.allclose(new, old - rate * slope, atol=1e-6)


def test_a_finished_run_is_not_trained_again(devices, arrays, tmp_path):
    with recording("train", tmp_path) as recorder:
        training = training_of(devices, arrays, tmp_path, recorder, epochs=1)
        training.run()
        training.close()
    with pytest.raises(UnusableInput, match="finished run"):
        train(devices, arrays, tmp_path, epochs=1)


def test_a_run_killed_behind_its_last_epoch_still_tells_its_figures(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path, epochs=2)
    weights = weights_in(tmp_path)
    again = train(devices, arrays, tmp_path, epochs=2)
    assert again.figures() == state.figures()
    assert all((weights[name] == value).all() for name, value in weights_in(tmp_path).items())


def test_a_run_with_other_settings_is_not_continued(devices, arrays, tmp_path):
    train(devices, arrays, tmp_path, epochs=1)
    with pytest.raises(UnusableInput, match=r"other settings \(seed\)"):
        train(devices, arrays, tmp_path, epochs=2, seed=9)


def test_a_loss_that_is_not_a_number_stops_at_its_step(devices, arrays, tmp_path):
    class Diverging(PatchClassification):
        def losses(self, targets, outputs):
            return super().losses(targets, outputs) * float("nan")

    with pytest.raises(RunFailed, match="not a number at step 1"):
        train(devices, arrays, tmp_path, objective=Diverging())
    assert not (tmp_path / checkpoints.LAST).exists()
    assert '"status": "failed"' in (tmp_path / "train.records.log").read_text()


def test_training_stops_early_when_validation_no_longer_improves(devices, arrays, tmp_path):
    class Worsening(PatchClassification):
        """Outside training (all bits are zero) the loss is one and the same: never better."""

        def losses(self, targets, outputs):
            return super().losses(targets, outputs) * 0.0 + 1.0

    state = train(devices, arrays, tmp_path, objective=Worsening(), epochs=50, patience=3)
    assert state.epochs == 4


def test_weights_that_validate_worse_do_not_replace_the_best(
    devices, arrays, tmp_path, monkeypatch
):
    losses = iter([0.5, 0.2, 0.3, 0.4])

    def worsening(stepper, call, feed, advance):
        return Evaluation(next(losses), {"correct": 1.0, "counted": 1.0}, 1, 0.0)

    monkeypatch.setattr("workloads.common.training.evaluate", worsening)
    state = train(devices, arrays, tmp_path / "long", epochs=4)
    losses = iter([0.5, 0.2])
    train(devices, arrays, tmp_path / "short", epochs=2)
    assert state.validation_loss == 0.2
    best, last, second = (
        weights_in(tmp_path / run, name, ["weights"])
        for run, name in (("long", "best.h5"), ("long", "last.h5"), ("short", "last.h5"))
    )
    assert all(np.array_equal(best[name], second[name]) for name in best)
    assert any(not np.array_equal(best[name], last[name]) for name in best)


def test_the_best_weights_score_as_they_were_recorded(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path, epochs=6)
    model = make_model(devices, lambda: build("original"), 5, "float32")
    checkpoints.restore(tmp_path / checkpoints.BEST, model)
    stepper = Stepper(devices, model, None, PatchClassification(), BATCH, 2)
    best = evaluation_of(stepper, feed_of(devices, arrays))
    assert best.loss == pytest.approx(state.validation_loss, rel=1e-6)
    assert best.accuracy == state.validation_accuracy


def test_max_steps_is_exact_and_loss_step100_is_the_loss_of_step_100(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path / "a", epochs=50, max_steps=100)
    assert state.steps == 100
    # Three steps in a call put step 100 in the midst of one.
    longer = train(devices, arrays, tmp_path / "b", epochs=50, max_steps=103, steps_per_call=3)
    assert longer.loss_step100 == state.loss_step100 is not None
    assert state.figures()["loss_step100"] == state.loss_step100


def test_a_run_too_short_for_a_figure_does_not_invent_it(devices, arrays, tmp_path):
    figures = train(devices, arrays, tmp_path, epochs=1, warmup_steps=5).figures()
    assert not figures.keys() & {"loss_step100", "throughput", "step_seconds_median"}
    assert figures["first_epoch_seconds"] == figures["epoch_seconds"] > 0


def test_a_time_limit_counts_the_steady_state_and_completes_an_epoch(devices, arrays, tmp_path):
    state = train(devices, arrays, tmp_path, epochs=1000, warmup_steps=7, measured_seconds=1e-9)
    assert state.epochs == 2
    assert state.clock.steady_seconds >= 1e-9


def test_evaluation_counts_every_sample_and_ignores_augmentation(devices, arrays):
    odd = tuple(each[:301] for each in arrays)
    model = make_model(devices, lambda: build("optimised"), 1, "float32")
    stepper = Stepper(devices, model, None, PatchClassification(), BATCH, 2)
    result = evaluation_of(stepper, feed_of(devices, odd))
    scores = np.asarray(model(odd[0].astype("float32")))[:, 0, 0, :]
    right = (scores.argmax(axis=1) == odd[1]).mean()
    assert result.samples == 301
    assert result.accuracy == pytest.approx(right)
    assert result.counts["positive"] == odd[1].sum()
    chosen = scores[np.arange(301), odd[1]]
    assert result.loss == pytest.approx(-np.log(chosen).mean(), rel=1e-4)


def test_streamed_and_resident_data_give_the_same_training(devices, arrays, tmp_path, monkeypatch):
    resident = train(devices, arrays, tmp_path / "resident", epochs=2)
    monkeypatch.setattr("workloads.common.feeding._free_device_memory", lambda devices: 0)
    assert isinstance(feed_of(devices, arrays), StreamFeed)
    streamed = train(devices, arrays, tmp_path / "streamed", epochs=2)
    assert streamed.train_loss == resident.train_loss
    assert streamed.validation_loss == resident.validation_loss


def test_more_gpus_than_there_are_is_refused():
    with pytest.raises(UnusableInput, match="64 GPUs were asked for"):
        open_devices(64, deterministic=False, environment={})


@pytest.mark.parametrize(
    "variant",
    [
        {"precision": "mixed_bfloat16"},
        {"precision": "mixed_float16"},
        {"name": "optimised"},
    ],
    ids=str,
)
def test_every_precision_compilation_and_model_learns(devices, arrays, tmp_path, variant):
    try:
        state = train(devices, arrays, tmp_path, epochs=8, **variant)
    finally:
        keras.config.set_dtype_policy("float32")
    # Guessing has a loss of log 2 = 0.693.
    assert state.train_loss < 0.68


class NotingFeed:
    """Hands out another feed's calls, and notes in `events` when each is handed out."""

    def __init__(self, feed, name, events):
        self.feed, self.name, self.events = feed, name, events
        self.shares, self.select = feed.shares, feed.select

    def begin(self, plans, steps_per_call):
        for number, call in enumerate(self.feed.begin(plans, steps_per_call)):
            self.events.append((self.name, number))
            yield call


def test_the_first_call_of_the_next_epoch_is_read_before_this_one_is_validated(
    devices, arrays, tmp_path
):
    events = []
    with recording("train", tmp_path) as recorder:
        training = training_of(devices, arrays, tmp_path, recorder, epochs=2)
        feed = training.train_feed
        training.train_feed = NotingFeed(feed, "train", events)
        training.validation_feed = NotingFeed(feed, "validate", events)
        training.run()
    starts = [index for index, event in enumerate(events) if event == ("train", 0)]
    assert starts[1] < events.index(("validate", 0))
