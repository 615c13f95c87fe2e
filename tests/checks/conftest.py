"""A checkout of its own for every test of the checks."""

from pathlib import Path

import pytest
from fake_checkout import Checkout, copy_checkout


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """A checkout with one fake check of one fake workload."""
    return copy_checkout(tmp_path)
