"""What can go wrong, drawn as a tree. Every message is one sentence: what was given, where, what to do.

XrdknaError
├── UsageError            the request cannot be carried out as asked           exit 2, HTTP 400
│   ├── RadiationError    no wavelength is known, or its name is not
│   ├── PhaseChoiceError  a phase that the library does not hold
│   └── RecipeError       a simulation recipe or settings file that contradicts itself
├── DataError             a file or record is unreadable or impossible         exit 3, HTTP 422
│   ├── ScanFileError     a scan file
│   ├── SeriesError       a series folder, its scans.csv or series.toml
│   ├── CyclingError      a cycler file
│   ├── CifError          a structure file
│   └── RecordError       numbers that no record may hold (shape, order, not finite)
└── DeclinedError         the analysis ran and declines to answer              exit 1, HTTP 200 with the reason
"""


class XrdknaError(Exception):
    """Base of every error this package raises on purpose."""


class UsageError(XrdknaError):
    """The request cannot be carried out as asked."""


class RadiationError(UsageError):
    """No wavelength is known, or the name of the radiation is not."""


class PhaseChoiceError(UsageError):
    """A phase was asked for that the library does not hold."""


class RecipeError(UsageError):
    """A simulation recipe or a settings file contradicts itself."""


class DataError(XrdknaError):
    """A file or record is unreadable or impossible."""


class ScanFileError(DataError):
    """A scan file cannot be read."""


class SeriesError(DataError):
    """A series folder, its scans.csv or its series.toml cannot be read."""


class CyclingError(DataError):
    """A cycler file cannot be read."""


class CifError(DataError):
    """A structure file cannot be read or describes no possible crystal."""


class RecordError(DataError):
    """Numbers that no record may hold."""


class DeclinedError(XrdknaError):
    """The analysis ran and declines to answer."""
