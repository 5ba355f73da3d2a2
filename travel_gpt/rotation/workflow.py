"""The steps of a rotation. Each can be repeated, or be killed at any point, without losing a working key.

The order is what keeps them safe: a key is made before it is stored, verified before it is promoted, and
deleted only when its successor has been current for so long that no cache can hold it.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
"""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from travel_gpt.aws.secret_versions import SecretMetadata, SecretVersions, StoredVersion
from travel_gpt.credentials.secret import Credential, read_secret, with_new_key
from travel_gpt.errors import (
    CredentialError,
    CredentialRejected,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)
from travel_gpt.rotation.cleanup import KeyNames, deletable
from travel_gpt.rotation.config import DAY, RotationConfig
from travel_gpt.rotation.openai_keys import AdminKey, IssuedKey, NewKey
from travel_gpt.telemetry import audit, count, logger

NEW_KEYS_MAY_NEED: Final = 45.0
"""Seconds for which a new key may be refused: OpenAI says nowhere how soon all its servers know one."""

_BETWEEN_TRIES: Final = 3.0


class Keys(Protocol):
    """The keys of one service account."""

    def issued(self) -> list[IssuedKey]:
        """List them."""
        ...

    def create(self, name: str, expires_in: int, scopes: Sequence[str]) -> NewKey:
        """Make one."""
        ...

    def restrict(self, key_id: str, scopes: Sequence[str]) -> None:
        """Replace the scopes of one."""
        ...

    def delete(self, key_id: str) -> None:
        """Delete one."""
        ...

    def admin_key(self) -> AdminKey | None:
        """Look at the key with which all this is done."""
        ...


class Schedule(Protocol):
    """Deletions at a later time."""

    def delete_later(self, arn: str, version: str, at: float) -> None:
        """Schedule the deletion of the key of a version."""
        ...


