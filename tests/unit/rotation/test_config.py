"""What the rotation Lambda makes of its environment."""

import itertools

import pytest

from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.rotation.cleanup import KeyNames
from travel_gpt.rotation.config import DAY, LONGEST_LIFETIME, MOST_DAYS, RotationConfig, overlap_of
from travel_gpt.settings import Settings

GOOD = {
    "ROTATION_PROJECT_ID": "proj_1",
    "ROTATION_SERVICE_ACCOUNT_ID": "user-1",
    "ROTATION_ADMIN_SECRET_NAME": "travel-gpt/openai-admin-key",
    "ROTATION_FUNCTION_ARN": "arn:aws:lambda:us-east-1:123456789012:function:rotator",
    "ROTATION_SCHEDULE_GROUP": "group",
    "ROTATION_SCHEDULE_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
    "CREDENTIAL_ROTATION_DAYS": "30",
}


def test_the_overlap_is_what_every_cache_needs_to_let_go() -> None:
    assert overlap_of(Settings.load({})) == 300 + 3600 + 30
    no_stale = {"CREDENTIAL_TTL_SECONDS": "60", "CREDENTIAL_MAX_STALE_SECONDS": "0"}
    # And no less than the previous key may be used for.
    assert overlap_of(Settings.load(no_stale)) == 3600
    assert overlap_of(Settings.load({**no_stale, "CREDENTIAL_PREVIOUS_SECONDS": "0"})) == 90


@pytest.mark.parametrize("days", [1, 30, 181, MOST_DAYS])
@pytest.mark.parametrize("overlap", ["60", "86400"])
def test_no_key_lives_longer_than_openai_allows_nor_ends_before_a_second_rotation(
    days: int, overlap: str
) -> None:
    settings = Settings.load({"CREDENTIAL_TTL_SECONDS": overlap, "CREDENTIAL_MAX_STALE_SECONDS": overlap})
    plan = RotationConfig.load({**GOOD, "CREDENTIAL_ROTATION_DAYS": str(days)}, settings)

    assert plan.problems == ()
    # Source: OpenAI's API reference, "Create project service account API key": 1 to 31536000.
    assert 1 <= plan.lifetime <= 31_536_000 == LONGEST_LIFETIME
    # When one rotation fails, the next is due before the key expires, and caches may still have it then.
    assert plan.lifetime == min(2 * days * DAY + plan.overlap, LONGEST_LIFETIME) >= 2 * plan.period


@pytest.mark.parametrize("days", [MOST_DAYS + 1, 365, 999])
def test_a_period_of_which_two_exceed_the_life_of_a_key_is_a_problem(days: int) -> None:
    plan = RotationConfig.load({**GOOD, "CREDENTIAL_ROTATION_DAYS": str(days)}, Settings.load({}))

    assert f"CREDENTIAL_ROTATION_DAYS must be at most {MOST_DAYS}" in "".join(plan.problems)
    assert plan.lifetime <= LONGEST_LIFETIME


@pytest.mark.parametrize(
    ("variables", "api", "scopes"),
    [
        ({}, None, ("api.model.read", "api.responses.write")),
        ({"OPENAI_API": "chat"}, None, ("api.model.read", "api.model.request")),
        ({"OPENAI_API": "chat"}, "responses", ("api.model.read", "api.responses.write")),
        ({"ROTATION_KEY_SCOPES": "api.model.read,api.new"}, "chat", ("api.model.read", "api.new")),
        ({"ROTATION_KEY_SCOPES": "all"}, None, ()),
    ],
    ids=str,
)
def test_a_key_may_list_the_models_and_ask_one_unless_the_owner_chose(
    variables: dict[str, str], api: str | None, scopes: tuple[str, ...]
) -> None:
    plan = RotationConfig.load({**GOOD, **variables}, Settings.load(variables))

    assert plan.problems == ()
    assert plan.scopes_for(Credential(Key("sk-x"), "secrets-manager", api=api)) == scopes


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        *itertools.product(GOOD, ["", "two words", "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"]),
        *(
            ("ROTATION_KEY_SCOPES", chosen)
            for chosen in ("API", "a,,b", "a, b", "all,api.model.read ,", "sk-svcacct-x", "a" * 101)
        ),
    ],
)
def test_given_a_wrong_variable_then_it_is_named_and_not_quoted(variable: str, value: str) -> None:
    plan = RotationConfig.load({**GOOD, variable: value}, Settings.load({}))

    assert plan.problems == (f"{variable} is missing or malformed",)


def test_problems_of_the_settings_are_problems_of_the_rotation() -> None:
    plan = RotationConfig.load(GOOD, Settings.load({"CREDENTIAL_TTL_SECONDS": "soon"}))

    assert ["CREDENTIAL_TTL_SECONDS" in problem for problem in plan.problems] == [True]


def test_two_secrets_of_one_name_have_keys_of_different_names() -> None:
    version = "22222222-2222-4222-8222-222222222222"
    one, other = (KeyNames(f"arn:aws:secretsmanager:r:1:secret:name-{end}") for end in ("abcdef", "ghijkl"))

    assert one.version(one.of(version)) == version
    assert (other.version(one.of(version)), len(one.of(version)) <= 64) == (None, True)
