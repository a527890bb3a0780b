"""One small file of every format, written by its published layout: for tests of the readers, and as seeds of the fuzz run."""

import io
import struct
import tempfile
import zipfile
from pathlib import Path

import numpy as np

N = 60
FIRST, STEP = 20.0, 0.05
COUNTS = np.random.default_rng(11).poisson(40 + 400 * np.exp(-((np.arange(N) - 30.0) ** 2) / 18.0))
ANGLES = FIRST + STEP * np.arange(N)
LAST = FIRST + STEP * (N - 1)


def every_file() -> dict[str, bytes]:
    """Name with suffix → bytes. Each holds COUNTS at ANGLES (in its first range where there are several)."""
    return {
        "plain.xye": "".join(f"{x:.3f} {y} {max(y, 1) ** 0.5:.4f}\n" for x, y in _rows()).encode(),
        "table.csv": ("2theta,intensity\n" + "".join(f"{x:.3f},{y}\n" for x, y in _rows())).encode(),
        "scan.xrdml": _xrdml(),
        "scan.ras": _ras(),
        "scan.uxd": _uxd(),
        "scan.udf": _udf(),
        "std.gsa": _gsas_std(),
        "fine.fxye": _gsas_fxye(),
        "scan.spec": _spec(),
        "scan.cif": _cif(),
        "scan.chi": ("title\n2-Theta Angle (Degrees)\nIntensity\n " + f"{N}\n" + "".join(f" {x:.3f} {y}\n" for x, y in _rows())).encode(),
        "one.raw": _raw1(),
        "two.raw": _raw2(),
        "three.raw": _raw3(),
        "four.raw": _raw4(),
        "rigaku.raw": _rigaku(),
        "stoe.raw": _stoe(),
        "philips.rd": _rd(),
        "scan.rasx": _zip({"Data0/Profile0.txt": _profile(), "Data0/MesurementConditions0.xml": _conditions()}),
        "scan.brml": _zip({"Experiment0/RawData0.xml": _bruker(), "Experiment0/DataContainer.xml": _container()}),
        "stack.nxs": nexus(np.vstack([COUNTS, COUNTS + 1])),
    }


def _rows() -> list[tuple[float, int]]:
    return [(float(x), int(y)) for x, y in zip(ANGLES, COUNTS, strict=True)]


def _numbers() -> str:
    return " ".join(str(y) for y in COUNTS)


def _xrdml() -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<xrdMeasurements xmlns="http://www.xrdml.com/XRDMeasurement/2.1"><sample><id>K</id></sample>'
        '<xrdMeasurement measurementType="Scan" sampleMode="Reflection"><usedWavelength intended="K-Alpha"><kAlpha1>1.5405980</kAlpha1>'
        '<kAlpha2>1.5444260</kAlpha2></usedWavelength><scan status="Completed" scanAxis="Gonio"><header>'
        "<startTimeStamp>2024-05-01T10:00:00+02:00</startTimeStamp></header><dataPoints>"
        f'<positions axis="2Theta" unit="deg"><startPosition>{FIRST}</startPosition><endPosition>{LAST}</endPosition></positions>'
        f'<commonCountingTime>2.0</commonCountingTime><counts unit="counts">{_numbers()}</counts></dataPoints></scan>'
        "</xrdMeasurement></xrdMeasurements>"
    ).encode()


def _ras() -> bytes:
    head = (
        '*RAS_HEADER_START\n*FILE_SAMPLE "K"\n*HW_XG_TARGET_NAME "Cu"\n*HW_XG_WAVE_LENGTH_ALPHA1 "1.540593"\n'
        '*HW_XG_WAVE_LENGTH_ALPHA2 "1.544414"\n*MEAS_SCAN_AXIS_X "TwoThetaTheta"\n*MEAS_SCAN_UNIT_X "deg"\n*MEAS_SCAN_UNIT_Y "counts"\n'
        f'*MEAS_SCAN_SPEED "1.5"\n*MEAS_SCAN_SPEED_UNIT "deg/min"\n*MEAS_SCAN_STEP "{STEP}"\n'
        '*MEAS_SCAN_START_TIME "05/01/2024 10:00:00"\n*RAS_HEADER_END\n'
    )
    rows = "*RAS_INT_START\n" + "".join(f"{x:.4f} {y} 1.0000\n" for x, y in _rows()) + "*RAS_INT_END\n"
    return ("*RAS_DATA_START\n" + 2 * (head + rows) + "*RAS_DATA_END\n").encode()