class RotationWorkflow:
    """The rotation of one secret.

    Each step returns its outcome: ``success``, or a word for why there was nothing to do.

    Args:
        versions: the secret's versions.
        keys: the service account's keys.
        schedule: schedules the deletion of the old key.
        verify: makes every call that answering needs with a credential, and raises what is wrong with it.
        config: the settings of the rotation.
        is_openai: returns whether a credential is used at OpenAI, where its key was created.
        now: the wall clock, in seconds.
        sleep: waits for some seconds.
    """

    def __init__(
        self,
        versions: SecretVersions,
        keys: Keys,
        schedule: Schedule,
        verify: Callable[[Credential], None],
        *,
        config: RotationConfig,
        is_openai: Callable[[Credential], bool],
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._versions = versions
        self._keys = keys
        self._schedule = schedule
        self._verify = verify
        self._config = config
        self._is_openai = is_openai
        self._now = now
        self._sleep = sleep

    def create(self, version: str) -> str:
        """Make a new key and store it as the pending version.

        Args:
            version: the id of the version, which Secrets Manager chose.

        Returns:
            ``success``, or ``already_current`` or ``already_created``.

        Raises:
            CredentialError: there is no new version. What is current is untouched.
        """
        described = self._staged(version)
        if described.current == version:
            return "already_current"
        current = self._current()
        issued = self._keys.issued()
        named = [key for key in issued if key.name == KeyNames(described.arn).of(version)]
        pending = self._versions.read(version=version)
        if pending is not None:
            if named and not _same_key(pending, current):
                # Its maker may have chosen other scopes, with which it would never pass the test.
                for key in named:
                    self._keys.restrict(key.id, self._config.scopes_for(_credential(pending)))
                return "already_created"
            # A version's value cannot be changed, so this one can never be used.
            self._versions.discard_pending()
            raise CredentialsUnavailable(
                "the pending version held no key of its own that OpenAI still knows: it was discarded, and "
                "another rotation can begin"
            )
        self._clean_up(issued, described, current)
        for lost in named:
            # Made by a try that died before it stored the value, which is lost.
            self._delete(lost, version)
        self._store(version, described, current)
        self._log_admin_key()
        return "success"

    def set(self, version: str) -> str:
        """Do nothing: a key works at OpenAI from its making.

        Args:
            version: the pending version.

        Returns:
            ``success``, or ``already_current``.

        Raises:
            CredentialError: it is not the pending version.
        """
        return "already_current" if self._staged(version).current == version else "success"

    def test(self, version: str) -> str:
        """Verify the pending version with live calls: a key that lacks a scope is never promoted.

        Secrets Manager also calls this alone when rotation is turned on, with a version that holds nothing or
        what is current. There is no new key to verify then, so the admin key is tried: if it is wrong, the
        alarm goes off now and not at the first rotation, and turning rotation on does not fail.

        Args:
            version: the pending version.

        Returns:
            ``success``, ``already_current``, ``trial``, or ``trial:`` and the code of what was found wrong.

        Raises:
            TravelGPTError: the new key does not work. What is current stays so.
        """
        if self._versions.describe().current == version:
            return "already_current"
        pending = self._versions.read(version=version)
        if pending is None or _same_key(pending, self._versions.read()):
            return self._trial()
        self._verify_until_known(_credential(pending))
        return "success"

    def finish(self, version: str) -> str:
        """Promote the pending version, and schedule the deletion of the key before.

        Args:
            version: the pending version.

        Returns:
            ``success``; the same when it was promoted before.

        Raises:
            CredentialError: it was not promoted, or it was and the deletion could not be scheduled. Repeat.
        """
        described = self._staged(version)
        if described.current != version:
            pending = self._versions.read(version=version)
            if pending is None or _same_key(pending, self._versions.read()):
                raise InvalidSecret("the pending version holds no key of its own: it is not promoted")
        self._versions.promote(version)
        promoted = self._versions.describe()
        if promoted.previous is not None:
            self._schedule.delete_later(promoted.arn, promoted.previous, self._now() + self._config.overlap)
        return "success"

    def delete(self, version: str) -> str:
        """Delete the key of a version that was replaced.

        Args:
            version: the version.

        Returns:
            ``success``; ``kept`` when the version is in use again; ``not_ours`` when OpenAI has no key that
            bears its name: it is gone already, or its owner made it and has to delete it.

        Raises:
            CredentialError: it could not be deleted.
        """
        described = self._versions.describe()
        if version in (described.current, described.pending):
            return "kept"
        name = KeyNames(described.arn).of(version)
        named = [key for key in self._keys.issued() if key.name == name]
        for key in named:
            self._keys.delete(key.id)
        return "success" if named else "not_ours"

    def _staged(self, version: str) -> SecretMetadata:
        """Return the secret, if it is being rotated to this version or was just now."""
        described = self._versions.describe()
        if not described.rotates:
            raise Misconfigured("rotation is not turned on for this secret")
        if version not in (described.current, described.pending):
            raise Misconfigured("the version is neither current nor pending: this rotation is over")
        return described

    def _current(self) -> StoredVersion:
        current = self._versions.read()
        if current is None:
            raise SecretNotFound("the secret has no current version to replace")
        if not self._is_openai(_credential(current)):
            raise Misconfigured(
                "the secret's key is for another server than OpenAI: its base_url must go before a key of "
                "OpenAI's can take its place"
            )
        return current

    def _store(self, version: str, described: SecretMetadata, current: StoredVersion) -> None:
        new = self._keys.create(
            KeyNames(described.arn).of(version),
            self._config.lifetime,
            self._config.scopes_for(_credential(current)),
        )
        if new.expires_at is None:
            logger.warning("OpenAI made a key that does not end by itself", extra={"version": version})
        try:
            self._versions.stage(with_new_key(current.text, new.key, expires_at=new.expires_at), version)
        except Exception:
            if not self._stored_after_all(version, new):
                raise

    def _stored_after_all(self, version: str, new: NewKey) -> bool:
        """Return whether a write that failed was done nevertheless; delete its key where it was not."""
        try:
            pending = self._versions.read(version=version)
        except CredentialError:
            # Unknown. A key that is lost is found by its name when this step is repeated.
            return False
        if pending is not None and _credential(pending).key == new.key:
            return True
        with contextlib.suppress(CredentialError):
            self._keys.delete(new.id)
        return False

    def _clean_up(
        self, issued: Sequence[IssuedKey], described: SecretMetadata, current: StoredVersion
    ) -> None:
        found = deletable(
            issued,
            described,
            promoted_at=current.created_at,
            now=self._now(),
            overlap=self._config.overlap,
        )
        for key, version in found:
            try:
                self._delete(key, version)
            except CredentialError as failure:
                # It is found again next time, and ends by itself: no reason not to rotate.
                audit("rotation.delete", outcome=failure.code, source="openai", version=version)

    def _delete(self, key: IssuedKey, version: str) -> None:
        began = time.perf_counter()
        self._keys.delete(key.id)
        audit("rotation.delete", outcome="success", source="openai", version=version, began=began)

    def _trial(self) -> str:
        try:
            self._keys.issued()
        except CredentialError as failure:
            count("RotationFailure")
            logger.error(
                "Rotation is on and would fail", extra={"code": failure.code, "detail": failure.detail}
            )
            return f"trial:{failure.code}"
        self._log_admin_key()
        return "trial"

    def _log_admin_key(self) -> None:
        """Log how old the admin key is, and warn where it expires before the next rotation needs it."""
        try:
            found = self._keys.admin_key()
        except CredentialError as failure:
            # No reason not to rotate: what this step needs, it has done.
            logger.info(
                "OpenAI does not say how old the admin key is",
                extra={"code": failure.code, "detail": failure.detail},
            )
            return
        if found is None:
            return
        days = {"age_days": int((self._now() - found.created_at) // DAY)}
        if found.expires_at is not None:
            days["days_left"] = int((found.expires_at - self._now()) // DAY)
            if found.expires_at <= self._now() + self._config.period:
                logger.warning("OpenAI's admin key expires before the next rotation", extra=days)
                return
        logger.info("OpenAI's admin key is valid at the next rotation", extra=days)

    def _verify_until_known(self, credential: Credential) -> None:
        give_up_at = self._now() + NEW_KEYS_MAY_NEED
        while True:
            try:
                return self._verify(credential)
            except CredentialRejected:
                if self._now() >= give_up_at:
                    raise
            self._sleep(_BETWEEN_TRIES)


def _credential(stored: StoredVersion) -> Credential:
    return read_secret(stored.text, source="secrets-manager", version=stored.version)


def _same_key(pending: StoredVersion, current: StoredVersion | None) -> bool:
    return current is not None and _credential(pending).key == _credential(current).key
