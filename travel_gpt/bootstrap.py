"""Creates what lives as long as the environment, once, and connects it."""

from functools import cache
from typing import TYPE_CHECKING

from travel_gpt.credentials.advice import Local
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.credentials.sources.selection import source_of
from travel_gpt.security_summary import summarize_security
from travel_gpt.settings import Settings
from travel_gpt.telemetry import logger

if TYPE_CHECKING:
    from collections.abc import Callable

    from travel_gpt.advisor.adviser import Adviser
    from travel_gpt.api.health import Health
    from travel_gpt.api.routes import Api
    from travel_gpt.api.streamed import StreamApi
    from travel_gpt.aws.table import Table
    from travel_gpt.guard.guard import Guard
    from travel_gpt.llm.client import ModelClient
    from travel_gpt.llm.deferred_client import DeferredClient


def build_api(
    settings: Settings,
    *,
    on_demand: bool = False,
    local: Local = "",
    table: "Table | None" = None,
) -> "Api":
    """Create the API.

    Args:
        settings: the settings.
        on_demand: whether a request is about to follow. Then the key is fetched in a thread meanwhile, and
            where there is a page, which most requests of a new environment are for, the model client is
            imported when it is needed. In an environment that is prepared for later the fetch would be cut
            short, or the key be old by then, and the time to import costs no request anything.
        local: where this runs, which the advice in messages depends on.
        table: the table of clients; that of the settings unless given.

    Returns:
        What answers API Gateway's events.
    """
    session = _session(settings, local, prefetch=on_demand)

    from travel_gpt.advisor.adviser import Adviser
    from travel_gpt.api.routes import Api

    client = _client(settings, defer=on_demand and settings.web_page == "enabled")
    adviser = Adviser(session, client, settings.itinerary_days)
    _log_security(settings)
    health = _health(settings, session, client, adviser)
    return Api(settings, health, adviser, _guard(settings, table), adviser.close)


def build_stream_api(
    settings: Settings,
    *,
    on_demand: bool = False,
    local: Local = "",
    table: "Table | None" = None,
) -> "StreamApi":
    """Create the API that streams.

    Args:
        settings: the settings.
        on_demand: whether a request is about to follow, as for ``build_api``. It is a query, so the model
            client is imported at once.
        local: as for ``build_api``.
        table: as for ``build_api``.

    Returns:
        What answers API Gateway's events with a stream.
    """
    session = _session(settings, local, prefetch=on_demand)

    from travel_gpt.advisor.adviser import Adviser
    from travel_gpt.api.streamed import StreamApi

    client = _client(settings)
    adviser = Adviser(session, client, settings.itinerary_days)
    _log_security(settings)

    @cache
    def health() -> "Health":
        return _health(settings, session, client, adviser)

    return StreamApi(settings, adviser, health, _guard(settings, table), adviser.close)


def _health(
    settings: Settings, session: CredentialSession, client: "DeferredClient", adviser: "Adviser"
) -> "Health":
    from travel_gpt.api.health import Health

    @cache
    def identity_health() -> Health:
        """Return the health of the role's identity, which its owner can verify before removing the key."""
        if "workload-identity" in settings.credential_source:
            return health
        from travel_gpt.credentials.sources.workload_identity import WorkloadIdentitySource

        source = WorkloadIdentitySource(settings.identity_provider_id, settings.service_account_id)
        session = CredentialSession(source, ttl=settings.credential_ttl, max_stale=0)
        return Health(settings, session, client, adviser)

    has_identity = settings.identity_provider_id and settings.service_account_id
    health = Health(settings, session, client, adviser, identity=identity_health if has_identity else None)
    return health


def _client(settings: Settings, *, defer: bool = False) -> "DeferredClient":
    from travel_gpt.llm.deferred_client import DeferredClient

    def make() -> "ModelClient":
        from travel_gpt.llm.client import ModelClient

        return ModelClient(settings)

    return DeferredClient(make) if defer else DeferredClient.of(make())


def _session(settings: Settings, local: Local, *, prefetch: bool) -> CredentialSession:
    session = CredentialSession(
        source_of(settings, local),
        ttl=settings.credential_ttl,
        max_stale=settings.credential_max_stale,
        previous_for=settings.credential_previous,
        rotation_days=settings.credential_rotation_days,
        enforce_expiry=settings.credential_expiry == "enforce",
        # Environments that started together would otherwise fetch at the same moments from then on.
        jitter=0.1,
        base_url=settings.base_url,
    )
    if prefetch:
        session.prefetch(seconds=10)
    return session


def _guard(settings: Settings, table: "Table | None") -> "Callable[[], Guard] | None":
    """Return what makes the guard at its first call: no GET needs it."""
    if not settings.table_name:
        return None

    @cache
    def guard() -> "Guard":
        from travel_gpt.aws.table import Table
        from travel_gpt.guard.guard import Guard

        return Guard(settings, table or Table(settings.table_name))

    return guard


def _log_security(settings: Settings) -> None:
    summary = summarize_security(settings)
    (logger.error if settings.problems else logger.info)(
        "Security summary",
        extra={"protects": summary.protects, "off": summary.off, "problems": settings.problems},
    )
