"""The API as bootstrap connects it, with parts that a test chooses."""

import time
from collections.abc import Callable
from typing import Any

from travel_gpt.advisor.adviser import Adviser
from travel_gpt.api.health import Health
from travel_gpt.api.routes import Api
from travel_gpt.credentials.session import CredentialSession
from travel_gpt.guard.guard import Guard
from travel_gpt.llm.deferred_client import DeferredClient
from travel_gpt.settings import Settings


def api_of(
    settings: Settings,
    session: CredentialSession,
    client: Any,
    *,
    has_identity: bool = False,
    guard: Guard | None = None,
    now: Callable[[], float] = time.time,
) -> Api:
    """Return the API over a credential and a client of the model's server.

    ``has_identity``: the credential is the function's own identity, which GET can verify as such.
    ``guard``: what knows the clients and their limits.
    """
    deferred = DeferredClient.of(client)
    adviser = Adviser(session, deferred, settings.itinerary_days, now=now)
    health = Health(settings, session, deferred, adviser, now=now)
    if has_identity:
        health._identity = lambda: health
    return Api(settings, health, adviser, None if guard is None else lambda: guard, adviser.close, now=now)
