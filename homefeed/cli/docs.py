"""`homefeed docs`: write the pages of docs/ that are generated from the code, or check that they are up to date."""

from pathlib import Path
from typing import Annotated

import typer

from homefeed.errors import HomefeedError


class StaleDocsError(HomefeedError):
    """A generated page is not what the code says today."""


def docs(
    folder: Annotated[Path, typer.Option(help="Folder of the pages.")] = Path("docs"),
    check: Annotated[bool, typer.Option("--check", help="Write nothing; fail when a page is out of date.")] = False,
) -> None:
    """Write docs/settings.md, docs/events.md and the tree of the README from the code.

    Example: homefeed docs --check
    """
    from homefeed.cli import tree
    from homefeed.schema import page as events
    from homefeed.settings import page as settings

    root, stale = folder.parent, []
    pages = {
        folder / "settings.md": settings.page(),
        folder / "events.md": events.page(),
        root / "README.md": tree.readme(root),
    }
    for file, text in pages.items():
        if not file.exists() or file.read_text() != text:
            stale.append(str(file))
            if not check:
                file.write_text(text)
    if check and stale:
        raise StaleDocsError(f"{', '.join(stale)} differ from the code: run `make docs` and commit the result")
    print("written: " + ", ".join(stale) if stale else "the generated pages are up to date")
