"""Settings and the base URL: every variable, its default, what it takes and what it refuses."""

from dataclasses import FrozenInstanceError, fields
from typing import Any, NamedTuple

import pytest
from hypothesis import given, strategies as st

from travel_gpt.base_url import safe_base_url
from travel_gpt.llm.prices import read_prices
from travel_gpt.settings import Settings, settings_fields


class Row(NamedTuple):
    """One variable: its field, its default, texts with what they mean, and texts that are refused."""

    field: str
    default: str | int | tuple[str, ...]
    takes: dict[str, Any]
    refuses: list[str]


ARN = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:travel-gpt/openai-api-key-AbCdEf"
NO_NUMBERS = ["-1", "+5", "1.5", "1e3", "ten", "0x10", "١٢", "1 000", "9999999999", "99999999999999999999"]
VAULT_PATHS_REFUSED = [
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    "a/./b",
    "a?b",
    "a%2fb",
    "two words",
    "x" * 257,
    "a#b",
]

DOLLARS = {
    "0": 0,
    "5": 5_000_000_000,
    "0.50": 500_000_000,
    "0.000001": 1_000,
    "999999": 999_999_000_000_000,
}
NO_DOLLARS = ["-1", "+5", "$5", "5 USD", ".5", "5.", "1e3", "NaN", "1,50", "٥", "0.0000001", "1000000"]

