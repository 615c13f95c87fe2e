"""Small SLSTR scenes in the true format, of smooth random fields whose values a test knows."""

from dataclasses import dataclass, field

import netCDF4
import numpy as np

from workloads.slstr.product import CONFIDENCE, FILL, SOLAR_CHANNELS, THERMAL_CHANNELS

NAME = (
    "S3A_SL_1_RBT____20200610T101500_20200610T101800_20200611T134500_0179_059_122_2160_LN2_O_NT_004"
)
OTHER = NAME.replace("T101500_", "T111500_")
SCALES = dict(zip(SOLAR_CHANNELS, (0.018, 0.015, 0.009, 0.0036, 0.0023, 0.00074), strict=True))
IRRADIANCES = dict(zip(SOLAR_CHANNELS, (1837.4, 1525.9, 956.2, 365.9, 248.3, 78.3), strict=True))
UNFILLED_COLUMNS = 6
START, TRACK, TIE_TRACK = 76447, 18, 4


@dataclass
class Content:
    """What a scene was written from: packed integers by channel, and what scales them."""

    rows: int = 24
    columns: int = 40
    raw: dict[str, np.ndarray] = field(default_factory=dict)
    irradiances: dict[str, np.ndarray] = field(default_factory=dict)
    detectors: np.ndarray | None = None
    zenith: np.ndarray | None = None
    confidence: np.ndarray | None = None
    bayes: np.ndarray | None = None
    storage: dict = field(default_factory=dict)


