"""The stage `extract`: with a network that knows the answer, and as a user runs it."""

import json
import os
import shutil
import signal

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from workloads.common.errors import RunFailed, UnusableInput
from workloads.common.inference import open_one_device, require_one_process
from workloads.common.overlap import map_ahead
from workloads.skyline import extracting
from workloads.skyline.__main__ import main
from workloads.skyline.extracting import Extraction, extract_all, warm_up
from workloads.skyline.geometry import MARGIN, STRIDE, padded_width, positions
from workloads.skyline.photographs import find_photographs
from workloads.skyline.reading import BrokenPhotograph

SKY, TERRAIN = (210, 225, 250), (60, 50, 40)
# Kills itself, as a scheduler does, when the second result has been written.
KILLED = """
import os, signal, sys
from workloads.skyline import extracting
from workloads.skyline.__main__ import main
write, written = extracting.write_result, []
def counted(*arguments):
    write(*arguments)
    written.append(1)
    if len(written) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
extracting.write_result = counted
sys.exit(main())
"""


def oracle(photographs):
    """The map of a network that knows the edge of dark terrain below bright sky."""
    _, height, width, _ = photographs.shape
    dark = photographs[..., 0] < 135
    edge = np.where(dark.any(axis=1), dark.argmax(axis=1), height)
    columns = edge[:, MARGIN + STRIDE * np.arange(positions(width))]
    rows = MARGIN + STRIDE * np.arange(positions(height))
    odds = 6.0 - 1.5 * np.abs(rows[None, :, None] - columns[:, None, :])
    skyline = 1 / (1 + np.exp(-np.clip(odds, -30, 30)))
    return np.stack([1 - skyline, skyline], axis=-1).astype(np.float32)


def line(width, height, phase=0.0):
    rows = height * (0.5 + 0.15 * np.sin(phase + np.arange(width) / width * 6))
    return np.rint(rows).astype(int)


def draw(path, width=160, height=120, phase=0.0, annotated=True, **options):
    """A photograph of dark terrain below bright sky, and its annotation; its skyline."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = line(width, height, phase)
    is_terrain = np.arange(height)[:, None] >= rows
    pixels = np.where(is_terrain[..., None], TERRAIN, SKY).astype(np.uint8)
    Image.fromarray(pixels).save(path, **options)
    if annotated:
        content = {"width": width, "height": height, "skyline": rows.tolist()}
        path.with_name(f"{path.stem}.json").write_text(json.dumps(content))
    return rows


def extract(folder, output, infer=oracle, made_with=None, **options):
    """Extract a folder's photographs; the outcomes by name."""
    extraction = Extraction(
        infer, output, made_with or {"model": "oracle"}, options.pop("longest_side", 640), **options
    )
    photographs = find_photographs([folder], output)
    return {each.photograph.name: each for each in extract_all(extraction, photographs)}


def result(output, name):
    return json.loads((output / f"{name}.json").read_text())


def test_every_photograph_gets_its_own_skyline_whatever_its_size(tmp_path):
    sizes = [(160, 120), (120, 160), (29, 29), (333, 77), (640, 480), (900, 300), (160, 120)]
    lines = {}
    for number, (width, height) in enumerate(sizes * 5):
        path = tmp_path / "in" / f"{number}.png"
        lines[str(number)] = draw(path, width, height, phase=number)
    outcomes = extract(tmp_path / "in", tmp_path / "out")
    assert sorted(outcomes) == sorted(lines)
    for name, rows in lines.items():
        done = result(tmp_path / "out", name)
        width, height = sizes[int(name) % len(sizes)]
        assert (done["width"], done["height"], len(done["skyline"])) == (width, height, width)
        if min(width, height) > 29:
            assert np.abs(np.array(done["skyline"]) - rows).mean() < 1.5, name
        picture = simplejpeg.decode_jpeg((tmp_path / "out" / f"{name}.jpg").read_bytes())
        assert max(picture.shape) == min(640, max(width, height))


