"""A NetCDF file's bytes do not depend on when and where in memory it was made."""

import h5py
import netCDF4
import numpy as np
import pytest

from workloads.slstr.hdf5_bytes import fixed_bytes, lookup3
from workloads.slstr.netcdf import Variable, netcdf

VALUES = np.arange(48, dtype=np.int16).reshape(6, 8)


def made(padding=1 << 16):
    """A file as the library leaves it in memory."""
    file = netCDF4.Dataset("memory", "w", memory=padding)
    file.createDimension("rows", 6)
    file.createDimension("columns", 8)
    file.createVariable("values", "i2", ("rows", "columns"), zlib=True)[:] = VALUES
    return bytearray(file.close())


@pytest.mark.parametrize(
    ("text", "checksum"),
    [(b"", 0xDEADBEEF), (b"Four score and seven years ago", 0x17770551)],
)
def test_the_checksum_is_that_of_its_author(text, checksum):
    assert lookup3(text) == checksum


def test_the_checksum_is_that_of_the_library():
    file = made()
    assert lookup3(bytes(file[:44])).to_bytes(4, "little") == file[44:48]


def test_times_and_what_lies_behind_the_end_make_no_difference():
    file = made()
    root = int.from_bytes(file[36:44], "little")
    assert file[root : root + 4] == b"OHDR"
    assert any(file[root + 6 : root + 22])
    expected = fixed_bytes(memoryview(file))
    file[root + 6 : root + 22] = bytes(range(16))
    file[-100:] = bytes(range(100))
    assert fixed_bytes(memoryview(file)) == expected
    assert len(expected) < len(file)


def test_a_fixed_file_is_read_by_both_libraries(tmp_path):
    path = tmp_path / "fixed.nc"
    path.write_bytes(fixed_bytes(memoryview(made())))
    with h5py.File(path) as file:
        assert np.array_equal(file["values"][:], VALUES)
    with netCDF4.Dataset(path) as file:
        assert np.array_equal(file["values"][:], VALUES)


def test_values_come_back_with_attributes_and_fill():
    variable = Variable("values", VALUES, -1, {"units": "K"})
    with netCDF4.Dataset("memory", memory=netcdf({"title": "a test"}, [variable])) as file:
        assert file.title == "a test"
        assert (file["values"].units, file["values"]._FillValue) == ("K", -1)
        assert np.array_equal(file["values"][:], VALUES)
