"""Fetching an archive: checked, unpacked inside its folder, never twice."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading
import zipfile

import pytest

from workloads.common.archives import unpack
from workloads.common.download import fetch
from workloads.common.errors import UnusableInput
from workloads.skyline.__main__ import main

MEMBERS = [
    f"set/{split}/patches/{kind}/1.jpg"
    for split in ("training", "validation", "testing")
    for kind in ("positive", "negative")
]


@pytest.fixture
def served(tmp_path):
    """A folder, and the address at which it is served on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def zip_of(path, members):
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(member, member)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_dataset_is_fetched_checked_and_unpacked_once(served, tmp_path, capsys):
    folder, address = served
    digest = zip_of(folder / "set.zip", MEMBERS)
    command = ["download", "--url", f"{address}/set.zip", "--sha256", digest]
    command += ["--output", str(tmp_path / "out"), "--cache", str(tmp_path / "cache")]
    assert main(command) == 0
    assert (tmp_path / "out" / MEMBERS[0]).read_text() == MEMBERS[0]
    [archive] = (tmp_path / "cache/downloads").iterdir()
    assert archive.stat().st_mode & 0o777 == (tmp_path / "out/manifest.json").stat().st_mode & 0o777
    (folder / "set.zip").unlink()
    assert main(command) == 0
    assert "already_there" in capsys.readouterr().out


def test_a_wrong_checksum_is_refused_and_nothing_is_kept(served, tmp_path):
    folder, address = served
    zip_of(folder / "set.zip", MEMBERS)
    with pytest.raises(UnusableInput, match="not what --sha256 says"):
        fetch(f"{address}/set.zip", "0" * 64, tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_an_address_without_a_file_is_refused(served, tmp_path):
    with pytest.raises(UnusableInput, match="check the address"):
        fetch(f"{served[1]}/nothing.zip", "0" * 64, tmp_path / "cache")


@pytest.mark.parametrize("member", ["../outside", "/outside", "set/../../outside", "..\\outside"])
def test_a_zip_cannot_leave_its_folder(tmp_path, member):
    zip_of(tmp_path / "bad.zip", ["good", member])
    with pytest.raises(UnusableInput, match="outside its folder"):
        unpack(tmp_path / "bad.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["path", "symbolic link", "hard link", "device"])
def test_a_tar_cannot_leave_its_folder(tmp_path, kind):
    entry = tarfile.TarInfo("../outside" if kind == "path" else "inside")
    kinds = {"symbolic link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE}
    entry.type = kinds.get(kind, tarfile.CHRTYPE if kind == "device" else tarfile.REGTYPE)
    entry.linkname = "/etc/passwd"
    with tarfile.open(tmp_path / "bad.tar.gz", "w:gz") as archive:
        archive.addfile(entry, io.BytesIO())
    with pytest.raises(UnusableInput, match=r"outside its folder|link or device"):
        unpack(tmp_path / "bad.tar.gz", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_good_tar_is_unpacked(tmp_path):
    with tarfile.open(tmp_path / "good.tar.gz", "w:gz") as archive:
        entry = tarfile.TarInfo("a/b")
        entry.size = 3
        archive.addfile(entry, io.BytesIO(b"abc"))
    assert unpack(tmp_path / "good.tar.gz", tmp_path / "out") == 1
    assert (tmp_path / "out/a/b").read_bytes() == b"abc"


def test_another_kind_of_file_is_refused(tmp_path):
    (tmp_path / "page.html").write_text("please confirm")
    with pytest.raises(UnusableInput, match="neither a zip nor a tar"):
        unpack(tmp_path / "page.html", tmp_path / "out")
