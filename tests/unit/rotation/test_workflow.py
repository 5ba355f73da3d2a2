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
        self, world: Harness
    ) -> None:
        token = world.begin()

        assert world.rotation().create(token) == "success"

        stored = world.versions.read(version=token)
        assert stored is not None
        document = json.loads(stored.text)
        assert document["model"] == "gemma4"
        assert document["expires_at"] == int(world.clock()) + 60 * DAY + CONFIG.overlap
        assert document["api_key"] in world.living
        assert (set(stored.stages), world.key_at("AWSCURRENT")) == ({"AWSPENDING"}, OWNERS_KEY)

    def test_the_keys_name_tells_its_version(self, world: Harness) -> None:
        token = world.begin()
        world.rotation().create(token)

        made = world.keys.alive["key_1"]
        assert world.names.version(made.name) == token
        assert len(made.name) <= 64

    def test_given_a_pending_version_with_a_living_key_then_it_is_kept(self, world: Harness) -> None:
        token = world.begin()
        world.rotation().create(token)

        assert (world.rotation().create(token), world.keys.made) == ("already_created", 1)

    def test_the_new_key_has_the_scopes_of_the_api_that_the_secret_names(self, world: Harness) -> None:
        world.owner.put_secret_value(
            SecretId=NAME, SecretString=json.dumps({"api_key": OWNERS_KEY, "api": "chat"})
        )

        world.rotation().create(world.begin())

        assert world.keys.alive["key_1"].scopes == ("api.model.read", "api.model.request")

    @pytest.mark.parametrize("before", [(), ("api.model.read",), ("api.all.read",)])
    def test_given_a_pending_key_with_other_scopes_then_it_gets_those_that_are_needed(
        self, world: Harness, before: tuple[str, ...]
    ) -> None:
        token = world.begin()
        world.rotation().create(token)
        world.keys.alive["key_1"].scopes = before

        world.rotate(token)

        assert world.keys.alive["key_1"].scopes == ("api.model.read", "api.responses.write")
        assert world.versions.describe().current == token

    @pytest.mark.parametrize("how", ["dead", "the current one"])
    def test_given_a_pending_version_that_can_never_work_then_it_is_discarded(
        self, world: Harness, how: str
    ) -> None:
        if how == "dead":
            token = world.begin()
            world.rotation().create(token)
            world.keys.alive.pop("key_1")
        else:
            token = world.begin(text=OWNERS_KEY)

        with pytest.raises(CredentialsUnavailable, match="it was discarded"):
            world.rotation().create(token)

        assert world.versions.describe().pending is None
        # And then another one begins and ends well.
        world.rotate()
        assert world.key_at("AWSCURRENT") != OWNERS_KEY

    def test_given_rotation_that_is_off_then_nothing_is_made(self, world: Harness) -> None:
        token = world.begin()
        world.backend.rotation_enabled = False

        with pytest.raises(Misconfigured, match="not turned on"):
            world.rotation().create(token)
        assert world.keys.made == 0

    def test_given_a_version_that_is_not_pending_then_nothing_is_made(self, world: Harness) -> None:
        world.begin()

        for step in (world.rotation().create, world.rotation().set, world.rotation().finish):
            with pytest.raises(Misconfigured, match="neither current nor pending"):
                step(OTHER)
        assert world.keys.made == 0

    def test_given_a_secret_without_a_current_version_then_nothing_is_made(self, world: Harness) -> None:
        token = world.begin()
        for version in world.backend.versions.values():
            version["version_stages"] = [each for each in version["version_stages"] if each != "AWSCURRENT"]

        with pytest.raises(SecretNotFound):
            world.rotation().create(token)
        assert world.keys.made == 0

    def test_given_a_key_for_another_server_then_none_of_openais_takes_its_place(
        self, world: Harness
    ) -> None:
        elsewhere = {"api_key": "other-server-key", "base_url": "https://llm.example.com/v1"}
        world.owner.put_secret_value(SecretId=NAME, SecretString=json.dumps(elsewhere))
        token = world.begin()

        with pytest.raises(Misconfigured, match="another server than OpenAI"):
            world.rotation().create(token)
        assert world.keys.made == 0

    def test_given_a_write_that_was_done_although_it_failed_then_its_key_stays(
        self, world: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = world.begin()
        rotation = world.rotation()
        stage = rotation._versions.stage

        def lost(value: str, version: str) -> None:
            stage(value, version)
            raise CredentialsUnavailable("the answer was lost")

        monkeypatch.setattr(rotation._versions, "stage", lost)

        assert rotation.create(token) == "success"
        assert world.key_at("AWSPENDING") in world.living

    def test_given_a_write_that_was_not_done_then_its_key_goes_at_once(
        self, world: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = world.begin()
        rotation = world.rotation()
        monkeypatch.setattr(rotation._versions, "stage", fails(AccessDenied("may not write")))

        with pytest.raises(AccessDenied):
            rotation.create(token)

        assert world.living == {OWNERS_KEY}

    def test_given_a_write_with_an_unknown_outcome_then_the_repeat_clears_up(
        self, world: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        token = world.begin()
        rotation = world.rotation()
        read = rotation._versions.read

        def broken(*_: object) -> None:
            monkeypatch.setattr(rotation._versions, "read", fails(CredentialsUnavailable("away")))
            raise CredentialsUnavailable("away")

        monkeypatch.setattr(rotation._versions, "stage", broken)
        with pytest.raises(CredentialsUnavailable):
            rotation.create(token)
        assert len(world.living) == 2
        monkeypatch.setattr(rotation._versions, "read", read)

        world.rotate(token)

        assert world.living == {OWNERS_KEY, world.key_at("AWSCURRENT")}


class TestSweeping:
    def test_a_key_that_outlived_its_schedule_goes_with_the_next_rotation(self, world: Harness) -> None:
        world.rotate()
        old = world.key_at("AWSCURRENT")
        world.clock.advance(CONFIG.period)
        world.rotate()
        world.schedule.planned.clear()
        world.clock.advance(CONFIG.period)

        world.rotation().create(world.begin())

        assert old not in world.living

    def test_two_rotations_within_the_overlap_leave_what_a_cache_may_hold(self, world: Harness) -> None:
        world.rotate()
        first = world.key_at("AWSCURRENT")
        world.clock.advance(CONFIG.overlap / 4)
        world.rotate()
        second = world.key_at("AWSCURRENT")
        world.clock.advance(CONFIG.overlap / 4)

        world.rotate()

        assert {first, second} <= world.living

    def test_after_going_back_by_hand_the_newer_key_stays(self, world: Harness) -> None:
        world.rotate()
        world.clock.advance(CONFIG.period)
        world.rotate()
        newer = world.key_at("AWSCURRENT")
        world.clock.advance(CONFIG.period)
        world.run_deletions()
        world.versions.roll_back()

        world.rotation().create(world.begin())

        assert newer in world.living

    @pytest.mark.parametrize("name", ["production", "travel-gpt-00000000-" + OTHER, ""])
    def test_a_key_that_rotation_did_not_make_is_never_deleted(self, world: Harness, name: str) -> None:
        world.keys.alive["key_x"] = Live("key_x", name, "sk-svcacct-of-somebody-else", world.clock())

        for _ in range(3):
            world.rotate()
            world.clock.advance(CONFIG.period)
            world.run_deletions()

        assert {"sk-svcacct-of-somebody-else", OWNERS_KEY} <= world.living

    def test_given_a_deletion_that_fails_then_the_rotation_goes_on(
        self, world: Harness, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        world.rotate()
        world.clock.advance(CONFIG.period)
        world.rotate()
        world.clock.advance(CONFIG.period)
        monkeypatch.setattr(world.keys, "delete", fails(CredentialsUnavailable("away")))

        assert world.rotation().create(world.begin()) == "success"


class TestProving:
    def test_a_new_key_is_given_time_to_become_known(self, world: Harness) -> None:
        world.keys.knows_new_keys_after = 20
        token = world.begin()
        world.rotation().create(token)

        assert world.rotation().test(token) == "success"
        assert sum(world.slept) == pytest.approx(21)

    def test_given_a_key_that_stays_refused_then_the_step_fails_well_inside_the_functions_time(
        self, world: Harness
    ) -> None:
        world.keys.knows_new_keys_after = 3600
        token = world.begin()
        world.rotation().create(token)

        with pytest.raises(CredentialRejected):
            world.rotation().test(token)

        assert sum(world.slept) < 60
        assert world.key_at("AWSCURRENT") == OWNERS_KEY

    def test_given_a_key_that_lacks_a_scope_then_it_is_not_promoted(self, world: Harness) -> None:
        world.keys.needs = ("api.model.read", "api.responses.write", "api.new.scope")
        token = world.begin()
        world.rotation().create(token)

        with pytest.raises(CredentialRejected):
            world.rotation().test(token)

        assert world.key_at("AWSCURRENT") == OWNERS_KEY

    @pytest.mark.parametrize("text", [None, OWNERS_KEY, json.dumps({"api_key": OWNERS_KEY})])
    def test_the_trial_call_when_rotation_is_turned_on_is_survived(
        self, world: Harness, text: str | None, counted: list[str]
    ) -> None:
        token = world.begin(text=text)
        world.backend.rotation_enabled = False

        assert (world.rotation().test(token), world.rotation().test(OTHER)) == ("trial", "trial")
        assert (counted, world.key_at("AWSCURRENT")) == ([], OWNERS_KEY)

    def test_given_a_wrong_admin_key_then_the_trial_says_so_without_failing(
        self, world: Harness, monkeypatch: pytest.MonkeyPatch, counted: list[str]
    ) -> None:
        monkeypatch.setattr(world.keys, "issued", fails(AccessDenied("401")))

        assert world.rotation().test(world.begin()) == "trial:access_denied"
        assert counted == ["RotationFailure"]


class TestFinishing:
    @pytest.mark.parametrize("text", [None, OWNERS_KEY])
    def test_given_a_version_without_a_key_of_its_own_then_it_is_not_promoted(
        self, world: Harness, text: str | None
    ) -> None:
        token = world.begin(text=text)

        with pytest.raises(InvalidSecret, match="no key of its own"):
            world.rotation().finish(token)

        assert world.versions.describe().current != token

    def test_the_old_keys_deletion_is_planned_for_the_end_of_the_overlap(self, world: Harness) -> None:
        first = str(world.versions.describe().current)

        world.rotate()

        assert world.schedule.planned == {first: world.clock() + CONFIG.overlap}

    def test_every_step_repeated_after_the_end_changes_nothing(self, world: Harness) -> None:
        token = world.rotate()
        before, planned = world.versions.describe().stages, dict(world.schedule.planned)
        world.clock.advance(60)

        outcomes = [step() for step in world.steps(token)]

        assert outcomes == ["already_current", "already_current", "already_current", "success"]
        assert (world.versions.describe().stages, world.schedule.planned) == (before, planned)
        assert world.keys.made == 1


class TestDeleting:
    def test_the_owners_own_key_is_left_to_its_owner(self, world: Harness) -> None:
        first = str(world.versions.describe().current)
        world.rotate()
        world.clock.advance(CONFIG.overlap)

        assert world.run_deletions() == {first: "not_ours"}
        assert OWNERS_KEY in world.living

    def test_a_key_that_is_in_use_again_is_kept(self, world: Harness) -> None:
        first = world.rotate()
        world.clock.advance(CONFIG.period)
        world.run_deletions()
        world.rotate()
        world.versions.roll_back()
        world.clock.advance(CONFIG.overlap)

        assert world.run_deletions() == {first: "kept"}
        assert world.key_at("AWSCURRENT") in world.living