@pytest.mark.parametrize("longest_side", [100, 300, 1000])
def test_the_skyline_of_a_reduced_photograph_is_in_its_own_pixels(tmp_path, longest_side):
    rows = draw(tmp_path / "in/a.jpg", 1000, 600, quality=95)
    outcome = extract(tmp_path / "in", tmp_path / "out", longest_side=longest_side)["a"]
    # In pixels of the reduced photograph, no further off than one that is not reduced.
    assert outcome.score.mean_absolute_error < 0.8 * 1000 / longest_side
    error = np.array(result(tmp_path / "out", "a")["skyline"]) - rows
    assert np.abs(error.mean()) < 0.15 * 1000 / longest_side


def test_a_photograph_that_lies_on_its_side_is_annotated_the_right_way_up(tmp_path):
    rows = draw(tmp_path / "in/a.png", 160, 120)
    exif = Image.Exif()
    exif[0x0112] = 6
    with Image.open(tmp_path / "in/a.png") as image:
        image.transpose(Image.Transpose.ROTATE_90).save(tmp_path / "in/a.png", exif=exif)
    outcome = extract(tmp_path / "in", tmp_path / "out")["a"]
    assert outcome.score.mean_absolute_error < 1
    assert len(result(tmp_path / "out", "a")["skyline"]) == len(rows)


def test_results_lie_in_the_output_as_the_photographs_in_their_folder(tmp_path):
    draw(tmp_path / "in/deep/a.b.png")
    draw(tmp_path / "in/c.png", annotated=False)
    outcomes = extract(tmp_path / "in", tmp_path / "in/out")
    files = {
        str(each.relative_to(tmp_path / "in/out")) for each in (tmp_path / "in/out").rglob("*")
    }
    assert files == {"c.json", "c.jpg", "deep", "deep/a.b.json", "deep/a.b.jpg"}
    assert outcomes["c"].score is None
    assert "score" not in result(tmp_path / "in/out", "c")
    score = result(tmp_path / "in/out", "deep/a.b")["score"]
    assert score["skyline_error"] == outcomes["deep/a.b"].score.mean_absolute_error < 1
    assert score["columns_within_3_pixels"] == 1


def test_what_is_finished_is_kept_and_scored_and_the_rest_computed(tmp_path):
    for name in "abcdef":
        draw(tmp_path / f"in/{name}.png", phase=ord(name), annotated=name != "b")
    output, first = tmp_path / "out", {}
    for name, outcome in extract(tmp_path / "in", output).items():
        assert outcome.computed
        first[name] = (output / f"{name}.json").read_bytes()
    draw(tmp_path / "in/b.png", phase=ord("b"))
    draw(tmp_path / "in/c.png", phase=0.5)
    (output / "d.jpg").unlink()
    (output / "e.json").write_text(first["e"].decode().replace("[", "[7, "))
    seen = []

    def counting(photographs):
        seen.append(len(photographs))
        return oracle(photographs)

    outcomes = extract(tmp_path / "in", output, counting)
    assert [name for name, each in sorted(outcomes.items()) if each.computed] == ["c", "d", "e"]
    assert sum(seen) == 3
    assert all(each.score.mean_absolute_error < 1 for each in outcomes.values())
    assert "score" in result(output, "b")
    for name in "adef":
        assert (output / f"{name}.json").read_bytes() == first[name]
    again = extract(tmp_path / "in", output, made_with={"model": "another"})
    assert all(each.computed for each in again.values())


def test_broken_photographs_and_annotations_end_the_run_or_are_passed_over(tmp_path):
    for name in ("a", "b", "c"):
        draw(tmp_path / f"in/{name}.png")
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    with pytest.raises(BrokenPhotograph, match=r"b\.png"):
        extract(tmp_path / "in", tmp_path / "out")
    (tmp_path / "in/c.json").write_text('{"skyline": [1]}')
    outcomes = extract(tmp_path / "in", tmp_path / "out", skip_broken=True)
    assert outcomes["a"].result is not None
    for name in ("b", "c"):
        assert outcomes[name].result is None
        assert f"{name}." in str(outcomes[name].problem)
        assert not (tmp_path / f"out/{name}.json").exists()


