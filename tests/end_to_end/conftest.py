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
    """`reframe -c checks -r` on the smoke preset, from nothing."""
    return run_suite(bare, "cold")


@pytest.fixture(scope="session")
def configured(suite: Suite) -> Suite:
    """A small run after it, with the suite's own settings."""
    options = ("-P", "preset=tiny", "-P", "pipeline=packed")
    settings = str(suite.bare.folder / "systems")
    return run_suite(suite.bare, "configured", *options, RFM_CONFIG_PATH=settings)
