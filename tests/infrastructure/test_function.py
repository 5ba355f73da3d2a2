"""The two functions that answer queries, and their environment."""

import pytest

from tests.support.compiled_template import CompiledStack, compile_stack, read_template
from travel_gpt.settings import Settings, settings_fields

SETTINGS = {setting.variable: setting for setting in settings_fields()}
# What the function that streams has besides.
OF_STREAMS = {"StreamSeconds": "STREAM_SECONDS"}
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/travel_gpt/stream_wrapper"}
# Which parameter sets which variable.
VARIABLES = {
    "SecretName": "OPENAI_SECRET_NAME",
    "CredentialTtlSeconds": "CREDENTIAL_TTL_SECONDS",
    "CredentialMaxStaleSeconds": "CREDENTIAL_MAX_STALE_SECONDS",
    "CredentialPreviousSeconds": "CREDENTIAL_PREVIOUS_SECONDS",
    "CredentialExpiry": "CREDENTIAL_EXPIRY",
    "OpenAIModel": "OPENAI_MODEL",
    "OpenAIBaseUrl": "OPENAI_BASE_URL",
    "OpenAIApi": "OPENAI_API",
    "ReasoningEffort": "OPENAI_REASONING_EFFORT",
    "MaxOutputTokens": "OPENAI_MAX_OUTPUT_TOKENS",
    "ItineraryDays": "ITINERARY_DAYS",
    "ApiAccess": "API_ACCESS",
    "WebPage": "WEB_PAGE",
    "Streaming": "STREAMING",
    "BudgetPerDay": "BUDGET_PER_DAY",
    "BudgetPerMonth": "BUDGET_PER_MONTH",
    "BudgetWhenUnavailable": "BUDGET_WHEN_UNAVAILABLE",
    "LimitsWhenUnavailable": "LIMITS_WHEN_UNAVAILABLE",
    "ModelPrices": "MODEL_PRICES",
    "UnknownModelPrice": "UNKNOWN_MODEL_PRICE",
    "OpenPerMinute": "OPEN_PER_MINUTE",
    "OpenPerDay": "OPEN_PER_DAY",
    "LogLevel": "LOG_LEVEL",
}


# The ids of resources, which settings accept as they are in AWS: without the brackets of a compiled stack.
REFERENCES = {"TABLE_NAME": "<ClientTable>", "OWNER_API_KEY_ID": "<ApiKey>"}


def environment(stack: CompiledStack, function: str = "TravelGPTFunction") -> dict[str, str]:
    """The variables, with the names of resources as they could be."""
    variables: dict[str, str] = stack.of(function)["Environment"]["Variables"]
    assert variables.items() >= REFERENCES.items()
    return variables | {name: value.strip("<>").lower() for name, value in REFERENCES.items()}


def test_the_function_is_what_the_contract_says(any_stack: CompiledStack) -> None:
    function = any_stack.of("TravelGPTFunction")

    expected = {
        "FunctionName": "travel-gpt-backend-TravelGPTFunction",
        "Handler": "travel_gpt.handler.lambda_handler",
        "Runtime": "python3.13",
        "Architectures": ["arm64"],
        "MemorySize": 1024,
        # API Gateway gives up after 29 s: the function must not be cut off before that.
        "Timeout": 30,
    }
    assert {name: function[name] for name in expected} == expected
    assert function.keys().isdisjoint({"VpcConfig", "TracingConfig", "Layers"})
    assert any_stack.outputs["FunctionName"] == "<TravelGPTFunction>"


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"ReservedConcurrency": "7", "VpcSubnetIds": "subnet-0a1b2c3d", "VpcSecurityGroupIds": "sg-0a1b2c3d"},
    ],
)
def test_the_function_that_streams_differs_in_what_streaming_needs_and_in_nothing_else(
    options: dict[str, str],
) -> None:
    # Whatever else a parameter changes, both functions answer with the same model, key, limits and budget.
    stack = compile_stack(**options)
    streaming, buffered = dict(stack.of("TravelGPTStreamFunction")), dict(stack.of("TravelGPTFunction"))
    variables = streaming.pop("Environment")["Variables"]
    usual = buffered.pop("Environment")["Variables"]

    assert variables == {**usual, **WRAPPER, "STREAM_SECONDS": "90"}
    differing = {
        "FunctionName": "travel-gpt-backend-TravelGPTStreamFunction",
        "Description": "Streams the answers to travel queries",
        "Handler": "travel_gpt.stream_handler.stream",
        "Timeout": 855,
        "Role": "<StreamFunctionRole.Arn>",
        "LoggingConfig": {"LogGroup": "<StreamFunctionLogGroup>"},
    }
    buffered.pop("ReservedConcurrentExecutions", None)
    assert streaming == {**buffered, **differing}
    assert stack.outputs["StreamFunctionName"] == "<TravelGPTStreamFunction>"
    assert stack.outputs["StreamFunctionRoleArn"] == "<StreamFunctionRole.Arn>"


