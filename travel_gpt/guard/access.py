"""Who may POST."""

from collections.abc import Mapping
from typing import Any

from travel_gpt.errors import Forbidden


def require_access(event: Mapping[str, Any], api_access: str) -> None:
    """Refuse a caller whom API Gateway did not authenticate.

    API Gateway does this already. It is done again because a console click can undo it there, and then
    anybody could spend the owner's money.

    Args:
        event: API Gateway's proxy event.
        api_access: ``api-key`` or ``open``.

    Raises:
        Forbidden: the API needs a key, and API Gateway found none.
    """
    if api_access == "open":
        return
    identity = (event.get("requestContext") or {}).get("identity") or {}
    if not identity.get("apiKeyId"):
        raise Forbidden("a POST reached the function without an API key: check the method's ApiKeyRequired")
