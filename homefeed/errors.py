"""The one base of errors that are a user's to mend: the command line prints their message and exits with 2."""


class HomefeedError(Exception):
    """The message names what is wrong, where, and what to do."""
