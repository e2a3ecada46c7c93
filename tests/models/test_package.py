"""What importing the package does, and what it does not."""

import subprocess
import sys


def run(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.strip()


def test_keras_2_is_selected_before_tensorflow_is_imported() -> None:
    unset = "import os; os.environ.pop('TF_USE_LEGACY_KERAS', None)"
    assert run(f"{unset}; import models, tensorflow as tf; print(tf.keras.Model.__module__)").startswith("tf_keras")


def test_the_package_and_its_measures_import_nothing_heavy() -> None:
    code = (
        "import sys, models, models.evaluation, models.value, models.training, models.request_features;"
        "print([m for m in ('tensorflow', 'scann', 'feast', 'bentoml', 'sklearn', 'pandas') if m in sys.modules])"
    )
    assert run(code) == "[]"