def test_all_photographs_may_be_broken(tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(40):
        (tmp_path / f"in/{number}.png").write_bytes(b"no picture")
    outcomes = extract(tmp_path / "in", tmp_path / "out", skip_broken=True)
    assert len(outcomes) == 40


def test_what_a_network_raises_ends_the_extraction(tmp_path):
    draw(tmp_path / "in/a.png")

    def fail(photographs):
        raise RuntimeError("no memory on the device")

    with pytest.raises(RuntimeError, match="no memory"):
        extract(tmp_path / "in", tmp_path / "out", fail)
    assert not list(tmp_path.glob("out/**/*.json"))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_map_that_is_not_finite_gives_no_skyline(tmp_path, value):
    draw(tmp_path / "in/a.png")

    def broken(photographs):
        maps = oracle(photographs)
        maps[0, 3, 5] = value
        return maps

    with pytest.raises(RunFailed, match="not finite"):
        extract(tmp_path / "in", tmp_path / "out", broken)
    assert not list(tmp_path.glob("out/**/*"))


def test_no_more_than_eight_threads_read(tmp_path, monkeypatch):
    draw(tmp_path / "in/a.png")
    threads = []

    def counting(function, items, *arguments, **named):
        threads.append(named.get("threads") or arguments[0])
        return map_ahead(function, items, *arguments, **named)

    monkeypatch.setattr(extracting, "map_ahead", counting)
    for processors, readers in ((2, 2), (64, 8)):
        monkeypatch.setattr(extracting, "available_processors", lambda count=processors: count)
        extract(tmp_path / "in", tmp_path / str(processors))
        assert max(threads) == readers


def test_few_photographs_are_in_memory_at_a_time(tmp_path, monkeypatch):
    for number in range(60):
        draw(tmp_path / f"in/{number}.png", 640, 480)
    read, finished, most = [], [], []
    load, finish = extracting.read_photograph, extracting.draw_skyline

    def reading(*arguments):
        read.append(1)
        most.append(len(read) - len(finished))
        return load(*arguments)

    def finishing(*arguments):
        finished.append(1)
        return finish(*arguments)

    monkeypatch.setattr(extracting, "read_photograph", reading)
    monkeypatch.setattr(extracting, "draw_skyline", finishing)
    monkeypatch.setattr(extracting, "available_processors", lambda: 2)
    extract(tmp_path / "in", tmp_path / "out")
    assert len(finished) == 60
    assert max(most) <= 20


def test_a_warm_up_is_one_batch_of_the_usual_size():
    seen = []
    warm_up(lambda photographs: seen.append(photographs.shape))
    assert seen == [(8, 240, padded_width(320), 3)]


def test_items_are_mapped_in_order_and_only_so_far_ahead():
    taken, done = [], []

    def items():
        for number in range(50):
            taken.append(number)
            yield number

    for value in map_ahead(lambda number: number * number, items(), threads=3, ahead=4):
        done.append(value)
        assert len(taken) <= len(done) + 4
    assert done == [number * number for number in range(50)]


def test_a_mapping_that_is_left_early_stops():
    calls = []
    values = map_ahead(lambda number: calls.append(number), iter(range(1000)), threads=1, ahead=3)
    next(values)
    values.close()
    assert len(calls) <= 5


def test_several_processes_or_gpus_are_refused():
    workers = {"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "worker", "index": 1}}
    with pytest.raises(UnusableInput, match="2 processes were started"):
        require_one_process({"TF_CONFIG": json.dumps(workers)})
    require_one_process({})
    with pytest.raises(UnusableInput, match="2 GPUs were asked for, but this stage uses one"):
        open_one_device(2)


# The stage as a user runs it.


def run(capsys, *arguments):
    try:
        code = main([str(each) for each in arguments])
    except SystemExit as ended:
        code = ended.code
    written = capsys.readouterr()
    return code, written.out, written.err


def records_in(text):
    lines = [each.removeprefix(":::MLLOG ") for each in text.splitlines() if ":::MLLOG" in each]
    return {each["key"]: each for each in map(json.loads, lines)}


def values_in(text):
    return {key: each["value"] for key, each in records_in(text).items()}


@pytest.fixture
def options(cache, tiny_run, tmp_path):
    """Options of a run on the tiny preset, without network."""
    return ("--preset", "tiny", "--cache", cache, "--gpus", 0, "--output", tmp_path / "out")


def test_the_testing_photographs_of_the_dataset_are_extracted_and_scored(
    capsys, options, tiny_run, tiny_patches, tmp_path
):
    code, out, error = run(capsys, "extract", "--checkpoint", tiny_run, *options)
    assert code == 0, error
    values = values_in(out)
    photographs = sorted((tiny_patches / "photographs/testing").glob("*.jpg"))
    assert values["eval_samples"] == values["annotated_photographs"] == len(photographs) == 3
    assert values["dataset"] == "synthetic"
    manifest = json.loads((tiny_patches / "manifest.json").read_text())
    assert values["dataset_digest"] == manifest["digest"]
    expected = {
        "stage": "extract",
        "workload": "skyline",
        "model": "original",
        "model_form": "checkpoint",
        "precision": "float32",
        "pipeline": "packed",
        "engine": "tensorflow",
        "ranks_agree": True,
        "gpus_used": 0,
        "replicas": 1,
        "processes": 1,
    }
    assert {key: values[key] for key in expected} == expected
    assert values["epochs_trained"] >= 1
    assert values["extraction_throughput"] > 0
    errors = []
    for path in photographs:
        done = result(tmp_path / "out", path.stem)
        annotated = json.loads(path.with_suffix(".json").read_text())["skyline"]
        errors.append(np.abs(np.array(done["skyline"]) - annotated))
        assert done["score"]["skyline_error"] == pytest.approx(errors[-1].mean())
        assert (tmp_path / "out" / path.name).is_file()
    assert values["skyline_error"] == pytest.approx(np.mean(errors))
    assert values["columns_within_3_pixels"] == pytest.approx(np.mean(np.array(errors) <= 3))
    kept = values_in((tmp_path / "out/extract.records.log").read_text())
    assert kept["skyline_error"] == values["skyline_error"]
    metric = records_in(out)["extraction_throughput"]["metadata"]
    assert (metric["unit"], metric["better"]) == ("photographs/s", "higher")
    # Once more: nothing is computed, and the score is the same.
    code, out, error = run(capsys, "extract", "--checkpoint", tiny_run, *options)
    again = values_in(out)
    assert (code, again["kept_photographs"]) == (0, 3)
    assert "extraction_throughput" not in again
    assert again["skyline_error"] == values["skyline_error"]


def test_photographs_of_ones_own_may_lie_around_the_output(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "a.png", annotated=False)
    draw(tmp_path / "more/b.jpg", annotated=False)
    (tmp_path / "list").write_text(f"{tmp_path / 'more/b.jpg'}\n\n")
    for given in ((tmp_path,), (tmp_path / "a.png", "--list", tmp_path / "list")):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        for computed in (True, False):
            arguments = ("extract", *given, "--checkpoint", tiny_run, *options)
            code, out, error = run(capsys, *arguments)
            assert code == 0, error
            values = values_in(out)
            assert values["eval_samples"] == 2
            assert values["dataset"] == "given"
            assert values["annotated_photographs"] == 0
            assert "skyline_error" not in values
            assert ("extraction_throughput" in values) is computed


def test_the_digest_of_given_photographs_depends_on_their_content(
    capsys, options, tiny_run, tmp_path
):
    digests = []
    for phase in (0.0, 0.0, 1.0):
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
        draw(tmp_path / "in/a.png", phase=phase)
        code, out, _ = run(capsys, "extract", tmp_path / "in", "--checkpoint", tiny_run, *options)
        assert code == 0
        digests.append(values_in(out)["dataset_digest"])
    assert digests[0] == digests[1] != digests[2]


def test_larger_photographs_are_reduced_as_asked_for(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "in/a.png", 160, 120)
    arguments = ("extract", tmp_path / "in", "--checkpoint", tiny_run, *options)
    for reduced in (100, 640, 50):
        code, out, error = run(capsys, *arguments, "--longest-side", reduced)
        assert code == 0, error
        assert values_in(out)["kept_photographs"] == 0
        picture = simplejpeg.decode_jpeg((tmp_path / "out/a.jpg").read_bytes())
        assert picture.shape[1] == min(160, reduced)
        assert len(result(tmp_path / "out", "a")["skyline"]) == 160


def test_broken_photographs_are_counted_and_named(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "in/a.png")
    (tmp_path / "in/b.png").write_bytes(b"no picture")
    arguments = ("extract", tmp_path / "in", "--checkpoint", tiny_run, *options)
    code, out, error = run(capsys, *arguments)
    assert code == 2
    assert "b.png is not a readable photograph" in error.splitlines()[-1]
    code, out, error = run(capsys, *arguments, "--skip-broken")
    assert code == 0, error
    broken = records_in(out)["broken_photographs"]
    assert broken["value"] == 1
    assert "b.png" in broken["metadata"]["problems"][0]
    (tmp_path / "in/a.png").write_bytes(b"no picture either")
    code, out, error = run(capsys, *arguments, "--skip-broken")
    assert code == 2
    assert "no photograph can be used" in error


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("nowhere.jpg",), ("nowhere.jpg does not exist",)),
        (("--list", "nowhere"), ("nowhere cannot be read", "a list is a text file")),
        (("--data", "patches"), ("patches",)),
        (("--longest-side", "28"), ("--longest-side", "28")),
        (("--longest-side", "65501"), ("--longest-side", "65501", "65500")),
        (("a.jpg", "--data", "patches"), ("--data is of no use",)),
        (("--list", "list", "--data", "patches"), ("--data is of no use",)),
        (("--gpus", "2"), ("2 GPUs were asked for, but this stage uses one",)),
        (("--gpus", "1"), ("1 GPUs were asked for",)),
        (("--model", "optimised"), ("--model",)),
        (("--exported", "somewhere"), ("--exported", "not allowed with")),
    ],
)
def test_what_cannot_be_used_is_one_line(capsys, options, tiny_run, tmp_path, arguments, words):
    code, _, error = run(capsys, "extract", "--checkpoint", tiny_run, *options, *arguments)
    assert code == 2
    complaints = [each for each in error.splitlines() if each.startswith("error: ")]
    assert len(complaints) == 1
    for word in words:
        assert word in complaints[0]
    assert not list((tmp_path / "out").glob("*.json"))


