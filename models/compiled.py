"""Loops over the candidates of a page, compiled to machine code: what numpy would do in many passes (docs/adr/0032)."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar, cast, get_type_hints

import numpy as np
from numba import float32, float64, int64, njit, types
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., None])


def _read(kind: Any, dimensions: int) -> Any:
    """An array in C order that is only read: those of a file that is mapped into memory cannot be written."""
    return types.Array(kind, dimensions, "C", readonly=True)


Floats = Annotated[NDArray[np.float32], _read(float32, 1)]
Floats2 = Annotated[NDArray[np.float32], _read(float32, 2)]
Floats3 = Annotated[NDArray[np.float32], _read(float32, 3)]
Doubles = Annotated[NDArray[np.float64], _read(float64, 1)]
Ints = Annotated[NDArray[np.int64], _read(int64, 1)]
#: The same to write into.
FloatsOut = Annotated[NDArray[np.float32], float32[::1]]
Floats2Out = Annotated[NDArray[np.float32], float32[:, ::1]]
IntsOut = Annotated[NDArray[np.int64], int64[::1]]


def compiled(function: Function) -> Function:
    """Compile a function that returns nothing and whose arguments are of the kinds above, or `int`: now, at import, so
    that no request waits for it. It runs without Python's lock and does not check places in arrays.

    What was compiled once is kept beside the source, in NUMBA_CACHE_DIR, or in the user's folder for caches, whichever
    can be written; where none can, every process compiles for itself.
    """
    hints = get_type_hints(function, include_extras=True)
    kinds = [int64 if hint is int else hint.__metadata__[0] for name, hint in hints.items() if name != "return"]

    def compile(cache: bool) -> Any:
        # Division as in numpy: a check for zero in each would keep a loop from the processor's vectors.
        return njit(types.void(*kinds), cache=cache, nogil=True, error_model="numpy")(function)

    try:
        return cast(Function, compile(cache=True))
    except RuntimeError:  # there is no folder for it
        return cast(Function, compile(cache=False))
