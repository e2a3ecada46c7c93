"""What goes wrong when a plain log is evaluated."""

from homefeed.errors import HomefeedError


class EvaluationError(HomefeedError):
    """A log, a protocol or a recommender cannot be evaluated; the message names the file and line, or the option."""