def test_a_network_has_to_be_named(capsys, options):
    code, _, error = run(capsys, "extract", *options)
    assert code == 2
    assert "--checkpoint --exported" in error


def test_a_checkpoint_that_is_none_is_refused(capsys, options, tmp_path, tiny_run):
    code, _, error = run(capsys, "extract", "--checkpoint", tmp_path / "no", *options)
    assert (code, "no checkpoint at" in error) == (2, True)
    shutil.copytree(tiny_run, tmp_path / "run")
    (tmp_path / "run/best.h5").write_bytes(b"rubbish")
    code, _, error = run(capsys, "extract", "--checkpoint", tmp_path / "run", *options)
    assert (code, "is not a checkpoint" in error) == (2, True)
    assert not (tmp_path / "out").exists()


def test_a_dataset_without_photographs_says_so(capsys, options, tiny_run, tiny_packed, tmp_path):
    (tmp_path / "data/training").mkdir(parents=True)
    data = ("--data", tmp_path / "data")
    code, _, error = run(capsys, "extract", "--checkpoint", tiny_run, *options, *data)
    assert code == 2
    assert "no photographs/testing: name photographs" in error
    packed = ("--data", tiny_packed)
    code, _, error = run(capsys, "extract", "--checkpoint", tiny_run, *options, *packed)
    assert code == 2