VARIABLES: dict[str, Row] = {
    "OPENAI_SECRET_NAME": Row(
        "secret_name",
        "travel-gpt/openai-api-key",
        {"travel-gpt-dev/openai-api-key": "travel-gpt-dev/openai-api-key", ARN: ARN, "x" * 2048: "x" * 2048},
        ["two words", "näme", "a\nb", "x" * 2049, "a;b", "a$b"],
    ),
    "CREDENTIAL_SOURCE": Row(
        "credential_source",
        ("secrets-manager",),
        {
            "secrets-manager": ("secrets-manager",),
            "environment": ("environment",),
            "secrets-manager, environment": ("secrets-manager", "environment"),
            "environment,secrets-manager": ("environment", "secrets-manager"),
            "vault,encrypted-file": ("vault", "encrypted-file"),
        },
        ["hashicorp", "Secrets-Manager", "environment,", ",", "environment,environment"],
    ),
    "CREDENTIAL_TTL_SECONDS": Row(
        "credential_ttl", 300, {"1": 1, "60": 60, "86400": 86_400}, [*NO_NUMBERS, "0", "86401"]
    ),
    "CREDENTIAL_MAX_STALE_SECONDS": Row(
        "credential_max_stale", 3600, {"0": 0, "86400": 86_400}, [*NO_NUMBERS, "86401"]
    ),
    "CREDENTIAL_PREVIOUS_SECONDS": Row(
        "credential_previous", 3600, {"0": 0, "86400": 86_400}, [*NO_NUMBERS, "86401"]
    ),
    "CREDENTIAL_EXPIRY": Row(
        "credential_expiry", "warn", {"warn": "warn", "enforce": "enforce"}, ["on", "Enforce", "warn,enforce"]
    ),
    "CREDENTIAL_ROTATION_DAYS": Row(
        "credential_rotation_days", 0, {"30": 30, "3650": 3650}, [*NO_NUMBERS, "3651"]
    ),
    "OPENAI_IDENTITY_PROVIDER_ID": Row(
        "identity_provider_id", "", {"wip_0123-AB.c": "wip_0123-AB.c"}, ["two words", "a/b", "x" * 201]
    ),
    "OPENAI_SERVICE_ACCOUNT_ID": Row(
        "service_account_id", "", {"user-0123:AB": "user-0123:AB"}, ["two words", "a/b", "x" * 201]
    ),
    "CREDENTIAL_FILE": Row(
        "credential_file",
        "travel-gpt.key.jwe",
        {"/run/secrets/key": "/run/secrets/key", "~/my key.jwe": "~/my key.jwe", "f" * 4096: "f" * 4096},
        ["a\nb", "f" * 4097, "nul\0"],
    ),
    "TRAVEL_GPT_MASTER_KEYS_FILE": Row(
        "master_keys_file",
        "",
        {"/run/secrets/keys": "/run/secrets/keys", "~/keys": "~/keys"},
        ["a\nb", "f" * 4097, "nul\0"],
    ),
    "VAULT_ADDR": Row(
        "vault_addr",
        "https://127.0.0.1:8200",
        {
            "https://vault.example.com:8200/": "https://vault.example.com:8200",
            "http://127.0.0.1:8200": "http://127.0.0.1:8200",
        },
        ["http://vault.example.com:8200", "vault.example.com:8200", "https://hvs.token@vault.example.com"],
    ),
    "VAULT_NAMESPACE": Row(
        "vault_namespace",
        "",
        {"admin": "admin", "org/team-1": "org/team-1"},
        ["/admin", "admin/", "two words"],
    ),
    "VAULT_MOUNT": Row("vault_mount", "secret", {"kv/team": "kv/team"}, VAULT_PATHS_REFUSED),
    "VAULT_PATH": Row(
        "vault_path",
        "travel-gpt/openai-api-key",
        {"a/b.c_d-e": "a/b.c_d-e", "x" * 256: "x" * 256},
        VAULT_PATHS_REFUSED,
    ),
    "VAULT_AUTH": Row("vault_auth", "token", {"aws": "aws"}, ["AWS", "iam", "token,aws"]),
    "VAULT_ROLE": Row("vault_role", "", {"travel-gpt": "travel-gpt"}, ["a/b", "-a", "two words", "r" * 129]),
    "VAULT_AWS_SERVER_ID": Row(
        "vault_server_id",
        "",
        {"vault.example.com": "vault.example.com"},
        ["two words", "a\nX-B: c", "i" * 257],
    ),
    "OPENAI_MODEL": Row(
        "model",
        "gpt-6-luna",
        {
            "gpt-6.1-terra": "gpt-6.1-terra",
            "llama3.3:70b": "llama3.3:70b",
            "openai/gpt-oss-20b": "openai/gpt-oss-20b",
            "ft:gpt-6-luna:acme::abc": "ft:gpt-6-luna:acme::abc",
            "m" * 200: "m" * 200,
        },
        ["two words", "-dash-first", "/slash", "modèle", "m" * 201, 'm"', "m\nn"],
    ),
    "OPENAI_BASE_URL": Row(
        "base_url",
        "https://api.openai.com/v1",
        {
            "https://eu.api.openai.com/v1": "https://eu.api.openai.com/v1",
            "https://example.com/v1/": "https://example.com/v1",
            "http://127.0.0.1:11434/v1": "http://127.0.0.1:11434/v1",
        },
        ["http://example.com/v1", "example.com", "ftp://example.com", "https://"],
    ),
    "OPENAI_API": Row(
        "api",
        "responses",
        {"chat": "chat", "responses": "responses"},
        ["Chat", "responses,chat", "completions"],
    ),
    "OPENAI_REASONING_EFFORT": Row(
        "reasoning_effort",
        "none",
        {effort: effort for effort in ("none", "minimal", "low", "medium", "high", "xhigh", "max")},
        ["some", "NONE", "null"],
    ),
    "OPENAI_MAX_OUTPUT_TOKENS": Row(
        "max_output_tokens",
        1500,
        {"16": 16, "0800": 800, "128000": 128_000},
        [*NO_NUMBERS, "15", "0", "128001"],
    ),
    "ITINERARY_DAYS": Row("itinerary_days", 14, {"0": 0, "30": 30}, [*NO_NUMBERS, "31"]),
    "OPENAI_MAX_RETRIES": Row("max_retries", 2, {"0": 0, "5": 5}, [*NO_NUMBERS, "6"]),
    "API_ACCESS": Row("api_access", "api-key", {"open": "open"}, ["closed", "OPEN", "none", "true"]),
    "TABLE_NAME": Row(
        "table_name",
        "",
        {"travel-gpt_1.x": "travel-gpt_1.x", "t" * 255: "t" * 255},
        ["a b", "a/b", "t" * 256],
    ),
    "OWNER_API_KEY_ID": Row("owner_key_id", "", {"a1B2c3d4e5": "a1B2c3d4e5"}, ["a-b", "a b", "k" * 65]),
    "BUDGET_PER_DAY": Row("budget_per_day", 0, DOLLARS, NO_DOLLARS),
    "BUDGET_PER_MONTH": Row("budget_per_month", 0, DOLLARS, NO_DOLLARS),
    "OPEN_PER_MINUTE": Row("open_per_minute", 5, {"0": 0, "1000000": 1_000_000}, [*NO_NUMBERS, "1000001"]),
    "OPEN_PER_DAY": Row("open_per_day", 100, {"0": 0, "1000000": 1_000_000}, [*NO_NUMBERS, "1000001"]),
    "LIMITS_WHEN_UNAVAILABLE": Row(
        "limits_when_unavailable", "allow", {"refuse": "refuse"}, ["Allow", "warn", "allow,refuse"]
    ),
    "BUDGET_WHEN_UNAVAILABLE": Row(
        "budget_when_unavailable", "refuse", {"allow": "allow"}, ["Refuse", "warn", "allow,refuse"]
    ),
    "MODEL_PRICES": Row(
        "model_prices",
        "",
        {
            "llama-4=0.20/0.60,*=1/5": "llama-4=0.20/0.60,*=1/5",
            "a = 1 / 2 , b:c=3/4": "a = 1 / 2 , b:c=3/4",
        },
        ["llama-4", "a=1", "a=1/2/3", "a=1/2,", "a=x/1", "a=-1/2", "a=1/200000", "a=1/2;b=3/4", "préis=1/2"],
    ),
    "UNKNOWN_MODEL_PRICE": Row(
        "unknown_model_price", "dearest", {"refuse": "refuse"}, ["cheapest", "Refuse", "0"]
    ),
    "STREAMING": Row("streaming", "on", {"off": "off"}, ["On", "true", "0"]),
    "STREAM_SECONDS": Row("stream_seconds", 90, {"10": 10, "840": 840}, [*NO_NUMBERS, "9", "841"]),
    "STREAM_FIRST_EVENT_SECONDS": Row(
        "stream_first_event_seconds", 30, {"1": 1, "840": 840}, [*NO_NUMBERS, "0", "841"]
    ),
    "STREAM_IDLE_SECONDS": Row("stream_idle_seconds", 20, {"1": 1, "840": 840}, [*NO_NUMBERS, "0", "841"]),
    "WEB_PAGE": Row("web_page", "disabled", {"enabled": "enabled"}, ["on", "Enabled", "true", "1"]),
    "LOG_LEVEL": Row(
        "log_level",
        "INFO",
        {"DEBUG": "DEBUG", "WARNING": "WARNING", "ERROR": "ERROR"},
        ["debug", "TRACE", "10"],
    ),
    "POWERTOOLS_SERVICE_NAME": Row(
        "service",
        "travel-gpt",
        {"travel-gpt-backend-dev": "travel-gpt-backend-dev", "s" * 128: "s" * 128},
        ["two words", "s" * 129, "a/b"],
    ),
    "POWERTOOLS_METRICS_NAMESPACE": Row(
        "metrics_namespace",
        "TravelGPT",
        {"Acme/TravelGPT#1": "Acme/TravelGPT#1", "n" * 255: "n" * 255},
        ["two words", "n" * 256, "a:b"],
    ),
}

