"""An archive on disk is exact, resumes to the same bytes, and never looks finished too early."""

import errno
import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from folder_contents import contents
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.common.data_order import steps_per_epoch
from workloads.common.digests import FileSetDigest
from workloads.common.errors import UnusableInput
from workloads.common.limits import Limits
from workloads.slstr import archive_writing, synthesis
from workloads.slstr.__main__ import main
from workloads.slstr.matchups import COLUMNS, draw_matchups
from workloads.slstr.orbit import MOST_SCENES
from workloads.slstr.patch_feeds import TEST_SHARE
from workloads.slstr.presets import PRESETS, SIZES, Preset
from workloads.slstr.product import BAYES, Grid, is_scene_name
from workloads.slstr.scene import draw_scene, is_night
from workloads.slstr.synthesis import generator_digest, synthesise, validation_scenes

GRID = Grid(48, 64)
SCENES, SEED = 6, 3


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One complete archive, drawn by two processes, and what `synthesise` returned."""
    output = tmp_path_factory.mktemp("finished") / "archive"
    return output, synthesise(output, SCENES, GRID, SEED, processes=2)


@pytest.fixture(scope="module")
def expected(finished):
    return contents(finished[0])


class Interruption(Exception):
    """Stands for whatever ends a run in its midst."""


def interrupt(_scenes):
    raise Interruption


def listed(output, split):
    return (output / f"{split}.txt").read_text().splitlines()


def test_the_lists_name_every_scene_once_relative_to_their_folder(finished):
    output, result = finished
    named = listed(output, "training") + listed(output, "validation")
    assert sorted(named) == sorted(f"scenes/{path.name}" for path in (output / "scenes").iterdir())
    assert len(set(named)) == SCENES == result["drawn"]
    assert all(is_scene_name(Path(name).stem) for name in named)
    assert (len(listed(output, "training")), len(listed(output, "validation"))) == (5, 1)
    assert result["counts"] == {
        "training": {"day": 4, "night": 1},
        "validation": {"day": 1, "night": 0},
    }


def test_nothing_but_the_archive_and_its_manifest_is_left(finished):
    output, result = finished
    names = {"manifest.json", "scenes", "training.txt", "validation.txt", "sst_matchups.h5"}
    assert {path.name for path in output.iterdir()} == names
    assert [path.name for path in output.parent.iterdir()] == [output.name]
    manifest = json.loads((output / "manifest.json").read_text())
    assert (manifest["seed"], manifest["scenes"]) == (SEED, SCENES)
    assert manifest["size"] == {"rows": 48, "columns": 64}
    assert manifest["generator"] == generator_digest()
    assert manifest["counts"] == result["counts"]


def test_the_digest_is_of_every_zip_list_and_match_up(finished):
    output, result = finished
    digest = FileSetDigest()
    for path in [*(output / "scenes").iterdir(), *output.glob("*.txt"), *output.glob("*.h5")]:
        digest.add(path.name, path.read_bytes())
    assert result["digest"] == str(digest)


def test_one_process_writes_what_two_write(finished, expected, tmp_path):
    result = synthesise(tmp_path / "archive", SCENES, GRID, SEED, processes=1)
    assert contents(tmp_path / "archive") == expected
    assert result["bytes"] == sum(
        len(content) for name, content in expected.items() if name.startswith("scenes/")
    )


def test_a_scene_depends_on_seed_and_number_alone(finished, expected, tmp_path):
    synthesise(tmp_path / "fewer", 2, GRID, SEED, processes=1)
    fewer = contents(tmp_path / "fewer" / "scenes")
    assert all(expected[f"scenes/{name}"] == content for name, content in fewer.items())
    synthesise(tmp_path / "other", 2, GRID, SEED + 1, processes=1)
    other = contents(tmp_path / "other" / "scenes")
    assert not set(other.values()) & set(expected.values())


def test_a_killed_run_leaves_no_output_and_resumes_to_the_same_bytes(expected, tmp_path):
    output = tmp_path / "archive"
    with pytest.raises(Interruption):
        synthesise(output, SCENES, GRID, SEED, interrupt, processes=1)
    assert not output.exists()
    seen = []
    result = synthesise(output, SCENES, GRID, SEED, seen.append, processes=1)
    assert (result["drawn"], seen) == (SCENES - 1, [1] * SCENES)
    assert contents(output) == expected
    assert list(tmp_path.iterdir()) == [output]


def test_a_scene_without_its_marker_is_written_again(expected, tmp_path):
    output, unfinished = tmp_path / "archive", tmp_path / "archive.partial"
    with pytest.raises(Interruption):
        synthesise(output, SCENES, GRID, SEED, interrupt, processes=1)
    (unfinished / ".progress" / "scene-000000.json").unlink()
    next(unfinished.glob("scenes/*.zip")).write_bytes(b"half of a")
    assert synthesise(output, SCENES, GRID, SEED, processes=1)["drawn"] == SCENES
    assert contents(output) == expected


def test_what_a_killed_process_left_half_written_is_taken_away(expected, tmp_path):
    output = tmp_path / "archive"
    with pytest.raises(Interruption):
        synthesise(output, SCENES, GRID, SEED, interrupt, processes=1)
    (tmp_path / "archive.partial/scenes/.scene.zip.77.partial").write_bytes(b"half of a")
    synthesise(output, SCENES, GRID, SEED, processes=1)
    assert contents(output) == expected


def test_a_finished_archive_is_returned_at_once(finished, expected):
    output, first = finished
    again = synthesise(output, SCENES, GRID, SEED, interrupt)
    assert (again["drawn"], again["bytes"], again["digest"]) == (0, 0, first["digest"])
    assert contents(output) == expected


@pytest.mark.parametrize("other", [{"seed": 4}, {"scenes": 7}, {"size": Grid(48, 80)}])
def test_an_output_of_another_seed_number_or_size_is_refused_and_kept(finished, expected, other):
    with pytest.raises(UnusableInput, match="holds something else"):
        synthesise(finished[0], **({"scenes": SCENES, "size": GRID, "seed": SEED} | other))
    assert contents(finished[0]) == expected


def test_the_generator_digest_changes_with_every_module_that_a_scene_needs(tmp_path, monkeypatch):
    root = Path(synthesis.__file__).parents[1]
    for name in synthesis._GENERATOR:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((root / name).read_bytes())
    before = generator_digest()
    monkeypatch.setattr(synthesis, "__file__", str(tmp_path / "slstr" / "synthesis.py"))
    assert generator_digest() == before
    for name in synthesis._GENERATOR:
        (tmp_path / name).open("a").write("\n")
        assert generator_digest() != before
        before = generator_digest()


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.integers(2, 2000), st.integers(0, 2**32))
def test_a_fifth_of_the_scenes_validates_with_days_and_nights_in_proportion(scenes, seed):
    chosen = validation_scenes(scenes, seed)
    assert len(chosen) == max(1, round(0.2 * scenes))
    assert chosen < set(range(scenes))
    nights = sum(map(is_night, chosen))
    assert len(chosen) - nights >= 1
    assert abs(nights - len(chosen) / 4) < 1.5


def test_the_published_preset_has_the_steps_of_the_published_runs():
    preset = PRESETS["published"]()
    training = set(range(preset.scenes)) - validation_scenes(preset.scenes, 1)
    by_day = sum(not is_night(number) for number in training)
    scenes = by_day - round(TEST_SHARE * by_day)
    rows, columns = (-(-side // preset.patch_size) for side in (1200, 1500))
    steps = steps_per_epoch(scenes * rows * columns, preset.batch_size)
    assert steps == steps_per_epoch(19_400, 32) == preset.limits.warmup_steps


@pytest.mark.parametrize(
    ("scenes", "message"),
    [(1, "1 scenes cannot be split in two"), (MOST_SCENES + 1, "choose at most 100000")],
)
def test_what_cannot_be_drawn_is_refused_before_anything_is_written(scenes, message, tmp_path):
    with pytest.raises(UnusableInput, match=message):
        synthesise(tmp_path / "archive", scenes, GRID, SEED)
    assert list(tmp_path.iterdir()) == []


def test_no_space_left_names_the_file_and_leaves_no_output(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(archive_writing.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left") as caught:
        synthesise(tmp_path / "archive", SCENES, GRID, SEED, processes=1)
    assert ".zip" in str(caught.value.filename)
    assert not (tmp_path / "archive").exists()


def test_match_ups_are_at_sea_in_scenes_by_day_for_validation(finished):
    output, _ = finished
    with h5py.File(output / "sst_matchups.h5") as file:
        names = [name.decode() for name in file["scenes"]]
        table = {column: file[column][:] for column in COLUMNS.names}
    chosen = sorted(validation_scenes(SCENES, SEED))
    by_day = {draw_scene(SEED, number, GRID).name for number in chosen if not is_night(number)}
    assert set(names) == by_day
    assert {values.dtype for values in table.values()} == {COLUMNS[name] for name in COLUMNS.names}
    assert len({values.size for values in table.values()}) == 1
    assert ((table["scene"] >= 0) & (table["scene"] < len(names))).all()
    number = next(number for number in chosen if not is_night(number))
    scene = draw_scene(SEED, number, GRID)
    rows, columns = table["row"], table["column"]
    assert rows.size > 0
    assert scene.viewing.filled[rows, columns].all()
    assert not scene.surface.land[rows, columns].any()
    assert np.array_equal(
        table["operational_clear"], scene.bayes[rows, columns] & BAYES["single_moderate"] == 0
    )
    assert table["latitude"] == pytest.approx(scene.viewing.latitude[rows, columns], abs=1e-3)
    assert (table["time"] >= scene.course.start).all()
    assert (table["time"] <= scene.course.stop).all()


def test_clear_satellite_temperatures_are_right_and_cloudy_ones_cold():
    clear, cloudy = [], []
    for number in range(40):
        scene = draw_scene(5, number, GRID)
        table = draw_matchups(scene, 5, number)
        difference = table["satellite_sst"] - table["buoy_sst"]
        depth = scene.clouds.depth[table["row"], table["column"]]
        clear.append(difference[depth < 0.005])
        cloudy.append(difference[depth > 3.0])
    assert abs(np.median(np.concatenate(clear))) < 0.3
    assert np.std(np.concatenate(clear)) < 0.6
    assert np.median(np.concatenate(cloudy)) < -3.0


def run(capsys, *arguments):
    try:
        code = main([str(each) for each in arguments])
    except SystemExit as ended:
        code = ended.code
    return code, *capsys.readouterr()


@pytest.fixture
def small(monkeypatch):
    """Scenes of the smallest kind, whatever preset and size are asked for."""

    def two():
        """Two scenes."""
        return Preset(2, GRID, 16, Limits(epochs=1, patience=1, warmup_steps=0))

    monkeypatch.setitem(SIZES, "small", GRID)
    monkeypatch.setitem(PRESETS, "tiny", two)


@pytest.mark.usefixtures("small")
def test_the_command_line_draws_the_presets_scenes_and_reports_them(tmp_path, capsys):
    code, out, _ = run(capsys, "synthesise", tmp_path / "out", "--preset", "tiny", "--seed", 9)
    assert code == 0
    assert len(list((tmp_path / "out" / "scenes").iterdir())) == 2
    for name in ("scenes_per_second", "megabytes_written_per_second", "dataset_digest"):
        assert f'"key": "{name}"' in out
    code, out, _ = run(capsys, "synthesise", tmp_path / "out", "--preset", "tiny", "--seed", 9)
    assert code == 0
    assert "scenes_per_second" not in out


@pytest.mark.usefixtures("small")
def test_scenes_and_size_go_before_the_presets(tmp_path, capsys):
    asked = ("synthesise", tmp_path / "out", "--scenes", 3, "--size", "small")
    assert run(capsys, *asked)[0] == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert (manifest["scenes"], manifest["size"]["rows"]) == (3, 48)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--scenes", "-3"], "-3 is less than 1"),
        (["--scenes", "1"], "cannot be split in two"),
        (["--seed", "-1"], "not between 0"),
        (["--size", "huge"], "invalid choice: 'huge'"),
    ],
)
def test_unusable_options_are_one_line_and_code_2(options, message, tmp_path, capsys):
    code, _, error = run(capsys, "synthesise", tmp_path / "out", *options)
    assert (code, len(error.splitlines())) == (2, 1)
    assert message in error
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_is_one_line_and_code_2(tmp_path, capsys):
    (tmp_path / "file").write_text("mine")
    for output in (tmp_path / "file", tmp_path / "file" / "below"):
        code, _, error = run(capsys, "synthesise", output, "--preset", "tiny")
        assert (code, len(error.splitlines())) == (2, 1)
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.usefixtures("small")
def test_what_is_outdated_is_drawn_again_only_where_that_is_asked_for(tmp_path, capsys):
    asked = ("synthesise", tmp_path / "out", "--preset", "tiny")
    assert run(capsys, *asked, "--seed", 1)[0] == 0
    code, _, error = run(capsys, *asked, "--seed", 2)
    assert code == 2
    assert "holds something else (seed" in error
    before = contents(tmp_path / "out")
    assert run(capsys, *asked, "--seed", 1, "--refresh")[0] == 0
    assert contents(tmp_path / "out") == before
    assert run(capsys, *asked, "--seed", 2, "--refresh")[0] == 0
    assert json.loads((tmp_path / "out/manifest.json").read_text())["seed"] == 2


@pytest.mark.usefixtures("small")
def test_unfinished_work_on_something_else_is_outdated_too(tmp_path, capsys, monkeypatch):
    asked = ("synthesise", tmp_path / "out", "--preset", "tiny")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(synthesis, "_finish", killed)
        assert run(capsys, *asked, "--seed", 1)[0] == 130
    code, _, error = run(capsys, *asked, "--seed", 2)
    assert code == 2
    assert "is unfinished work on something else" in error
    assert run(capsys, *asked, "--seed", 2, "--refresh")[0] == 0


@pytest.mark.usefixtures("small")
def test_what_this_suite_did_not_draw_is_never_removed(tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/thesis.txt").write_text("kept")
    code, _, error = run(capsys, "synthesise", tmp_path / "out", "--preset", "tiny", "--refresh")
    assert code == 2
    assert "is in the way" in error
    assert (tmp_path / "out/thesis.txt").read_text() == "kept"
