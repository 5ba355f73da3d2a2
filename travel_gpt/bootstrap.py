"""What is made once for the life of the environment, and how it is put together."""

import os
from functools import cache
from typing import Final

from travel_gpt.credentials.cache import CredentialCache
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings
from travel_gpt.telemetry import logger

_settings: Final = Settings.load(os.environ)
_credentials: Final = CredentialCache(
    source_of(_settings),
    ttl=_settings.credential_ttl,
    max_stale=_settings.credential_max_stale,
    previous_for=_settings.credential_previous,
    rotation_days=_settings.credential_rotation_days,
    enforce_expiry=_settings.credential_expiry == "enforce",
    # Environments that started together would otherwise ask together ever after.
    jitter=0.1,
    base_url=_settings.base_url,
)

# While the SDK is imported the key can already be on its way. Only where a request is about to follow: an
# environment that is prepared for later would find the fetch cut short, or the key grown old.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand":
    _credentials.prefetch(seconds=10)

from travel_gpt.advisor.adviser import Adviser  # noqa: E402
from travel_gpt.api.routes import Api  # noqa: E402
from travel_gpt.llm.client import ModelClient  # noqa: E402

_upstream: Final = ModelClient(_settings)
_adviser: Final = Adviser(_credentials, _upstream)


@cache
def _keyless_adviser() -> Adviser:
    """Return what would answer with the role's identity: to try that before the key is given up."""
    if "workload-identity" in _settings.credential_source:
        return _adviser
    from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource

    source = WorkloadIdentitySource(_settings.identity_provider_id, _settings.service_account_id)
    return Adviser(CredentialCache(source, ttl=_settings.credential_ttl, max_stale=0), _upstream)


api: Final = Api(
    _settings,
    _credentials,
    _adviser,
    _keyless_adviser if _settings.identity_provider_id and _settings.service_account_id else None,
)

_posture: Final = summarize_security(_settings)
(logger.error if _settings.problems else logger.info)(
    "Posture",
    extra={"protects": _posture.protects, "off": _posture.off, "problems": _settings.problems},
)