def _uxd() -> bytes:
    return (
        "_FILEVERSION=2\n_SAMPLE='K'\n_WL1=1.540600\n_WL2=1.544390\n_WLRATIO=0.5\n_ANODE='Cu'\n_GONIOMETER_RADIUS=217.5\n"
        f"_DRIVE='COUPLED'\n_STEPTIME=2.0\n_STEPSIZE={STEP}\n_START={FIRST}\n_STEPCOUNT={N}\n_COUNTS\n{_numbers()}\n"
        "_DRIVE='COUPLED'\n_STEPTIME=2.0\n_2THETACOUNTS\n" + "".join(f"{x:.3f} {y}\n" for x, y in _rows())
    ).encode()


def _udf() -> bytes:
    return (
        "SampleIdent,K ,/\nAnode, Cu,/\nLabdaAlpha1, 1.54060,/\nLabdaAlpha2, 1.54439,/\nRatioAlpha21, 0.50000,/\n"
        "FileDateTime, 17-Nov-1997 14:28,/\n"
        f"DataAngleRange, {FIRST}, {LAST:.4f},/\nScanStepSize, {STEP},/\nScanStepTime, 2.00,/\nRawScan\n"
        + ",".join(str(y) for y in COUNTS)
        + "/\n"
    ).encode()


def _gsas_std() -> bytes:
    fields = [f"{y:8d}" for y in COUNTS]
    lines = ["".join(fields[i : i + 10]) for i in range(0, N, 10)]
    head = f"BANK 1 {N} {len(lines)} CONST {100 * FIRST:.1f} {100 * STEP:.2f} 0 0 STD"
    return "\n".join(["K", head, *lines, ""]).encode()


def _gsas_fxye() -> bytes:
    rows = [f"{100 * x:.3f} {y} {max(y, 1) ** 0.5:.5f}" for x, y in _rows()]
    return "\n".join(["K", f"BANK 1 {N} {N} CONS {100 * FIRST} {100 * STEP} 0 0 FXYE", *rows, ""]).encode()


def _spec() -> bytes:
    scan = (
        f"#S 1 ascan tth {FIRST} {LAST:.2f} {N - 1} 2\n#D Wed May 01 10:00:00 2024\n#T 2  (Seconds)\n#N 4\n"
        "#L Two Theta  Epoch  Seconds  Detector\n"
    )
    rows = "".join(f"{x:.3f} 12 2 {y}\n" for x, y in _rows())
    return ("#F k\n#E 1714550400\n#D Wed May 01 09:59:00 2024\n\n" + scan + rows + "\n" + scan.replace("#S 1", "#S 2") + rows).encode()


def _cif() -> bytes:
    rows = "".join(f"{x:.3f} {y}\n" for x, y in _rows())
    return (
        "data_K\n_pd_meas_datetime_initiated 2024-05-01T10:00:00\n_diffrn_ambient_temperature 298(1)\n_pd_meas_step_count_time 2\n"
        "loop_\n_diffrn_radiation_wavelength\n_diffrn_radiation_wavelength_wt\n1.5405929 1.0\n1.5444274 0.5\n"
        f"loop_\n_pd_meas_2theta_scan\n_pd_meas_counts_total\n{rows}"
    ).encode()


def _raw1() -> bytes:
    head = struct.pack("<Iff8xfff", N, 2.0, STEP, FIRST, 10.0, 0.0) + bytes(4)
    head = head.ljust(36, b"\x00") + b"K".ljust(32) + struct.pack("<ff", 1.54056, 1.54439) + bytes(72) + struct.pack("<I", 0)
    return b"RAW " + head + COUNTS.astype("<f4").tobytes()


def _raw2() -> bytes:
    head = bytearray(256)
    head[:4] = b"RAW2"
    struct.pack_into("<H", head, 4, 1)
    head[8:40] = b"K".ljust(32)
    head[168:188] = b"01-05-202410:00     "
    head[188:190] = b"Cu"
    struct.pack_into("<fff", head, 190, 1.5406, 1.54439, 0.5)
    part = bytearray(60)
    struct.pack_into("<HH4xfff", part, 0, 60, N, 2.0, STEP, FIRST)
    return bytes(head + part) + COUNTS.astype("<f4").tobytes()


