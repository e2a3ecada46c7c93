"""What goes wrong with a log that somebody else wrote."""

from homefeed.errors import HomefeedError


class ImportLogError(HomefeedError):
    """A log cannot be imported; the message names the file and what is wrong with it. Nothing was written."""
