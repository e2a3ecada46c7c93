"""The error of engines, in a file of its own: `engine.py` opens the engines, and they raise it."""

from homefeed.errors import HomefeedError


class EngineError(HomefeedError):
    """The engine cannot be had or cannot do what is asked; the message names its address and the setting."""