def test_every_stream_ends_by_the_code_before_lambda_ends_the_function() -> None:
    longest = read_template()["Parameters"]["StreamSeconds"]["MaxValue"]

    assert compile_stack().of("TravelGPTStreamFunction")["Timeout"] >= longest + 10
    # Lambda's own limit: 15 minutes.
    assert compile_stack().of("TravelGPTStreamFunction")["Timeout"] <= 900


@pytest.mark.parametrize(("reserved", "meant"), [("", None), ("0", 0), ("25", None)])
def test_streams_take_nothing_of_what_is_reserved_and_0_stops_them_too(
    reserved: str, meant: int | None
) -> None:
    function = compile_stack(ReservedConcurrency=reserved).of("TravelGPTStreamFunction")

    assert function.get("ReservedConcurrentExecutions") == meant


@pytest.mark.parametrize(("parameter", "variable"), OF_STREAMS.items())
def test_whatever_a_parameter_of_streams_allows_the_setting_accepts(parameter: str, variable: str) -> None:
    rules = read_template()["Parameters"][parameter]
    values = [str(rules["Default"]), *map(str, rules.get("AllowedValues", []))]
    values += [str(rules[bound]) for bound in ("MinValue", "MaxValue") if bound in rules]

    for value in values:
        variables = environment(compile_stack(**{parameter: value}), "TravelGPTStreamFunction")
        assert variables[variable] == value
        assert Settings.load(variables).problems == ()
    assert str(rules["Default"]) == str(SETTINGS[variable].default)


def test_sam_finds_the_function_by_the_name_in_the_contract() -> None:
    # sam logs -n TravelGPTFunction, sam local invoke, and the Makefile's build-TravelGPTFunction
    for function in ("TravelGPTFunction", "TravelGPTStreamFunction"):
        assert read_template()["Resources"][function]["Type"] == "AWS::Serverless::Function"
        assert read_template()["Resources"][function]["Metadata"]["BuildMethod"] == "makefile"


@pytest.mark.parametrize(("reserved", "meant"), [("", None), ("0", "0"), ("25", "25")])
def test_concurrency_is_reserved_only_when_the_owner_says_so(reserved: str, meant: str | None) -> None:
    function = compile_stack(ReservedConcurrency=reserved).of("TravelGPTFunction")

    assert function.get("ReservedConcurrentExecutions") == meant


def test_the_environment_has_known_settings_only_and_the_code_accepts_them(any_stack: CompiledStack) -> None:
    for function in ("TravelGPTFunction", "TravelGPTStreamFunction"):
        assert set(environment(any_stack, function)) - set(WRAPPER) <= set(SETTINGS)
        assert Settings.load(environment(any_stack, function)).problems == ()


def test_a_new_stack_and_the_code_have_the_same_defaults(keyed_stack: CompiledStack) -> None:
    # What only a stack has, or only a stack bounds.
    of_a_stack = ("POWERTOOLS_SERVICE_NAME", *REFERENCES, "BUDGET_PER_DAY", "BUDGET_PER_MONTH")
    deployed = Settings.load({**environment(keyed_stack), **dict.fromkeys(of_a_stack, "")})

    assert deployed == Settings.load({})


@pytest.mark.parametrize(("parameter", "variable"), VARIABLES.items())
def test_whatever_a_parameter_allows_the_setting_accepts(parameter: str, variable: str) -> None:
    rules = read_template()["Parameters"][parameter]
    values = [str(rules["Default"]), *map(str, rules.get("AllowedValues", []))]
    values += [str(rules[bound]) for bound in ("MinValue", "MaxValue") if bound in rules]

    for value in values:
        stack = compile_stack(**{parameter: value})
        assert environment(stack)[variable] == value
        assert Settings.load(environment(stack)).problems == ()


def test_the_metrics_and_logs_of_two_stacks_are_distinguished() -> None:
    assert environment(compile_stack())["POWERTOOLS_SERVICE_NAME"] == "travel-gpt-backend"
    other = compile_stack(stack_name="travel-gpt-backend-dev")
    assert environment(other)["POWERTOOLS_SERVICE_NAME"] == "travel-gpt-backend-dev"


def test_two_stacks_of_an_account_share_no_name() -> None:
    def names(stack: CompiledStack) -> set[str]:
        kinds = (
            *("FunctionName", "LogGroupName", "AlarmName", "UsagePlanName", "TopicName", "ConfigRuleName"),
        )
        # An angle bracket begins a reference: no name of its own.
        found = {
            resource["Properties"][kind]
            for resource in stack.resources.values()
            for kind in kinds
            if not resource["Properties"].get(kind, "<").startswith("<")
        }
        assert len(found) == 30
        return found

    chosen = {"AlarmEmail": "owner@example.com", "ConfigRules": "enabled"}
    production = compile_stack(**chosen)
    development = compile_stack(**chosen, stack_name="travel-gpt-backend-dev")
    assert names(production).isdisjoint(names(development))
