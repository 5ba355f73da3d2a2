"""What is made once for the life of the environment, and how it is put together."""

import os
from typing import Final

from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.credentials.sources import source_of
from travel_gpt.settings import Settings

_settings: Final = Settings.load(os.environ)
_credentials: Final = CredentialCache(
    source_of(_settings),
    ttl=_settings.credential_ttl,
    max_stale=_settings.credential_max_stale,
    previous_for=_settings.credential_previous,
    # Environments that started together would otherwise ask together ever after.
    jitter=0.1,
)

# While the SDK is imported the key can already be on its way. Only where a request is about to follow: an
# environment that is prepared for later would find the fetch cut short, or the key grown old.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand":
    _credentials.prefetch(seconds=10)

from travel_gpt.advisor.adviser import Adviser  # noqa: E402
from travel_gpt.advisor.upstream import Upstream  # noqa: E402
from travel_gpt.api.routes import Api  # noqa: E402

api: Final = Api(_settings, _credentials, Adviser(_credentials, Upstream(_settings)))
