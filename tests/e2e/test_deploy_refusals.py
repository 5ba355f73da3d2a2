"""What deploy.sh says when it cannot or should not go on. The last line is always a thing to do."""

import json
from dataclasses import dataclass

import pytest

from tests.fakes.openai import behaviours
from tests.support.deployer import BAD_KEY, GOOD_KEY, NEW_KEY, Deployer
from tests.support.secret_leaks import holds

SECRET = "travel-gpt/openai-api-key"
SERVER = "https://llm.example.com/v1"
KEYLESS = ("--keyless", "--yes")


def put_secret(deployer: Deployer, value: object) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    deployer.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=text)
    deployer.aws.forget_calls()


@dataclass(frozen=True)
class Case:
    """A run that stops: its options, what it says, and what there was before."""

    options: tuple[str, ...]
    says: tuple[str, ...]
    key: str | None = GOOD_KEY
    status: int = 1
    stored: object = None
    denied: str = ""
    asks_the_model: bool = False


CASES = {
    "no-profile": Case(
        ("--yes", "--profile", "absent"), ("profile does not exist", "aws configure list-profiles"), status=2
    ),
    "no-key": Case(("--yes",), ("read -rs OPENAI_API_KEY; export OPENAI_API_KEY; ./deploy.sh",), None),
    "no-yes": Case((), ("add --yes",), status=2, asks_the_model=True),
    "refused-key": Case(("--yes",), ("refuses the key",), BAD_KEY, asks_the_model=True),
    "key-in-the-clear": Case(
        ("--yes", "--parameter", "OpenAIBaseUrl=http://llm.example/v1"), ("https://",), status=2
    ),
    "secret-without-a-key": Case(
        ("--yes",),
        ('without a text "api_key"', "./deploy.sh --replace-key"),
        None,
        stored={"key": "sk-misnamed"},
    ),
    "secret-not-json": Case(("--yes",), ("is not valid JSON", "--replace-key"), None, stored="{not json"),
    "secret-unreadable": Case(
        ("--yes", "--replace-key"),
        ("secretsmanager:GetSecretValue",),
        NEW_KEY,
        stored={"api_key": GOOD_KEY, "project": "proj_1"},
        denied="secretsmanager:GetSecretValue",
    ),
    "no-permission": Case(
        ("--yes",),
        (
            "Stopped while looking at what is there",
            "AWS does not allow you to do this (DescribeStacks)",
            "denied by the test",
        ),
        denied="cloudformation:DescribeStacks",
    ),
    "half-a-vpc": Case(
        ("--yes", "--parameter", "VpcSubnetIds=subnet-0a1b2c3d"),
        ("VpcSubnetIds and VpcSecurityGroupIds go together",),
        status=2,
    ),
    "open-without-a-budget": Case(
        ("--yes", "--access", "open", "--parameter", "BudgetPerDay=0"),
        ("so BudgetPerDay cannot be 0", "--parameter BudgetPerDay=5"),
        status=2,
    ),
    "kms-alias": Case(
        ("--yes", "--parameter", "KmsKeyArn=alias/key"), ("must be the ARN of a key",), status=2
    ),
    "no-config-recorder": Case(
        ("--yes", "--parameter", "ConfigRules=enabled"),
        ("configuration recorder, which this region does not have",),
    ),
    "keyless-without-federation": Case(KEYLESS, ("aws iam enable-outbound-web-identity-federation",), None),
    "keyless-server-in-the-secret": Case(
        KEYLESS, ("good for OpenAI alone",), None, stored={"api_key": GOOD_KEY, "base_url": SERVER}
    ),
    "keyless-server-of-the-stack": Case(
        (*KEYLESS, "--parameter", f"OpenAIBaseUrl={SERVER}"), ("good for OpenAI alone",), None
    ),
    "no-question": Case(("--delete", "--delete-secret"), ("--yes",), None, 2, GOOD_KEY),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_stops_before_anything_is_changed_and_says_why(deployer: Deployer, case: Case) -> None:
    if case.stored:
        put_secret(deployer, case.stored)
    if case.denied:
        deployer.aws.deny(case.denied)

    done = deployer.deploy(*case.options, key=case.key)

    said = " ".join(done.stderr.split())
    assert (done.returncode, [words for words in case.says if words not in said]) == (case.status, []), said
    assert deployer.changes() == []
    assert not holds(done.stdout + done.stderr, case.key or GOOD_KEY)
    assert bool(deployer.aws.openai.requests) is case.asks_the_model


def test_everything_that_is_missing_is_named_at_once_with_how_to_get_it(deployer: Deployer) -> None:
    # Given no sam, an old make, no region and no credentials
    tools = deployer.aws.tools
    (tools / "sam").unlink()
    (tools / "make").unlink()
    (tools / "make").write_text("#!/bin/sh\necho make 3.79\n")
    (tools / "make").chmod(0o755)
    nothing = dict.fromkeys(
        ("AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE")
    )

    done = deployer.deploy("--yes", key=GOOD_KEY, env=nothing)

    assert done.returncode == 1
    for said in (
        "Stopped while checking the programs",
        "sam is not installed",
        "scripts/environment.sh cloud",
        "make 3.79 is too old",
        "--region eu-west-1",
        "no AWS credentials",
        "aws configure sso",
    ):
        assert said in done.stderr


def test_a_dry_run_changes_nothing_whatever_else_is_asked(newcomer: Deployer) -> None:
    put_secret(newcomer, {"api_key": GOOD_KEY})
    newcomer.aws.limit_concurrency(10)

    done = newcomer.deploy("--dry-run", "--yes", "--replace-key", "--create-logging-role", key=NEW_KEY)

    assert done.returncode == 0, done.stderr
    assert newcomer.changes() == []
    assert "Replace the key" in done.stdout
    assert "Create the IAM role" in done.stdout
    # A new account's limit, and what it means for the throttle
    assert "about 1.2 answers a second; the throttle lets 5 queries" in " ".join(done.stdout.split())
    assert "dry run: nothing was changed" in done.stdout
    last = done.stdout.rstrip().splitlines()[-1].strip()
    assert last == "./deploy.sh --yes --replace-key --create-logging-role --no-build"


@pytest.mark.parametrize("trace", ["-x", "-va"])
def test_a_traced_shell_does_not_print_the_key_nor_export_it_again(deployer: Deployer, trace: str) -> None:
    done = deployer.aws.run(
        "bash", trace, "deploy.sh", "--dry-run", env={"OPENAI_API_KEY": GOOD_KEY}, cwd=deployer.clone
    )

    assert done.returncode == 0, done.stderr
    assert "with the key given" in done.stdout
    assert not holds(done.stdout + done.stderr, GOOD_KEY)


def test_a_first_key_that_cannot_be_verified_is_a_warning(deployer: Deployer) -> None:
    deployer.aws.openai.upstream.script("models", *[behaviours.unavailable()] * 3)

    done = deployer.deploy("--dry-run", key=GOOD_KEY)

    assert done.returncode == 0
    assert "could not be verified" in done.stdout


def test_a_key_is_verified_where_the_model_is(deployer: Deployer) -> None:
    url = deployer.aws.openai.base_url

    done = deployer.deploy(
        "--dry-run", "--parameter", f"OpenAIBaseUrl={url}", "--model", "my-model", key=GOOD_KEY
    )

    assert done.returncode == 0, done.stderr
    assert f"{url} accepted it" in " ".join(done.stdout.split())
    assert "does not list the model my-model" in " ".join(done.stdout.split())


def test_a_stored_secret_with_the_given_key_is_left_alone(deployer: Deployer) -> None:
    put_secret(deployer, GOOD_KEY)

    done = deployer.deploy("--dry-run", "--replace-key", key=GOOD_KEY)

    assert done.returncode == 0, done.stderr
    assert "nothing to replace" in done.stdout
    assert "Leave the secret" in done.stdout


def test_nothing_to_delete_is_no_failure_and_a_dry_run_deletes_nothing(deployer: Deployer) -> None:
    nothing = deployer.deploy("--delete", "--yes")
    put_secret(deployer, GOOD_KEY)
    dry = deployer.deploy("--delete", "--delete-secret", "--dry-run", "--yes")

    assert (nothing.returncode, dry.returncode) == (0, 0), nothing.stderr + dry.stderr
    assert "There is nothing to delete" in nothing.stdout
    assert "Schedule the secret" in dry.stdout
    assert deployer.changes() == []
