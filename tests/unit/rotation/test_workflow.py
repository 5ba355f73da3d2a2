"""The steps of a rotation, one by one, and what each does when things are not as they should be."""

import json

import pytest

from tests.unit.rotation.harness import CONFIG, DAY, NAME, OWNERS_KEY, Harness, Live
from travel_gpt.errors import (
    AccessDenied,
    CredentialRejected,
    CredentialsUnavailable,
    InvalidSecret,
    Misconfigured,
    SecretNotFound,
)
from travel_gpt.rotation import workflow as module

OTHER = "99999999-9999-4999-8999-999999999999"


def fails(failure: Exception) -> object:
    """A call that fails."""

    def call(*_: object, **__: object) -> None:
        raise failure

    return call


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    names: list[str] = []
    monkeypatch.setattr(module, "count", names.append)
    return names


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

    def test_the_keys_name_tells_its_version(self, harness: Harness) -> None:
        token = harness.begin()
        harness.rotation().create(token)

        made = harness.keys.alive["key_1"]
        assert harness.names.version(made.name) == token
        assert len(made.name) <= 64

    def test_given_a_pending_version_with_a_living_key_then_it_is_kept(self, harness: Harness) -> None:
        token = harness.begin()
        harness.rotation().create(token)

        assert (harness.rotation().create(token), harness.keys.made) == ("already_created", 1)

    def test_the_new_key_has_the_scopes_of_the_api_that_the_secret_names(self, harness: Harness) -> None:
        harness.client.put_secret_value(
            SecretId=NAME, SecretString=json.dumps({"api_key": OWNERS_KEY, "api": "chat"})
        )

        harness.rotation().create(harness.begin())

        assert harness.keys.alive["key_1"].scopes == ("api.model.read", "api.model.request")

    @pytest.mark.parametrize("before", [(), ("api.model.read",), ("api.all.read",)])
    def test_given_a_pending_key_with_other_scopes_then_it_gets_those_that_are_needed(
        self, harness: Harness, before: tuple[str, ...]
    ) -> None:
        token = harness.begin()
        harness.rotation().create(token)
        harness.keys.alive["key_1"].scopes = before

        harness.rotate(token)

        assert harness.keys.alive["key_1"].scopes == ("api.model.read", "api.responses.write")
        assert harness.versions.describe().current == token

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

    def test_given_rotation_that_is_off_then_nothing_is_made(self, harness: Harness) -> None:
        token = harness.begin()
        harness.backend.rotation_enabled = False

        with pytest.raises(Misconfigured, match="not turned on"):
            harness.rotation().create(token)
        assert harness.keys.made == 0

    def test_given_a_version_that_is_not_pending_then_nothing_is_made(self, harness: Harness) -> None:
        harness.begin()

        for step in (harness.rotation().create, harness.rotation().set, harness.rotation().finish):
            with pytest.raises(Misconfigured, match="neither current nor pending"):
                step(OTHER)
        assert harness.keys.made == 0

    def test_given_a_secret_without_a_current_version_then_nothing_is_made(self, harness: Harness) -> None:
        token = harness.begin()
        for version in harness.backend.versions.values():
            version["version_stages"] = [each for each in version["version_stages"] if each != "AWSCURRENT"]

        with pytest.raises(SecretNotFound):
            harness.rotation().create(token)
        assert harness.keys.made == 0

    def test_given_a_key_for_another_server_then_none_of_openais_takes_its_place(
        self, harness: Harness
    ) -> None:
        elsewhere = {"api_key": "other-server-key", "base_url": "https://llm.example.com/v1"}
        harness.client.put_secret_value(SecretId=NAME, SecretString=json.dumps(elsewhere))
        token = harness.begin()

        with pytest.raises(Misconfigured, match="another server than OpenAI"):
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
        monkeypatch.setattr(rotation._versions, "stage", fails(AccessDenied("may not write")))

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
            monkeypatch.setattr(rotation._versions, "read", fails(CredentialsUnavailable("away")))
            raise CredentialsUnavailable("away")

        monkeypatch.setattr(rotation._versions, "stage", broken)
        with pytest.raises(CredentialsUnavailable):
            rotation.create(token)
        assert len(harness.living) == 2
        monkeypatch.setattr(rotation._versions, "read", read)

        harness.rotate(token)

        assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}


