import numpy as np
import pytest

from models.compiled import Doubles, Floats2, Floats2Out, FloatsOut, compiled


@compiled
def summed(columns: Floats2, factor: int, sums: FloatsOut) -> None:
    for i in range(len(columns)):
        sums[i] = 0
        for j in range(columns.shape[1]):
            sums[i] += factor * columns[i, j]


def test_what_is_only_read_may_be_mapped_into_memory() -> None:
    columns, sums = np.array([[1, 2], [3, 4]], np.float32), np.empty(2, np.float32)
    columns.flags.writeable = False
    summed(columns, 2, sums)
    assert sums.tolist() == [6, 14]


def test_nothing_is_compiled_for_a_request() -> None:
    with pytest.raises(TypeError, match="No matching definition"):
        summed(np.ones((2, 2)), 2, np.empty(2, np.float32))
    with pytest.raises(TypeError, match="No matching definition"):
        summed(np.ones((2, 2), np.float32).T, 2, np.empty(2, np.float32))


def test_a_division_by_nothing_is_no_error() -> None:
    @compiled
    def divided(numbers: Doubles, quotients: Floats2Out) -> None:
        for i in range(len(numbers)):
            quotients[0, i] = numbers[i] / (numbers[i] - numbers[i])

    quotients = np.empty((1, 2), np.float32)
    divided(np.array([1.0, 0.0]), quotients)
    assert np.isinf(quotients[0, 0])
    assert np.isnan(quotients[0, 1])


def test_where_nothing_can_be_kept_it_is_compiled_all_the_same() -> None:
    # A function that has no file is what no folder for caches is found for.
    found: dict[str, object] = {"Doubles": Doubles, "FloatsOut": FloatsOut}
    source = "def first(numbers: Doubles, out: FloatsOut) -> None:\n    out[0] = numbers[0]\n"
    exec(compile(source, "<nowhere>", "exec"), found)
    out = np.zeros(1, np.float32)
    compiled(found["first"])(np.array([3.0]), out)  # type: ignore[type-var, misc]
    assert out.tolist() == [3]
