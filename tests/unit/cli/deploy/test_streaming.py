"""What deploy.sh does where an API begins to stream: measure, and turn streaming off after two bursts."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support.scripted_api import ScriptedApi, failure
from tests.unit.cli.deploy.conftest import Person, ScriptedAws, aws_error, options
from tests.unit.cli.test_stream_measurement import collected, streamed
from travel_gpt.cli.deploy import release, streaming
from travel_gpt.cli.deploy.parameters import Parameter
from travel_gpt.cli.stack import Stack

KEY = "Pq3annscanary9Qm3vT8xLw2Rk7Yb4Nd6H"
NAME = "travel-gpt-backend-dev"
AGAIN = f"travel-gpt doctor --stack {NAME} --region eu-west-1 --stream"
PARAMETERS = [
    Parameter("Streaming", None, "on", "on"),
    Parameter("Keyless", "off", "off", "off"),
    Parameter("New", None, "1", "1"),
]
Streamed = Callable[[ScriptedApi], None]


@pytest.fixture
def server() -> Iterator[ScriptedApi]:
    with ScriptedApi() as running:
        yield running


class Deployment:
    """A deployment that has come to its measurement."""

    def __init__(self, server: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> None:
        described = {
            "StackName": NAME,
            "StackStatus": "UPDATE_COMPLETE",
            "StackId": "s",
            "CreationTime": 0,
            # The deployment switched it on meanwhile.
            "Parameters": [{"ParameterKey": "Keyless", "ParameterValue": "on"}],
        }
        answers = {"GetApiKey": {"value": KEY}, "DescribeStacks": {"Stacks": [described]}}
        self.aws = ScriptedAws(answers)
        self.outputs = {"ApiUrl": server.base_url, "ApiKeyId": "k1"}
        self.deployed: list[dict[str, str]] = []
        self.slept = 0.0
        monkeypatch.setattr(release, "deploy", self._deploy)
        monkeypatch.setattr(streaming, "time", self)

    def _deploy(self, *given: Any) -> None:
        self.deployed.append({one.name: one.new for one in given[4]})

    def monotonic(self) -> float:
        return self.slept

    def sleep(self, seconds: float) -> None:
        self.slept += seconds

    def finish(self) -> None:
        plan: Any = SimpleNamespace(
            stack=Stack(NAME),
            flags=" --region eu-west-1",
            parameters=PARAMETERS,
            environment=None,
            account=SimpleNamespace(region="eu-west-1"),
            options=options("--env", "dev"),
        )
        streaming.finish(self.aws, Person(), plan, Stack(NAME, "CREATE_COMPLETE", outputs=self.outputs))


@pytest.fixture
def deployment(server: ScriptedApi, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return Deployment(server, monkeypatch)


@pytest.mark.parametrize("first", [(), (collected,)], ids=["at-once", "after-a-burst"])
def test_an_api_that_streams_stays_as_it_is(
    server: ScriptedApi,
    deployment: Deployment,
    first: tuple[Streamed, ...],
    capsys: pytest.CaptureFixture[str],
) -> None:
    for each in (*first, streamed):
        each(server)

    deployment.finish()

    assert deployment.deployed == []
    assert "It streams: the text was sent in 180 ms and arrived in " in capsys.readouterr().out
    assert {headers["x-api-key"] for _, _, headers, _ in server.seen} == {KEY}
    assert len(server.seen) == len(first) + 1


def test_after_two_bursts_streaming_is_turned_off(
    server: ScriptedApi, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    collected(server)
    collected(server)

    deployment.finish()

    # And nothing else is changed: the other parameters are those that the stack has by now.
    assert deployment.deployed == [{"Streaming": "off", "Keyless": "on", "New": "1"}]
    said = " ".join(capsys.readouterr().out.split())
    assert "because the events arrived in one burst: the text was sent in 400 ms" in said
    assert "Streaming is off now" in said
    assert said.endswith("./deploy.sh --env dev --parameter Streaming=on")
    assert len(server.seen) == 2


def test_a_model_that_is_too_fast_turns_nothing_off(
    server: ScriptedApi, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    collected(server, 20)

    deployment.finish()

    assert (deployment.deployed, len(server.seen)) == ([], 1)
    assert "Undecided: " in capsys.readouterr().out


@pytest.mark.parametrize(("status", "code"), [(403, "forbidden"), (404, "not_found"), (503, "access_denied")])
def test_what_is_new_is_given_time_to_be_known(
    server: ScriptedApi, deployment: Deployment, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.json(status, failure(code))
    server.json(status, failure(code))
    streamed(server)

    deployment.finish()

    assert deployment.slept == 6
    assert "It streams" in capsys.readouterr().out


def test_that_time_is_bounded(
    server: ScriptedApi, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    server.json(403, failure("forbidden"))

    deployment.finish()

    assert 60 < deployment.slept < 70
    _shows_how_to_measure_later(capsys, "About forbidden. (forbidden)")


@pytest.mark.parametrize(
    ("status", "code"),
    [(429, "budget_exhausted"), (503, "paused"), (403, "client_disabled"), (502, "credential_rejected")],
)
def test_where_it_cannot_be_measured_streaming_stays_on(
    server: ScriptedApi, deployment: Deployment, status: int, code: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.json(status, failure(code))

    deployment.finish()

    assert (deployment.slept, deployment.deployed, len(server.seen)) == (0, [], 1)
    _shows_how_to_measure_later(capsys, f"About {code}. ({code})")


def test_without_a_key_it_is_not_measured(
    server: ScriptedApi, deployment: Deployment, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment.aws.answers["GetApiKey"] = aws_error("GetApiKey", "AccessDeniedException", "not authorized")
    deployment.finish()
    _shows_how_to_measure_later(capsys, "not authorized")

    del deployment.outputs["ApiKeyId"]
    deployment.finish()
    _shows_how_to_measure_later(capsys, "whose API asks for a key")

    assert (deployment.deployed, server.seen) == ([], [])


def _shows_how_to_measure_later(capsys: pytest.CaptureFixture[str], why: str) -> None:
    said = capsys.readouterr().out
    assert why in said
    assert "Streaming stays on." in said
    assert said.rstrip().endswith(AGAIN)


def test_the_plan_says_what_it_costs() -> None:
    values = {
        "OpenAIModel": "m",
        "OpenAIBaseUrl": "",
        "MaxOutputTokens": "1000",
        "ModelPrices": "m=0/2000",
        "UnknownModelPrice": "dearest",
    }

    said = streaming.step(values)

    assert "for 2.0000 USD at most" in said
    assert "Streaming=off" in said
