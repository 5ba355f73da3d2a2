"""The model client is made when it is first needed, once, and a failure to make it is the same each time."""

import gc
import io
import json
import threading
from typing import Any
from unittest.mock import Mock

import pytest

from tests.support.function_log import log as log
from travel_gpt.errors import Misconfigured
from travel_gpt.llm.client import ModelClient
from travel_gpt.llm.deferred_client import DeferredClient

KEY = "sk-proj-Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"


def test_it_is_made_at_the_first_call_and_closed_with_it() -> None:
    made = Mock(ModelClient)
    make = Mock(return_value=made)
    client = DeferredClient(make)
    make.assert_not_called()

    assert (client.get(), client.get()) == (made, made)
    client.close()

    make.assert_called_once_with()
    made.close.assert_called_once_with()


def test_one_that_is_made_already_is_given_and_closed() -> None:
    made, frozen = Mock(ModelClient), gc.get_freeze_count()
    client = DeferredClient.of(made)

    assert client.get() is made
    client.close()

    made.close.assert_called_once_with()
    assert gc.get_freeze_count() == frozen


def test_closing_does_not_make_it() -> None:
    make = Mock()

    DeferredClient(make).close()

    make.assert_not_called()


def test_given_threads_that_need_it_at_once_then_it_is_made_once() -> None:
    made, both = Mock(ModelClient), threading.Barrier(2, timeout=5)

    def make_slowly() -> ModelClient:
        threading.Event().wait(0.05)
        return made

    make, got = Mock(side_effect=make_slowly), []
    client = DeferredClient(make)

    def get() -> None:
        both.wait()
        got.append(client.get())

    threads = [threading.Thread(target=get) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(5)

    assert got == [made, made]
    make.assert_called_once_with()


def test_a_failure_is_logged_once_and_answers_every_request(log: io.StringIO) -> None:
    make = Mock(side_effect=ValueError(f"could not convert string to float: '{KEY}'"))
    client = DeferredClient(make)

    failures = []
    for _ in range(2):
        with pytest.raises(Misconfigured) as raised:
            client.get()
        failures.append(raised.value)

    make.assert_called_once_with()
    assert failures[0] is not failures[1], "an exception has one traceback"
    assert failures[0].message == failures[1].message
    assert failures[0].message.startswith("The function could not start (ValueError): most likely a variable")
    (line,) = (json.loads(line) for line in log.getvalue().splitlines())
    assert (line["level"], line["message"]) == ("CRITICAL", "The model client could not start")
    assert "could not convert string to float" in line["exception"]
    assert KEY[8:] not in log.getvalue()


@pytest.mark.parametrize("failure", [None, ImportError("x")])
@pytest.mark.parametrize("collects", [True, False])
def test_garbage_is_not_collected_meanwhile(failure: Exception | None, collects: bool) -> None:
    def make() -> Any:
        assert not gc.isenabled()
        if failure is not None:
            raise failure
        return Mock(ModelClient)

    client, frozen = DeferredClient(make), gc.get_freeze_count()
    if not collects:
        gc.disable()
    try:
        if failure is None:
            client.get()
        else:
            with pytest.raises(Misconfigured):
                client.get()

        assert gc.isenabled() == collects
        assert (gc.get_freeze_count() > frozen) == collects, "frozen by what turned collecting off"
    finally:
        gc.enable()
        gc.unfreeze()
