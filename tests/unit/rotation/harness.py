"""A secret that is rotated: moto's Secrets Manager, OpenAI's keys in memory, and a death at any moment."""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from moto.secretsmanager.models import secretsmanager_backends
from mypy_boto3_secretsmanager import SecretsManagerClient

from testbed import secret_versions
from tests.support.clock import Clock
from travel_gpt.aws.secret_versions import SecretVersions
from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.errors import CredentialRejected
from travel_gpt.rotation.cleanup import KeyNames
from travel_gpt.rotation.config import RotationConfig
from travel_gpt.rotation.openai_keys import IssuedKey, NewKey
from travel_gpt.rotation.workflow import RotationWorkflow
from travel_gpt.settings import Settings

NAME = "travel-gpt/openai-api-key"
OWNERS_KEY = "sk-svcacct-owners-first-key-000000000001"
DAY = 86_400

CONFIG = RotationConfig.load(
    {
        "ROTATION_PROJECT_ID": "proj_1",
        "ROTATION_SERVICE_ACCOUNT_ID": "user-1",
        "ROTATION_ADMIN_SECRET_NAME": "travel-gpt/openai-admin-key",
        "ROTATION_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:rotator",
        "ROTATION_SCHEDULE_GROUP": "group",
        "ROTATION_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
        "CREDENTIAL_ROTATION_DAYS": "30",
    },
    Settings.load({}),
)


class Killed(BaseException):
    """The function died: nothing of it runs any more."""


@dataclass
class CrashInjector:
    """Counts the moments in which a rotation can die, and kills in one of them.

    They are the start of each step and the return of each call to the outside. To die just before a call
    leaves outside what dying after the call before it leaves.
    """

    dies_at: int | None = None
    moments: int = 0

    def meet(self) -> None:
        """Pass a moment, or die in it."""
        self.moments += 1
        if self.moments - 1 == self.dies_at:
            raise Killed

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """A call with a moment after it."""

        def met(*args: Any, **kwargs: Any) -> Any:
            result = call(*args, **kwargs)
            self.meet()
            return result

        return met


@dataclass(frozen=True)
class Live(IssuedKey):
    """A key that OpenAI lets in."""

    value: str


@dataclass
class FakeKeys:
    """The service account at OpenAI, without scopes: those are tests/integration/test_rotator.py's."""

    clock: Clock
    alive: dict[str, Live] = field(default_factory=dict)
    made: int = 0
    knows_new_keys_after: float = 0

    def issued(self) -> list[IssuedKey]:
        """List the keys."""
        return list(self.alive.values())

    def create(self, name: str, expires_in: int, scopes: Sequence[str]) -> NewKey:  # noqa: ARG002
        """Make a key."""
        self.made += 1
        made = Live(
            f"key_{self.made}", name, self.clock(), f"sk-svcacct-rotated-{self.made:04d}-abcdefghijkl"
        )
        self.alive[made.id] = made
        return NewKey(made.id, Key(made.value), int(self.clock()) + expires_in)

    def restrict(self, key_id: str, scopes: Sequence[str]) -> None:
        """Replace the scopes of a key."""

    def admin_key(self) -> None:
        """Look at the admin key, which is not listed."""

    def delete(self, key_id: str) -> None:
        """Delete a key."""
        self.alive.pop(key_id, None)

    def verify(self, credential: Credential) -> None:
        """Let a living key in."""
        known_from = self.clock() - self.knows_new_keys_after
        if credential.key.reveal() not in {
            key.value for key in self.alive.values() if key.created_at <= known_from
        }:
            raise CredentialRejected("401")


@dataclass
class FakeSchedule:
    """EventBridge Scheduler."""

    planned: dict[str, float] = field(default_factory=dict)

    def delete_later(self, arn: str, version: str, at: float) -> None:  # noqa: ARG002 - one secret
        """Remember the first time for a version."""
        self.planned.setdefault(version, at)


class Harness:
    """Everything that a rotation touches."""

    def __init__(self, client: SecretsManagerClient, clock: Clock) -> None:
        self.client, self.clock = client, clock
        self.crash = CrashInjector()
        self.keys = FakeKeys(clock)
        self.keys.alive["key_0"] = Live("key_0", "made by hand", clock(), OWNERS_KEY)
        self.schedule = FakeSchedule()
        client.create_secret(Name=NAME, SecretString=json.dumps({"api_key": OWNERS_KEY, "model": "gemma4"}))
        self.versions = SecretVersions(NAME, client)
        self.backend.rotation_requested = self.backend.rotation_enabled = True
        self.backend.auto_rotate_after_days = 30
        self.slept: list[float] = []

    @property
    def backend(self) -> Any:
        """The secret as moto holds it."""
        return secretsmanager_backends["123456789012"]["us-east-1"].secrets[NAME]

    @property
    def names(self) -> KeyNames:
        """How its keys are called."""
        return KeyNames(self.versions.describe().arn)

    def rotation(self) -> RotationWorkflow:
        """A rotation, whose every call to the outside may be its last."""
        around = self.crash.around
        keys, schedule = _Dying(self.keys, around), _Dying(self.schedule, around)
        return RotationWorkflow(
            SecretVersions(NAME, cast("Any", _Dying(self.client, around))),
            keys,
            schedule,
            around(self.keys.verify),
            config=CONFIG,
            is_openai=lambda _: True,
            now=self.clock,
            sleep=self._sleep,
        )

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds)

    def begin(self, token: str = "", text: str | None = None) -> str:
        """Make the version that Secrets Manager makes as a rotation begins: pending, and without a value."""
        token = token or str(uuid.uuid4())
        self.backend.remove_version_stages_from_old_versions(["AWSPENDING"])
        version = secret_versions.begin(token)
        self.backend.versions[token] = version if text is None else {**version, "secret_string": text}
        return token

    def steps(self, token: str) -> Iterator[Callable[[], str]]:
        """The steps of a rotation, as Secrets Manager calls them."""
        rotation = self.rotation()
        for step in (rotation.create, rotation.set, rotation.test, rotation.finish):

            def started(step: Callable[[str], str] = step) -> str:
                self.crash.meet()
                return step(token)

            yield started

    def rotate(self, token: str = "") -> str:
        """Rotate as Secrets Manager does."""
        token = token or self.begin()
        for step in self.steps(token):
            step()
        return token

    def run_deletions(self) -> dict[str, str]:
        """Do what is planned until now."""
        due = [version for version, at in self.schedule.planned.items() if at <= self.clock()]
        for version in due:
            del self.schedule.planned[version]
        return {version: self.rotation().delete(version) for version in due}

    def key_at(self, stage: str) -> str | None:
        """The key of the version with a label."""
        found = self.versions.read(stage=stage)
        return None if found is None else json.loads(found.text)["api_key"]

    @property
    def living(self) -> set[str]:
        """The values that OpenAI lets in."""
        return {key.value for key in self.keys.alive.values()}

    def orphans(self) -> set[str]:
        """The names of living keys that rotation made and no labelled version is for."""
        known = {self.names.of(version) for version in self.versions.describe().stages}
        return {
            key.name
            for key in self.keys.alive.values()
            if self.names.version(key.name) and key.name not in known
        }


class _Dying:
    """Another object, each of whose calls may be the last."""

    def __init__(self, other: Any, around: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        self._other, self._around = other, around

    def __getattr__(self, name: str) -> Any:
        return self._around(getattr(self._other, name))
