"""`homefeed bundle`: copy release bundles to the object store, and bring them from there."""

from typing import Annotated

import typer

from homefeed.cli.output import AsJson, emit

app = typer.Typer(no_args_is_help=True)

ReleaseId = Annotated[str, typer.Argument(help="The release; `homefeed release list` names them.")]


@app.callback()
def bundle() -> None:
    """Copy release bundles to the object store of HOMEFEED_STORAGE__URL, and bring them from there.

    Example: homefeed bundle export r20261123T2200Z-1a2b3c
    """


@app.command()
def export(release: ReleaseId, as_json: AsJson = False) -> None:
    """Copy a bundle to the store; every file is read back. Doing it again copies nothing.

    Example: homefeed bundle export r20261123T2200Z-1a2b3c
    """
    from homefeed.settings import load
    from models.bundle.shelf import export_bundle

    settings = load()
    files = export_bundle(settings, release)
    where = f"{settings.shelf_place}/{release}"
    emit({"release": release, "files": files, "place": where}, as_json, f"{files} files copied to {where}")


@app.command("import")
def import_(release: ReleaseId, as_json: AsJson = False) -> None:
    """Bring a bundle from the store into the model store of this machine; every file is checked.

    Example: homefeed bundle import r20261123T2200Z-1a2b3c
    """
    from homefeed.settings import load
    from models.bundle.shelf import import_bundle

    path = import_bundle(load(), release)
    emit({"release": release, "path": str(path)}, as_json, f"{release} is in {path}")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Releases whose bundles are in the store.

    Example: homefeed bundle list
    """
    from homefeed.settings import load
    from models.bundle.shelf import shelved

    releases = shelved(load())
    emit({"releases": releases}, as_json, "\n".join(releases) or "there are none")
