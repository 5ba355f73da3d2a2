"""deploy.sh turning rotation on: what it wants to see before. On and off itself: see test_rotation."""

import json

import pytest

from tests.support.deployer import GOOD_KEY, Deployer
from tests.support.markdown import Page

SECRET, ADMIN_SECRET = "travel-gpt/openai-api-key", "travel-gpt/openai-admin-key"
GIVEN = {
    "OpenAIProjectId": "proj_1",
    "OpenAIServiceAccountId": "user-1",
    "AdminSecretName": ADMIN_SECRET,
}


def parameters(**values: str) -> list[str]:
    return [part for name, value in values.items() for part in ("--parameter", f"{name}={value}")]


def put(deployer: Deployer, name: str, value: object) -> None:
    deployer.aws.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))
    deployer.aws.forget_calls()


def plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        (["OpenAIProjectId"], ["OpenAIServiceAccountId", "AdminSecretName"]),
        (["AdminSecretName", "OpenAIServiceAccountId"], ["OpenAIProjectId"]),
    ],
    ids=str,
)
def test_some_of_the_three_are_refused_by_the_names_of_the_others(
    deployer: Deployer, given: list[str], missing: list[str]
) -> None:
    done = deployer.deploy("--yes", *parameters(**{name: GIVEN[name] for name in given}), key=GOOD_KEY)

    assert done.returncode == 2
    _, _, shown = plain(done.stderr).partition("Missing: ")
    shown = shown.partition(" Add it ")[0]
    assert [name for name in GIVEN if name in shown] == missing
    assert "--parameter AdminSecretName= --parameter OpenAIProjectId=" in plain(done.stderr)
    assert deployer.changes() == []
    assert deployer.aws.openai.requests == [], "it stopped before the key was tried"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        # OpenAI makes no key that is valid for two such periods.
        ({"RotationDays": "183"}, "RotationDays must be at most 182, not 183"),
        # It would be where the function reads.
        ({"AdminSecretName": SECRET}, "must never see the admin key"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_before_anything_is_changed(
    deployer: Deployer, wrong: dict[str, str], says: str
) -> None:
    done = deployer.deploy("--yes", *parameters(**{**GIVEN, **wrong}), key=GOOD_KEY)

    assert done.returncode == 2
    assert says in plain(done.stderr)
    assert deployer.changes() == []


def test_without_the_admin_secret_it_says_how_to_make_it_as_the_manual_does(deployer: Deployer) -> None:
    done = deployer.deploy("--yes", *parameters(**GIVEN), key=GOOD_KEY)

    assert done.returncode == 1
    assert f"There is no secret {ADMIN_SECRET}" in done.stderr
    assert deployer.changes() == []
    # Then: what it prints are the commands of docs/operations/deploy.md, for this secret and region.
    ours = next(
        block
        for block in Page.read("docs/operations/deploy.md").blocks
        if f"--name {SECRET}" in block and "read -rs" in block
    )
    as_written = (
        ours.replace("paste the key", "paste the admin key")
        .replace("api_key", "admin_api_key")
        .replace(SECRET, f"{ADMIN_SECRET} --region us-east-1")
    )
    assert plain(as_written) in plain(done.stderr)

    # And when they are typed, then it deploys
    typed = done.stderr[done.stderr.index("    read -rs KEY") :]
    made = deployer.aws.run("bash", "-c", typed, input="sk-admin-Jc4TnB8xWq6MzR2vKp9HyD5f\n")
    assert made.returncode == 0, made.stderr
    assert deployer.secret(ADMIN_SECRET) == {"admin_api_key": "sk-admin-Jc4TnB8xWq6MzR2vKp9HyD5f"}
    assert deployer.deploy("--dry-run", *parameters(**GIVEN), key=GOOD_KEY).returncode == 0


def test_an_admin_secret_on_its_way_out_or_empty_is_no_help(deployer: Deployer) -> None:
    secrets = deployer.aws.client("secretsmanager")
    secrets.create_secret(Name=ADMIN_SECRET)
    empty = deployer.deploy("--yes", *parameters(**GIVEN), key=GOOD_KEY)
    secrets.delete_secret(SecretId=ADMIN_SECRET, RecoveryWindowInDays=30)
    deployer.aws.forget_calls()
    deleted = deployer.deploy("--yes", *parameters(**GIVEN), key=GOOD_KEY)

    assert (empty.returncode, deleted.returncode) == (1, 1)
    assert f"put-secret-value --secret-id {ADMIN_SECRET}" in empty.stderr
    assert f"restore-secret --secret-id {ADMIN_SECRET}" in deleted.stderr
    assert deployer.changes() == []


def test_where_the_admin_secret_is_hidden_from_the_caller_it_goes_on_and_says_so(deployer: Deployer) -> None:
    put(deployer, SECRET, {"api_key": GOOD_KEY})
    deployer.aws.deny("secretsmanager:DescribeSecret")

    done = deployer.deploy("--dry-run", *parameters(**GIVEN))

    assert done.returncode == 0, done.stderr
    assert f"Whether there is a secret {ADMIN_SECRET} is hidden from you" in plain(done.stdout)


@pytest.mark.parametrize("where", ["the secret", "the stack"])
def test_the_key_of_another_server_cannot_rotate(deployer: Deployer, where: str) -> None:
    server = "https://llm.example.com/v1"
    put(deployer, ADMIN_SECRET, {"admin_api_key": "sk-admin-x"})
    put(deployer, SECRET, {"api_key": GOOD_KEY, **({"base_url": server} if where == "the secret" else {})})
    more = {"OpenAIBaseUrl": server} if where == "the stack" else {}

    done = deployer.deploy("--yes", *parameters(**GIVEN, **more))

    assert done.returncode == 1
    assert f"The key is for {server}" in plain(done.stderr)
    assert deployer.changes() == []
