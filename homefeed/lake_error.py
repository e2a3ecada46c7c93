"""What a lake says when it cannot do what it is asked for."""

from collections.abc import Iterator
from contextlib import contextmanager

from deltalake.exceptions import DeltaError

from homefeed.errors import HomefeedError
from homefeed.object_store import NEEDED_RIGHTS
from homefeed.settings.storage import Place, StoreFolder


class LakeError(HomefeedError):
    """A table cannot be read or written as asked; the message says which and why."""


@contextmanager
def committing(table: str, location: Place) -> Iterator[None]:
    """A commit to `table`: what refuses it is a LakeError, without the details that a store adds."""
    try:
        yield
    except (OSError, DeltaError) as error:
        reason = str(error).split(" Detail: ", maxsplit=1)[0]
        if isinstance(location, StoreFolder):
            raise LakeError(
                f"{table} cannot be written to {location}, which is as it was: {reason}. {NEEDED_RIGHTS}"
            ) from error
        if isinstance(error, DeltaError):
            raise LakeError(f"{table} cannot be written, it is as it was: {reason}") from error
        raise
