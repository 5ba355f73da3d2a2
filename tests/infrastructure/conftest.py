"""The stacks that different parameters make, and the package that goes into them."""

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.build_package import LAMBDA_WHEELS, install, python_with_pip
from tests.fakes.loopback_aws import LoopbackAws
from tests.fakes.openai import ANY, FakeOpenAI, behaviours
from tests.support.compiled_template import CompiledStack, compile_stack
from tests.support.packages import made_once, run_build_script, run_sam_build

CHOICES = {
    "ApiAccess": ("api-key", "open"),
    "AccessLogs": ("enabled", "disabled"),
    "AlarmEmail": ("", "owner@example.com"),
    "ReservedConcurrency": ("", "7"),
}
COMBINATIONS = [dict(zip(CHOICES, values, strict=True)) for values in itertools.product(*CHOICES.values())]


@pytest.fixture(scope="session")
def compiled_stacks() -> dict[tuple[str, ...], CompiledStack]:
    return {tuple(chosen.values()): compile_stack(**chosen) for chosen in COMBINATIONS}


@pytest.fixture(
    params=COMBINATIONS, ids=lambda chosen: "-".join(value or "none" for value in chosen.values())
)
def any_stack(
    request: pytest.FixtureRequest, compiled_stacks: dict[tuple[str, ...], CompiledStack]
) -> CompiledStack:
    """The stack of every combination in turn: for what must hold whatever the owner chose."""
    return compiled_stacks[tuple(request.param.values())]


@pytest.fixture(scope="session")
def keyed_stack() -> CompiledStack:
    """The stack of the defaults: POST needs an API key."""
    return compile_stack()


@pytest.fixture(scope="session")
def open_stack() -> CompiledStack:
    return compile_stack(ApiAccess="open")


@pytest.fixture(scope="session")
def lambda_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `sam build` makes for Lambda."""

    def build(folder: Path) -> None:
        said = run_sam_build(folder)
        (folder / "said").write_text(said)

    return made_once(tmp_path_factory, "lambda", build) / "build" / "TravelGPTFunction"


@pytest.fixture(scope="session")
def host_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same tree for this machine, where it can be imported and run."""

    def build(folder: Path) -> None:
        done = run_build_script(folder, "--platform", "host")
        assert done.returncode == 0, done.stderr

    return made_once(tmp_path_factory, "host", build)


@pytest.fixture(scope="session")
def unpruned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked dependencies for Lambda as pip installs them."""

    def build(folder: Path) -> None:
        folder.mkdir()
        install(python_with_pip(sys.executable, folder.with_suffix(".pip")), folder, LAMBDA_WHEELS)

    return made_once(tmp_path_factory, "unpruned", build)


@pytest.fixture(scope="module")
def services() -> Iterator[dict[str, str]]:
    """The variables that lead to fakes of AWS and OpenAI, which hold a key, have a table and answer."""
    with LoopbackAws() as aws, FakeOpenAI() as upstream:
        upstream.default(ANY, behaviours.answer("Start at the Forum."))
        aws.client("secretsmanager").create_secret(Name="travel-gpt/openai-api-key", SecretString="not-a-key")
        keys = {"pk": "HASH", "sk": "RANGE"}
        aws.client("dynamodb").create_table(
            TableName="clients",
            KeySchema=[{"AttributeName": name, "KeyType": kind} for name, kind in keys.items()],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in keys],
            BillingMode="PAY_PER_REQUEST",
        )
        budget = {"TABLE_NAME": "clients", "BUDGET_PER_DAY": "5", "BUDGET_PER_MONTH": "50"}
        yield {"AWS_ENDPOINT_URL": aws.url, "OPENAI_BASE_URL": upstream.base_url, **budget}
