"""Creates what lives as long as the environment, once, and connects it."""

import os
from functools import cache
from typing import Final

from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings
from travel_gpt.telemetry import logger

_settings: Final = Settings.load(os.environ)
_session: Final = CredentialSession(
    source_of(_settings),
    ttl=_settings.credential_ttl,
    max_stale=_settings.credential_max_stale,
    previous_for=_settings.credential_previous,
    rotation_days=_settings.credential_rotation_days,
    enforce_expiry=_settings.credential_expiry == "enforce",
    # Environments that started together would otherwise fetch at the same moments from then on.
    jitter=0.1,
    base_url=_settings.base_url,
)

# The key is fetched while the SDK is imported. Only where a request is about to follow: in an environment
# that is prepared for later the fetch would be cut short, or the key be old by then.
if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "on-demand":
    _session.prefetch(seconds=10)

from travel_gpt.advisor.adviser import Adviser  # noqa: E402
from travel_gpt.api.health import Health  # noqa: E402
from travel_gpt.api.routes import Api  # noqa: E402
from travel_gpt.llm.client import ModelClient  # noqa: E402

_client: Final = ModelClient(_settings)
_adviser: Final = Adviser(_session, _client)


@cache
def _identity_health() -> Health:
    """Return the health of the role's identity, which its owner can verify before removing the key."""
    if "workload-identity" in _settings.credential_source:
        return _health
    from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource

    source = WorkloadIdentitySource(_settings.identity_provider_id, _settings.service_account_id)
    session = CredentialSession(source, ttl=_settings.credential_ttl, max_stale=0)
    return Health(_settings, session, _client, _adviser)


_has_identity: Final = bool(_settings.identity_provider_id and _settings.service_account_id)
_health: Final = Health(
    _settings, _session, _client, _adviser, identity=_identity_health if _has_identity else None
)
api: Final = Api(_settings, _health, _adviser)

_summary: Final = summarize_security(_settings)
(logger.error if _settings.problems else logger.info)(
    "Posture",
    extra={"protects": _summary.protects, "off": _summary.off, "problems": _settings.problems},
)
