"""What every suite stands on: an environment that says nothing, and API Gateway's own events."""

import copy
import functools
import json
import os
from pathlib import Path
from typing import Any

import botocore.hooks
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


_make_sessions_cheap()


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
