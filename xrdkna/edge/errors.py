"""One table turns errors into exit statuses, one function turns them into a sentence."""

from xrdkna.errors import DataError, DeclinedError, UsageError, XrdknaError

ANSWERED = 0
DECLINED = 1
WRONG_USE = 2
UNREADABLE = 3
INTERRUPTED = 130  # 128 + SIGINT, what a shell expects
BROKEN_PIPE = 141  # 128 + SIGPIPE: whoever was reading has heard enough

STATUSES: tuple[tuple[type[XrdknaError], int], ...] = (
    (DeclinedError, DECLINED),
    (UsageError, WRONG_USE),
    (DataError, UNREADABLE),
)


def exit_status(error: XrdknaError) -> int:
    """The exit status of a failure; a kind that the table does not hold counts as unreadable data."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), UNREADABLE)


def sentence_of(error: BaseException) -> str:
    """The message of an error on one line; the name of its class when it has no message."""
    return " ".join(str(error).split()) or type(error).__name__
