"""Which photographs are found, what they are called, and how each format is read."""

import contextlib
import io
import itertools
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from workloads.common.errors import UnusableInput
from workloads.common.path_lists import read_list
from workloads.skyline import reading
from workloads.skyline.photographs import find_photographs
from workloads.skyline.reading import BrokenPhotograph, read_photograph

CHECKOUT = Path(__file__).parents[2]
WIDTH, HEIGHT = 64, 48


def picture(width=WIDTH, height=HEIGHT):
    """Red grows to the right, green downwards; blue is constant. Smooth, so that JPEG keeps it."""
    rows, columns = np.mgrid[:height, :width]
    channels = (255 * columns / (width - 1), 255 * rows / (height - 1), 0 * rows + 100)
    return np.stack(channels, axis=-1).astype(np.uint8)


def save(path, image, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")


def found(*given, output):
    return {str(each.name): each.path for each in find_photographs(list(given), output)}


def test_a_folder_gives_the_pictures_in_all_its_folders_named_as_there(tmp_path):
    touch(
        tmp_path,
        "in/b.JPG",
        "in/deep/er/a.png",
        "in/c.avif",
        "in/d.jp2",
        "in/notes.txt",
        "in/b.json",
        "in/.hidden.jpg",
    )
    touch(tmp_path, "in/.cache/c.jpg")
    names = found(tmp_path / "in", output=tmp_path / "out")
    assert list(names) == ["b", "c", "d", "deep/er/a"]
    assert names["deep/er/a"] == tmp_path / "in/deep/er/a.png"


def test_a_file_is_taken_whatever_its_suffix_and_named_by_its_stem(tmp_path):
    touch(tmp_path, "in/photograph.of.2024.raw")
    names = found(tmp_path / "in/photograph.of.2024.raw", output=tmp_path / "out")
    assert list(names) == ["photograph.of.2024"]


def test_a_photograph_that_is_named_twice_is_read_once(tmp_path):
    touch(tmp_path, "in/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "in")
    given = (tmp_path / "in", tmp_path / "in/a.jpg", tmp_path / "link/a.jpg")
    assert list(found(*given, output=tmp_path / "out")) == ["a"]


def test_folders_with_results_of_this_stage_are_not_searched(tmp_path):
    touch(tmp_path, "in/a.jpg", "in/out/a.jpg", "in/out/extract.records.log", "in/out/deep/b.jpg")
    assert list(found(tmp_path / "in", output=tmp_path / "other")) == ["a"]


def test_a_folder_of_results_is_refused_where_it_is_given_itself(tmp_path):
    touch(tmp_path, "o1/a.jpg", "o1/extract.records.log")
    with pytest.raises(UnusableInput, match="o1 holds results of this stage"):
        found(tmp_path / "o1", output=tmp_path / "o2")


@pytest.mark.parametrize(
    ("files", "given", "words"),
    [
        ((), ("in",), ("in does not exist",)),
        (("in/a.txt",), ("in",), ("no photographs in", ".jpeg")),
        (("in/a.jpg",), ("in/a.jpg", "in/b.jpg"), ("b.jpg does not exist",)),
        (("in/a.jpg", "in/a.png"), ("in",), ("a.jpg", "a.png", "both write a.json")),
        (("in/a.jpg", "too/a.jpg"), ("in", "too"), ("in/a.jpg", "too/a.jpg", "both write")),
        (("out/a.jpg",), ("out",), ("a.jpg lies in --output",)),
        (("out/a.jpg",), ("out/a.jpg",), ("a.jpg lies in --output",)),
    ],
)
def test_what_cannot_be_extracted_is_refused_by_name(tmp_path, files, given, words):
    touch(tmp_path, *files)
    with pytest.raises(UnusableInput) as refused:
        find_photographs([tmp_path / each for each in given], tmp_path / "out")
    for word in words:
        assert word in str(refused.value)


def test_what_is_no_plain_file_is_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(UnusableInput, match="is not a file"):
        find_photographs([tmp_path / "pipe.jpg"], tmp_path / "out")
    with pytest.raises(UnusableInput, match="no photographs"):
        find_photographs([tmp_path], tmp_path / "out")


def test_an_empty_folder_has_no_photographs(tmp_path):
    (tmp_path / "in").mkdir()
    with pytest.raises(UnusableInput, match="no photographs in"):
        find_photographs([tmp_path / "in"], tmp_path / "out")


def test_a_list_has_one_path_in_each_line_and_may_have_blank_ones(tmp_path):
    (tmp_path / "list").write_text("\na b.jpg\r\n\n  c/d.png  \n")
    assert [str(each) for each in read_list(tmp_path / "list")] == ["a b.jpg", "c/d.png"]


def test_a_list_may_begin_with_a_byte_order_mark_and_name_files_that_are_not_utf_8(tmp_path):
    (tmp_path / "list").write_bytes(b"\xef\xbb\xbfa.jpg\nd\xe9p\x85t.png\n")
    assert [os.fsencode(each) for each in read_list(tmp_path / "list")] == [
        b"a.jpg",
        b"d\xe9p\x85t.png",
    ]


@pytest.mark.parametrize("content", [None, b"\n \n", b"\xff\xfe\x00a"])
def test_a_list_that_is_missing_empty_or_no_text_is_refused(tmp_path, content):
    if content is not None:
        (tmp_path / "list").write_bytes(content)
    with pytest.raises(UnusableInput, match="list"):
        read_list(tmp_path / "list")


FORMATS = {
    "a.jpg": ("RGB", {"quality": 95}),
    "a.png": ("RGB", {}),
    "alpha.png": ("RGBA", {}),
    "a.tif": ("RGB", {}),
    "packed.tif": ("RGB", {"compression": "tiff_lzw"}),
    "a.webp": ("RGB", {"quality": 95}),
    "a.bmp": ("RGB", {}),
    "cmyk.jpg": ("CMYK", {"quality": 95}),
    "ycc.tif": ("YCbCr", {}),
    "a.avif": ("RGB", {"quality": 95}),
    "a.jp2": ("RGB", {}),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_gives_the_same_pixels(tmp_path, name):
    mode, options = FORMATS[name]
    path = save(tmp_path / name, Image.fromarray(picture()).convert(mode), **options)
    pixels = read_photograph(path, 640)
    assert (pixels.width, pixels.height) == (WIDTH, HEIGHT)
    assert pixels.reduced.dtype == np.uint8
    assert pixels.reduced.shape == (HEIGHT, WIDTH, 3)
    assert np.abs(pixels.reduced.astype(int) - picture()).mean() < 6


@pytest.mark.parametrize("name", ["grey.png", "grey.jpg", "alpha.png", "deep.png", "deep.tif"])
def test_greys_of_8_and_16_bits_become_rgb(tmp_path, name):
    grey = picture()[:, :, 0]
    image = Image.fromarray(grey)
    if name == "alpha.png":
        image = image.convert("LA")
    if name.startswith("deep"):
        image = Image.fromarray(grey.astype(np.uint16) * 257)
    read = read_photograph(save(tmp_path / name, image), 640).reduced
    assert np.abs(read.astype(int) - grey[:, :, None]).max() <= 4


@pytest.mark.parametrize("suffix", ["gif", "png"])
def test_a_palette_becomes_rgb(tmp_path, suffix):
    image = Image.fromarray(picture()).quantize(256)
    read = read_photograph(save(tmp_path / f"a.{suffix}", image), 640).reduced
    assert np.abs(read.astype(int) - picture()).mean() < 8


def test_of_several_pictures_in_a_file_the_first_is_read(tmp_path):
    first, second = (Image.new("RGB", (40, 40), colour) for colour in ("red", "blue"))
    for name in ("a.gif", "a.tif", "a.webp"):
        path = save(tmp_path / name, first, save_all=True, append_images=[second])
        assert read_photograph(path, 640).reduced.mean(axis=(0, 1))[0] > 240, name


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("longest_side", [640, 60, 24 * 2])
def test_a_photograph_is_turned_as_its_exif_says(tmp_path, orientation, longest_side):
    turned = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = Image.fromarray(picture())
    stored = image.transpose(turned[orientation]) if orientation > 1 else image
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(tmp_path / "a.jpg", stored, quality=95, exif=exif)
    pixels = read_photograph(path, longest_side)
    assert (pixels.width, pixels.height) == (WIDTH, HEIGHT)
    height, width, _ = pixels.reduced.shape
    assert max(height, width) == min(WIDTH, longest_side)
    # Red grows to the right and green downwards, however the file lay.
    assert np.all(np.diff(pixels.reduced[5:-5, :, 0].mean(axis=0)) > 0)
    assert np.all(np.diff(pixels.reduced[:, 5:-5, 1].mean(axis=1)) > 0)


@pytest.mark.parametrize("suffix", ["jpg", "tif", "png", "webp"])
def test_what_is_nearly_square_is_turned_with_its_size(tmp_path, suffix):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(picture(1282, 1281)), exif=exif)
    pixels = read_photograph(path, 640)
    assert (pixels.width, pixels.height) == (1281, 1282)
    assert max(pixels.reduced.shape) == 640


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_larger_photographs_are_reduced_and_keep_their_shape(tmp_path, suffix):
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(picture(1000, 400)))
    pixels = read_photograph(path, 200)
    assert pixels.reduced.shape == (80, 200, 3)
    assert (pixels.width, pixels.height) == (1000, 400)
    assert np.abs(pixels.reduced.astype(int) - picture(200, 80)).max() <= 6
    assert read_photograph(path, 1000).reduced.shape == (400, 1000, 3)


def jpeg():
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "JPEG")
    return stream.getvalue()


