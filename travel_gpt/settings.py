"""Every environment variable that Travel GPT reads: typed, validated once, described for the docs."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from decimal import Decimal
from typing import Any, Final, cast

from travel_gpt.base_url import is_loopback, is_openai, safe_base_url

_MODEL_PRICE: Final = r"[A-Za-z0-9._:/@*-]{1,200} *= *[0-9]{1,5}(\.[0-9]{1,6})? */ *[0-9]{1,5}(\.[0-9]{1,6})?"

# Segments without a dot in front: "." and ".." would mean another path than the one that is written.
_VAULT_PATH: Final = r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}(/[A-Za-z0-9_-][A-Za-z0-9._-]{0,255}){0,31}"


def _text(pattern: str, says: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(says)
        return value

    return parse


def _choice(*options: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in options:
            raise ValueError(f"must be one of: {', '.join(options)}")
        return value

    return parse


def _list_of(*options: str) -> Callable[[str], tuple[str, ...]]:
    def parse(value: str) -> tuple[str, ...]:
        chosen = tuple(part.strip() for part in value.split(","))
        if not set(chosen) <= set(options) or len(set(chosen)) != len(chosen):
            raise ValueError(f"must be one of, or several separated by commas: {', '.join(options)}")
        return chosen

    return parse


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def _dollars(value: str) -> int:
    """Return an amount of US dollars in nanodollars."""
    if not re.fullmatch(r"[0-9]{1,6}(\.[0-9]{1,6})?", value):
        raise ValueError("must be an amount of USD from 0 to 999999, such as 5 or 0.50")
    return int(Decimal(value) * 1_000_000_000)


def _setting(variable: str, default: Any, parse: Callable[[str], Any], describes: str) -> Any:
    return field(default=default, metadata={"variable": variable, "parse": parse, "describes": describes})


@dataclass(frozen=True)
class CredentialSettings:
    """The credential: where it comes from and how long it is used."""

    secret_name: str = _setting(
        "OPENAI_SECRET_NAME",
        "travel-gpt/openai-api-key",
        _text(r"[A-Za-z0-9/_+=.@:-]{1,2048}", "must be a Secrets Manager name or ARN"),
        "Name or ARN of the secret that holds the OpenAI key.",
    )
    credential_source: tuple[str, ...] = _setting(
        "CREDENTIAL_SOURCE",
        ("secrets-manager",),
        _list_of("secrets-manager", "workload-identity", "environment", "encrypted-file", "vault"),
        "Where the key comes from: one source, or several in the order in which they are asked. "
        "`workload-identity` needs no key: OpenAI trusts the function's role. "
        "`environment` (`OPENAI_API_KEY`, or `SECRET_` and the secret's name, as it is given or in capitals "
        "with underscores) and `encrypted-file` are for "
        "laptops; `vault` is HashiCorp Vault or OpenBao.",
    )
    credential_ttl: int = _setting(
        "CREDENTIAL_TTL_SECONDS",
        300,
        _whole_number(1, 86_400),
        "Seconds that a fetched key is used before Secrets Manager is asked again.",
    )
    credential_max_stale: int = _setting(
        "CREDENTIAL_MAX_STALE_SECONDS",
        3600,
        _whole_number(0, 86_400),
        "Seconds beyond the TTL that the last good key is used while Secrets Manager is away.",
    )
    credential_previous: int = _setting(
        "CREDENTIAL_PREVIOUS_SECONDS",
        3600,
        _whole_number(0, 86_400),
        "Seconds after a new key was stored during which the one before it may serve when OpenAI refuses the "
        "new one, or the new one has expired. 0: never, since the previous key may be the leaked one.",
    )
    credential_expiry: str = _setting(
        "CREDENTIAL_EXPIRY",
        "warn",
        _choice("warn", "enforce"),
        "What becomes of a key whose `expires_at` has passed. `enforce`: it is not used, and unless the "
        "version before it may serve, requests get 503 `credential_expired`. `warn`: it is used, with a "
        "warning. `make run` enforces it unless this says otherwise.",
    )
    credential_rotation_days: int = _setting(
        "CREDENTIAL_ROTATION_DAYS",
        0,
        _whole_number(0, 3650),
        "Days after which a key is to be replaced: an older one is warned of, and counts for an alarm. "
        "0: no age is warned of.",
    )


@dataclass(frozen=True)
class IdentitySettings:
    """The workload identity: ``CREDENTIAL_SOURCE=workload-identity``."""

    identity_provider_id: str = _setting(
        "OPENAI_IDENTITY_PROVIDER_ID",
        "",
        _text(r"[A-Za-z0-9_.:-]{0,200}", "must be an id from OpenAI"),
        "For `workload-identity`: OpenAI's id of the identity provider that trusts this AWS account.",
    )
    service_account_id: str = _setting(
        "OPENAI_SERVICE_ACCOUNT_ID",
        "",
        _text(r"[A-Za-z0-9_.:-]{0,200}", "must be an id from OpenAI"),
        "For `workload-identity`: OpenAI's id of the service account that the function acts for.",
    )


@dataclass(frozen=True)
class EncryptedFileSettings:
    """The encrypted file: ``CREDENTIAL_SOURCE=encrypted-file``."""

    credential_file: str = _setting(
        "CREDENTIAL_FILE",
        "travel-gpt.key.jwe",
        _text(r"[^\x00-\x1f\x7f]{1,4096}", "must be a path"),
        "`encrypted-file`: the file. Its master keys are in `TRAVEL_GPT_MASTER_KEYS`, or in the file that "
        "`TRAVEL_GPT_MASTER_KEYS_FILE` names.",
    )
    master_keys_file: str = _setting(
        "TRAVEL_GPT_MASTER_KEYS_FILE",
        "",
        _text(r"[^\x00-\x1f\x7f]{0,4096}", "must be a path"),
        "`encrypted-file`: a file with the master keys, in place of `TRAVEL_GPT_MASTER_KEYS`. It is refused "
        "if other users of the machine may read or write it (`chmod 600`).",
    )


@dataclass(frozen=True)
class VaultSettings:
    """Vault or OpenBao: ``CREDENTIAL_SOURCE=vault``."""

    vault_addr: str = _setting(
        "VAULT_ADDR",
        "https://127.0.0.1:8200",
        safe_base_url,
        "`vault`: where the server is. https, but for loopback.",
    )
    vault_namespace: str = _setting(
        "VAULT_NAMESPACE",
        "",
        _text(f"({_VAULT_PATH})?", "must be a namespace such as team/travel"),
        "`vault`: the namespace, where the server has several.",
    )
    vault_mount: str = _setting(
        "VAULT_MOUNT",
        "secret",
        _text(_VAULT_PATH, "must be the path of a secrets engine, such as secret"),
        "`vault`: where the KV engine, version 2, is mounted.",
    )
    vault_path: str = _setting(
        "VAULT_PATH",
        "travel-gpt/openai-api-key",
        _text(_VAULT_PATH, "must be a path in the engine, such as travel-gpt/openai-api-key"),
        "`vault`: the secret in the engine.",
    )
    vault_auth: str = _setting(
        "VAULT_AUTH",
        "token",
        _choice("token", "aws"),
        "`vault`: `token` sends the one in `VAULT_TOKEN`; `aws` logs in with the AWS credentials at hand, on "
        "Lambda those of the role.",
    )
    vault_role: str = _setting(
        "VAULT_ROLE",
        "",
        _text(r"([A-Za-z0-9][A-Za-z0-9._-]{0,127})?", "must be the name of a role"),
        "`vault`: Vault's role to log in to with `VAULT_AUTH=aws`. Without it the server takes the one that "
        "is named like the IAM role.",
    )
    vault_server_id: str = _setting(
        "VAULT_AWS_SERVER_ID",
        "",
        _text(r"[A-Za-z0-9._:/-]{0,256}", "must be the server's iam_server_id_header_value"),
        "`vault`: the server's `iam_server_id_header_value`, where it has one: what is signed for it is good "
        "for no other.",
    )


@dataclass(frozen=True)
class ModelSettings:
    """The model and its server."""

    model: str = _setting(
        "OPENAI_MODEL",
        "gpt-6-luna",
        _text(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}", "must be a model's name"),
        "The model that answers. A `model` in the secret wins.",
    )
    base_url: str = _setting(
        "OPENAI_BASE_URL",
        "https://api.openai.com/v1",
        safe_base_url,
        "Where the model is: OpenAI, or any server that speaks its API. https, but for loopback. "
        "A `base_url` in the secret wins.",
    )
    api: str = _setting(
        "OPENAI_API",
        "responses",
        _choice("responses", "chat"),
        "The API to call: `responses` is OpenAI's own, `chat` (Chat Completions) is what most compatible "
        "servers have. An `api` in the secret wins.",
    )
    reasoning_effort: str = _setting(
        "OPENAI_REASONING_EFFORT",
        "none",
        _choice("none", "minimal", "low", "medium", "high", "xhigh", "max"),
        "How long the model thinks before it answers. Sent to OpenAI only, and dropped for a model that "
        "refuses it.",
    )
    max_output_tokens: int = _setting(
        "OPENAI_MAX_OUTPUT_TOKENS",
        1500,
        _whole_number(16, 128_000),
        "The most tokens that one answer may cost. The parts of an itinerary have caps of their own.",
    )
    itinerary_days: int = _setting(
        "ITINERARY_DAYS",
        14,
        _whole_number(0, 30),
        "Days of the longest trip that is planned as an itinerary, with a call of the model for each day. 0: "
        "there are answers in prose only.",
    )
    max_retries: int = _setting(
        "OPENAI_MAX_RETRIES",
        2,
        _whole_number(0, 5),
        "How often a call that failed in passing (connection, 409, 5xx) is tried again inside the deadline.",
    )


@dataclass(frozen=True)
class AccessSettings:
    """Who may call the API."""

    api_access: str = _setting(
        "API_ACCESS",
        "api-key",
        _choice("api-key", "open"),
        "Who may POST: `api-key` refuses what API Gateway did not authenticate; `open` takes anyone.",
    )


@dataclass(frozen=True)
class GuardSettings:
    """Clients, limits and budgets."""

    table_name: str = _setting(
        "TABLE_NAME",
        "",
        _text(r"[A-Za-z0-9_.-]{0,255}", "must be the name of a DynamoDB table"),
        "The DynamoDB table of clients, limits and budgets. The template sets it. Empty: nothing is limited "
        "or counted, as with `make run` for anyone (`--access open`).",
    )
    owner_key_id: str = _setting(
        "OWNER_API_KEY_ID",
        "",
        _text(r"[A-Za-z0-9]{0,64}", "must be the id of an API key"),
        "The id of the stack's own API key, whose client is `owner`. The template sets it.",
    )
    budget_per_day: int = _setting(
        "BUDGET_PER_DAY",
        0,
        _dollars,
        "USD that all clients together may spend at the model's server in a day (UTC). 0: no limit. "
        "The template's default is 5.",
    )
    budget_per_month: int = _setting(
        "BUDGET_PER_MONTH",
        0,
        _dollars,
        "USD that all clients together may spend at the model's server in a month (UTC). 0: no limit. "
        "The template's default is 50.",
    )
    open_per_minute: int = _setting(
        "OPEN_PER_MINUTE",
        5,
        _whole_number(0, 1_000_000),
        "With `API_ACCESS=open`: queries that one address may send in a minute. 0: no limit.",
    )
    open_per_day: int = _setting(
        "OPEN_PER_DAY",
        100,
        _whole_number(0, 1_000_000),
        "With `API_ACCESS=open`: queries that one address may send in a day (UTC). 0: no limit.",
    )
    limits_when_unavailable: str = _setting(
        "LIMITS_WHEN_UNAVAILABLE",
        "allow",
        _choice("allow", "refuse"),
        "What happens to queries that no budget bounds while the table cannot be used.",
    )
    budget_when_unavailable: str = _setting(
        "BUDGET_WHEN_UNAVAILABLE",
        "refuse",
        _choice("allow", "refuse"),
        "What happens to queries that a budget bounds while the table cannot be used. `allow` spends money "
        "that is not counted.",
    )
    model_prices: str = _setting(
        "MODEL_PRICES",
        "",
        _text(
            rf"({_MODEL_PRICE}( *, *{_MODEL_PRICE})*)?",
            "must be model=input/output in USD per million tokens, with commas between models",
        ),
        "Prices of models that the list of this package does not have, or has otherwise: "
        "`model=input/output` in USD per million tokens, with commas between models; `*` is any other model. "
        "Example: `llama-4=0.20/0.60,*=1/5`.",
    )
    unknown_model_price: str = _setting(
        "UNKNOWN_MODEL_PRICE",
        "dearest",
        _choice("dearest", "refuse"),
        "What a model without a known price counts as: the dearest one that is known, or nothing: `refuse` "
        "answers 503 `misconfigured`.",
    )


@dataclass(frozen=True)
class StreamSettings:
    """Streamed answers."""

    streaming: str = _setting(
        "STREAMING",
        "on",
        _choice("on", "off"),
        "Whether `POST /travel-gpt/stream` answers. `off` answers 409 `streaming_disabled`.",
    )
    stream_seconds: int = _setting(
        "STREAM_SECONDS",
        90,
        _whole_number(10, 840),
        "Seconds within which a streamed answer must be complete.",
    )
    stream_first_event_seconds: int = _setting(
        "STREAM_FIRST_EVENT_SECONDS",
        30,
        _whole_number(1, 840),
        "Seconds within which the model's server must send the first event of a stream.",
    )
    stream_idle_seconds: int = _setting(
        "STREAM_IDLE_SECONDS",
        20,
        _whole_number(1, 840),
        "Seconds that a stream of the model's server may pause between two events.",
    )


@dataclass(frozen=True)
class PageSettings:
    """The web page."""

    web_page: str = _setting(
        "WEB_PAGE",
        "disabled",
        _choice("enabled", "disabled"),
        "Whether there is a web page to ask on, below `/travel-gpt/app`. `disabled` answers 404 "
        "`page_disabled`.",
    )


@dataclass(frozen=True)
class TelemetrySettings:
    """Log lines and metrics."""

    log_level: str = _setting(
        "LOG_LEVEL",
        "INFO",
        _choice("DEBUG", "INFO", "WARNING", "ERROR"),
        "How much Travel GPT writes to its log. AWS and OpenAI libraries stay at WARNING whatever it says.",
    )
    service: str = _setting(
        "POWERTOOLS_SERVICE_NAME",
        "travel-gpt",
        _text(r"[A-Za-z0-9._-]{1,128}", "must be a name of letters, digits, dots, dashes and underscores"),
        "The `service` of log lines and metrics. The template sets it to the stack's name.",
    )
    metrics_namespace: str = _setting(
        "POWERTOOLS_METRICS_NAMESPACE",
        "TravelGPT",
        _text(r"[A-Za-z0-9._/#-]{1,255}", "must be a CloudWatch namespace"),
        "The CloudWatch namespace of the metrics.",
    )


# In the order of the documentation.
_GROUPS: Final = (
    CredentialSettings,
    IdentitySettings,
    EncryptedFileSettings,
    VaultSettings,
    ModelSettings,
    AccessSettings,
    GuardSettings,
    StreamSettings,
    PageSettings,
    TelemetrySettings,
)


@dataclass(frozen=True)
class Settings(
    CredentialSettings,
    IdentitySettings,
    EncryptedFileSettings,
    VaultSettings,
    ModelSettings,
    AccessSettings,
    GuardSettings,
    StreamSettings,
    PageSettings,
    TelemetrySettings,
):
    """What the environment says, validated. A variable that is unset or empty has its default.

    The settings of each subject are a class of their own, for what needs those alone.
    """

    problems: tuple[str, ...] = ()

    @classmethod
    def load(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Nothing at import may fail because a setting is wrong, so this never raises: a wrong variable keeps
        its default and is named in ``problems``, without its value, which might be a misplaced key.

        Args:
            environment: the environment variables.

        Returns:
            The settings, with every problem named.
        """
        values: dict[str, Any] = {}
        problems: list[str] = []
        for spec in settings_fields():
            text = environment.get(spec.variable, "").strip()
            if not text:
                continue
            if text.startswith("sk-"):
                # The mistake is made, and every console shows a function's variables.
                problems.append(f"{spec.variable} looks like a key: the key belongs in the secret")
                continue
            try:
                values[spec.name] = spec.parse(text)
            except ValueError as wrong:
                problems.append(f"{spec.variable} {wrong}")
        settings = cls(**values)
        return replace(settings, problems=(*problems, *settings._conflicts()))

    def _conflicts(self) -> list[str]:
        """Say which variables do not go together."""
        found = [
            f"{variable} needs TABLE_NAME, the table in which it is counted"
            for variable, budget in (
                ("BUDGET_PER_DAY", self.budget_per_day),
                ("BUDGET_PER_MONTH", self.budget_per_month),
            )
            if budget and not self.table_name
        ]
        if "workload-identity" not in self.credential_source:
            return found
        found += [
            f"{variable} must be set for CREDENTIAL_SOURCE workload-identity"
            for variable, value in (
                ("OPENAI_IDENTITY_PROVIDER_ID", self.identity_provider_id),
                ("OPENAI_SERVICE_ACCOUNT_ID", self.service_account_id),
            )
            if not value
        ]
        # A token of OpenAI's is for OpenAI alone.
        if not (is_openai(self.base_url) or is_loopback(self.base_url)):
            found.append("OPENAI_BASE_URL must be OpenAI's for CREDENTIAL_SOURCE workload-identity")
        return found


@dataclass(frozen=True, slots=True)
class SettingSpec:
    """One setting as the documentation shows it."""

    group: str
    """The subject, such as "Vault or OpenBao"; a sentence without its full stop."""
    name: str
    variable: str
    default: str | int
    describes: str
    parse: Callable[[str], Any]


def settings_fields() -> tuple[SettingSpec, ...]:
    """Return every setting, in the order of the documentation."""
    return tuple(
        SettingSpec(
            (group.__doc__ or "").replace("``", "`").rstrip("."),
            spec.name,
            spec.metadata["variable"],
            ", ".join(spec.default) if isinstance(spec.default, tuple) else cast("str | int", spec.default),
            spec.metadata["describes"],
            spec.metadata["parse"],
        )
        for group in _GROUPS
        for spec in fields(group)
    )
