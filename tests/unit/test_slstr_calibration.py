"""Packed pixels become quantities: however they are stored, and over filled pixels alone."""

import itertools
import warnings

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workloads.slstr import chunk_reading
from workloads.slstr.calibration import (
    add_brightness_temperature,
    add_mean_reflectance,
    add_reflectance,
    factors_of,
)
from workloads.slstr.product import FILL
from workloads.slstr.scene_reading import Packing

ROWS, COLUMNS = 10, 14
PACKING = Packing(0.0125, -3.0, FILL)
NUMBERS = itertools.count()


def stored(raw, **storage):
    """A variable in a file in memory; the file is closed with the variable."""
    file = h5py.File(f"pixels {next(NUMBERS)}", "w", driver="core", backing_store=False)
    return file.create_dataset("raw", data=raw, **storage)


def random_pixels(seed, share_filled=0.7, shape=(2 * ROWS, 2 * COLUMNS)):
    rng = np.random.default_rng(seed)
    raw = rng.integers(-32767, 32768, shape).astype(np.int16)
    raw[rng.random(shape) >= share_filled] = FILL
    detectors = rng.integers(0, 5, shape).astype(np.uint8)
    detectors[detectors == 4] = 255
    return raw, detectors


def scaled(raw):
    return np.where(raw == FILL, np.nan, raw * PACKING.scale + PACKING.offset)


IRRADIANCES = np.array([10.0, 20.0, 25.0, 50.0], np.float32)


def native(raw, detectors):
    factors = np.full(256, np.nan)
    factors[:4] = np.pi / IRRADIANCES
    return scaled(raw) * factors[detectors]


def block_mean(values):
    blocks = values.reshape(ROWS, 2, COLUMNS, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nanmean(blocks, axis=(1, 3))


@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.1, 0.5, 0.9, 1.0]), st.booleans())
@settings(max_examples=40)
def test_the_mean_is_that_of_the_filled_pixels(seed, share_filled, shuffle):
    raw, detectors = random_pixels(seed, share_filled)
    cosine = np.random.default_rng(seed).uniform(0.1, 1, (ROWS, COLUMNS)).astype(np.float32)
    cosine[0] = np.nan
    dataset = stored(raw, compression="gzip", shuffle=shuffle, chunks=(8, 10))
    out = np.zeros((ROWS, COLUMNS), np.float32)
    for piece in chunk_reading.pieces(dataset):
        add_mean_reflectance(out, piece, PACKING, detectors, factors_of(IRRADIANCES), cosine)
    expected = block_mean(native(raw, detectors)) / cosine
    assert out == pytest.approx(expected, rel=1e-4, abs=1e-3, nan_ok=True)


storages = st.fixed_dictionaries(
    {
        "chunks": st.one_of(
            st.just(None), st.tuples(st.integers(1, 2 * ROWS), st.integers(1, 2 * COLUMNS))
        ),
        "compression": st.sampled_from([None, "gzip", "lzf"]),
        "shuffle": st.booleans(),
        "fletcher32": st.booleans(),
    }
).map(
    lambda each: (
        {"chunks": None}
        if each["chunks"] is None
        else {name: value for name, value in each.items() if value}
    )
)


@given(st.integers(0, 2**31), storages, st.sampled_from([np.dtype("<i2"), np.dtype(">i2")]))
@settings(max_examples=80)
def test_the_same_pixels_come_out_however_they_are_stored(seed, storage, dtype):
    raw, detectors = random_pixels(seed)
    dataset = stored(raw.astype(dtype), **storage)
    assert np.array_equal(chunk_reading.read(dataset), raw)
    temperature = np.zeros(raw.shape, np.float32)
    reflectance = np.zeros(raw.shape, np.float32)
    mean = np.zeros((ROWS, COLUMNS), np.float32)
    cosine = np.ones_like(mean)
    factors = factors_of(IRRADIANCES)
    for piece in chunk_reading.pieces(dataset):
        add_brightness_temperature(temperature, piece, PACKING)
        add_reflectance(reflectance, piece, PACKING, detectors, factors)
        add_mean_reflectance(mean, piece, PACKING, detectors, factors, cosine)
    assert temperature == pytest.approx(scaled(raw), rel=1e-5, abs=1e-4, nan_ok=True)
    assert reflectance == pytest.approx(native(raw, detectors), rel=1e-5, abs=1e-4, nan_ok=True)
    expected = block_mean(native(raw, detectors))
    assert mean == pytest.approx(expected, rel=1e-4, abs=1e-3, nan_ok=True)


@given(st.integers(0, 2**31), st.sampled_from([np.uint8, np.uint16, np.int32]), storages)
def test_flags_of_every_width_are_read(seed, dtype, storage):
    flags = np.random.default_rng(seed).integers(0, 200, (2 * ROWS, 2 * COLUMNS)).astype(dtype)
    assert np.array_equal(chunk_reading.read(stored(flags, **storage)), flags)


def test_plainly_deflated_variables_are_not_left_to_hdf5(monkeypatch):
    raw, _ = random_pixels(1)
    dataset = stored(raw, compression="gzip", shuffle=True, chunks=(8, 10))
    monkeypatch.setattr(h5py.Dataset, "__getitem__", None)
    assert np.array_equal(chunk_reading.read(dataset), raw)


def test_chunks_that_were_never_written_or_lack_a_filter_are_read_all_the_same():
    raw, _ = random_pixels(1, shape=(8, 8))
    dataset = stored(np.full((8, 8), 7, np.int16), chunks=(4, 4), compression="gzip", fillvalue=7)
    file = dataset.file
    sparse = file.create_dataset(
        "sparse", (8, 8), np.int16, chunks=(4, 4), compression="gzip", shuffle=True, fillvalue=-5
    )
    plain = np.ascontiguousarray(raw[4:, :4])
    sparse.id.write_direct_chunk((4, 0), plain.tobytes(), filter_mask=3)
    sparse[:4, 4:] = raw[:4, 4:]
    expected = np.full((8, 8), -5, np.int16)
    expected[4:, :4], expected[:4, 4:] = plain, raw[:4, 4:]
    assert np.array_equal(chunk_reading.read(sparse), expected)
