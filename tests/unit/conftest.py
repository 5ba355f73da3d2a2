"""Every unit test begins as a fresh process would: no user, no settings, no key seen before."""

import os
from collections.abc import Iterator

import boto3
import pytest
from hypothesis import settings as hypothesis

from testbed.moto_patches import secrets as secret_patches
from tests.support.clock import Clock
from tests.support.function_log import log as log
from travel_gpt import redaction
from travel_gpt.telemetry import flush_metrics

# Secrets Manager as AWS answers, in every test that uses moto.
secret_patches.install()

# The same examples on every machine and in every order, and no time limit that a busy machine would miss.
hypothesis.register_profile("unit", deadline=None, derandomize=True, database=None, max_examples=100)
hypothesis.load_profile("unit")


@pytest.fixture(autouse=True)
def fresh_process() -> Iterator[None]:
    """Forget what a process keeps: its environment, the AWS session, the guarded values, the metrics."""
    # Without the fixture monkeypatch, which would undo its changes after this one: a variable that a test
    # deletes while moto has its own credentials set would come back as moto's.
    environment = dict(os.environ)
    boto3.DEFAULT_SESSION = None
    redaction._guarded.clear()
    yield
    redaction._guarded.clear()
    flush_metrics()
    # The command sets the region for whatever it calls: right for a process, wrong for the next test.
    # pytest changes a variable of its own each time, so that all of them would be set for each test.
    changed = dict(os.environ)
    for name in changed.keys() - environment.keys():
        del os.environ[name]
    os.environ.update({name: value for name, value in environment.items() if changed.get(name) != value})


@pytest.fixture
def clock() -> Clock:
    """A wall clock that stands until a test moves it."""
    return Clock()