@pytest.mark.parametrize(
    "content",
    [b"", b"not a picture", jpeg()[:200], jpeg()[:-300], b"\x89PNG\r\n\x1a\n" + b"\0" * 40],
    ids=["empty", "text", "header", "truncated", "png"],
)
def test_a_broken_photograph_is_named(tmp_path, content):
    (tmp_path / "broken.jpg").write_bytes(content)
    with pytest.raises(BrokenPhotograph) as refused:
        read_photograph(tmp_path / "broken.jpg", 640)
    assert str(refused.value).count("broken.jpg") == 1
    assert "--skip-broken" in str(refused.value)


def test_a_format_that_is_not_listed_is_not_decoded_whatever_the_suffix(tmp_path, monkeypatch):
    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_arguments: started.append(1))
    stream = io.BytesIO()
    Image.fromarray(picture()).save(stream, "EPS")
    (tmp_path / "x.jpg").write_bytes(stream.getvalue())
    with pytest.raises(BrokenPhotograph, match=r"x\.jpg is not a readable photograph"):
        read_photograph(tmp_path / "x.jpg", 640)
    assert not started


def test_any_damage_to_a_file_is_a_broken_photograph_or_none(tmp_path):
    rng = np.random.default_rng(0)
    contents, shapes = [], []
    for suffix in ("PNG", "TIFF", "GIF", "BMP", "WEBP", "JPEG"):
        stream = io.BytesIO()
        Image.fromarray(picture()).save(stream, suffix)
        contents.append(bytearray(stream.getvalue()))
    for content in contents:
        for changes, is_cut in itertools.product([1, 1, 8], [True, False] * 10):
            damaged = bytearray(content)
            for place in rng.integers(0, len(damaged), changes):
                damaged[place] = rng.integers(0, 256)
            end = rng.integers(1, len(damaged)) if is_cut else len(damaged)
            (tmp_path / "damaged").write_bytes(damaged[:end])
            with contextlib.suppress(BrokenPhotograph):
                shapes.append(read_photograph(tmp_path / "damaged", 640).reduced.shape)
    # Some damage leaves a photograph, most does not.
    assert 0 < len(shapes) < 60 * len(contents) / 2
    assert {(len(shape), shape[-1]) for shape in shapes} == {(3, 3)}


