"""Where a key may be sent: over TLS, or to this machine."""

import re
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def safe_base_url(value: str) -> str:
    """Validate a base URL that a key will be sent to.

    Args:
        value: the URL, such as ``https://api.openai.com/v1``.

    Returns:
        The URL with its scheme in small letters, and without a trailing slash.

    Raises:
        ValueError: it is not a URL, has a user name or a query, or is http and not on loopback.
    """
    says = "must be an https:// URL (http:// is for this machine only), without user name, query or fragment"
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(says) from None
    plain_on_loopback = parts.scheme == "http" and host in _LOOPBACK
    if not host or not (parts.scheme == "https" or plain_on_loopback):
        raise ValueError(says)
    # Search for the characters: an empty user name may have a password, and a path that is appended to a URL
    # that ends in "?" becomes its query.
    if "@" in parts.netloc or re.search(r"[?#\s\x00-\x1f]", value):
        raise ValueError(says)
    # Who reads the scheme to decide on certificates or proxies must not overlook one in capital letters.
    return f"{parts.scheme}{value[len(parts.scheme) :].rstrip('/')}"


def is_openai(base_url: str) -> bool:
    """Return whether a base URL that ``safe_base_url`` accepted is OpenAI's."""
    # OpenAI's regions have hosts of their own, such as eu.api.openai.com.
    return f".{urlsplit(base_url).hostname}".endswith(".api.openai.com")


def is_openai_region(base_url: str) -> bool:
    """Return whether a base URL is one of OpenAI's for a region, which cost more."""
    return is_openai(base_url) and urlsplit(base_url).hostname != "api.openai.com"


def is_loopback(base_url: str) -> bool:
    """Return whether a URL is on this machine."""
    try:
        return urlsplit(base_url).hostname in _LOOPBACK
    except ValueError:
        return False
