"""The OpenAI credential: a type that does not print itself."""

import hmac
from dataclasses import dataclass, field
from typing import NoReturn

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


@dataclass(frozen=True, slots=True)
class Credential:
    """A key, where it came from, and what belongs to it.

    Two credentials are equal when they would make the same call: a secret that was written again with the
    same content is the same credential, whatever its version.
    """

    key: Key
    source: str
    """Which source gave it, such as ``secrets-manager``."""
    version: str = field(default="", compare=False)
    """The source's name for this version of it: an identifier, never derived from the value."""
    created_at: float | None = field(default=None, compare=False)
    """When this version of it was made, in seconds since the epoch; None where the source does not say."""
    expires_at: float | None = field(default=None, compare=False)
    """When it ends, in seconds since the epoch; None where it does not, or nobody said."""
    passed_over: tuple[str, ...] = field(default=(), compare=False)
    """The sources that were asked before and had none, each with the reason."""
    base_url: str | None = None
    organization: str | None = None
    project: str | None = None
    model: str | None = None
    api: str | None = None
