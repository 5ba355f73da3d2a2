"""A rotation that dies at any moment loses no working key, and leaves no unknown one."""

import contextlib

import pytest

from tests.unit.rotation.harness import CONFIG, OWNERS_KEY, CrashInjector, Harness, Killed
from travel_gpt.errors import CredentialError

# See CrashInjector; the first two tests count them.
OF_A_ROTATION = range(23)
OF_A_DELETION = range(3)


def die_once(harness: Harness, token: str, moment: int) -> bool:
    """Rotate up to a moment; tell whether it came."""
    # A new one, which counts from this rotation on.
    harness.crash = CrashInjector(dies_at=moment)
    try:
        harness.rotate(token)
    except Killed:
        return True
    finally:
        harness.crash.dies_at = None
    return False


def assert_current_key_lives(harness: Harness) -> None:
    assert harness.key_at("AWSCURRENT") in harness.living


def test_all_moments_of_a_rotation_are_tried(harness: Harness) -> None:
    harness.rotate()

    assert harness.crash.moments == OF_A_ROTATION.stop


def test_all_moments_of_a_deletion_are_tried(harness: Harness) -> None:
    first = harness.rotate()
    harness.clock.advance(CONFIG.period)
    harness.rotate()
    harness.clock.advance(CONFIG.overlap)
    harness.crash = CrashInjector()
    harness.rotation().delete(first)

    assert harness.crash.moments == OF_A_DELETION.stop


@pytest.mark.parametrize("moment", OF_A_ROTATION)
class TestACrash:
    def test_given_the_rotation_is_repeated_then_it_ends_as_if_nothing_had_happened(
        self, harness: Harness, moment: int
    ) -> None:
        token = harness.begin()
        die_once(harness, token, moment)
        assert_current_key_lives(harness)
        assert OWNERS_KEY in harness.living

        harness.rotate(token)

        assert harness.versions.describe().current == token
        assert (harness.versions.describe().pending, harness.key_at("AWSPREVIOUS")) == (None, OWNERS_KEY)
        assert (harness.living, len(harness.schedule.planned)) == (
            {OWNERS_KEY, harness.key_at("AWSCURRENT")},
            1,
        )
        assert harness.orphans() == set()

    def test_given_each_step_is_repeated_alone_then_that_does(self, harness: Harness, moment: int) -> None:
        token = harness.begin()
        harness.crash.dies_at = moment
        for step in harness.steps(token):
            try:
                step()
            except Killed:
                assert_current_key_lives(harness)
                step()

        assert harness.versions.describe().current == token
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
def test_given_the_deletion_dies_then_it_is_repeated(harness: Harness, moment: int) -> None:
    first = harness.rotate()
    harness.clock.advance(CONFIG.period)
    harness.rotate()
    harness.clock.advance(CONFIG.overlap)
    harness.crash = CrashInjector(dies_at=moment)

    with contextlib.suppress(Killed):
        harness.rotation().delete(first)
    harness.crash.dies_at = None
    assert_current_key_lives(harness)

    assert harness.rotation().delete(first) in ("success", "not_ours")
    assert harness.living == {OWNERS_KEY, harness.key_at("AWSCURRENT")}


@pytest.mark.parametrize("moment", OF_A_ROTATION)
def test_given_a_new_key_that_never_works_then_what_is_current_stays_whatever_dies(
    harness: Harness, moment: int
) -> None:
    harness.keys.knows_new_keys_after = 10 * CONFIG.period
    token = harness.begin()
    with contextlib.suppress(CredentialError):
        die_once(harness, token, moment)

    with pytest.raises(CredentialError):
        harness.rotate(token)

    assert (harness.key_at("AWSCURRENT"), len(harness.living), harness.orphans()) == (OWNERS_KEY, 2, set())
