"""Where a key may be sent: over TLS, or to this machine."""

import re
from typing import Final
from urllib.parse import urlsplit

_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def safe_base_url(value: str) -> str:
    """Check a base URL that a key will be sent to.

    Args:
        value: the URL, such as ``https://api.openai.com/v1``.

    Returns:
        The URL without a trailing slash.

    Raises:
        ValueError: it is no URL, carries a user name or a query, or is plain http beyond loopback.
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
    # The marks and not the parts: an empty user name may have a password, and what is added to a URL that
    # ends in "?" is no path.
    if "@" in parts.netloc or re.search(r"[?#\s\x00-\x1f]", value):
        raise ValueError(says)
    return value.rstrip("/")


def is_openai(base_url: str) -> bool:
    """Tell whether a base URL, which ``safe_base_url`` took, is OpenAI's."""
    # OpenAI's regions have hosts of their own, such as eu.api.openai.com.
    return f".{urlsplit(base_url).hostname}".endswith(".api.openai.com")


def is_loopback(base_url: str) -> bool:
    """Tell whether a URL is of this machine."""
    try:
        return urlsplit(base_url).hostname in _LOOPBACK
    except ValueError:
        return False
