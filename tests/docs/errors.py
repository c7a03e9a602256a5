"""The errors of the program."""

from tsn.runtime import errors


def kinds(base: type[errors.TsnError] = errors.TsnError) -> set[type[errors.TsnError]]:
    """Return the errors below `base` in runtime/errors.py, all the way down."""
    below = {kind for direct in base.__subclasses__() for kind in {direct, *kinds(direct)}}
    return {kind for kind in below if kind.__module__ == errors.__name__}
