"""ScaNN without TensorFlow."""

import sys
from typing import Any


def scann_ops() -> Any:
    """ScaNN's searchers and builders. `import scann` would import TensorFlow too, for operations of graphs that nothing
    here uses: seconds of a start, and half a GiB."""
    if "scann" not in sys.modules and "tensorflow" not in sys.modules:
        # What scann takes for a machine that has none.
        sys.modules["tensorflow"] = None  # type: ignore[assignment]
        try:
            import scann  # noqa: F401
        finally:
            del sys.modules["tensorflow"]
    from scann import scann_ops_pybind

    return scann_ops_pybind