class TestSweeping:
    def test_a_key_that_outlived_its_schedule_goes_with_the_next_rotation(self, harness: Harness) -> None:
        harness.rotate()
        old = harness.key_at("AWSCURRENT")
        harness.clock.advance(CONFIG.period)
        harness.rotate()
        harness.schedule.planned.clear()
        harness.clock.advance(CONFIG.period)

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
        harness.keys.alive["key_x"] = Live("key_x", name, "sk-svcacct-of-somebody-else", harness.clock())

        for _ in range(3):
            harness.rotate()
            harness.clock.advance(CONFIG.period)
            harness.run_deletions()

        assert {"sk-svcacct-of-somebody-else", OWNERS_KEY} <= harness.living

    def test_given_a_deletion_that_fails_then_the_rotation_goes_on(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        harness.rotate()
        harness.clock.advance(CONFIG.period)
        harness.rotate()
        harness.clock.advance(CONFIG.period)
        monkeypatch.setattr(harness.keys, "delete", fails(CredentialsUnavailable("away")))

        assert harness.rotation().create(harness.begin()) == "success"


class TestProving:
    def test_a_new_key_is_given_time_to_become_known(self, harness: Harness) -> None:
        harness.keys.knows_new_keys_after = 20
        token = harness.begin()
        harness.rotation().create(token)

        assert harness.rotation().test(token) == "success"
        assert sum(harness.slept) == pytest.approx(21)

    def test_given_a_key_that_stays_refused_then_the_step_fails_well_inside_the_functions_time(
        self, harness: Harness
    ) -> None:
        harness.keys.knows_new_keys_after = 3600
        token = harness.begin()
        harness.rotation().create(token)

        with pytest.raises(CredentialRejected):
            harness.rotation().test(token)

        assert sum(harness.slept) < 60
        assert harness.key_at("AWSCURRENT") == OWNERS_KEY

    def test_given_a_key_that_lacks_a_scope_then_it_is_not_promoted(self, harness: Harness) -> None:
        harness.keys.needs = ("api.model.read", "api.responses.write", "api.new.scope")
        token = harness.begin()
        harness.rotation().create(token)

        with pytest.raises(CredentialRejected):
            harness.rotation().test(token)

        assert harness.key_at("AWSCURRENT") == OWNERS_KEY

    @pytest.mark.parametrize("text", [None, OWNERS_KEY, json.dumps({"api_key": OWNERS_KEY})])
    def test_the_trial_call_when_rotation_is_turned_on_is_survived(
        self, harness: Harness, text: str | None, counted: list[str]
    ) -> None:
        token = harness.begin(text=text)
        harness.backend.rotation_enabled = False

        assert (harness.rotation().test(token), harness.rotation().test(OTHER)) == ("trial", "trial")
        assert (counted, harness.key_at("AWSCURRENT")) == ([], OWNERS_KEY)

    def test_given_a_wrong_admin_key_then_the_trial_says_so_without_failing(
        self, harness: Harness, monkeypatch: pytest.MonkeyPatch, counted: list[str]
    ) -> None:
        monkeypatch.setattr(harness.keys, "issued", fails(AccessDenied("401")))

        assert harness.rotation().test(harness.begin()) == "trial:access_denied"
        assert counted == ["RotationFailure"]


class TestFinishing:
    @pytest.mark.parametrize("text", [None, OWNERS_KEY])
    def test_given_a_version_without_a_key_of_its_own_then_it_is_not_promoted(
        self, harness: Harness, text: str | None
    ) -> None:
        token = harness.begin(text=text)

        with pytest.raises(InvalidSecret, match="no key of its own"):
            harness.rotation().finish(token)

        assert harness.versions.describe().current != token

    def test_the_old_keys_deletion_is_planned_for_the_end_of_the_overlap(self, harness: Harness) -> None:
        first = str(harness.versions.describe().current)

        harness.rotate()

        assert harness.schedule.planned == {first: harness.clock() + CONFIG.overlap}

    def test_every_step_repeated_after_the_end_changes_nothing(self, harness: Harness) -> None:
        token = harness.rotate()
        before, planned = harness.versions.describe().stages, dict(harness.schedule.planned)
        harness.clock.advance(60)

        outcomes = [step() for step in harness.steps(token)]

        assert outcomes == ["already_current", "already_current", "already_current", "success"]
        assert (harness.versions.describe().stages, harness.schedule.planned) == (before, planned)
        assert harness.keys.made == 1


class TestDeleting:
    def test_the_owners_own_key_is_left_to_its_owner(self, harness: Harness) -> None:
        first = str(harness.versions.describe().current)
        harness.rotate()
        harness.clock.advance(CONFIG.overlap)

        assert harness.run_deletions() == {first: "not_ours"}
        assert OWNERS_KEY in harness.living

    def test_a_key_that_is_in_use_again_is_kept(self, harness: Harness) -> None:
        first = harness.rotate()
        harness.clock.advance(CONFIG.period)
        harness.run_deletions()
        harness.rotate()
        harness.versions.roll_back()
        harness.clock.advance(CONFIG.overlap)

        assert harness.run_deletions() == {first: "kept"}
        assert harness.key_at("AWSCURRENT") in harness.living
