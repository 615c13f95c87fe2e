"""Reference files: what is not to change in them stays as it is, to the letter."""

import difflib
import itertools
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from checks.base import references as read_by_checks
from perflogs.baselines.comparable_runs import Case
from perflogs.baselines.reference_file import (
    UnusableReferences,
    parse_references,
    read_references,
)
from perflogs.baselines.rewriting import NewReferences, rewritten
from perflogs.baselines.splitting import carve, split
from perflogs.statistics.bounds import Bounds

SHIPPED = Path(__file__).parents[2] / "systems" / "references"
SPEED = {"throughput": (Bounds(2000.0, -0.04, None), "images/s")}
FILE = """\
# A comment above.
gpu:
  SkylineTrain:
    - case: &train   # behind an anchor
        preset: smoke
        # above a key
        pipeline: [files, packed]
        jit: [false, true]
        num_gpus: 1
      source: 'measured: by hand'
      runs: 3
      references:
        throughput: {value: 1000.0, lower: -0.20, upper: null, unit: images/s}   # at the end
        accuracy: {value: 0.95, lower: -0.040, upper: null, unit: "1"}
    - case: {<<: *train, num_gpus: 2}
      source: "another"
      runs: 1
      references:
        throughput: {value: 1900, lower: -0.2, upper: 0.5, unit: images/s}
    # between entries
    - case: {<<: *train, num_gpus: 4, pipeline: packed}
      source: a third
      runs: 1
      references:
        throughput:
          value: 3500
          lower: -0.2
          upper: null
          unit: images/s
  SkylineEvaluate:
    - case: *train
      source: evaluated
      runs: 2
      references: {accuracy: {value: 0.9, lower: -0.1, upper: null, unit: "1"}}
# A comment below.
"""


def place(num_gpus=1, pipeline="files", jit=False, check="SkylineTrain", partition="gpu"):
    """A case of the file above."""
    keys = {"preset": "smoke", "pipeline": pipeline, "jit": jit, "num_gpus": num_gpus}
    return Case(partition, check, f"{check} %num_gpus={num_gpus}", keys)


def change(case=None, references=SPEED, source="learnt", runs=40):
    """New references of a case."""
    return NewReferences(case or place(), references, source, runs)


def file_of(text=FILE):
    """A file with this text."""
    return parse_references(Path("pearl.yaml"), text)


def everything(path):
    """The references of every case that an entry of a file stands for, each found once."""
    content = YAML(typ="safe", pure=True).load(path) or {}
    found = {}
    for partition, checks in content.items():
        for check, entry in ((name, each) for name, all_ in checks.items() for each in all_):
            values = [each if isinstance(each, list) else [each] for each in entry["case"].values()]
            for chosen in itertools.product(*values):
                case = dict(zip(entry["case"], chosen, strict=True))
                key = partition, check, tuple(sorted(case.items()))
                assert key not in found
                found[key] = {
                    metric: read_by_checks.Reference(**fields)
                    for metric, fields in entry["references"].items()
                }
    return found


def found_by_checks(path, partition, check, keys):
    """What the checks find for a case."""
    content = YAML(typ="safe", pure=True).load(path)
    entries = [entry for checks in content.values() for all_ in checks.values() for entry in all_]
    metrics = {metric for entry in entries for metric in entry["references"]}
    names = {name for checks in content.values() for name in checks}
    wanted = read_by_checks.Wanted(partition, check, keys, metrics, list(content), names)
    return read_by_checks.find(path, wanted)


def key_of(case):
    """The key of a case in `everything`."""
    return case.partition, case.check, tuple(sorted(case.keys.items()))


def rewrite(tmp_path, text, *changes):
    """What the checks find before and after, and the text after."""
    path = tmp_path / "pearl.yaml"
    path.write_text(text)
    before = everything(path) if text else {}
    path.write_text(rewritten(read_references(path), changes))
    after = everything(path)
    for each in changes:
        case = each.case
        assert found_by_checks(path, case.partition, case.check, case.keys) == after[key_of(case)]
    return before, after, path.read_text()


def changed_lines(before, after):
    """The lines that went and those that came."""
    lines = list(difflib.ndiff(before.splitlines(), after.splitlines()))
    return [[line[2:] for line in lines if line[0] == sign] for sign in "-+"]


