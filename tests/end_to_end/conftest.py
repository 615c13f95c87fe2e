"""One cold run of the suite per test session, in a bare checkout; all end-to-end tests read it."""

import pytest
from bare_checkout import Bare, Suite, copy_checkout, run_suite


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """A bare checkout."""
    made = Bare(tmp_path_factory.mktemp("bare") / "checkout", tmp_path_factory.mktemp("home"))
    copy_checkout(made.folder)
    return made


@pytest.fixture(scope="session")
def suite(bare: Bare) -> Suite:
    """`reframe -c checks -r` on the smoke preset, from nothing.

    Its stages stay, in a folder that no later run writes to: test_red.py goes on from them."""
    return run_suite(bare, "cold", "--keep-stage-files", "--stage", str(bare.home / "stages"))


@pytest.fixture(scope="session")
def configured(suite: Suite) -> Suite:
    """A small run after it, with the suite's own settings."""
    options = ("-P", "preset=tiny", "-P", "pipeline=packed")
    settings = str(suite.bare.folder / "systems")
    return run_suite(suite.bare, "configured", *options, RFM_CONFIG_PATH=settings)
