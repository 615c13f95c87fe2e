"""The machine's pip configuration: handed to a build, and left nowhere."""

import configparser
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from containers import bases, catalogue
from containers.package_index import hand_in
from containers.recipes.formats import Format
from containers.recipes.workload_recipe import workload_recipe

SECRET = "https://user:password@index.site.org/simple"


@pytest.fixture
def environment(tmp_path):
    """A machine with a configuration file, variables and certificates of its own."""
    (tmp_path / "pip.conf").write_text(
        f"[global]\nextra-index-url = {SECRET}\n    file:///opt/index\ntimeout = 7\n"
        "[install]\nno-deps = true\n"
    )
    (tmp_path / "ca.pem").write_text("certificate\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
    return kept | {
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_TIMEOUT": "9",
        "PIP_CERT": str(tmp_path / "ca.pem"),
        "PIP_FIND_LINKS": "/opt/wheels",
        "HOME": str(tmp_path),
    }


def read(folder):
    reader = configparser.RawConfigParser()
    reader.read(folder / "pip.conf")
    return dict(reader["global"])


def test_addresses_and_certificates_are_handed_in(environment, tmp_path):
    folder = hand_in(tmp_path / "in", environment).folder
    assert read(folder)["extra-index-url"] == SECRET
    assert read(folder)["cert"] == "/mnt/certificates.pem"
    assert (folder / "certificates.pem").read_text() == "certificate\n"


def test_a_variable_is_stronger_than_a_file(environment, tmp_path):
    assert read(hand_in(tmp_path / "in", environment).folder)["timeout"] == "9"


def test_folders_of_this_machine_and_other_options_are_not_handed_in(environment, tmp_path):
    found = read(hand_in(tmp_path / "in", environment).folder)
    assert "file:" not in str(found)
    assert not {"find-links", "no-deps"} & found.keys()


def test_only_the_owner_reads_it(environment, tmp_path):
    assert hand_in(tmp_path / "in", environment).folder.stat().st_mode & 0o077 == 0


def test_a_machine_without_certificates_of_its_own_hands_in_none(environment, tmp_path):
    names = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
    bare = {name: value for name, value in environment.items() if name not in names}
    (tmp_path / "pip.conf").write_text("[global]\ntimeout = 7\n")
    found = hand_in(tmp_path / "in", bare)
    if "cert" not in read(found.folder):
        assert [file.name for file in found.files()] == ["pip.conf"]


@given(st.sampled_from(list(Format)), st.sampled_from(list(bases.NAMED)))
def test_no_recipe_holds_anything_of_the_machine(kind, base):
    image = catalogue.workload_image("skyline")
    before = workload_recipe(image, bases.resolve(base), "0" * 40, kind)
    os.environ["PIP_INDEX_URL"] = SECRET
    try:
        after = workload_recipe(image, bases.resolve(base), "0" * 40, kind)
    finally:
        del os.environ["PIP_INDEX_URL"]
    assert before == after
    assert "index.site.org" not in after
