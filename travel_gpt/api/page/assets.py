"""The files of the web page: HTML with its style sheet, and one script, whose name changes with its content.

The script is written as modules in ``web/js``, which are served as one file: each request of a first load
costs a visitor a round trip, and the owner an invocation. What only their authors read is left out. That
needs no build while the modules keep to a few rules, which tests/unit/api/page/test_modules.py checks: only
named imports of ``./name.js``, only named exports, no top-level name twice, and no text of several lines.
"""

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from html import escape
from pathlib import Path
from typing import Final
from urllib.parse import quote

from travel_gpt.api.page.compact import compact_script, compact_style
from travel_gpt.api.resources import PAGE_ASSET
from travel_gpt.errors import NotFound

WEB: Final = Path(__file__).resolve().parents[3] / "web"
"""The folder in a clone, and in the Lambda package."""

MODULES: Final = "js"
MAIN_MODULE: Final = "main.js"
JOINED: Final = "app.js"
"""The script as the Lambda package has it instead of the modules, which take a tenth of a second to join."""

_IMPORT: Final = re.compile(r'^import\s*\{[^}]*\}\s*from\s*"\./(?P<file>[^"]+)";[ \t]*\n', re.MULTILINE)
_EXPORT: Final = re.compile(r"^export (?=async |function|class|const|let)", re.MULTILINE)
_INDENTATION: Final = re.compile(r"^[ \t]+", re.MULTILINE)
_PLACEHOLDER: Final = re.compile(r"\{\{([a-z.]+)\}\}")
_ASSET_NAME: Final = re.compile(r"app\.[0-9a-f]{1,64}\.js")


@dataclass(frozen=True)
class WebPage:
    """The files, as they are served."""

    template: str
    """The HTML, with placeholders for what depends on the stage and on the other files."""
    icon: str
    """The icon, as a URL that holds it."""
    style: str
    """The style sheet, which is in the HTML."""
    script: str

    @cached_property
    def script_name(self) -> str:
        """The name of the script, with a hash of its content."""
        return f"app.{content_hash(self.script)}.js"

    def html(self, base: str) -> str:
        """Return the HTML.

        Args:
            base: what the path of every URL begins with, such as ``/Prod``; empty behind a custom domain.
        """
        values = {
            "base": base,
            "icon": self.icon,
            "app.js": base + PAGE_ASSET.format(file=self.script_name),
        }
        # In a style element nothing is escaped, and a browser hashes what stands there.
        return _PLACEHOLDER.sub(
            lambda found: self.style if found[1] == "app.css" else escape(values[found[1]]), self.template
        )


def names_script(name: str) -> bool:
    """Return whether a file's name is that of the script, whatever its hash."""
    return _ASSET_NAME.fullmatch(name) is not None


def web_page(folder: Path = WEB) -> WebPage:
    """Return the files of the page, read again only after one of them has changed.

    Args:
        folder: where they are.

    Raises:
        NotFound: the folder is missing. A wheel does not have it.
    """
    try:
        modules = () if (folder / JOINED).is_file() else _state(folder / MODULES)
        return _read(folder, (*_state(folder), *modules))
    except FileNotFoundError as missing:
        raise NotFound(
            f"{missing.filename} is missing",
            message="This installation has no web page. Run the server from a clone of the repository.",
        ) from None


def _state(folder: Path) -> Iterator[tuple[str, int, int]]:
    """Yield what is different after a file was changed."""
    with os.scandir(folder) as entries:
        for entry in entries:
            stat = entry.stat()
            yield entry.path, stat.st_mtime_ns, stat.st_size


@lru_cache(maxsize=2)
def _read(folder: Path, state: tuple[tuple[str, int, int], ...]) -> WebPage:
    del state  # It is the cache's key.
    return WebPage(
        template=_INDENTATION.sub("", _text(folder / "index.html")),
        icon="data:image/svg+xml," + quote(_text(folder / "icon.svg"), safe=" ,/:;=@"),
        style=compact_style(_text(folder / "app.css")),
        script=_script(folder),
    )


def _script(folder: Path) -> str:
    joined = folder / JOINED
    return _text(joined) if joined.is_file() else joined_modules(folder / MODULES)


def joined_modules(folder: Path) -> str:
    """Return the modules of the script as one, each after those that it imports: in the order of ECMAScript.

    Args:
        folder: where the modules are.
    """
    read: dict[str, str] = {}
    modules = (_EXPORT.sub("", _IMPORT.sub("", text)) for text in _in_order(folder, MAIN_MODULE, read))
    return compact_script("".join(modules))


def _in_order(folder: Path, name: str, read: dict[str, str]) -> Iterator[str]:
    if name in read:
        return
    read[name] = _text(folder / name)
    for found in _IMPORT.finditer(read[name]):
        yield from _in_order(folder, found["file"], read)
    yield read[name]


def content_hash(text: str) -> str:
    """Return what is different for another text."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")
