"""Makes the bytes of an HDF5 file in memory depend on its content alone.

The NetCDF library leaves two things to chance: what lies behind the end of the file in the memory
that HDF5 took, and the times at which the root group was made and changed. Both are taken out. The
places are those of the HDF5 file format specification, version 3.0: superblock of version 2 or 3,
object headers of version 2.
"""

_END_OF_FILE, _ROOT_GROUP = 28, 36
_TIMES, _TIMES_LENGTH = 6, 16
_TIMES_STORED, _ATTRIBUTE_LIMITS_STORED = 0x20, 0x10
_WORD = 0xFFFFFFFF


def fixed_bytes(content: memoryview) -> bytes:
    """The file in `content`, ended where it ends and with zero for its root group's times."""
    file = bytearray(content[: _address(content, _END_OF_FILE)])
    start = _address(file, _ROOT_GROUP)
    flags = file[start + 5]
    if flags & _TIMES_STORED:
        times = start + _TIMES
        file[times : times + _TIMES_LENGTH] = bytes(_TIMES_LENGTH)
        end = _end_of_header(file, start, flags)
        file[end : end + 4] = lookup3(bytes(file[start:end])).to_bytes(4, "little")
    return bytes(file)


def _address(file: memoryview | bytearray, place: int) -> int:
    return int.from_bytes(file[place : place + 8], "little")


def _end_of_header(file: bytearray, start: int, flags: int) -> int:
    """Where the checksum of an object header stands, behind its first block of messages."""
    place = start + _TIMES + _TIMES_LENGTH
    if flags & _ATTRIBUTE_LIMITS_STORED:
        place += 4
    width = 1 << (flags & 3)
    return place + width + int.from_bytes(file[place : place + width], "little")


def lookup3(data: bytes) -> int:
    """The checksum of HDF5's metadata: Bob Jenkins' lookup3 (2006), over bytes, starting at 0."""
    a = b = c = (0xDEADBEEF + len(data)) & _WORD
    if not data:
        return c
    blocks = (len(data) - 1) // 12
    for first in range(0, 12 * blocks, 12):
        x, y, z = _words(data[first : first + 12])
        a, b, c = _mixed((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)
    x, y, z = _words(data[12 * blocks :].ljust(12, b"\0"))
    return _last((a + x) & _WORD, (b + y) & _WORD, (c + z) & _WORD)


def _words(block: bytes) -> tuple[int, int, int]:
    x, y, z = (int.from_bytes(block[place : place + 4], "little") for place in (0, 4, 8))
    return x, y, z


def _rotated(word: int, bits: int) -> int:
    return (word << bits | word >> (32 - bits)) & _WORD


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for bits in (4, 6, 8, 16, 19, 4):
        a = (a - c & _WORD) ^ _rotated(c, bits)
        c = (c + b) & _WORD
        a, b, c = b, c, a
    return a, b, c


def _last(a: int, b: int, c: int) -> int:
    for bits in (14, 11, 25, 16, 4, 14, 24):
        c = ((c ^ b) - _rotated(b, bits)) & _WORD
        a, b, c = b, c, a
    return b
