"""The credential as the environment holds it: for laptops, and for hosts that bring secrets that way."""

import os
import re
from collections.abc import Mapping
from typing import Final

from travel_gpt.credentials.advice import key_place
from travel_gpt.credentials.secret import Credential, read_secret
from travel_gpt.errors import InvalidSecret, SecretNotFound


def variable_of(secret_name: str) -> str:
    """Name the variable that stands for a secret.

    Args:
        secret_name: the secret's name, such as ``travel-gpt/openai-api-key``.

    Returns:
        ``SECRET_`` and the name in capitals, with an underscore for whatever no variable's name may hold.
    """
    return "SECRET_" + re.sub(r"[^A-Z0-9]", "_", secret_name.upper())


def variables_of(secret_name: str) -> tuple[str, ...]:
    """Name the variables that stand for a secret, in the order in which they are read.

    Args:
        secret_name: the secret's name, such as ``travel-gpt/openai-api-key``.

    Returns:
        ``SECRET_`` and the name as it is given; and the one of ``variable_of``, where that is another.
    """
    return tuple(dict.fromkeys((f"SECRET_{secret_name}", variable_of(secret_name))))


class EnvironmentSource:
    """``OPENAI_API_KEY``, or a variable that stands for the secret, bare or JSON: the first that is set.

    Args:
        secret_name: the secret's name.
        environment: the environment variables.
    """

    name: Final = "environment"

    def __init__(self, secret_name: str, environment: Mapping[str, str] = os.environ) -> None:
        self._variables = ("OPENAI_API_KEY", *variables_of(secret_name))
        self._environment = environment

    def fetch(self) -> Credential:
        """Read the credential.

        Returns:
            The credential.

        Raises:
            SecretNotFound: none of the variables is set.
            InvalidSecret: it holds no usable key.
        """
        for variable in self._variables:
            value = self._environment.get(variable, "").strip()
            if value:
                return self._read(variable, value)
        place = key_place(self.name)
        raise SecretNotFound(
            f"none of these variables is set: {', '.join(self._variables)}",
            message=f"No OpenAI key is set in the environment. The owner should {place.create}.",
        )

    def _read(self, variable: str, value: str) -> Credential:
        try:
            return read_secret(value, source=self.name, version=variable)
        except InvalidSecret as invalid:
            place = key_place(self.name, variable=variable)
            raise InvalidSecret(
                f"{variable}: {invalid.detail}",
                message=f"{variable} does not hold a usable key. The owner should {place.replace}.",
            ) from None

    def previous(self) -> None:
        """Return nothing: the environment keeps no versions."""
        return
