"""The project's pages, as far as tests look into them."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

ROOT = Path(__file__).resolve().parent.parent.parent
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Page:
    """One Markdown file.

    Attributes:
        path: where it is.
        text: what it says.
    """

    path: Path
    text: str

    @classmethod
    def read(cls, name: str) -> Self:
        """Read a page by its path below the clone."""
        return cls(ROOT / name, (ROOT / name).read_text(encoding="utf-8"))

    @cached_property
    def fenced(self) -> list[tuple[str, str]]:
        """The language and the text of each fenced block, without its indentation."""
        return [
            (match[2], re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE))
            for match in _FENCE.finditer(self.text)
        ]

    @cached_property
    def blocks(self) -> list[str]:
        """The fenced blocks."""
        return [match[3] for match in _FENCE.finditer(self.text)]

    @cached_property
    def prose(self) -> str:
        """The text without its fenced blocks."""
        return _FENCE.sub("", self.text)

    @cached_property
    def spans(self) -> list[str]:
        """The pieces marked as code."""
        return re.findall(r"`([^`]+)`", self.prose)

    @cached_property
    def commands(self) -> str:
        """Everything that could be typed: blocks and spans, with continued lines joined."""
        return re.sub(r"\\?\n +| \|\n *", " ", "\n".join([*self.blocks, *self.spans]))

    @cached_property
    def links(self) -> list[str]:
        """The targets of the links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    @cached_property
    def anchors(self) -> set[str]:
        """What a link within the page can lead to, as GitHub names it."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    def section(self, heading: str) -> str:
        """The text below a heading, up to the next one of its level or above.

        Raises:
            AssertionError: there is no such heading.
        """
        # A comment in a block looks like a heading.
        outline = _FENCE.sub(lambda block: re.sub("#", " ", block[0]), self.text)
        match = re.search(rf"^(#+) {re.escape(heading)}$", outline, re.MULTILINE)
        assert match, f"{self.path.name} has no heading {heading!r}"
        end = re.compile(rf"^#{{1,{len(match[1])}}} ", re.MULTILINE).search(outline, match.end())
        return self.text[match.end() : end.start() if end else None]


def pages() -> list[Page]:
    """Every page of the project."""
    found = [*ROOT.glob("*.md")]
    for folder in ("docs", "benchmarks", "events", "scripts", "testbed", "tests"):
        found += (ROOT / folder).rglob("*.md")
    return [Page.read(str(path.relative_to(ROOT))) for path in sorted(found)]
