"""The benchmark of skyline: its sums, its verdicts, and that it runs."""

import re
import shlex
from pathlib import Path

import pytest

from tests.benchmarks import skyline as benchmark
from tests.benchmarks._shared import machine, memory
from tests.benchmarks._shared.machine import Cost
from tests.benchmarks._skyline import accuracy, extraction, speed, suite

PAGE = Path(__file__).parents[2] / "docs/skyline.md"


def speeds(published=10.0, computing=7.39, float32=5.0, on_gpu=False):
    """Three rounds of a thousand images each, with these CPU-seconds, one round disturbed."""
    seconds = {speed.PUBLISHED: published, speed.COMPUTE: computing, speed.FLOAT32: float32}
    found = speed.Speeds(on_gpu=on_gpu)
    found.done = dict.fromkeys(seconds, 1_000)
    found.costs = {
        way: [Cost(cpu / 2, cpu), Cost(cpu / 2, cpu), Cost(cpu * 9, cpu * 9)]
        for way, cpu in seconds.items()
    }
    found.costs[speed.FLOAT32][2] = Cost(1.0, 1.0)
    found.matrix_flops, found.matrix_costs = 8_000, [Cost(1.0, 2.0)] * 3
    return found


def test_rates_are_medians_by_the_clock_and_by_processors():
    found = speeds()
    assert found.rate(speed.FLOAT32, "wall") == 1_000 / 2.5
    assert found.rate(speed.FLOAT32, "cpu") == 1_000 / 5.0
    assert found.matrix_rate() == 8_000 / 2.0


@pytest.mark.parametrize(("on_gpu", "seconds"), [(False, 5.0), (True, 2.5)])
def test_the_model_is_judged_by_processors_and_on_a_gpu_by_the_clock(on_gpu, seconds):
    found = speeds(on_gpu=on_gpu)
    assert found.flops_per_second(speed.FLOAT32) == 3 * 6_490_320 * 1_000 / seconds


def test_a_ratio_is_the_median_of_the_ratios_of_the_rounds():
    assert speeds().ratio(speed.FLOAT32, speed.PUBLISHED, "cpu") == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("computing", "reproduced"),
    [(7.39, True), (6.4, True), (6.2, False), (8.4, True), (8.6, False)],
)
def test_the_published_way_is_reproduced_within_15_per_cent(computing, reproduced):
    assert speeds(computing=computing).reproduction().refused != reproduced


def run_with(monkeypatch, found):
    monkeypatch.setattr(speed, "measure", lambda *_: found)
    monkeypatch.setattr(benchmark, "_data", lambda *_: benchmark.Data(None, None, None))
    return benchmark.main(["--parts", "speed", "--gpus", "0"])


@pytest.mark.parametrize(
    ("figures", "code", "word"),
    [
        ({}, 0, "holds: suite, float32: 2.00 times"),
        ({"float32": 5.8}, 1, "DOES NOT HOLD: suite, float32: 1.72 times"),
        ({"computing": 5.0}, 2, "not judged: training speed: the published way makes 0.5 "),
    ],
)
def test_the_exit_code_says_held_missed_or_refused(monkeypatch, capsys, figures, code, word):
    assert run_with(monkeypatch, speeds(**figures)) == code
    assert word in capsys.readouterr().out


def test_a_processor_without_bfloat16_is_not_judged_by_it(monkeypatch, capsys):
    run_with(monkeypatch, speeds())
    assert "not judged: suite, bfloat16" in capsys.readouterr().out


def test_a_pause_is_what_the_longest_interval_has_beyond_the_median():
    assert suite.excess([0.0, 1.0, 2.0, 2.5, 6.0, 7.0]) == pytest.approx(2.5)