each_variable = pytest.mark.parametrize("variable", VARIABLES)
valid = pytest.mark.parametrize(
    ("variable", "text", "value"),
    [(name, text, value) for name, row in VARIABLES.items() for text, value in row.takes.items()],
)
invalid = pytest.mark.parametrize(
    ("variable", "text"), [(name, text) for name, row in VARIABLES.items() for text in row.refuses]
)


def test_the_table_above_knows_every_variable_in_the_order_of_the_docs() -> None:
    assert [spec.variable for spec in settings_fields()] == list(VARIABLES)
    assert {spec.name for spec in settings_fields()} == {
        field.name for field in fields(Settings) if field.name != "problems"
    }


@each_variable
@pytest.mark.parametrize("text", [None, "", "   ", "\t\n"])
def test_given_an_unset_or_empty_variable_then_its_default_holds(variable: str, text: str | None) -> None:
    settings = Settings.load({} if text is None else {variable: text})

    assert getattr(settings, VARIABLES[variable].field) == VARIABLES[variable].default
    assert settings.problems == ()


@valid
def test_given_a_valid_text_then_it_is_taken(variable: str, text: str, value: object) -> None:
    settings = Settings.load({"TABLE_NAME": "clients", variable: text})

    assert getattr(settings, VARIABLES[variable].field) == value
    assert type(getattr(settings, VARIABLES[variable].field)) is type(VARIABLES[variable].default)
    assert settings.problems == ()


@valid
def test_given_space_around_a_text_then_it_does_not_count(variable: str, text: str, value: object) -> None:
    assert getattr(Settings.load({variable: f"  {text}\n"}), VARIABLES[variable].field) == value


@invalid
def test_given_an_invalid_text_then_the_default_holds_and_the_variable_is_named_without_it(
    variable: str, text: str
) -> None:
    settings = Settings.load({variable: text})

    assert getattr(settings, VARIABLES[variable].field) == VARIABLES[variable].default
    (problem,) = settings.problems
    assert problem.startswith(f"{variable} must be ")
    # The problem says the same whatever was there, so it can hold nothing of it.
    assert {problem} == {
        Settings.load({variable: wrong}).problems[0] for wrong in VARIABLES[variable].refuses
    }


@each_variable
def test_given_a_key_in_any_variable_then_it_is_called_one_and_not_shown(variable: str) -> None:
    settings = Settings.load({variable: " sk-proj-misplacedKEY0001 "})

    assert settings.problems == (f"{variable} looks like a key: the key belongs in the secret",)
    assert "misplaced" not in repr(settings)


