"""Called by mkdocs for each page: links out of the documents become their words, and messages become headings."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Any

# On this page, each line of code is a message; a heading is what the search leads to.
MESSAGES = "troubleshooting.md"
MESSAGE = re.compile(r"^    (.+)$", re.MULTILINE)
LINK = re.compile(r"\[([^\]]*)\]\(([^)\s:#]+)(#[^)\s]*)?\)")


def on_page_markdown(markdown: str, page: Any, config: Any, **_: Any) -> str:
    """Return a page's text without the links that lead out of the documents, and with a heading for each message.

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

    if page.file.src_uri == MESSAGES:
        page.meta["search"] = {"boost": 20}
        markdown = MESSAGE.sub(lambda message: f"### `` {message[1]} ``", markdown)
    return LINK.sub(without, markdown)
