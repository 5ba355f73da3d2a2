"""A rotation that dies at any moment loses no working key, and leaves no unknown one."""

import contextlib

import pytest

from tests.unit.rotation.harness import CONFIG, OWNERS_KEY, CrashInjector, Harness, Killed
from travel_gpt.errors import CredentialError

# See CrashInjector; the first two tests count them.
OF_A_ROTATION = range(23)
OF_A_DELETION = range(3)


def die_once(world: Harness, token: str, moment: int) -> bool:
    """Rotate up to a moment; tell whether it came."""
    # A new one, which counts from this rotation on.
    world.crash = CrashInjector(dies_at=moment)
    try:
        world.rotate(token)
    except Killed:
        return True
    finally:
        world.crash.dies_at = None
    return False


def assert_current_key_lives(world: Harness) -> None:
    assert world.key_at("AWSCURRENT") in world.living


def test_all_moments_of_a_rotation_are_tried(world: Harness) -> None:
    world.rotate()

    assert world.crash.moments == OF_A_ROTATION.stop


def test_all_moments_of_a_deletion_are_tried(world: Harness) -> None:
    first = world.rotate()
    world.clock.advance(CONFIG.period)
    world.rotate()
    world.clock.advance(CONFIG.overlap)
    world.crash = CrashInjector()
    world.rotation().delete(first)

    assert world.crash.moments == OF_A_DELETION.stop


@pytest.mark.parametrize("moment", OF_A_ROTATION)
class TestADeath:
    def test_given_the_rotation_is_repeated_then_it_ends_as_if_nothing_had_happened(
        self, world: Harness, moment: int
    ) -> None:
        token = world.begin()
        die_once(world, token, moment)
        assert_current_key_lives(world)
        assert OWNERS_KEY in world.living

        world.rotate(token)

        assert world.versions.describe().current == token
        assert (world.versions.describe().pending, world.key_at("AWSPREVIOUS")) == (None, OWNERS_KEY)
        assert (world.living, len(world.schedule.planned)) == ({OWNERS_KEY, world.key_at("AWSCURRENT")}, 1)
        assert world.orphans() == set()

    def test_given_each_step_is_repeated_alone_then_that_does(self, world: Harness, moment: int) -> None:
        token = world.begin()
        world.crash.dies_at = moment
        for step in world.steps(token):
            try:
                step()
            except Killed:
                assert_current_key_lives(world)
                step()

        assert world.versions.describe().current == token
        assert world.living == {OWNERS_KEY, world.key_at("AWSCURRENT")}
        assert world.orphans() == set()

    def test_given_it_is_given_up_then_the_next_rotation_clears_what_it_left(
        self, world: Harness, moment: int
    ) -> None:
        die_once(world, world.begin(), moment)
        # As AWS says to do with a rotation that is stuck.
        if world.versions.describe().pending not in (None, world.versions.describe().current):
            world.versions.discard_pending()
        world.clock.advance(CONFIG.period)
        world.run_deletions()
        assert_current_key_lives(world)

        second = world.rotate()
        world.clock.advance(CONFIG.overlap)
        world.run_deletions()

        assert world.versions.describe().current == second
        assert_current_key_lives(world)
        assert world.orphans() == set()
        # What is left is the new key, and the one that rotation did not make.
        assert world.living == {OWNERS_KEY, world.key_at("AWSCURRENT")}

    def test_given_the_second_rotation_dies_then_the_first_ones_key_lives_for_the_overlap_and_no_longer(
        self, world: Harness, moment: int
    ) -> None:
        world.rotate()
        old = str(world.key_at("AWSCURRENT"))
        world.clock.advance(CONFIG.overlap)
        world.run_deletions()
        world.clock.advance(CONFIG.period)
        token = world.begin()

        die_once(world, token, moment)
        assert_current_key_lives(world)
        world.rotate(token)

        new = str(world.key_at("AWSCURRENT"))
        assert new != old
        world.clock.advance(CONFIG.overlap - 1)
        world.run_deletions()
        assert world.living == {OWNERS_KEY, old, new}
        world.clock.advance(1)
        world.run_deletions()
        assert world.living == {OWNERS_KEY, new}


@pytest.mark.parametrize("moment", OF_A_DELETION)
def test_given_the_deletion_dies_then_it_is_repeated(world: Harness, moment: int) -> None:
    first = world.rotate()
    world.clock.advance(CONFIG.period)
    world.rotate()
    world.clock.advance(CONFIG.overlap)
    world.crash = CrashInjector(dies_at=moment)

    with contextlib.suppress(Killed):
        world.rotation().delete(first)
    world.crash.dies_at = None
    assert_current_key_lives(world)

    assert world.rotation().delete(first) in ("success", "not_ours")
    assert world.living == {OWNERS_KEY, world.key_at("AWSCURRENT")}


@pytest.mark.parametrize("moment", OF_A_ROTATION)
def test_given_a_new_key_that_never_works_then_what_is_current_stays_whatever_dies(
    world: Harness, moment: int
) -> None:
    world.keys.knows_new_keys_after = 10 * CONFIG.period
    token = world.begin()
    with contextlib.suppress(CredentialError):
        die_once(world, token, moment)

    with pytest.raises(CredentialError):
        world.rotate(token)

    assert (world.key_at("AWSCURRENT"), len(world.living), world.orphans()) == (OWNERS_KEY, 2, set())
