"""Arrays on the host: TensorFlow computes on them where they lie."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from workloads.common.host_memory import (
    ALIGNMENT,
    _left_by_control_groups,
    aligned_empty,
    tensor_of,
)


@given(
    st.lists(st.integers(0, 7), min_size=1, max_size=4),
    st.sampled_from([np.uint8, np.int32, np.float32]),
)
def test_an_aligned_array_is_of_the_shape_asked_for_and_can_be_written(shape, dtype):
    array = aligned_empty(tuple(shape), dtype)
    array[...] = 3
    assert array.shape == tuple(shape)
    assert array.dtype == dtype
    assert (array == 3).all()
    assert array.ctypes.data % ALIGNMENT == 0 or not array.size


def test_a_tensor_shares_the_memory_of_an_aligned_array_and_outlives_it():
    array = aligned_empty((5, 4), np.uint8)
    array[...] = np.arange(20).reshape(5, 4)
    tensor = tensor_of(array)
    array[3, 0] = 99
    assert int(tf.gather(tensor, [3])[0, 0]) == 99
    expected = array.copy()
    del array
    assert np.array_equal(tf.reverse(tensor, [0]).numpy()[::-1], expected)


@pytest.mark.parametrize("make", [lambda block: block[1:21].reshape(5, 4), lambda block: block[:0]])
def test_an_array_that_cannot_be_shared_is_copied(make):
    array = make(aligned_empty((64,), np.uint8))
    array[...] = 7
    tensor = tensor_of(array)
    array[...] = 0
    assert tensor.shape == array.shape
    assert (tensor.numpy() == 7).all()
    assert "CPU" in tensor.device


def limit(folder, maximum, current, files):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "memory.max").write_text(f"{maximum}\n")
    (folder / "memory.current").write_text(f"{current}\n")
    (folder / "memory.stat").write_text(f"anon 5\nfile {files}\nkernel 1\n")


def test_the_limits_of_a_job_and_of_its_step_are_heeded(tmp_path):
    (tmp_path / "membership").write_text("1:name=systemd:/x\n0::/job/step\n")
    root = tmp_path / "groups"
    limit(root / "job", 1000, 900, 300)
    limit(root / "job/step", "max", 10, 0)
    assert _left_by_control_groups(tmp_path / "membership", root) == [400]
    limit(root / "job/step", 500, 600, 20)
    assert _left_by_control_groups(tmp_path / "membership", root) == [0, 400]
    assert _left_by_control_groups(tmp_path / "nowhere", root) == []