@pytest.fixture
def given_dataset(tiny_patches, tmp_path):
    """A copy of the tiny dataset, to be damaged."""
    return shutil.copytree(tiny_patches, tmp_path / "data")


def lose(path):
    path.unlink()


def move_skyline(path):
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"skyline": [row + 1 for row in content["skyline"]]}))


def add_another(path):
    shutil.copy(path, path.with_stem("another"))


@pytest.mark.parametrize(
    ("kind", "damage"),
    [("*.json", lose), ("*.jpg", lose), ("*.json", move_skyline), ("*.jpg", add_another)],
)
def test_a_dataset_other_than_its_manifest_says_does_not_pass_for_it(
    capsys, options, tiny_run, given_dataset, kind, damage
):
    damage(next((given_dataset / "photographs/testing").glob(kind)))
    arguments = ("extract", "--checkpoint", tiny_run, *options, "--data", given_dataset)
    for skip in ((), ("--skip-broken",)):
        code, _, error = run(capsys, *arguments, *skip)
        assert code == 2
        assert "the dataset is damaged" in error.splitlines()[-1]


def test_a_dataset_of_which_photographs_are_passed_over_has_another_digest(
    capsys, options, tiny_run, given_dataset
):
    (given_dataset / "manifest.json").unlink()
    arguments = ("extract", "--checkpoint", tiny_run, *options, "--data", given_dataset)
    digests = []
    for damage in (False, True):
        if damage:
            broken = next((given_dataset / "photographs/testing").glob("*.jpg"))
            broken.write_bytes(b"no picture")
        code, out, error = run(capsys, *arguments, "--skip-broken")
        assert code == 0, error
        digests.append(values_in(out)["dataset_digest"])
    assert digests[0] != digests[1]


