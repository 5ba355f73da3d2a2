"""What every suite stands on: an environment that says nothing, and API Gateway's own events."""

import copy
import functools
import gc
import json
import logging
import os
import signal
from pathlib import Path
from typing import Any

import botocore.client
import botocore.hooks
import botocore.regions
import botocore.session
import botocore.useragent
import moto.core.models
import pytest

EVENTS = Path(__file__).parent.parent / "events"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

# Where recorded answers are: a setting of the tests themselves (see tests.support.recorded).
RECORDED = "TRAVEL_GPT_RECORDED"
_THE_USERS_OWN = ("AWS_", "OPENAI_", "CREDENTIAL_", "POWERTOOLS_", "API_ACCESS", "LOG_LEVEL", "TRAVEL_GPT_")


def _say_nothing_of_the_user() -> None:
    """Drop what would reach an account or change a setting, before anything reads it at import."""
    for name in [name for name in os.environ if name.startswith(_THE_USERS_OWN) and name != RECORDED]:
        del os.environ[name]
    os.environ.update(
        AWS_ACCESS_KEY_ID="testing",
        AWS_SECRET_ACCESS_KEY="testing",
        AWS_DEFAULT_REGION="us-east-1",
        AWS_REGION="us-east-1",
        AWS_EC2_METADATA_DISABLED="true",
        AWS_CONFIG_FILE=os.devnull,
        AWS_SHARED_CREDENTIALS_FILE=os.devnull,
        # Moto would make a hundred machine images, with their snapshots, in each account that has a VPC.
        MOTO_EC2_LOAD_DEFAULT_AMIS="false",
    )
    # A proxy stays, since a package index may need it; what a test starts on this machine is not behind it.
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name), *LOOPBACK]))


_say_nothing_of_the_user()


def _make_sessions_cheap() -> None:
    """Compute once what botocore and moto compute for each mock and call: most of the time of such a test."""
    botocore.session.create_loader = functools.cache(botocore.session.create_loader)
    botocore.hooks.accepts_kwargs = functools.lru_cache(4096)(botocore.hooks.accepts_kwargs)
    aliaser = botocore.hooks.EventAliaser
    original = aliaser.__init__
    names: dict[str, str] = {}

    def share_names(self: Any, *arguments: Any, **more: Any) -> None:
        original(self, *arguments, **more)
        self._alias_name_cache = names

    aliaser.__init__ = share_names  # type: ignore[method-assign]
    # Each client has a copy of its session's handlers: lists of three lists, four hundred of them.
    lists = botocore.hooks.NodeList

    def copy_handlers(self: Any, node: dict[str, Any]) -> dict[str, Any]:
        return {
            key: lists(*map(list, value))
            if isinstance(value, lists)
            else copy_handlers(self, value)
            if isinstance(value, dict)
            else value
            for key, value in node.items()
        }

    botocore.hooks._PrefixTrie._recursive_copy = copy_handlers  # type: ignore[attr-defined]
    component = botocore.useragent.sanitize_user_agent_string_component
    botocore.useragent.sanitize_user_agent_string_component = functools.cache(component)
    # Moto's routes for the library requests, which no test calls AWS with: 1,300 objects for each mock.
    moto.core.models.RESPONSES_METHODS.clear()


def _make_clients_cheap() -> None:
    """Share between the clients of a service what botocore makes of its model, which none of them changes."""
    creator: Any = botocore.client.ClientCreator
    load_model, make_class = creator._load_service_model, creator._create_client_class
    models: dict[tuple[str, str | None], Any] = {}
    classes: dict[int, type] = {}

    def share_model(self: Any, service_name: str, api_version: str | None = None) -> Any:
        key = (service_name, api_version)
        if key not in models:
            models[key] = load_model(self, service_name, api_version)
        return models[key]

    def share_class(self: Any, service_name: str, service_model: Any) -> type:
        if service_name == "s3":
            # boto3's sessions give it methods that botocore's do not.
            made: type = make_class(self, service_name, service_model)
            return made
        if id(service_model) not in classes:
            classes[id(service_model)] = make_class(self, service_name, service_model)
        return classes[id(service_model)]

    creator._load_service_model, creator._create_client_class = share_model, share_class
    regions: Any = botocore.regions
    make_provider = regions.EndpointProvider
    providers: dict[tuple[int, int], tuple[Any, ...]] = {}

    def share_provider(ruleset_data: Any, partition_data: Any, **more: Any) -> Any:
        # The data are kept too: their addresses are theirs alone as long as they are there.
        key = (id(ruleset_data), id(partition_data))
        if key not in providers:
            made = make_provider(ruleset_data=ruleset_data, partition_data=partition_data, **more)
            providers[key] = (made, ruleset_data, partition_data)
        return providers[key][0]

    regions.EndpointProvider = share_provider


def _make_logging_cheap() -> None:
    """Keep the cache of every logger where one is set to the level that it has already, as in each test."""
    set_level = logging.Logger.setLevel

    def change_level(self: logging.Logger, level: int | str) -> None:
        if self.level != level:
            set_level(self, level)

    logging.Logger.setLevel = change_level  # type: ignore[method-assign]


def _take_interrupts() -> None:
    """Have the tests' processes take SIGINT, which a shell has those ignore that it starts with an ``&``."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


_take_interrupts()
_make_sessions_cheap()
_make_clients_cheap()
_make_logging_cheap()
# What is imported and collected stays: to look through it for garbage is a fourth of the time that it takes.
gc.disable()


def pytest_collection_finish() -> None:
    """Leave out of every later search for garbage what is there now, and search for it less often."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(20_000, 50, 50)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep tests on this machine, wherever pytest-socket is installed."""
    if config.pluginmanager.hasplugin("socket"):
        for item in items:
            item.add_marker(pytest.mark.allow_hosts(list(LOOPBACK)))


def proxy_event(name: str, **changes: Any) -> dict[str, Any]:
    """Return one of ``events/*.json``, with fields replaced; ``requestContext`` is merged."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))
    event["requestContext"].update(copy.deepcopy(changes.pop("requestContext", {})))
    event.update(changes)
    return event


class LambdaContext:
    """Lambda's context, with the time left as a test sets it."""

    def __init__(self, milliseconds: int = 30_000) -> None:
        self.aws_request_id = "3f1c6a52-0000-4000-8000-0000000000aa"
        self.function_name = "travel-gpt-backend-TravelGPTFunction"
        self.milliseconds = milliseconds

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds that are left."""
        return self.milliseconds


@pytest.fixture
def lambda_context() -> LambdaContext:
    """An invocation that has its 30 s before it."""
    return LambdaContext()
