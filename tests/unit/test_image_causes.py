"""An image is named once among the causes: by its commit only where that is not the checkout's."""

import polars as pl

from perflogs.history import EVENTS
from perflogs.judging.causes import candidate_causes


def causes(old, new):
    """What changed between five runs that say the one and five that say the other."""
    said = [{**dict.fromkeys(EVENTS, ""), **each} for each in [old] * 5 + [new] * 5]
    return candidate_causes(pl.DataFrame(said), range(10), 5)


def test_the_commit_of_an_image_that_is_its_checkout_s_is_said_once():
    old = {"image_digest": "sha256:a", "image_commit": "c0", "suite_commit": "c0"}
    new = {"image_digest": "sha256:b", "image_commit": "c1", "suite_commit": "c1"}
    assert causes(old, new) == ("image sha256:a -> sha256:b", "suite commit c0 -> c1")


def test_the_commit_of_another_image_that_was_allowed_is_said():
    old = {"image_digest": "sha256:a", "image_commit": "c0", "suite_commit": "c0"}
    new = {"image_digest": "sha256:b", "image_commit": "b9", "suite_commit": "c0"}
    assert causes(old, new) == ("image sha256:a -> sha256:b", "image commit c0 -> b9")