def _raw3() -> bytes:
    head = bytearray(712)
    head[:7] = b"RAW1.01"
    struct.pack_into("<II", head, 8, 1, 1)
    head[16:26], head[26:36] = b"05/01/24\x00\x00", b"10:00:00\x00\x00"
    head[326:327], head[608:610] = b"K", b"Cu"
    struct.pack_into("<f", head, 564, 217.5)
    struct.pack_into("<5d", head, 616, 1.5418, 1.5406, 1.54439, 1.39222, 0.5)
    part = bytearray(304)
    struct.pack_into("<IIdd", part, 0, 304, N, FIRST / 2, FIRST)
    struct.pack_into("<d", part, 176, STEP)
    struct.pack_into("<f", part, 192, 2.0)
    struct.pack_into("<III", part, 248, 0, 4, 40)
    return bytes(head + part) + bytes(40) + COUNTS.astype("<f4").tobytes()


def _raw4() -> bytes:
    head = bytearray(61)
    head[:7], head[12:22], head[24:32] = b"RAW4.00", b"05/01/2024", b"10:00:00"
    sample = struct.pack("<III", 10, 37, 0) + b"SAMPLEID".ljust(24, b"\x00") + b"K"
    tube = struct.pack("<II", 30, 136) + bytes(64) + struct.pack("<5d", 1.5418, 1.5406, 1.54439, 1.39222, 0.5) + bytes(4) + b"Cu\x00\x00"
    drive = struct.pack("<III", 50, 92, 2) + b"2Theta".ljust(24, b"\x00") + bytes(20) + struct.pack("<d", FIRST)
    part = bytearray(160)
    part[32:46] = b"Locked Coupled"
    struct.pack_into("<ddIf", part, 72, FIRST, STEP, N, 2.0)
    struct.pack_into("<II", part, 136, 4, 92)
    return bytes(head) + sample + tube.ljust(136, b"\x00") + bytes(part) + drive.ljust(92, b"\x00") + COUNTS.astype("<f4").tobytes()


def _rigaku() -> bytes:
    machine = bytearray(2112)
    machine[:2] = b"BU"
    struct.pack_into("<I", machine, 8, 2100)
    struct.pack_into("<3d", machine, 1188, 1.540593, 1.544414, 1.39225)
    machine[1214:1216] = b"Cu"
    part = bytearray(1002)
    part[:2] = b"PI"
    struct.pack_into("<I", part, 8, 990)
    struct.pack_into("<II", part, 30, 1714550400, 1714550400 + 2 * N)
    struct.pack_into("<4f", part, 822, 1.5, FIRST, LAST, STEP)
    data = b"DA\x00\x00" + struct.pack("<IIII", 0, 8 + 4 * N, 0, N) + COUNTS.astype("<f4").tobytes()
    return b"FI\x00\x00" + struct.pack("<II", 0, 12) + bytes(12) + bytes(machine) + bytes(part) + data


def _stoe() -> bytes:
    head = bytearray(0x400)
    head[:14], head[0x20:0x22] = b"RAW_1.06Powdat", b"K\x00"
    struct.pack_into("<2f", head, 0x142, 1.5406, 1.54439)
    part = bytearray(0x200)
    part[:15], part[16:31] = b"01-May-24 10:00", b"01-May-24 10:02"
    struct.pack_into("<H", part, 0x22, N)
    struct.pack_into("<6f", part, 0x2C, FIRST, FIRST / 2, LAST, LAST / 2, STEP, STEP / 2)
    struct.pack_into("<2I", part, 0x78, int(COUNTS.min()), int(COUNTS.max()))
    return bytes(head + part) + COUNTS.astype("<u4").tobytes().ljust(0x200, b"\x00")


def _rd() -> bytes:
    head = bytearray(250)
    head[:4], head[146:147] = b"V3RD", b"K"
    struct.pack_into("<3d", head, 94, 1.5406, 1.54439, 0.5)
    struct.pack_into("<3d", head, 214, STEP, FIRST, LAST)
    return bytes(head) + np.rint(10 * np.sqrt(COUNTS)).astype("<u2").tobytes()


