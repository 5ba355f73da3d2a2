"""What deploy.sh says when it cannot or should not go on. The last line is always a thing to do."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from testbed.fake_aws import FakeAws
from tests.fakes.openai import behaviours
from tests.support.deployer import BAD_KEY, GOOD_KEY, NEW_KEY, Deployer
from tests.support.secret_leaks import holds

SECRET = "travel-gpt/openai-api-key"


@pytest.fixture
def deployer(aws: FakeAws, tmp_path: Path) -> Deployer:
    return Deployer(aws, tmp_path / "clone")


@pytest.fixture
def fresh_owner(aws: FakeAws, tmp_path: Path) -> Deployer:
    return Deployer(aws, tmp_path / "clone", fresh=True)


def put_secret(deployer: Deployer, value: str) -> None:
    deployer.aws.client("secretsmanager").create_secret(Name=SECRET, SecretString=value)
    deployer.aws.forget_calls()


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
    assert "Stopped while checking the programs" in done.stderr
    for said in (
        "sam is not installed",
        "scripts/environment.sh cloud",
        "make 3.79 is too old",
        "--region eu-west-1",
        "no AWS credentials",
        "aws configure sso",
    ):
        assert said in done.stderr


@pytest.mark.parametrize("missing", ["sam", "make"])
def test_a_missing_tool_stops_it_before_anything_is_asked_of_aws(deployer: Deployer, missing: str) -> None:
    (deployer.aws.tools / missing).unlink()

    done = deployer.deploy("--yes", key=GOOD_KEY)

    assert done.returncode == 1
    assert f"{missing} is not installed" in done.stderr
    assert deployer.changes() == []


def test_an_sso_session_that_is_over_is_recognised(deployer: Deployer) -> None:
    folder = deployer.aws.home / ".aws"
    folder.mkdir()
    (folder / "config").write_text(
        "[profile work]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = Admin\n"
        "[sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n"
    )

    done = deployer.deploy(
        "--yes", "--profile", "work", env=dict.fromkeys(("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"))
    )

    assert done.returncode == 1
    assert "aws sso login --profile work" in done.stderr


def test_a_profile_that_does_not_exist_is_named(deployer: Deployer) -> None:
    done = deployer.deploy("--yes", "--profile", "absent")

    assert done.returncode == 2
    assert "profile does not exist" in done.stderr
    assert "aws configure list-profiles" in done.stderr


def test_without_a_key_and_a_terminal_it_says_how_to_give_one(deployer: Deployer) -> None:
    done = deployer.deploy("--yes")

    assert done.returncode == 1
    assert "read -rs OPENAI_API_KEY; export OPENAI_API_KEY; ./deploy.sh" in done.stderr
    assert deployer.changes() == []


def test_without_yes_and_a_terminal_it_shows_the_plan_and_stops(deployer: Deployer) -> None:
    done = deployer.deploy(key=GOOD_KEY)

    assert done.returncode == 2
    assert "What will happen" in done.stdout
    assert "add --yes" in done.stderr
    assert deployer.changes() == []


def test_a_dry_run_changes_nothing_whatever_else_is_asked(fresh_owner: Deployer) -> None:
    deployer = fresh_owner
    put_secret(deployer, json.dumps({"api_key": GOOD_KEY}))
    deployer.aws.limit_concurrency(10)

    done = deployer.deploy("--dry-run", "--yes", "--replace-key", "--create-logging-role", key=NEW_KEY)

    assert done.returncode == 0, done.stderr
    assert deployer.changes() == []
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


@pytest.mark.parametrize("key", ["sk-with a-space", '"sk-quoted"'])
def test_what_is_no_key_is_refused_without_being_shown(deployer: Deployer, key: str) -> None:
    done = deployer.deploy("--yes", key=key)

    assert done.returncode == 2
    assert "OPENAI_API_KEY cannot be used" in done.stderr
    assert key not in done.stderr


class TestTheVerificationOfANewKey:
    def test_a_refused_key_is_not_stored(self, deployer: Deployer) -> None:
        done = deployer.deploy("--yes", key=BAD_KEY)

        assert done.returncode == 1
        assert "refuses the key" in done.stderr
        assert not holds(done.stdout + done.stderr, BAD_KEY)
        assert deployer.changes() == []

    @pytest.mark.parametrize("status", [403, 401])
    def test_a_key_without_the_permission_is_named_with_it(self, deployer: Deployer, status: int) -> None:
        scope = behaviours.missing_scope("api.model.read", status=status)
        deployer.aws.openai.upstream.script("models", scope)

        done = deployer.deploy("--yes", key=GOOD_KEY)

        assert done.returncode == 1
        assert '"Models: Read"' in done.stderr
        assert deployer.changes() == []

    def test_a_first_key_that_cannot_be_verified_is_a_warning(self, deployer: Deployer) -> None:
        deployer.aws.openai.upstream.script("models", *[behaviours.unavailable()] * 3)

        done = deployer.deploy("--dry-run", key=GOOD_KEY)

        assert done.returncode == 0
        assert "could not be verified" in done.stdout

    def test_it_is_made_where_the_model_is(self, deployer: Deployer) -> None:
        url = deployer.aws.openai.base_url

        done = deployer.deploy(
            "--dry-run", "--parameter", f"OpenAIBaseUrl={url}", "--model", "my-model", key=GOOD_KEY
        )

        assert done.returncode == 0, done.stderr
        assert f"{url} accepted it" in " ".join(done.stdout.split())
        assert "does not list the model my-model" in " ".join(done.stdout.split())

    def test_a_key_is_not_sent_in_the_clear(self, deployer: Deployer) -> None:
        done = deployer.deploy("--yes", "--parameter", "OpenAIBaseUrl=http://llm.example/v1", key=GOOD_KEY)

        assert done.returncode == 2
        assert "https://" in done.stderr
        assert deployer.aws.openai.requests == []


class TestAStoredSecret:
    @pytest.mark.parametrize(
        ("value", "says"),
        [
            ('{"key": "sk-misnamed"}', 'without a text "api_key"'),
            ("{not json", "is not valid JSON"),
        ],
    )
    def test_that_cannot_be_used_stops_it_before_anything_is_changed(
        self, deployer: Deployer, value: str, says: str
    ) -> None:
        put_secret(deployer, value)

        done = deployer.deploy("--yes")

        assert done.returncode == 1
        assert says in " ".join(done.stderr.split())
        assert "./deploy.sh --replace-key" in done.stderr
        assert deployer.changes() == []

    def test_that_may_not_be_read_is_not_replaced(self, deployer: Deployer) -> None:
        put_secret(deployer, json.dumps({"api_key": GOOD_KEY, "project": "proj_1"}))
        deployer.aws.deny("secretsmanager:GetSecretValue")

        done = deployer.deploy("--yes", "--replace-key", key=NEW_KEY)

        assert done.returncode == 1
        assert "secretsmanager:GetSecretValue" in done.stderr
        assert deployer.changes() == []

    def test_that_holds_the_given_key_already_is_left_alone(self, deployer: Deployer) -> None:
        put_secret(deployer, GOOD_KEY)

        done = deployer.deploy("--dry-run", "--replace-key", key=GOOD_KEY)

        assert done.returncode == 0, done.stderr
        assert "nothing to replace" in done.stdout
        assert "Leave the secret" in done.stdout


@pytest.mark.parametrize(
    ("action", "options"),
    [
        ("secretsmanager:CreateSecret", ()),
        ("iam:CreateRole", ("--create-logging-role",)),
        ("cloudformation:DescribeStacks", ()),
    ],
)
def test_a_missing_permission_is_named(fresh_owner: Deployer, action: str, options: tuple[str, ...]) -> None:
    deployer = fresh_owner
    if not options:
        deployer.aws.make_logging_role()
    deployer.aws.deny(action, f"not authorized to perform: {action}")

    done = deployer.deploy("--yes", *options, key=GOOD_KEY)

    assert done.returncode == 1
    assert f"not authorized to perform: {action}" in " ".join(done.stderr.split())
    assert "Stopped while" in done.stderr
    assert "Traceback" not in done.stderr


def test_access_logs_are_not_dropped_unless_the_owner_chooses_it(fresh_owner: Deployer) -> None:
    done = fresh_owner.deploy("--yes", key=GOOD_KEY)

    assert done.returncode == 1
    assert [line.strip() for line in done.stderr.rstrip().splitlines()[-2:]] == [
        "./deploy.sh --yes --no-build --create-logging-role",
        "./deploy.sh --yes --no-build --parameter AccessLogs=disabled",
    ]
    assert fresh_owner.changes() == []


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("stack_name", "stak_name"), "samconfig.toml does not name the stack"),
        (lambda text: text + "\n[[[", "samconfig.toml does not name the stack"),
    ],
)
def test_a_broken_samconfig_is_named(deployer: Deployer, change: Callable[[str], str], says: str) -> None:
    path = deployer.clone / "samconfig.toml"
    path.write_text(change(path.read_text()))

    done = deployer.deploy("--yes", key=GOOD_KEY)

    assert done.returncode == 1
    assert says in done.stderr


def test_nothing_to_delete_is_no_failure(deployer: Deployer) -> None:
    done = deployer.deploy("--delete", "--yes")

    assert done.returncode == 0, done.stderr
    assert "There is nothing to delete" in done.stdout
    assert deployer.changes() == []


def test_deleting_is_not_done_without_being_asked(deployer: Deployer) -> None:
    put_secret(deployer, GOOD_KEY)

    silent = deployer.deploy("--delete", "--delete-secret")
    dry = deployer.deploy("--delete", "--delete-secret", "--dry-run", "--yes")

    assert silent.returncode == 2
    assert "--yes" in silent.stderr
    assert dry.returncode == 0
    assert "Schedule the secret" in dry.stdout
    assert deployer.changes() == []