@pytest.mark.parametrize("name", ["generic", "pearl", "scarf", "sodalite"])
def test_a_shipped_file_is_read_as_the_checks_read_it_and_written_back_as_it_is(name):
    path = SHIPPED / f"{name}.yaml"
    file = read_references(path)
    assert rewritten(file, []) == path.read_text()
    for (partition, check, keys), references in everything(path).items():
        entry = file.entry_of(Case(partition, check, check, dict(keys)))
        found = {
            metric: (bounds.value, bounds.lower, bounds.upper, unit)
            for metric, (bounds, unit) in entry.references.items()
        }
        assert found == references
    assert found_by_checks(path, partition, check, dict(keys)) == references


def test_new_values_change_no_other_line(tmp_path):
    case = place(num_gpus=4, pipeline="packed", jit=True)
    text = FILE.replace("jit: [false, true]", "jit: true")
    before, after, written = rewrite(tmp_path, text, change(case))
    went, came = changed_lines(text, written)
    assert went == [
        "      source: a third",
        "      runs: 1",
        *("          value: 3500", "          lower: -0.2"),
    ]
    assert came == [
        "      source: learnt",
        "      runs: 40",
        *("          value: 2000.0", "          lower: -0.04"),
    ]
    assert after.pop(key_of(case)) == {"throughput": (2000.0, -0.04, None, "images/s")}
    before.pop(key_of(case))
    assert after == before


def test_a_value_that_stays_is_not_written_otherwise(tmp_path):
    text = FILE.replace("pipeline: [files, packed]", "pipeline: files").replace(
        "jit: [false, true]", "jit: false"
    )
    same = {"throughput": (Bounds(1100.0, -0.2, None), "images/s")}
    _, _, written = rewrite(tmp_path, text, change(references=same))
    line = "throughput: {value: 1100.0, lower: -0.20, upper: null, unit: images/s}   # at the end"
    assert line in written


def test_one_of_several_cases_is_carved_out_and_the_others_stay(tmp_path):
    case = place(pipeline="packed", jit=True)
    before, after, written = rewrite(tmp_path, FILE, change(case))
    assert after.pop(key_of(case)) == {
        "throughput": (2000.0, -0.04, None, "images/s"),
        "accuracy": (0.95, -0.04, None, "1"),
    }
    before.pop(key_of(case))
    assert after == before
    for comment in ("above", "behind an anchor", "above a key", "at the end", "between", "below"):
        assert comment in written
    assert "&train" in written
    assert "case: {<<: *train, pipeline: [files, packed]}" in written
    assert written.count("lower: -0.20, upper: null") == 2


def test_every_case_of_a_list_can_be_carved_out_at_once(tmp_path):
    cases = [
        place(pipeline=pipeline, jit=jit)
        for pipeline in ("files", "packed")
        for jit in (False, True)
    ]
    changes = [
        change(case, {"throughput": (Bounds(float(number), -0.1, None), "images/s")})
        for number, case in enumerate(cases, 1)
    ]
    before, after, _ = rewrite(tmp_path, FILE, *changes)
    assert [after[key_of(case)]["throughput"].value for case in cases] == [1, 2, 3, 4]
    others = before.keys() - {key_of(case) for case in cases}
    assert all(after[key] == before[key] for key in others)
    assert after.keys() == before.keys()


def test_a_case_that_is_an_alias_is_carved_without_its_owner(tmp_path):
    case = place(pipeline="packed", check="SkylineEvaluate")
    accuracy = {"accuracy": (Bounds(0.93, -0.01, None), "1")}
    before, after, written = rewrite(tmp_path, FILE, change(case, accuracy))
    assert after.pop(key_of(case)) == {"accuracy": (0.93, -0.01, None, "1")}
    before.pop(key_of(case))
    assert after == before
    assert changed_lines(FILE, written)[0] == ["    - case: *train"]
    assert "    - case: {<<: *train, pipeline: files}" in written


def test_a_key_that_is_merged_in_is_carved_too(tmp_path):
    case = place(num_gpus=2, jit=True)
    before, after, written = rewrite(tmp_path, FILE, change(case))
    assert after.pop(key_of(case))["throughput"].value == 2000
    before.pop(key_of(case))
    assert after == before
    assert "{<<: *train, num_gpus: 2, pipeline: packed}" in written


def test_what_merges_a_case_that_is_carved_keeps_its_own_keys_to_the_letter(tmp_path):
    lines = "- case:", "    <<: *train", "    num_gpus: 4", "    pipeline:", "      - packed"
    own = "".join(f"    {line}\n" for line in lines)
    text = FILE.replace("    - case: {<<: *train, num_gpus: 4, pipeline: packed}\n", own)
    before, after, written = rewrite(tmp_path, text, change(place(jit=True, pipeline="packed")))
    assert own in written
    assert {key for key in before if after[key] != before[key]} == {
        key_of(place(jit=True, pipeline="packed"))
    }


