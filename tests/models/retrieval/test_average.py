"""The average of weights, by hand."""

import importlib

from models.retrieval.average import Average

#: After the package, which chooses Keras 2.
tf = importlib.import_module("tensorflow")


class _Model:
    def __init__(self) -> None:
        self.trainable_variables = [tf.Variable([1.0])]


def test_without_steps_nothing_is_averaged() -> None:
    model = _Model()
    average = Average(model, 0)
    average.update()
    with average:
        assert model.trainable_variables[0].numpy() == [1.0]


def test_before_the_first_step_the_weights_stay() -> None:
    model = _Model()
    with Average(model, 10):
        assert model.trainable_variables[0].numpy() == [1.0]


def test_the_plain_mean_at_first_then_an_exponential_one_and_the_own_weights_come_back() -> None:
    model = _Model()
    (weight,) = model.trainable_variables
    average = Average(model, 2)
    update = tf.function(average.update)
    means = []
    for value in (1.0, 3.0, 8.0):
        weight.assign([value])
        update()
        with average:
            means.append(float(weight.numpy()[0]))
    # 1; (1 + 3) / 2; then half of the old mean and half of the new weight.
    assert means == [1.0, 2.0, 5.0]
    assert weight.numpy() == [8.0]


def test_a_new_start_forgets_the_steps_so_far() -> None:
    model = _Model()
    (weight,) = model.trainable_variables
    average = Average(model, 10)
    average.update()
    average.restart()
    weight.assign([5.0])
    average.update()
    with average:
        assert weight.numpy() == [5.0]
