"""What can go wrong for a user, each kind with the exit code its command ends with.

| code | meaning |
|---|---|
| 0 | done |
| 1 | `tsn-bench --compare` found something slower; with a traceback, from any command: a bug, please report it |
| 2 | the command line is wrong |
| 3 | this machine lacks what was asked for: a library, a device, an encoder; or the device failed at work |
| 4 | an input cannot be used |
| 5 | the output cannot be written: a file, or stdout |
| 6 | the bundle cannot be used |
| 7 | done, but the input was damaged: the message says what is missing |
| 8 | a network is too far from its reference, or a training run diverged |
| 130, 143 | stopped by Ctrl-C, by SIGTERM |
"""


def one_line(reason: str, cure: str) -> str:
    """Return the two as one line; a cure may be empty."""
    return f"{reason}{'' if reason.endswith('?') else '.'} {cure}" if cure else reason


class TsnError(Exception):
    """A mistake or a circumstance that the user can act on; commands print it as one line, without a traceback.

    Args:
        reason: what happened, and the value: what str gives, without words of a command line.
        cure: what to type next in the command that failed; left out where `reason` says it for Python too.

    `kind` is what --json calls it.
    """

    exit_code = 1
    kind = "error"

    def __init__(self, reason: str, *, cure: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.cure = cure

    @property
    def line(self) -> str:
        """The line that a command prints: the reason and the cure."""
        return one_line(self.reason, self.cure)


class UsageError(TsnError):
    """The options contradict each other or are out of range."""

    exit_code = 2
    kind = "usage"


class UnavailableError(TsnError):
    """This machine lacks a library, a device or an encoder."""

    exit_code = 3
    kind = "unavailable"


class DeviceError(UnavailableError):
    """The device, or the library that drives it, failed while it was computing."""

    kind = "device"


class InputError(TsnError):
    """A file that was given to read cannot be used."""

    exit_code = 4
    kind = "input"


class OutputError(TsnError):
    """The result cannot be written."""

    exit_code = 5
    kind = "output"


class BundleError(TsnError):
    """A bundle is incomplete, changed, foreign or too new."""

    exit_code = 6
    kind = "bundle"


class IncompleteError(TsnError):
    """The output was written, but the input was damaged and frames are missing."""

    exit_code = 7
    kind = "incomplete"


class AccuracyError(TsnError):
    """A network is farther from its reference than its threshold allows, or training diverged."""

    exit_code = 8
    kind = "accuracy"


class RegressionError(TsnError):
    """Something became slower than an earlier measurement, by more than the noise."""

    exit_code = 1
    kind = "regression"


class Terminated(BaseException):
    """SIGTERM arrived. Like KeyboardInterrupt it is no Exception, so that clean-up runs and nothing swallows it."""


def first_line(error: BaseException) -> str:
    """Return the first line of what a library's error says; the name of its class where it says nothing."""
    return next(iter(str(error).strip().splitlines()), type(error).__name__)
