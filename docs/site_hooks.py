"""Called by mkdocs for each page: links to files of the checkout that are no pages become their words."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

LINK = re.compile(r"\[([^\]]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Return a page's text without the links that lead out of the documents.

    Raises:
        FileNotFoundError: such a link leads nowhere in the checkout either.
    """
    here, documents = PurePosixPath(page.file.src_uri).parent, Path(config.docs_dir)

    def without(link: re.Match[str]) -> str:
        target = normpath(here / link[2])
        if not target.startswith("../"):
            return link[0]
        if not (documents / target).exists():
            raise FileNotFoundError(f"{page.file.src_uri}: {link[2]} is no file")
        return link[1]

    return LINK.sub(without, markdown)
