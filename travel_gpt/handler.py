"""The Lambda's front door: wiring, nothing else."""

import gc
import os
from typing import TYPE_CHECKING, Any, Final

# Importing makes many objects and no garbage: collecting meanwhile is a fifth of a cold start.
gc.disable()

from travel_gpt.credentials.cache import CredentialCache  # noqa: E402
from travel_gpt.credentials.secrets_manager import SecretsManagerSource  # noqa: E402
from travel_gpt.settings import Settings  # noqa: E402

_settings: Final = Settings.load(os.environ)
_credentials: Final = CredentialCache(
    SecretsManagerSource(_settings.secret_name),
    ttl=_settings.credential_ttl,
    max_stale=_settings.credential_max_stale,
)

# While the SDK is imported the key can already be on its way. Only where a request is about to follow: an
# environment that is prepared for later would find the fetch cut short, or the key grown old.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand":
    _credentials.prefetch(seconds=10)

from travel_gpt.advisor.adviser import Adviser  # noqa: E402
from travel_gpt.advisor.upstream import Upstream  # noqa: E402
from travel_gpt.api.routes import Api  # noqa: E402

if TYPE_CHECKING:
    from travel_gpt.api.responses import ProxyResponse
    from travel_gpt.api.routes import Context

_api: Final = Api(_settings, _credentials, Adviser(_credentials, Upstream(_settings)))

gc.freeze()
gc.enable()


def lambda_handler(event: dict[str, Any], context: "Context") -> "ProxyResponse":
    """Answer one request of API Gateway.

    Args:
        event: the REST API's proxy event (payload format 1.0).
        context: Lambda's context.

    Returns:
        The proxy response.
    """
    return _api.answer(event, context)