def make_content(rows=24, columns=40, seed=0, night=False, **storage):
    """Fields of a scene; unfilled at the left, at its end, and in single pixels.

    `storage` goes to netCDF4's createVariable: chunksizes, shuffle, compression and the like.
    """
    rng = np.random.default_rng(seed)
    content = Content(rows, columns, storage=storage or {"compression": "zlib"})
    for channel in THERMAL_CHANNELS:
        raw = (300 * smooth(rng, rows, columns)).astype(np.int16)
        raw[:, :UNFILLED_COLUMNS] = FILL
        content.raw[channel] = raw
    for channel in SOLAR_CHANNELS:
        raw = (2000 + 1500 * smooth(rng, 2 * rows, 2 * columns)).astype(np.int16)
        raw[rng.random(raw.shape) < 0.1] = FILL
        raw[:, : 2 * UNFILLED_COLUMNS] = FILL
        if night:
            raw[:] = FILL
        content.raw[channel] = raw
        spread = 1 + rng.uniform(-0.01, 0.01, 4)
        content.irradiances[channel] = (IRRADIANCES[channel] * spread).astype(np.float32)
    content.detectors = np.repeat(np.arange(2 * rows) % 4, 2 * columns).astype(np.uint8)
    content.detectors = content.detectors.reshape(2 * rows, 2 * columns)
    content.detectors[:, : 2 * UNFILLED_COLUMNS] = 255
    tie_rows, tie_columns = np.mgrid[:rows, : columns // 16 + 2 * TIE_TRACK]
    content.zenith = 40 + 0.02 * tie_rows + 0.5 * tie_columns + (70 if night else 0.0)
    content.zenith[:, :TIE_TRACK] = np.nan
    land, cloud = (smooth(rng, rows, columns) > 0 for _ in range(2))
    confidence = np.where(land, CONFIDENCE["land"], CONFIDENCE["ocean"])
    confidence |= np.where(cloud, CONFIDENCE["summary_cloud"], 0)
    confidence |= 0 if night else CONFIDENCE["day"]
    confidence[:, :UNFILLED_COLUMNS] = CONFIDENCE["unfilled"]
    content.confidence = confidence.astype(np.uint16)
    content.bayes = rng.integers(0, 16, (rows, columns)).astype(np.uint8)
    return content


def smooth(rng, rows, columns):
    """A wavy field between -1 and 1."""
    row, column = np.mgrid[:rows, :columns]
    frequencies, phases = rng.uniform(0.05, 0.4, 2), rng.uniform(0, 6.3, 2)
    return np.sin(frequencies[0] * row + phases[0]) * np.cos(frequencies[1] * column + phases[1])


def write_scene(parent, content, name=NAME):
    """Write every file of a scene that a conversion or another reader needs; return its folder."""
    folder = parent / f"{name}.SEN3"
    folder.mkdir(parents=True)
    storage = content.storage
    for channel in THERMAL_CHANNELS:
        with new_file(folder / f"{channel}_BT_in.nc", content, name, "in") as file:
            packed = {"scale_factor": 0.01, "add_offset": 283.73, "units": "K"}
            add(file, f"{channel}_BT_in", content.raw[channel], storage, FILL, **packed)
    for channel in SOLAR_CHANNELS:
        with new_file(folder / f"{channel}_radiance_an.nc", content, name, "an") as file:
            packed = {"scale_factor": SCALES[channel], "add_offset": 0.0}
            packed["units"] = "mW.m-2.sr-1.nm-1"
            add(file, f"{channel}_radiance_an", content.raw[channel], storage, FILL, **packed)
        with new_file(folder / f"{channel}_quality_an.nc", content, name, "an") as file:
            file.createDimension("detectors", 4)
            irradiance = file.createVariable(f"{channel}_solar_irradiance_an", "f4", ("detectors",))
            irradiance[:] = content.irradiances[channel]
    with new_file(folder / "indices_an.nc", content, name, "an") as file:
        add(file, "detector_an", content.detectors, storage, 255)
    # Not read by a conversion, but by satpy.
    with new_file(folder / "indices_in.nc", content, name, "in") as file:
        add(file, "detector_in", content.detectors[::2, ::2], {}, 255)
    with new_file(folder / "flags_in.nc", content, name, "in") as file:
        add(file, "confidence_in", content.confidence, storage)
        add(file, "bayes_in", content.bayes, storage)
    with new_file(folder / "geometry_tn.nc", content, name, "tn") as file:
        add(file, "solar_zenith_tn", content.zenith, {}, units="degrees")
    for grid in ("in", "an"):
        write_geodetic(folder, content, name, grid)
    write_viscal(folder, content)
    (folder / "xfdumanifest.xml").write_text("<manifest/>")
    return folder


def write_geodetic(folder, content, name, grid):
    size = 1 if grid == "in" else 2
    row, column = np.mgrid[: size * content.rows, : size * content.columns]
    packed = {"scale_factor": 1e-6, "add_offset": 0.0}
    with new_file(folder / f"geodetic_{grid}.nc", content, name, grid) as file:
        latitude = (1e6 * (45 + 0.01 / size * row)).astype(np.int32)
        longitude = (1e6 * (-10 + 0.01 / size * column)).astype(np.int32)
        add(file, f"latitude_{grid}", latitude, {}, -999999999, units="degrees_north", **packed)
        add(file, f"longitude_{grid}", longitude, {}, -999999999, units="degrees_east", **packed)


def write_viscal(folder, content):
    with netCDF4.Dataset(folder / "viscal.nc", "w") as file:
        file.createDimension("detectors", 4)
        file.createDimension("views", 2)
        for channel in SOLAR_CHANNELS:
            name = f"{channel}_solar_irradiances"
            values = file.createVariable(name, "f4", ("detectors", "views"))
            values[:] = np.repeat(content.irradiances[channel][:, np.newaxis], 2, axis=1)


def new_file(path, content, name, grid):
    """A NetCDF file with the global attributes and dimensions of a grid."""
    file = netCDF4.Dataset(path, "w")
    shape = {
        "in": (content.rows, content.columns),
        "an": (2 * content.rows, 2 * content.columns),
        "tn": content.zenith.shape,
    }[grid]
    file.createDimension("rows", shape[0])
    file.createDimension("columns", shape[1])
    file.product_name = f"{name}.SEN3"
    file.start_time, file.stop_time = "2020-06-10T10:15:00.000000Z", "2020-06-10T10:18:00.000000Z"
    sizes = {"in": "[ 1000 1000 ]", "an": "[ 500 500 ]", "tn": "[ 16000 1000 ]"}
    file.resolution = sizes[grid]
    starts = {"in": START, "an": 2 * START, "tn": START}
    tracks = {"in": TRACK, "an": 2 * TRACK, "tn": TIE_TRACK}
    file.start_offset, file.track_offset = np.int32(starts[grid]), np.int32(tracks[grid])
    return file


def add(file, name, values, storage, fill=None, **attributes):
    """Add a variable of the integers as they are, with its attributes."""
    variable = file.createVariable(
        name, values.dtype, ("rows", "columns"), fill_value=fill, **storage
    )
    variable.set_auto_maskandscale(False)
    variable[:] = values
    variable.setncatts(attributes)
