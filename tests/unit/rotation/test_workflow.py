"""The steps of a rotation, one by one, and what each does when things are not as they should be."""

import json
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.unit.rotation.harness import CONFIG, DAY, OWNERS_KEY, Harness, Live
from travel_gpt.errors import (
    AccessDenied,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)
from travel_gpt.rotation.cleanup import DeletionSchedule

OTHER = "99999999-9999-4999-8999-999999999999"


class TestCreating:
    def test_the_new_version_holds_a_new_key_its_end_and_what_else_the_secret_held(
        self, harness: Harness
    ) -> None:
        token = harness.begin()

        assert harness.rotation().create(token) == "success"

        stored = harness.versions.read(version=token)
        assert stored is not None
        document = json.loads(stored.text)
        assert document["model"] == "gemma4"
        assert document["expires_at"] == int(harness.clock()) + 60 * DAY + CONFIG.overlap
        assert document["api_key"] in harness.living
        assert (set(stored.stages), harness.key_at("AWSCURRENT")) == ({"AWSPENDING"}, OWNERS_KEY)
        # And with that, the step has nothing to do.
        assert (harness.rotation().create(token), harness.keys.made) == ("already_created", 1)

    @pytest.mark.parametrize("how", ["dead", "the current one"])
    def test_given_a_pending_version_that_can_never_work_then_it_is_discarded(
        self, harness: Harness, how: str
    ) -> None:
        if how == "dead":
            token = harness.begin()
            harness.rotation().create(token)
            harness.keys.alive.pop("key_1")
        else:
            token = harness.begin(text=OWNERS_KEY)

        with pytest.raises(CredentialsUnavailable, match="it was discarded"):
            harness.rotation().create(token)

        assert harness.versions.describe().pending is None
        # And then another one begins and ends well.
        harness.rotate()
        assert harness.key_at("AWSCURRENT") != OWNERS_KEY

    def test_given_no_rotation_to_this_version_then_nothing_is_made(self, harness: Harness) -> None:
        token, rotation = harness.begin(), harness.rotation()

        for step in (rotation.create, rotation.set, rotation.finish):
            with pytest.raises(Misconfigured, match="neither current nor pending"):
                step(OTHER)
        harness.backend.rotation_enabled = False
        with pytest.raises(Misconfigured, match="not turned on"):
            rotation.create(token)
        assert harness.keys.made == 0

    def test_given_a_secret_without_a_current_version_then_nothing_is_made(self, harness: Harness) -> None:
        token = harness.begin()
        for version in harness.backend.versions.values():
            version["version_stages"] = [each for each in version["version_stages"] if each != "AWSCURRENT"]

        with pytest.raises(SecretNotFound):
            harness.rotation().create(token)
        assert harness.keys.made == 0

    def test_given_a_write_that_was_done_although_it_failed_then_its_key_stays(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = harness.begin()
        rotation = harness.rotation()
        stage = rotation._versions.stage

        def lost(value: str, version: str) -> None:
            stage(value, version)
            raise CredentialsUnavailable("the answer was lost")

        monkeypatch.setattr(rotation._versions, "stage", lost)

        assert rotation.create(token) == "success"
        assert harness.key_at("AWSPENDING") in harness.living

    def test_given_a_write_that_was_not_done_then_its_key_goes_at_once(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = harness.begin()
        rotation = harness.rotation()
        monkeypatch.setattr(rotation._versions, "stage", Mock(side_effect=AccessDenied("may not write")))

        with pytest.raises(AccessDenied):
            rotation.create(token)

        assert harness.living == {OWNERS_KEY}

    def test_given_a_write_with_an_unknown_outcome_then_the_repeat_clears_up(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = harness.begin()
        rotation = harness.rotation()
        read = rotation._versions.read

        def broken(*_: object) -> None:
            monkeypatch.setattr(rotation._versions, "read", Mock(side_effect=CredentialsUnavailable("away")))
            raise CredentialsUnavailable("away")

        monkeypatch.setattr(rotation._versions, "stage", broken)
        with pytest.raises(CredentialsUnavailable):
            rotation.create(token)
        assert len(harness.living) == 2
        monkeypatch.setattr(rotation._versions, "read", read)

        harness.rotate(token)

        assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}


class TestSweeping:
    def test_a_key_that_outlived_its_schedule_goes_with_the_next_rotation_that_can_delete_it(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        harness.rotate()
        old = harness.key_at("AWSCURRENT")
        harness.clock.advance(CONFIG.period)
        harness.rotate()
        harness.schedule.planned.clear()
        harness.clock.advance(CONFIG.period)

        with monkeypatch.context() as patched:
            patched.setattr(harness.keys, "delete", Mock(side_effect=CredentialsUnavailable("away")))
            assert harness.rotation().create(harness.begin()) == "success"
        assert old in harness.living
        harness.rotation().create(harness.begin())
        assert old not in harness.living

    def test_two_rotations_within_the_overlap_leave_what_a_cache_may_hold(self, harness: Harness) -> None:
        harness.rotate()
        first = harness.key_at("AWSCURRENT")
        harness.clock.advance(CONFIG.overlap / 4)
        harness.rotate()
        second = harness.key_at("AWSCURRENT")
        harness.clock.advance(CONFIG.overlap / 4)

        harness.rotate()

        assert {first, second} <= harness.living

    def test_after_going_back_by_hand_the_newer_key_stays(self, harness: Harness) -> None:
        harness.rotate()
        harness.clock.advance(CONFIG.period)
        harness.rotate()
        newer = harness.key_at("AWSCURRENT")
        harness.clock.advance(CONFIG.period)
        harness.run_deletions()
        harness.versions.roll_back()

        harness.rotation().create(harness.begin())

        assert newer in harness.living

    @pytest.mark.parametrize("name", ["production", "travel-gpt-00000000-" + OTHER, ""])
    def test_a_key_that_rotation_did_not_make_is_never_deleted(self, harness: Harness, name: str) -> None:
        harness.keys.alive["key_x"] = Live("key_x", name, harness.clock(), "sk-svcacct-of-somebody-else")
        deletions: list[str] = []

        for _ in range(3):
            harness.rotate()
            harness.clock.advance(CONFIG.period)
            deletions += harness.run_deletions().values()

        assert {"sk-svcacct-of-somebody-else", OWNERS_KEY} <= harness.living
        assert deletions == ["not_ours", "success", "success"], "the first key is the owner's"


class TestProving:
    def test_a_new_key_is_given_time_to_become_known(self, harness: Harness) -> None:
        harness.keys.knows_new_keys_after = 20
        token = harness.begin()
        harness.rotation().create(token)

        assert harness.rotation().test(token) == "success"
        assert sum(harness.slept) == pytest.approx(21)

    @pytest.mark.parametrize("text", [None, OWNERS_KEY, json.dumps({"api_key": OWNERS_KEY})])
    def test_the_trial_call_when_rotation_is_turned_on_is_survived(
        self, harness: Harness, text: str | None
    ) -> None:
        token = harness.begin(text=text)
        harness.backend.rotation_enabled = False

        assert (harness.rotation().test(token), harness.rotation().test(OTHER)) == ("trial", "trial")
        assert harness.key_at("AWSCURRENT") == OWNERS_KEY


class TestFinishing:
    @pytest.mark.parametrize("text", [None, OWNERS_KEY])
    def test_given_a_version_without_a_key_of_its_own_then_it_is_not_promoted(
        self, harness: Harness, text: str | None
    ) -> None:
        token = harness.begin(text=text)

        with pytest.raises(InvalidSecret, match="no key of its own"):
            harness.rotation().finish(token)

        assert harness.versions.describe().current != token

    @pytest.mark.parametrize(
        ("failure", "means"),
        [
            (ClientError({"Error": {"Code": "AccessDeniedException"}}, "CreateSchedule"), AccessDenied),
            (EndpointConnectionError(endpoint_url="https://x.amazonaws.com"), CredentialsUnavailable),
        ],
    )
    def test_given_a_scheduler_that_fails_then_that_is_an_error_of_the_project(
        self, failure: Exception, means: type[Exception]
    ) -> None:
        scheduler: Any = SimpleNamespace(create_schedule=Mock(side_effect=failure))

        with pytest.raises(means, match=r"EventBridge Scheduler|the old key's deletion"):
            DeletionSchedule(CONFIG, scheduler).delete_later("arn", OTHER, 0.0)

    def test_every_step_repeated_after_the_end_changes_nothing(self, harness: Harness) -> None:
        token = harness.rotate()
        before, planned = harness.versions.describe().stages, dict(harness.schedule.planned)
        harness.clock.advance(60)

        outcomes = [step() for step in harness.steps(token)]

        assert outcomes == ["already_current", "already_current", "already_current", "success"]
        assert (harness.versions.describe().stages, harness.schedule.planned) == (before, planned)
        assert harness.keys.made == 1


class TestDeleting:
    def test_a_key_that_is_in_use_again_is_kept(self, harness: Harness) -> None:
        first = harness.rotate()
        harness.clock.advance(CONFIG.period)
        harness.run_deletions()
        harness.rotate()
        harness.versions.roll_back()
        harness.clock.advance(CONFIG.overlap)

        assert harness.run_deletions() == {first: "kept"}
        assert harness.key_at("AWSCURRENT") in harness.living