def test_a_missing_photograph_is_named(tmp_path):
    for read in (lambda path: read_photograph(path, 640), reading.file_digest):
        with pytest.raises(BrokenPhotograph, match="gone"):
            read(tmp_path / "gone.jpg")


@pytest.mark.parametrize(("width", "height"), [(28, 100), (100, 28), (1, 1)])
def test_what_is_smaller_than_a_patch_is_refused(tmp_path, width, height):
    path = save(tmp_path / "small.png", Image.new("RGB", (width, height)))
    with pytest.raises(BrokenPhotograph, match=r"small\.png has .* need 29"):
        read_photograph(path, 640)


def test_a_photograph_of_exactly_one_patch_is_read(tmp_path):
    path = save(tmp_path / "a.png", Image.new("RGB", (29, 29)))
    assert read_photograph(path, 29).reduced.shape == (29, 29, 3)


def test_one_that_is_too_narrow_when_reduced_says_what_would_do(tmp_path):
    path = save(tmp_path / "wide.png", Image.new("RGB", (3000, 40)))
    with pytest.raises(BrokenPhotograph, match="--longest-side 2175 or more"):
        read_photograph(path, 640)
    assert read_photograph(path, 2175).reduced.shape == (29, 2175, 3)


def test_one_too_large_to_be_decoded_is_refused_before_it_is(tmp_path, monkeypatch):
    bomb = save(tmp_path / "bomb.png", Image.new("1", (14_000, 7_000)))
    with pytest.raises(BrokenPhotograph, match=r"bomb.png is too large .* 14000x7000"):
        read_photograph(bomb, 640)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000)
    with pytest.raises(BrokenPhotograph, match=r"bomb.png is too large"):
        read_photograph(bomb, 640)


def test_pillow_warns_nobody(tmp_path):
    bomb = save(tmp_path / "bomb.png", Image.new("1", (14_000, 7_000)))
    program = "import sys, pathlib; from workloads.skyline.reading import *\n"
    program += "try: read_photograph(pathlib.Path(sys.argv[1]), 640)\n"
    program += "except BrokenPhotograph: print('refused')"
    command = [sys.executable, "-c", program, str(bomb)]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("refused\n", "")


def test_brightness_without_a_known_range_is_refused(tmp_path):
    path = save(tmp_path / "a.tif", Image.fromarray(np.ones((40, 40), np.float32)))
    with pytest.raises(BrokenPhotograph, match="range of brightness"):
        read_photograph(path, 640)


def test_what_phones_write_and_nobody_reads_is_not_missed_in_silence(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.HEIC").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    [path] = found(tmp_path / "in", output=tmp_path / "out").values()
    with pytest.raises(BrokenPhotograph, match=r"a\.HEIC is not a readable photograph"):
        read_photograph(path, 640)