def test_a_refused_run_leaves_nothing_in_its_output(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "out/a.png")
    before = sorted((tmp_path / "out").iterdir())
    for given in (tmp_path / "out", tmp_path / "nowhere"):
        code, _, error = run(capsys, "extract", given, "--checkpoint", tiny_run, *options)
        assert code == 2, error
        assert sorted((tmp_path / "out").iterdir()) == before


def test_results_are_no_annotations_and_no_photographs(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "in/a.png")
    checkpoint = ("--checkpoint", tiny_run)
    assert run(capsys, "extract", tmp_path / "in", *checkpoint, *options)[0] == 0
    for given, words in (
        (tmp_path / "out", "out holds results"),
        (tmp_path / "out/a.jpg", "a.json is a result of extraction"),
    ):
        again = (*checkpoint, *options, "--output", tmp_path / "o2")
        code, _, error = run(capsys, "extract", given, *again)
        assert code == 2
        assert words in error.splitlines()[-1]


def test_names_of_files_need_not_be_utf_8(capsys, options, tiny_run, tmp_path):
    draw(tmp_path / "in/a.png", annotated=False)
    name = os.fsdecode(b"d\xe9p\xf4t.png")
    (tmp_path / "in/a.png").rename(tmp_path / "in" / name)
    code, out, error = run(capsys, "extract", tmp_path / "in", "--checkpoint", tiny_run, *options)
    assert code == 0, error
    assert values_in(out)["dataset_digest"].startswith("sha256-sum:")
    assert (tmp_path / "out" / name).with_suffix(".json").is_file()


def test_nothing_is_drawn_where_the_site_is_offline(
    capsys, options, tiny_run, tmp_path, monkeypatch
):
    monkeypatch.setenv("TRIGPOINT_OFFLINE", "1")
    elsewhere = ("--cache", tmp_path / "elsewhere")
    code, _, error = run(capsys, "extract", "--checkpoint", tiny_run, *options, *elsewhere)
    assert code == 2
    assert "workloads.skyline synthesise" in error
    assert run(capsys, "extract", "--checkpoint", tiny_run, *options)[0] == 0


def test_a_killed_run_goes_on_where_it_was(capsys, start_stage, options, tiny_run, tmp_path):
    for number in range(12):
        draw(tmp_path / f"in/{number}.png", phase=number)
    arguments = ("extract", tmp_path / "in", "--checkpoint", tiny_run)
    killed = start_stage(*arguments, "--gpus", 0, "--output", tmp_path / "out", code=KILLED)
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL
    kept = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.json")}
    assert len(kept) == 2
    code, out, error = run(capsys, *arguments, *options)
    assert code == 0, error
    assert values_in(out)["kept_photographs"] == 2
    assert "extraction_throughput" not in values_in(out)
    resumed = {path.name: path.read_bytes() for path in (tmp_path / "out").glob("*.json")}
    code, _, error = run(capsys, *arguments, *options, "--output", tmp_path / "whole")
    assert code == 0, error
    whole = {path.name: path.read_bytes() for path in (tmp_path / "whole").glob("*.json")}
    assert len(whole) == 12
    assert resumed == whole
    assert kept.items() <= whole.items()


@pytest.mark.parametrize("stage", ["extract", "export"])
def test_a_group_of_processes_is_refused(
    capsys, group_environments, tiny_run, tmp_path, monkeypatch, stage
):
    for environment in group_environments(2):
        monkeypatch.setenv("TF_CONFIG", environment["TF_CONFIG"])
        arguments = ("--checkpoint", tiny_run, "--output", tmp_path / "out")
        code, _, error = run(capsys, stage, *arguments)
        assert code == 2
        assert "2 processes were started" in error.splitlines()[-1]
    assert not (tmp_path / "out").exists()
