"""Parts of a page that are generated, between comments with their names."""

from collections.abc import Mapping


def with_sections(page: str, sections: Mapping[str, str]) -> str:
    """Return a page with its generated parts.

    Args:
        page: the page, with ``<!-- name -->`` and ``<!-- /name -->`` around each of them.
        sections: what is to be between them, by their names.

    Raises:
        ValueError: the page does not have one of them, once.
    """
    for name, text in sections.items():
        first, last = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if page.count(first) != 1 or page.count(last) != 1:
            raise ValueError(f"the page needs one {first.strip()} and one {last}")
        before, _, rest = page.partition(first)
        page = f"{before}{first}\n{text.strip()}\n\n{last}{rest.partition(last)[2]}"
    return page
