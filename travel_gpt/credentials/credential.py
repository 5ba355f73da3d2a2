"""The OpenAI credential: a type that does not print itself."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from travel_gpt.credentials.advice import Local, expired_message, refused_message
from travel_gpt.errors import CredentialExpired, CredentialRejected
from travel_gpt.redaction import MASK


class Key:
    """An API key. It can be sent, and that is all: it does not print, format, copy or pickle itself."""

    __slots__ = ("__value",)

    def __init__(self, value: str) -> None:
        self.__value = value

    def reveal(self) -> str:
        """Return the key itself, for the one place that sends it."""
        return self.__value

    def __repr__(self) -> str:
        return MASK

    def __format__(self, spec: str) -> str:
        return MASK

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Key):
            return NotImplemented
        return hmac.compare_digest(self.__value.encode(), other.__value.encode())

    def __hash__(self) -> int:
        return hash((Key, self.__value))

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not to be pickled or copied")


NO_KEY: Final = Key("")
"""What a credential has that is an identity, and no key."""


@dataclass(frozen=True, slots=True)
class WorkloadIdentity:
    """An identity in place of a key, which OpenAI exchanges for a token of a few minutes."""

    provider_id: str
    """OpenAI's id of the workload identity provider that trusts this AWS account."""
    service_account_id: str
    """OpenAI's id of the service account to act for."""
    get_token: Callable[[], str] = field(repr=False, compare=False)
    """Returns a new token, signed by AWS, that says who this is; raises a CredentialError."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, where it came from, and what belongs to it.

    Two credentials are equal when they would make the same call: a secret that was written again with the
    same content is the same credential, whatever its version.
    """

    key: Key
    """The key; ``NO_KEY`` where there is an identity."""
    source: str
    """Which source gave it, such as ``secrets-manager``."""
    version: str = field(default="", compare=False)
    """The source's name for this version of it: an identifier, never derived from the value."""
    created_at: float | None = field(default=None, compare=False)
    """When this version of it was made, in seconds since the epoch; None where the source does not say."""
    expires_at: float | None = field(default=None, compare=False)
    """When it expires, in seconds since the epoch; None where that is not known."""
    skipped_sources: tuple[str, ...] = field(default=(), compare=False)
    """The preferred sources that gave none, each with the code of its failure."""
    identity: WorkloadIdentity | None = None
    placeholder: bool = field(default=False, compare=False)
    """Whether the key is made up, because the server asks for none."""
    local: Local = field(default="", compare=False)
    """Where this runs, which the advice about it depends on."""
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    model: str | None = None
    api: str | None = None

    def has_expired(self, now: float) -> bool:
        """Tell whether its ``expires_at`` has passed.

        Args:
            now: the wall clock, in seconds since the epoch.
        """
        return self.expires_at is not None and self.expires_at <= now

    def expiry(self, detail: str) -> CredentialExpired:
        """Return the failure that says what the owner of an expired credential can do, where it is kept.

        Args:
            detail: what happened, for the log.
        """
        return CredentialExpired(
            detail, message=expired_message(self.source, variable=self.version, local=self.local)
        )

    def refusal(self, detail: str, base_url: str = "") -> CredentialRejected:
        """Return the failure that says what the owner of a refused credential can do, where it is kept.

        Args:
            detail: what happened, for the log.
            base_url: the server that refused it, unless the credential names one; empty for OpenAI's.
        """
        message = refused_message(
            self.source,
            self.base_url or base_url,
            variable=self.version,
            in_secret=self.base_url is not None,
            local=self.local,
        )
        return CredentialRejected(detail, message=message)
