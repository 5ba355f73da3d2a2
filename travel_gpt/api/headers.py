"""The headers of every response.

Nothing is imported that could fail: the answer of a function that could not start has them too.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

STANDING: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Content-Type": "application/json",
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        # RFC 6797: for a year, a browser asks this host over TLS only. The GatewayResponses of template.yaml
        # have the same header.
        "Strict-Transport-Security": "max-age=31536000",
    }
)
"""The headers by name. API Gateway is reached over TLS alone; the local server leaves the last one out."""