def test_given_several_wrong_variables_then_all_are_named_at_once() -> None:
    settings = Settings.load({name: row.refuses[0] for name, row in VARIABLES.items()})

    assert [problem.split()[0] for problem in settings.problems] == list(VARIABLES)
    assert settings == Settings(problems=settings.problems), "each has its default"


def test_given_one_wrong_variable_then_the_others_count() -> None:
    settings = Settings.load({"OPENAI_MAX_RETRIES": "many", "OPENAI_MODEL": "gemma4", "LOG_LEVEL": "DEBUG"})

    assert (settings.model, settings.log_level, settings.max_retries) == ("gemma4", "DEBUG", 2)
    assert len(settings.problems) == 1


def test_variables_of_others_are_not_looked_at() -> None:
    assert (
        Settings.load({"PATH": "/bin", "OPENAI_API_KEY": "sk-proj-0001", "AWS_REGION": "nowhere"})
        == Settings()
    )


@given(
    st.dictionaries(
        st.sampled_from(list(VARIABLES)), st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
    )
)
def test_whatever_the_environment_says_then_loading_never_raises_and_no_value_is_quoted(
    environment: dict[str, str],
) -> None:
    for problem in Settings.load(environment).problems:
        variable = problem.split()[0]
        refused = VARIABLES[variable].refuses[0]
        if not environment[variable].strip().startswith("sk-"):
            assert problem == Settings.load({variable: refused}).problems[0]


def test_settings_do_not_change_after_they_were_read() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().model = "other"  # type: ignore[misc] # the point of the test


@pytest.mark.parametrize("spec", settings_fields(), ids=lambda spec: str(spec.variable))
def test_what_the_docs_show_of_a_setting_is_so(spec: Any) -> None:
    row = VARIABLES[spec.variable]

    shown = ", ".join(row.default) if isinstance(row.default, tuple) else row.default
    assert (spec.name, spec.default) == (row.field, shown)
    assert spec.parse(str(spec.default)) == row.default, "a default is a valid value"
    assert spec.describes.endswith(".")


@pytest.mark.parametrize(
    ("url", "taken_as"),
    [
        ("https://api.openai.com/v1", "https://api.openai.com/v1"),
        ("https://api.anthropic.com/v1/", "https://api.anthropic.com/v1"),
        ("https://example.com", "https://example.com"),
        ("https://example.com///", "https://example.com"),
        ("https://example.com:8443/a/b", "https://example.com:8443/a/b"),
        ("HTTPS://example.com/v1", "https://example.com/v1"),
        ("https://[2001:db8::1]/v1", "https://[2001:db8::1]/v1"),
        ("http://localhost:1234/v1", "http://localhost:1234/v1"),
        ("http://LOCALHOST/v1", "http://LOCALHOST/v1"),
        ("http://127.0.0.1:1234", "http://127.0.0.1:1234"),
        ("http://[::1]:1234/v1", "http://[::1]:1234/v1"),
    ],
)
def test_given_a_safe_url_then_it_is_taken_without_its_last_slash(url: str, taken_as: str) -> None:
    assert safe_base_url(url) == taken_as


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.openai.com",
        "//api.openai.com/v1",
        "/v1",
        "https://",
        "https:///v1",
        "https:api.openai.com",
        "ftp://example.com",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "http://example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://localhost.example.com/v1",
        "http://0.0.0.0/v1",
        "http://169.254.169.254/latest",
        "https://user@example.com/v1",
        "https://user:password@example.com/v1",
        "https://:password@example.com/v1",
        "https://@example.com/v1",
        "http://localhost@example.com/v1",
        "https://example.com/v1?key=1",
        "https://example.com/v1?",
        "https://example.com/v1#part",
        "https://example.com/v1#",
        "https://example.com:port/v1",
        "https://example.com:99999/v1",
        "https://[::1/v1",
        "https://exa mple.com/v1",
        "https://example.com/v1\nHost: other",
        "https://example.com/\tv1",
        "https://example.com/\x00",
        "https://example.com/\u2028",
    ],
)
def test_given_an_unsafe_url_then_it_is_refused_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=r"^must be an https:// URL") as refused:
        safe_base_url(url)

    assert "example" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


@pytest.mark.parametrize("variable", ["BUDGET_PER_DAY", "BUDGET_PER_MONTH"])
def test_a_budget_without_the_table_that_it_is_counted_in_is_a_problem(variable: str) -> None:
    says = f"{variable} needs TABLE_NAME, the table in which it is counted"

    assert Settings.load({variable: "5"}).problems == (says,)
    assert Settings.load({variable: "0"}).problems == ()
    assert Settings.load({variable: "5", "TABLE_NAME": "clients"}).problems == ()


@pytest.mark.parametrize("text", VARIABLES["MODEL_PRICES"].takes)
def test_prices_that_are_taken_can_be_read(text: str) -> None:
    assert read_prices(text)
