"""One environment holds all seven packages together; the traps that the design names stay shut."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

TOGETHER = """
import warnings
warnings.simplefilter("ignore")
import models  # selects Keras 2 before tensorflow is imported
import airflow, feast, tensorflow, tensorflow_recommenders, scann, bentoml, evidently
assert tensorflow.keras.__name__.startswith("tf_keras"), tensorflow.keras.__name__
vectors = tensorflow.random.stateless_normal((64, 8), seed=(1, 2))
index = scann.scann_ops_pybind.builder(vectors.numpy(), 3, "dot_product").score_brute_force().build()
print("neighbours", len(index.search(vectors[0].numpy())[0]))
"""


def test_all_seven_packages_work_in_one_process(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", TOGETHER],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "AIRFLOW_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "neighbours 3" in done.stdout


def test_the_lock_has_a_hash_for_every_package_and_names_no_host() -> None:
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    pins = [i for i, line in enumerate(lines) if "==" in line and not line.startswith((" ", "#"))]
    assert len(pins) > 100
    assert all("--hash=sha256:" in lines[i + 1] for i in pins)
    assert not [line for line in lines if line.startswith("--") or "://" in line]


def test_the_lock_holds_the_versions_that_work_together() -> None:
    lock = (ROOT / "requirements.txt").read_text()
    for pin in ("scann==1.4.2 ", "tensorflow==2.20.", "tf-keras==2.20.", "bentoml==1.4.", "apache-airflow==3.3.2 "):
        assert f"\n{pin}" in "\n" + lock, pin
