"""`homefeed bento`: the service's code as a Bento."""

import shlex

import typer

from homefeed.cli.output import AsJson, emit


def command(as_json: AsJson = False) -> None:
    """Build the service's code as a Bento, for BentoML's own tools; of unchanged code it is there already.

    What the DAG build_service does each night. No release is in it: a running service takes them from the registry.

    Example: homefeed bento
    """
    from homefeed.settings import load
    from serving.bento import build_bento

    settings = load()
    made = build_bento(settings)
    home = f"BENTOML_HOME={shlex.quote(str(settings.bundles_path.absolute()))}"
    text = (
        f"{made.tag} {'is built' if made.is_new else 'was built before'}, in {made.path}\n"
        f"an image of it:  {home} bentoml containerize {made.tag}\n"
        f"a file of it:    {home} bentoml export {made.tag} .\n"
        f"serve it here:   HOMEFEED_VAR={shlex.quote(str(settings.var.absolute()))} {home} bentoml serve {made.tag}"
    )
    value = {"tag": made.tag, "path": made.path, "dockerfile": made.dockerfile, "new": made.is_new}
    if as_json:
        emit(value, as_json, text)
    else:
        typer.echo(text)  # not broken into lines: commands are copied
