"""How the keys that rotation makes are named: after the secret and the version that they are for.

Nothing else is stored anywhere. A key whose value was lost before it was kept is found by its name, and a key
that somebody else made never bears such a name.
"""

import hashlib


class KeyNames:
    """The names of one secret's keys.

    Args:
        arn: the secret's ARN. It ends in characters that AWS chose at random, so another secret of the same
            name has other keys.
    """

    def __init__(self, arn: str) -> None:
        self._prefix = f"travel-gpt-{hashlib.sha256(arn.encode()).hexdigest()[:8]}-"

    def of(self, version: str) -> str:
        """Return the name of the key of a version.

        Args:
            version: the version's id.

        Returns:
            The name, of at most 64 characters for a UUID: EventBridge Scheduler takes it too.
        """
        return self._prefix + version

    def version(self, name: str) -> str | None:
        """Return the version that a key was made for; None for a key that is not rotation's of this secret.

        Args:
            name: the key's name at OpenAI.
        """
        return name.removeprefix(self._prefix) if name.startswith(self._prefix) else None