def _profile() -> str:
    return "\ufeff" + "".join(f"{x:.4f}\t{y}\t1\n" for x, y in _rows())


def _conditions() -> str:
    return (
        "<MeasurementConditions><GeneralInformation><SampleName>K</SampleName></GeneralInformation><HWConfigurations><XrayGenerator>"
        "<TargetName>Cu</TargetName><WavelengthKalpha1>1.540593</WavelengthKalpha1><WavelengthKalpha2>1.544414</WavelengthKalpha2>"
        "</XrayGenerator></HWConfigurations><ScanInformation><AxisName>TwoThetaTheta</AxisName>"
        f"<Step>{STEP}</Step><Speed>1.5</Speed><SpeedUnit>deg/min</SpeedUnit><PositionUnit>deg</PositionUnit>"
        "<IntensityUnit>counts</IntensityUnit><StartTime>2024-05-01T10:00:00Z</StartTime></ScanInformation></MeasurementConditions>"
    )


def _bruker() -> str:
    rows = "".join(f"<Datum>2,1,{x:.3f},{x / 2:.4f},{y}</Datum>" for x, y in _rows())
    return (
        "<RawData><MeasurementStatus>Measured</MeasurementStatus><TimeStampStarted>2024-05-01T10:00:00.1234567+02:00</TimeStampStarted>"
        '<DataRoutes><DataRoute RouteFlag="Measured"><ScanInformation ScanName="LockedCoupled" VisibleName="Coupled TwoTheta/Theta">'
        f"<TimePerStep>2</TimePerStep></ScanInformation>{rows}<DataViews>"
        '<RawDataView Start="0" Length="1" LogicName="MeasuredTime"/><RawDataView Start="1" Length="1" LogicName="AbsorptionFactor"/>'
        '<RawDataView Start="2" Length="2"><Varying><FieldDefinitions FieldName="TwoTheta" AxisId="TwoTheta"/>'
        '<FieldDefinitions FieldName="Theta" AxisId="Theta"/></Varying></RawDataView>'
        '<RawDataView Start="4" Length="1"><Recording LogicName="ScanCounter"/></RawDataView></DataViews></DataRoute></DataRoutes>'
        '<FixedInformation><Instrument><PrimaryTracks><Tube><WaveLengthAlpha1 Value="1.5406"/><WaveLengthAlpha2 Value="1.54439"/>'
        '<WaveLengthRatio Value="0.5"/><TubeMaterial>Cu</TubeMaterial></Tube></PrimaryTracks></Instrument></FixedInformation></RawData>'
    )


def _container() -> str:
    return '<DataContainer><MeasurementInfo UserName="u" SampleName="K"/></DataContainer>'


def _zip(members: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, (2024, 5, 1, 10, 0, 0)), text)
    return stream.getvalue()


def nexus(counts: np.ndarray, *, axis: str = "two_theta", units: str = "deg") -> bytes:
    """An NXazint1d-like stack: (k, n) counts at ANGLES, one pattern a minute from 10 o'clock."""
    import h5py

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.nxs"
        with h5py.File(path, "w", track_order=True) as file:
            entry = file.create_group("entry")
            entry.attrs["NX_class"] = "NXentry"
            entry["definition"] = "NXazint1d"
            entry["start_time"] = "2024-05-01T10:00:00+02:00"
            beam = entry.create_group("instrument/monochromator")
            entry["instrument"].attrs["NX_class"] = "NXinstrument"
            beam.attrs["NX_class"] = "NXmonochromator"
            beam["wavelength"] = 0.4939
            beam["wavelength"].attrs["units"] = "angstrom"
            sample = entry.create_group("sample")
            sample.attrs["NX_class"] = "NXsample"
            sample["name"] = "K"
            data = entry.create_group("data")
            data.attrs.update({"NX_class": "NXdata", "signal": "I", "axes": ["time", axis]})
            data["I"] = counts.astype(np.float32)
            data[axis] = ANGLES[: counts.shape[1]]
            data[axis].attrs["units"] = units
            data["time"] = 60.0 * np.arange(len(counts))
            data["time"].attrs["units"] = "s"
        return path.read_bytes()