def test_accuracies_differ_by_the_means_over_seeds_in_percentage_points():
    found = accuracy.Accuracies(published=[0.90, 0.92], suite=[0.91, 0.94])
    assert found.difference == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("seconds", "limit", "code", "words"),
    [
        (2.0, 60.0, 0, "holds: extraction: 50.0 photographs a second (25.0 per CPU-second), 83%"),
        (4.0, 60.0, 1, "DOES NOT HOLD: extraction: 25.0 photographs"),
        (4.0, 40.0, 0, "not judged: extraction: 25.0 photographs"),
        (3.0, 40.0, 0, "holds: extraction: 33.3 photographs"),
    ],
)
def test_extraction_is_not_judged_on_a_machine_that_is_too_slow(
    monkeypatch, capsys, seconds, limit, code, words
):
    costs, matrix_costs = [Cost(seconds, 2 * seconds)] * 3, [Cost(1.0, 2.0)] * 3
    found = extraction.Extractions(100, 10, round(10 * limit), costs, matrix_costs)
    monkeypatch.setattr(extraction, "measure", lambda *_: found)
    monkeypatch.setattr(benchmark, "_data", lambda *_: benchmark.Data(Path(), Path(), Path()))
    assert benchmark.main(["--parts", "extraction", "--gpus", "0"]) == code
    assert words in capsys.readouterr().out


@pytest.mark.parametrize(("suite_accuracy", "code"), [(0.99, 0), (0.9185, 0), (0.917, 1)])
def test_accuracy_may_be_better_but_not_worse(monkeypatch, capsys, suite_accuracy, code):
    found = accuracy.Accuracies(published=[0.91, 0.93], suite=[suite_accuracy, suite_accuracy])
    monkeypatch.setattr(accuracy, "compare", lambda *_: found)
    monkeypatch.setattr(machine, "has_bfloat16", lambda _devices: False)
    monkeypatch.setattr(benchmark, "_data", lambda *_: benchmark.Data(Path(), Path(), Path()))
    assert benchmark.main(["--parts", "accuracy", "--gpus", "0"]) == code
    assert "at most 0.2 below" in capsys.readouterr().out


def test_the_time_of_a_pass_over_a_feed_is_known_when_it_ends():
    class Once:
        def begin(self, plans, steps_per_call):
            yield plans, steps_per_call

    feed = suite.TimedFeed(Once())
    assert [(feed.seconds, each) for each in feed.begin("plans", 2)] == [(0.0, ("plans", 2))]
    assert feed.seconds > 0.0


def test_the_memory_of_a_stage_is_that_of_all_its_processes(cache, tmp_path):
    arguments = ("pack", "--preset", "tiny", "--cache", cache, "--output", tmp_path / "packed")
    peak = memory.peak_bytes("skyline", *arguments)
    assert 50 * 2**20 < peak < 2 * 2**30
    assert memory.size_on_disk(tmp_path / "packed") > 2_048 * 29 * 29 * 3


@pytest.fixture
def small(tmp_path):
    """Options that make the benchmark short."""
    return ["--rounds", "1", "--photographs", "16", "--gpus", "0", "--cache", str(tmp_path)]


def test_the_command_of_the_page_trains_both_ways_and_prints_what_it_measured(small, capsys):
    [command] = re.findall(r"```bash\n(.*)\n```", PAGE.read_text())
    program, *arguments = shlex.split(command)
    assert [program, *arguments[:2]] == ["python", "-m", "tests.benchmarks.skyline"]
    assert benchmark.main([*arguments[2:], *small]) in {0, 1, 2}
    printed = capsys.readouterr().out
    for way in (speed.PUBLISHED, speed.INPUT, speed.COMPUTE, speed.FLOAT32):
        assert way in printed


def test_pauses_and_extraction_are_measured(small, capsys):
    assert benchmark.main(["--parts", "pauses", "extraction", *small]) in {0, 1}
    printed = capsys.readouterr().out
    assert "longest pause of training, packed" in printed
    assert "longest pause of training, files" in printed
    assert "photographs a second" in printed
