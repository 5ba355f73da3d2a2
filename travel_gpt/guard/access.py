"""Who may POST."""

from travel_gpt.errors import Forbidden


def require_access(caller: str, api_access: str) -> None:
    """Refuse a caller that API Gateway did not authenticate.

    API Gateway does this already. It is done again because one click in its console can turn it off, and then
    everyone could spend the owner's money.

    Args:
        caller: the id of the API key that API Gateway authenticated; empty where it authenticated none.
        api_access: ``api-key`` or ``open``.

    Raises:
        Forbidden: the API needs a key, and API Gateway authenticated none.
    """
    if api_access != "open" and not caller:
        raise Forbidden("a POST reached the function without an API key: check the method's ApiKeyRequired")
