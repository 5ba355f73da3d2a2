"""A rotation that dies at any moment loses no working key, and leaves no unknown one."""

import contextlib

import pytest

from tests.unit.rotation.harness import CONFIG, OWNERS_KEY, CrashInjector, Harness, Killed
from travel_gpt.errors import CredentialError, CredentialRejected

# See CrashInjector; the first two tests count them.
OF_A_ROTATION = range(23)
OF_A_DELETION = range(3)


def die_once(harness: Harness, token: str, moment: int) -> None:
    """Rotate up to a moment."""
    # A new one, which counts from this rotation on.
    harness.crash = CrashInjector(dies_at=moment)
    with contextlib.suppress(Killed):
        harness.rotate(token)


def assert_current_key_lives(harness: Harness) -> None:
    assert harness.key_at("AWSCURRENT") in harness.living


@pytest.fixture
def replaced(harness: Harness) -> str:
    """A version whose key may go: it was replaced as long ago as the overlap."""
    replaced = harness.rotate()
    harness.clock.advance(CONFIG.period)
    harness.rotate()
    harness.clock.advance(CONFIG.overlap)
    harness.crash = CrashInjector()
    return replaced


def test_all_moments_of_a_rotation_are_tried(harness: Harness) -> None:
    harness.rotate()

    assert harness.crash.moments == OF_A_ROTATION.stop


def test_all_moments_of_a_deletion_are_tried(harness: Harness, replaced: str) -> None:
    harness.rotation().delete(replaced)

    assert harness.crash.moments == OF_A_DELETION.stop


@pytest.mark.parametrize("moment", OF_A_ROTATION)
class TestACrash:
    @pytest.mark.parametrize("repeated", ["the rotation", "the step"])
    def test_given_a_repeat_then_it_ends_as_if_nothing_had_happened(
        self, harness: Harness, moment: int, repeated: str
    ) -> None:
        token = harness.begin()
        harness.crash.dies_at = moment
        for step in harness.steps(token):
            try:
                step()
            except Killed:
                assert_current_key_lives(harness)
                assert OWNERS_KEY in harness.living
                if repeated == "the rotation":
                    harness.rotate(token)
                    break
                step()

        described, planned = harness.versions.describe(), len(harness.schedule.planned)
        assert (described.current, described.pending, planned) == (token, None, 1)
        assert harness.key_at("AWSPREVIOUS") == OWNERS_KEY
        assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}
        assert harness.orphans() == set()

    def test_given_it_is_given_up_then_the_next_rotation_clears_what_it_left(
        self, harness: Harness, moment: int
    ) -> None:
        die_once(harness, harness.begin(), moment)
        # As AWS says to do with a rotation that is stuck.
        if harness.versions.describe().pending not in (None, harness.versions.describe().current):
            harness.versions.discard_pending()
        harness.clock.advance(CONFIG.period)
        harness.run_deletions()
        assert_current_key_lives(harness)

        second = harness.rotate()
        harness.clock.advance(CONFIG.overlap)
        harness.run_deletions()

        assert harness.versions.describe().current == second
        assert_current_key_lives(harness)
        assert harness.orphans() == set()
        # What is left is the new key, and the one that rotation did not make.
        assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}

    def test_given_the_second_rotation_dies_then_the_first_ones_key_lives_for_the_overlap_and_no_longer(
        self, harness: Harness, moment: int
    ) -> None:
        harness.rotate()
        old = str(harness.key_at("AWSCURRENT"))
        harness.clock.advance(CONFIG.overlap)
        harness.run_deletions()
        harness.clock.advance(CONFIG.period)
        token = harness.begin()

        die_once(harness, token, moment)
        assert_current_key_lives(harness)
        harness.rotate(token)

        new = str(harness.key_at("AWSCURRENT"))
        assert new != old
        harness.clock.advance(CONFIG.overlap - 1)
        harness.run_deletions()
        assert harness.living == {OWNERS_KEY, old, new}
        harness.clock.advance(1)
        harness.run_deletions()
        assert harness.living == {OWNERS_KEY, new}


@pytest.mark.parametrize("moment", OF_A_DELETION)
def test_given_the_deletion_dies_then_it_is_repeated(harness: Harness, replaced: str, moment: int) -> None:
    harness.crash.dies_at = moment
    with pytest.raises(Killed):
        harness.rotation().delete(replaced)
    assert_current_key_lives(harness)

    assert harness.rotation().delete(replaced) in ("success", "not_ours")
    assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}


@pytest.mark.parametrize("moment", OF_A_ROTATION)
def test_given_a_new_key_that_never_works_then_what_is_current_stays_whatever_dies(
    harness: Harness, moment: int
) -> None:
    harness.keys.knows_new_keys_after = 10 * CONFIG.period
    token = harness.begin()
    with contextlib.suppress(CredentialError):
        die_once(harness, token, moment)
    harness.crash = CrashInjector()
    harness.slept.clear()

    with pytest.raises(CredentialRejected):
        harness.rotate(token)

    assert sum(harness.slept) < 60, "it ends well inside the function's time"
    assert (harness.key_at("AWSCURRENT"), len(harness.living), harness.orphans()) == (OWNERS_KEY, 2, set())
