"""The fake OpenAI under its own host names."""

from tests.fakes.openai import Call, FakeOpenAI
from tests.fakes.openai.admin import Organization


class OpenAIHosts:
    """Answers 401 to every key but the accepted ones.

    Attributes:
        upstream: the scripted upstream itself, to script faults on.
        hosts: https hosts that mean this server. Add one for a compatible server.
    """

    def __init__(self, upstream: FakeOpenAI) -> None:
        self.upstream = upstream
        self.hosts = {"api.openai.com", "auth.openai.com"}
        upstream.accepted_keys = set()

    @property
    def base_url(self) -> str:
        """Its address in plain http, for OPENAI_BASE_URL."""
        return self.upstream.base_url

    @property
    def organization(self) -> Organization:
        """What its admin API knows: the admin key, and the service account's keys."""
        return self.upstream.organization

    @property
    def requests(self) -> list[Call]:
        """What it saw: ``method``, ``path``, ``headers`` by lower-case name, ``body``, ``key``."""
        return self.upstream.calls

    def accept(self, *keys: str) -> None:
        """Let these keys in too."""
        self.upstream.accepted_keys = set(self.upstream.accepted_keys or ()) | set(keys)

    def reject(self, *keys: str) -> None:
        """Answer 401 to these keys from now on."""
        self.upstream.accepted_keys = set(self.upstream.accepted_keys or ()) - set(keys)
