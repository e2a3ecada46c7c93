"""Exposures, windowed aggregates and viewer state as Ibis expressions over the lake; Feast reads them from there.

Feast has typeguard rewrite each of its classes when it is imported, which is two thirds of the time that takes, in
every task and in the service. What is given to them here is checked by mypy, so they are taken as they are.
"""

from typing import Any

import typeguard

_typechecked: Any = typeguard.typechecked


def _unless_of_feast(target: Any = None, **options: Any) -> Any:
    if target is not None and target.__module__.partition(".")[0] == "feast":
        return target
    return _typechecked(target, **options)


typeguard.typechecked = _unless_of_feast
