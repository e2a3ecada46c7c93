"""What goes wrong when a policy is evaluated from a log."""

from homefeed.errors import HomefeedError


class PolicyError(HomefeedError):
    """A log cannot answer what a policy is worth; the message names the file and line, or the row and column."""


class UnsupportedError(PolicyError):
    """The policy would show what the log's policy never could: no weighting of the log tells what that is worth."""
