"""The settings of the rotation: the variables of the rotation function, and what follows from them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from travel_gpt.credentials.secret import Credential
from travel_gpt.settings import Settings

LIST_MODELS: Final = "api.model.read"
"""For ``GET /models``, with which a key is verified.

Source: OpenAI's refusal of that call names it ("Missing scopes: api.model.read").
"""

ASK_SCOPES: Final[Mapping[str, str]] = {"responses": "api.responses.write", "chat": "api.model.request"}
"""For the call that asks the model, by the value of OPENAI_API.

Sources: OpenAI's OpenAPI document (github.com/openai/openai-openapi): the example of "Create project service
account API key" has the first, ``scopes`` of the audit log's ``api_key.created`` the second. That Chat
Completions needs the second: OpenAI's guide "Manage permissions in the OpenAI platform", Model capabilities,
Request; the refusal of that call names it without "api.".
"""

UNRESTRICTED: Final = "all"
"""What ROTATION_KEY_SCOPES holds for keys without scopes."""

SCOPES_PATTERN: Final = rf"|{UNRESTRICTED}|[a-z][a-z0-9_.]{{0,99}}(,[a-z][a-z0-9_.]{{0,99}}){{0,19}}"
"""What ROTATION_KEY_SCOPES may be: nothing, ``all`` or scopes with commas between them."""


def scopes_of(chosen: str, api: str) -> tuple[str, ...]:
    """Return the scopes of a key.

    Args:
        chosen: the value of ROTATION_KEY_SCOPES; empty for what the API needs.
        api: the API in use, ``responses`` or ``chat``.

    Returns:
        The scopes; none for a key without restriction.
    """
    if chosen == UNRESTRICTED:
        return ()
    return tuple(chosen.split(",")) if chosen else (LIST_MODELS, ASK_SCOPES[api])


LONGEST_REQUEST: Final = 30
"""Seconds that a request may still be using the key it began with: the API function's timeout."""

DAY: Final = 86_400

DELETE_KEY: Final = "deleteKey"
"""The step that the schedule for an old key asks for; the others are Secrets Manager's."""

LONGEST_LIFETIME: Final = 365 * DAY
"""Seconds that a key of a service account can be valid at most.

Source: OpenAI's API reference, "Create project service account API key" (``POST
/organization/projects/{project_id}/service_accounts/{service_account_id}/api_keys``): ``expires_in_seconds``,
minimum 1, maximum 31536000.
"""

MOST_DAYS: Final = 182
"""Days between two rotations at most: two periods fit into the longest lifetime, so that a key is still valid
when one rotation fails and the next is due."""

_IDENTIFIER: Final = re.compile(r"[A-Za-z0-9_-]{1,128}")

# Not OPENAI_PROJECT_ID: the SDK reads that by itself, and would send it along with every call.
_WANTED: Final[Mapping[str, re.Pattern[str]]] = {
    "ROTATION_PROJECT_ID": _IDENTIFIER,
    "ROTATION_SERVICE_ACCOUNT_ID": _IDENTIFIER,
    "ROTATION_ADMIN_SECRET_NAME": re.compile(r"[A-Za-z0-9/_+=.@:-]{1,2048}"),
    "ROTATION_FUNCTION_ARN": re.compile(r"arn:[A-Za-z0-9:_-]{1,256}"),
    "ROTATION_SCHEDULE_GROUP": re.compile(r"[0-9A-Za-z_.-]{1,64}"),
    "ROTATION_SCHEDULE_ROLE_ARN": re.compile(r"arn:[A-Za-z0-9:_/+=,.@-]{1,512}"),
    "CREDENTIAL_ROTATION_DAYS": re.compile(r"[1-9][0-9]{0,2}"),
    "ROTATION_KEY_SCOPES": re.compile(SCOPES_PATTERN),
}


@dataclass(frozen=True, slots=True)
class RotationConfig:
    """The settings of the rotation function."""

    project: str
    service_account: str
    admin_secret: str
    """Name of the secret with OpenAI's admin key, which only the rotation function can read."""
    function_arn: str
    """The rotation function itself, for the schedule that deletes an old key."""
    schedule_group: str
    schedule_role: str
    """ARN of the role under which that schedule calls it."""
    period: int
    """Seconds between two rotations."""
    overlap: int
    """Seconds after a promotion during which the key before it stays alive."""
    api: str
    """The API that a key is for, unless the secret says otherwise."""
    key_scopes: str
    """The scopes that the owner chose: empty for what the API needs."""
    problems: tuple[str, ...]
    """What is wrong with the environment; no value is quoted, since it might be a misplaced key."""

    @classmethod
    def load(cls, environment: Mapping[str, str], settings: Settings) -> "RotationConfig":
        """Read the settings. It never raises: a wrong variable is named in ``problems``.

        Args:
            environment: the environment variables.
            settings: the settings of the function whose key is rotated.

        Returns:
            The settings.
        """
        values = {name: environment.get(name, "").strip() for name in _WANTED}
        wrong = [
            f"{name} is missing or malformed"
            for name, value in values.items()
            if value.startswith("sk-") or not _WANTED[name].fullmatch(value)
        ]
        days = values["CREDENTIAL_ROTATION_DAYS"]
        if days.isdecimal() and int(days) > MOST_DAYS:
            wrong.append(
                f"CREDENTIAL_ROTATION_DAYS must be at most {MOST_DAYS}: OpenAI's keys are valid for 365 days "
                "at most, and a key must still be valid after one rotation failed"
            )
        return cls(
            project=values["ROTATION_PROJECT_ID"],
            service_account=values["ROTATION_SERVICE_ACCOUNT_ID"],
            admin_secret=values["ROTATION_ADMIN_SECRET_NAME"],
            function_arn=values["ROTATION_FUNCTION_ARN"],
            schedule_group=values["ROTATION_SCHEDULE_GROUP"],
            schedule_role=values["ROTATION_SCHEDULE_ROLE_ARN"],
            period=int(days) * DAY if days.isdecimal() else DAY,
            overlap=overlap_of(settings),
            api=settings.api,
            key_scopes=values["ROTATION_KEY_SCOPES"],
            problems=(*settings.problems, *wrong),
        )

    @property
    def lifetime(self) -> int:
        """Seconds after which a key expires: one rotation may fail without an outage."""
        return min(2 * self.period + self.overlap, LONGEST_LIFETIME)

    def scopes_for(self, credential: Credential) -> tuple[str, ...]:
        """Return the scopes of the key that takes the place of another.

        Args:
            credential: the other key, and what belongs to it.

        Returns:
            The scopes; none for a key without restriction.
        """
        return scopes_of(self.key_scopes, credential.api or self.api)


def overlap_of(settings: Settings) -> int:
    """Return the seconds after which no request can still use the previous key.

    A cache fetches again after its TTL, keeps what it has while Secrets Manager is unavailable, and a request
    that began with it ends some time later. The previous key may also serve as the fallback.

    Args:
        settings: the settings of the function whose key is rotated.

    Returns:
        The seconds.
    """
    return max(
        settings.credential_ttl + settings.credential_max_stale + LONGEST_REQUEST,
        settings.credential_previous,
    )
