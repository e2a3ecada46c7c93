"""What `homefeed evaluate retrieval` reads: the formats, their files and the protocols that each can answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from homefeed.errors import HomefeedError

if TYPE_CHECKING:
    from models.evaluation.sequences.split import Split

#: Format -> (its files, its protocols, the default first).
FORMATS = {
    "sequences": (("data",), ("leave-one-out", "sampled-100", "time-split")),
    "pairs": (("train", "valid", "test"), ("split",)),
    "ncf": (("train", "test", "negatives"), ("given-negatives",)),
}


class ArgumentsError(HomefeedError):
    """The options do not fit together; the message names the option."""


@dataclass(frozen=True)
class Inputs:
    """Options that name the data.

    Attributes:
      format: one of FORMATS.
      protocol: one of the format's.
      files: by the name of their option.
    """

    format: str
    protocol: str
    files: dict[str, Path]

    def read(self, seed: int) -> "Split":
        """Read the files and cut them by the protocol. Raises EvaluationError that names the file and the line."""
        from models.evaluation.sequences import protocols, readers

        files = self.files
        if self.format == "pairs":
            return protocols.split(*readers.pairs(files["train"], files["valid"], files["test"]), seed)
        if self.format == "ncf":
            return protocols.given(readers.ncf(files["train"], files["test"], files["negatives"]), seed)
        cut = {
            "leave-one-out": protocols.leave_one_out,
            "sampled-100": protocols.sampled,
            "time-split": protocols.time_split,
        }[self.protocol]
        return cut(readers.sequences(files["data"]), seed)


def inputs(format_: str, protocol: str | None, given: dict[str, Path | None]) -> Inputs:
    """Check the options before anything is read.

    Args:
      format_: the value of `--format`.
      protocol: the value of `--protocol`; None is the format's default.
      given: every option that names a file.

    Raises:
      ArgumentsError: an unknown format, a protocol that the format cannot answer, or a file too many or too few.
    """
    if format_ not in FORMATS:
        raise ArgumentsError(f"there is no format {format_!r}; formats are {', '.join(FORMATS)}")
    names, protocols = FORMATS[format_]
    if protocol is not None and protocol not in protocols:
        known = "; ".join(f"{name}: {', '.join(able)}" for name, (_, able) in FORMATS.items())
        raise ArgumentsError(f"--format {format_} has no --protocol {protocol!r}; the protocols are {known}")
    files = {name: file for name, file in given.items() if file is not None}
    for name in names:
        if name not in files:
            raise ArgumentsError(f"--format {format_} needs --{name} FILE")
    for name in files:
        if name not in names:
            wanted = ", ".join(f"--{n}" for n in names)
            raise ArgumentsError(f"--format {format_} does not read --{name}; its files are {wanted}")
    return Inputs(format_, protocol or protocols[0], files)