def test_a_new_case_a_new_check_and_a_new_partition_are_added_behind_the_others(tmp_path):
    cases = [
        place(num_gpus=8),
        place(check="SkylineExtract"),
        place(partition="big"),
        place(check="SkylineExtract", partition="big"),
    ]
    before, after, written = rewrite(tmp_path, FILE, *map(change, cases))
    for case in cases:
        assert after.pop(key_of(case)) == {"throughput": (2000.0, -0.04, None, "images/s")}
    assert after == before
    assert changed_lines(FILE, written)[0] == []
    assert written.endswith("# A comment below.\n")


def test_a_new_metric_is_added_to_its_entry(tmp_path):
    case = place(num_gpus=4, pipeline="packed", jit=True)
    text = FILE.replace("jit: [false, true]", "jit: true").replace(
        "pipeline: [files, packed]", "pipeline: packed"
    )
    new = {"epoch_seconds": (Bounds(9.5, None, 0.05), "s")}
    _, after, _ = rewrite(tmp_path, text, change(case, new))
    assert after[key_of(case)]["epoch_seconds"] == (9.5, None, 0.05, "s")
    assert after[key_of(case)]["throughput"].value == 3500
    flow = place(check="SkylineEvaluate", pipeline="packed", jit=True)
    _, after, _ = rewrite(tmp_path, text, change(flow, new))
    assert after[key_of(flow)].keys() == {"accuracy", "epoch_seconds"}


@pytest.mark.parametrize("text", ["", "# only a comment\n", "# without an end of line"])
def test_a_file_that_says_nothing_is_begun(tmp_path, text):
    _, after, written = rewrite(tmp_path, text, change(), change(place(partition="big")))
    assert len(after) == 2
    assert written.startswith(text or "# Learnt")


def test_a_file_that_does_not_exist_says_nothing(tmp_path):
    file = read_references(tmp_path / "none.yaml")
    assert file.entries == ()
    assert rewritten(file, []) == ""


def test_a_file_without_an_end_of_line_gets_one_before_what_is_added(tmp_path):
    text = FILE.removesuffix("# A comment below.\n").removesuffix("\n")
    before, after, _ = rewrite(
        tmp_path,
        text,
        change(place(num_gpus=8)),
        change(place(check="SkylineEvaluate", num_gpus=8)),
    )
    assert len(after) == len(before) + 2


@pytest.mark.parametrize(
    "text",
    [
        *(
            "plain",
            "with: a colon",
            "with # a mark",
            "1",
            "true",
            "null",
            "it's",
            '"',
            "é",
            " ",
            "-",
        ),
        *("[", "a, b", "{a}", "*a", "&a", "!a", "|", ">", "%", "@", "`", "1e3", "\\n"),
    ],
)
def test_any_text_can_be_a_source_and_a_unit(tmp_path, text):
    new = {"throughput": (Bounds(1.0, -0.1, None), text)}
    _, after, _ = rewrite(tmp_path, "", change(references=new, source=text + "x"))
    assert [each["throughput"].unit for each in after.values()] == [text]
    assert read_references(tmp_path / "pearl.yaml").entries[0].source == text + "x"


@pytest.mark.parametrize("value", [1e-7, 123456789.0, -0.25, 3.4e10, 1e22])
def test_numbers_are_written_without_an_exponent_and_read_back(tmp_path, value):
    new = {"throughput": (Bounds(value, -0.0123, None), "1")}
    _, after, written = rewrite(tmp_path, "", change(references=new))
    assert [each["throughput"].value for each in after.values()] == [value]
    assert "e" not in written.split("value: ")[1].split(",")[0]


@given(
    st.lists(
        st.lists(st.integers(0, 4), min_size=1, max_size=4, unique=True), min_size=1, max_size=4
    ),
    st.data(),
)
def test_carving_leaves_every_other_case_exactly_once(values, data):
    case = {f"key{number}": each for number, each in enumerate(values)}
    keys = {key: data.draw(st.sampled_from(each)) for key, each in case.items()}
    left, one = carve(case, keys)
    assert one == {key: [value] for key, value in keys.items()}
    covered = [point for piece in [*left, one] for point in itertools.product(*piece.values())]
    assert sorted(covered) == sorted(itertools.product(*case.values()))
    assert all(piece.keys() == case.keys() for piece in left)


