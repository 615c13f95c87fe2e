"""Unzipping scenes: checked, inside their folder, whole or not at all, and never twice."""

import re
import stat
import struct
import zipfile

import pytest
from folder_contents import contents
from slstr_scenes import NAME, OTHER

from workloads.slstr import archive
from workloads.slstr.__main__ import main

FILES = {"S7_BT_in.nc": b"temperatures" * 1000, "xfdumanifest.xml": b"<manifest/>"}


def write_zip(path, scene=NAME, files=FILES, extra=()):
    """An archive of a scene; `extra` are more names of entries, or ZipInfo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(f"{scene}.SEN3/{name}", content)
        for entry in extra:
            opened.writestr(entry, b"content")
    return path


def write_list(folder, *names):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "list.txt").write_text("\n".join(names) + "\n")
    return folder / "list.txt"


def extract(file_list, output, capsys):
    code = main(["extract", str(file_list), str(output)])
    written = capsys.readouterr()
    return code, written.out, written.err


def assert_refused(result, pattern):
    code, _, error = result
    assert code == 2, error
    assert len(error.strip().splitlines()) == 1
    assert re.search(pattern, error), error


def scenes_in(folder):
    """Files by their relative path, without locks and records."""
    return {
        name: content
        for name, content in contents(folder).items()
        if not name.endswith((".log", ".lock"))
    }


def test_every_scene_of_a_list_is_unzipped_once(tmp_path, capsys):
    write_zip(tmp_path / "in/zips/a.zip")
    write_zip(tmp_path / "in/b.zip", OTHER)
    file_list = write_list(tmp_path / "in", "zips/a.zip", "", str(tmp_path / "in/b.zip"))
    code, records, error = extract(file_list, tmp_path / "out", capsys)
    assert code == 0, error
    expected = {f"{s}.SEN3/{name}": text for s in (NAME, OTHER) for name, text in FILES.items()}
    assert scenes_in(tmp_path / "out") == expected
    assert '"scenes_per_second"' in records
    (tmp_path / f"out/{NAME}.SEN3/S7_BT_in.nc").write_bytes(b"kept")
    code, records, _ = extract(file_list, tmp_path / "out", capsys)
    assert code == 0
    assert '"scenes_per_second"' not in records
    assert (tmp_path / f"out/{NAME}.SEN3/S7_BT_in.nc").read_bytes() == b"kept"


def test_a_killed_run_goes_on_and_ends_the_same(tmp_path, monkeypatch, capsys):
    write_zip(tmp_path / "a.zip")
    write_zip(tmp_path / "b.zip", OTHER)
    file_list = write_list(tmp_path, "a.zip", "b.zip")
    monkeypatch.setattr("workloads.slstr.stages.extract.available_processors", lambda: 1)
    write = archive.write_zip_files

    def killed(opened, files, folder):
        if OTHER in files[0].filename:
            files = files[:1]
        written = write(opened, files, folder)
        if OTHER in files[0].filename:
            raise KeyboardInterrupt
        return written

    monkeypatch.setattr(archive, "write_zip_files", killed)
    assert extract(file_list, tmp_path / "out", capsys)[0] == 130
    assert (tmp_path / f"out/{NAME}.SEN3").is_dir()
    assert not (tmp_path / f"out/{OTHER}.SEN3").exists()
    (tmp_path / f"out/.{OTHER}.partial/{OTHER}.SEN3/left").write_bytes(b"over")
    monkeypatch.setattr(archive, "write_zip_files", write)
    assert extract(file_list, tmp_path / "out", capsys)[0] == 0
    expected = {f"{s}.SEN3/{name}": text for s in (NAME, OTHER) for name, text in FILES.items()}
    assert scenes_in(tmp_path / "out") == expected


@pytest.mark.parametrize(
    "entry", ["../outside", "/outside", f"{NAME}.SEN3/../../outside", "C:outside", "..\\outside"]
)
def test_an_entry_that_would_leave_the_folder_is_refused(tmp_path, capsys, entry):
    write_zip(tmp_path / "in/a.zip", extra=[entry])
    result = extract(write_list(tmp_path / "in", "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, "outside its folder")
    assert not (tmp_path / "out").exists()


def test_the_digest_is_of_what_the_archives_hold_and_not_of_where_they_are(tmp_path, capsys):
    def digest(folder, **content):
        write_zip(folder / "a.zip", **content)
        code, records, error = extract(write_list(folder, "a.zip"), folder / "out", capsys)
        assert code == 0, error
        return re.search(r'"dataset_digest", "value": "(sha256-sum:\w+)"', records)[1]

    first = digest(tmp_path / "one")
    assert digest(tmp_path / "two") == first
    assert digest(tmp_path / "three", files={"S7_BT_in.nc": b"other"}) != first


def test_a_link_is_refused(tmp_path, capsys):
    link = zipfile.ZipInfo(f"{NAME}.SEN3/link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    write_zip(tmp_path / "a.zip", extra=[link])
    result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, "holds a link")


def test_a_wrong_checksum_is_named_and_nothing_looks_finished(tmp_path, capsys):
    path = write_zip(tmp_path / "a.zip", files={"S7_BT_in.nc": b"x" * 100})
    damage_directory(path, 16, struct.pack("<L", 1))
    result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, r"S7_BT_in\.nc in .*a\.zip is damaged")
    assert not (tmp_path / f"out/{NAME}.SEN3").exists()


@pytest.mark.parametrize("stated", [10, 99, 101])
def test_an_entry_of_another_size_than_it_states_is_refused(tmp_path, capsys, stated):
    content = b"x" * 100
    path = write_zip(tmp_path / "a.zip", files={"S7_BT_in.nc": content})
    damage_directory(path, 24, struct.pack("<L", stated))
    # With the checksum of what a reader sees that stops at the stated size, or one byte later.
    for seen in (stated, stated + 1):
        damage_directory(path, 16, struct.pack("<L", zipfile.crc32(content[:seen])))
        result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
        assert_refused(result, r"S7_BT_in\.nc in .*a\.zip is (damaged|not of the size)")
        assert not (tmp_path / f"out/{NAME}.SEN3").exists()


def damage_directory(path, offset, replacement):
    """Change a field of the last entry in the central directory: 16 is its CRC, 24 its size."""
    data = bytearray(path.read_bytes())
    first = data.rindex(b"PK\x01\x02") + offset
    data[first : first + len(replacement)] = replacement
    path.write_bytes(data)


def test_what_claims_to_be_larger_than_any_scene_is_refused_before_it_is_unpacked(
    tmp_path, capsys, monkeypatch
):
    write_zip(tmp_path / "in/a.zip")
    monkeypatch.setattr(archive, "LARGEST_SCENE_BYTES", 12_000)
    result = extract(write_list(tmp_path / "in", "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, "would unpack to")
    assert not (tmp_path / "out").exists()
    monkeypatch.setattr(archive, "LARGEST_SCENE_BYTES", 12_011)
    assert extract(tmp_path / "in/list.txt", tmp_path / "out", capsys)[0] == 0


def test_all_that_is_missing_is_named(tmp_path, capsys):
    write_zip(tmp_path / "a.zip")
    file_list = write_list(tmp_path, "a.zip", "gone.zip", "lost.zip")
    result = extract(file_list, tmp_path / "out", capsys)
    assert_refused(result, r"gone\.zip.*lost\.zip")


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 and no more"])
def test_a_zip_that_is_none_is_refused(tmp_path, capsys, content):
    (tmp_path / "a.zip").write_bytes(content)
    result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, r"a\.zip is not a zip archive")


def test_a_truncated_zip_is_refused(tmp_path, capsys):
    path = write_zip(tmp_path / "a.zip")
    path.write_bytes(path.read_bytes()[:-30])
    result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, r"a\.zip is not a zip archive")


@pytest.mark.parametrize(
    ("scene", "extra", "pattern"),
    [
        ("folder", (), "not the name of an SL_1_RBT scene"),
        (NAME, (f"{OTHER}.SEN3/file",), "2 .SEN3 folders"),
        (None, (f"{NAME}/file", f"{NAME}.SEN3"), "0 .SEN3 folders"),
    ],
)
def test_an_archive_must_hold_one_scene(tmp_path, capsys, scene, extra, pattern):
    write_zip(tmp_path / "a.zip", scene, FILES if scene else {}, extra)
    result = extract(write_list(tmp_path, "a.zip"), tmp_path / "out", capsys)
    assert_refused(result, pattern)


def test_the_same_scene_twice_is_refused(tmp_path, capsys):
    write_zip(tmp_path / "a.zip")
    write_zip(tmp_path / "b.zip")
    result = extract(write_list(tmp_path, "a.zip", "b.zip"), tmp_path / "out", capsys)
    assert_refused(result, r"a\.zip and .*b\.zip .*same scene")
