"""The image of a Bento, built by the recipe inside it."""

import shutil
import subprocess

from homefeed.settings import Settings
from serving.bento import Bento, BentoError, image_note, last_said


def build_image(settings: Settings, bento: Bento) -> bool:
    """Build the image of a Bento, with its tag as its name, by `serving.bento_engine`.

    Not by `bentoml containerize`, which does the same and ends well also when the engine failed.

    Returns:
      False when that engine has built it before.

    Raises:
      BentoError: no engine is named, it is not there, or the build failed.
    """
    engine = settings.serving.bento_engine
    if not engine:
        raise BentoError(
            "nothing is named that builds images: set HOMEFEED_SERVING__BENTO_ENGINE to docker, podman or buildah"
        )
    note = image_note(bento.path)
    if note.exists() and note.read_text() == engine:
        return False
    if shutil.which(engine) is None:
        raise BentoError(
            f"there is no program {engine!r}: install it, or name another in HOMEFEED_SERVING__BENTO_ENGINE"
        )
    command = [engine, "build", "--file", str(bento.dockerfile), "--tag", bento.tag, str(bento.path)]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        raise BentoError(f"`{' '.join(command)}` failed with code {done.returncode}:\n{last_said(done.stdout)}")
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(engine)
    return True