@settings(max_examples=15, deadline=None)
@given(st.data())
def test_splitting_alone_changes_the_references_of_no_case(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("split")
    path = folder / "pearl.yaml"
    shipped = data.draw(st.sampled_from([SHIPPED / "generic.yaml", SHIPPED / "pearl.yaml", None]))
    path.write_text(FILE if shipped is None else shipped.read_text())
    before = everything(path)
    for _ in range(2):
        file = read_references(path)
        several = [entry for entry in file.entries if not entry.is_one_case]
        if not several:
            break
        entry = data.draw(st.sampled_from(several))
        points = [
            dict(zip(entry.case, each, strict=True))
            for each in itertools.product(*entry.case.values())
        ]
        keys = data.draw(st.lists(st.sampled_from(points), min_size=1, max_size=5, unique_by=str))
        path.write_text(split(file, entry, keys))
    assert everything(path) == before
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("gpu: [", "line 1"),
        ("gpu:\n  SkylineTrain: *nothing\n", "line 2: found undefined alias"),
        ("gpu:\n\t- a\n", "line 2"),
        ("gpu: 3\n", "line 1: gpu: write it out|line 1: a mapping is expected"),
        ("- gpu\n", "line 1: a mapping is expected"),
        ("gpu: {SkylineTrain: []}\n", "line 1: gpu: write it out as a block"),
        ("gpu:\n  SkylineTrain: 3\n", "line 2: SkylineTrain: a list"),
        ("gpu:\n  SkylineTrain:\n    - 3\n", "line 3: a mapping"),
        (
            FILE.replace("runs: 2", "runs: two"),
            "line 31: runs: a number of runs is expected, not 'two'",
        ),
        (FILE.replace("source: evaluated", "source: 3"), "line 31: source: a text"),
        (FILE.replace("      runs: 2\n", ""), "line 31: runs: missing or unknown"),
        (FILE.replace("value: 1900", "value: much"), "throughput: value: a number is expected"),
        (FILE.replace("value: 1900", "value: null"), "throughput: value: a number is expected"),
        (FILE.replace("value: 1900", "value: .nan"), "throughput: value: a number is expected"),
        (FILE.replace("unit: images/s", "unity: images/s", 1), "unit, unity: missing or unknown"),
    ],
)
def test_a_malformed_file_is_refused_with_name_and_line(broken, complaint):
    with pytest.raises(UnusableReferences, match=rf"pearl\.yaml: .*({complaint})"):
        file_of(broken)


def test_true_is_not_the_number_one():
    text = FILE.replace("num_gpus: 1", "num_gpus: true")
    assert file_of(text).entry_of(place()) is None
    assert file_of(FILE).entry_of(place()) is not None


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "pearl.yaml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UnusableReferences, match=r"pearl\.yaml"):
        read_references(path)


def test_two_entries_for_one_case_are_refused():
    text = FILE.replace("num_gpus: 2", "num_gpus: 1")
    with pytest.raises(UnusableReferences, match="line 15: this is the second entry"):
        file_of(text).entry_of(place())


@pytest.mark.parametrize(
    ("shared", "line"),
    [
        (
            (
                "      references:\n        throughput: {",
                "      references: &r\n        throughput: {",
            ),
            None,
        ),
        (("throughput: {value: 1000.0", "throughput: &t {value: 1000.0"), None),
        (("{value: 1000.0,", "{value: &v 1000.0,"), 13),
        (("source: 'measured", "source: &s 'measured"), 10),
        (("jit: [false, true]", "jit: &j [false, true]"), 7),
    ],
)
def test_what_others_share_by_an_anchor_is_changed_for_all_or_not_at_all(tmp_path, shared, line):
    text = FILE.replace(*shared, 1)
    if line is None:
        before, after, written = rewrite(tmp_path, text, change())
        anchor = shared[1].split("&")[1][:2]
        assert written.count(f"&{anchor}") == 1
        assert {key for key in before if after[key] != before[key]} == {key_of(place())}
        return
    with pytest.raises(UnusableReferences, match="others share it by &"):
        rewrite(
            tmp_path,
            text,
            *(change(place(pipeline=p, jit=j)) for p in ("files", "packed") for j in (False, True)),
        )


def test_references_that_are_an_alias_are_refused(tmp_path):
    text = FILE.replace(
        "      references:\n        throughput: {", "      references: &r\n        throughput: {", 1
    )
    text = text.replace(
        '      references: {accuracy: {value: 0.9, lower: -0.1, upper: null, unit: "1"}}',
        "      references: *r",
    )
    text = text.replace("[files, packed]", "files").replace("[false, true]", "false")
    with pytest.raises(UnusableReferences, match="line 34: references is shared"):
        rewrite(tmp_path, text, change(place(check="SkylineEvaluate")))
