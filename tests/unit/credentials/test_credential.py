"""A credential does not print itself: no way that Python has of making text of it shows the key."""

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import reprlib
import string
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from travel_gpt.credentials.secret import Credential, Key
from travel_gpt.redaction import MASK
from travel_gpt.telemetry import RedactingFormatter

SECRET = "Xq7ZkV9wJ3pYtB5mHx2RfN8dLs6GcQ4vUj"
KEY = Key(SECRET)
CREDENTIAL = Credential(key=KEY, source="scripted", version="v1", base_url="https://example.com/v1")

THINGS = {
    "key": KEY,
    "credential": CREDENTIAL,
    "list": [KEY],
    "dict": {"key": KEY},
    "set": {KEY},
    "tuple": (1, CREDENTIAL),
}


def leaks(text: str) -> set[str]:
    return {SECRET[at : at + 4] for at in range(len(SECRET) - 3) if SECRET[at : at + 4] in text}


def through_str_format(thing: Any) -> str:
    return "{0} {0!r} {0!s} {0!a} {0:}".format(thing)  # noqa: UP032 - a way there is


def of_a_raised_exception(thing: Any) -> str:
    with pytest.raises(ValueError) as raised:  # noqa: PT011 - the test's own
        raise ValueError(thing)
    failure = raised.value
    lines = traceback.format_exception(failure)
    lines += traceback.TracebackException.from_exception(failure, capture_locals=True).format()
    return "".join(lines) + f"{failure} {failure!r} {failure.args}"


WAYS: dict[str, Callable[[Any], str]] = {
    "repr": repr,
    "str": str,
    "ascii": ascii,
    "format": format,
    "f-string": lambda thing: f"{thing} {thing!r} {thing!s} {thing!a} {thing=}",
    "str.format": through_str_format,
    "percent": lambda thing: "%s %r %a" % ((thing,) * 3),
    "template": lambda thing: string.Template("$thing").substitute(thing=thing),
    "join": lambda thing: "".join(map(str, [thing])),
    "print": lambda thing: _printed(thing),
    "pprint": pprint.pformat,
    "reprlib": reprlib.repr,
    "json-default-str": lambda thing: json.dumps([thing], default=str),
    "json-default-repr": lambda thing: json.dumps([thing], default=repr),
    "exception": of_a_raised_exception,
    "dir": lambda thing: str(dir(thing)),
}


def _printed(thing: object) -> str:
    out = io.StringIO()
    print(thing, file=out)
    return out.getvalue()


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_no_way_of_making_text_shows_the_key(way: Callable[[Any], str], thing: Any) -> None:
    assert not leaks(way(thing))


@pytest.mark.parametrize("spec", ["", ">40", "^50s", "x", "!r", "s", ".4", "anything"])
def test_no_format_spec_shows_a_part_of_the_key(spec: str) -> None:
    assert format(KEY, spec) == MASK


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
@pytest.mark.parametrize(
    "log",
    [
        lambda log, thing: log.warning("sending %s", thing),
        lambda log, thing: log.warning("sending %r", thing),
        lambda log, thing: log.warning("sending %(thing)s", {"thing": thing}),
        lambda log, thing: log.warning(f"sending {thing}"),  # noqa: G004 - a way of logging there is
        lambda log, thing: log.warning(thing),
        lambda log, thing: log.warning("sending", extra={"thing": thing}),
        lambda log, thing: log.error("failed", exc_info=ValueError(thing)),
        lambda log, _: log.error("failed", stack_info=True),
    ],
    ids=["%s", "%r", "%(name)s", "f-string", "object", "extra", "exc_info", "stack_info"],
)
@pytest.mark.parametrize(
    "formatter",
    [logging.Formatter("%(message)s %(args)s"), RedactingFormatter(service="travel-gpt")],
    ids=["plain", "ours"],
)
def test_no_style_of_logging_shows_the_key(
    formatter: logging.Formatter, log: Callable[[logging.Logger, Any], None], thing: Any
) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(formatter)
    logger = logging.Logger("of this test")
    logger.addHandler(handler)

    log(logger, thing)

    assert out.getvalue()
    assert not leaks(out.getvalue())


@pytest.mark.parametrize("thing", THINGS.values(), ids=THINGS)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_key_is_not_pickled(thing: Any, protocol: int) -> None:
    with pytest.raises(TypeError) as refused:
        pickle.dumps(thing, protocol)

    assert not leaks(str(refused.value))


@pytest.mark.parametrize(
    "duplicate",
    [
        lambda: copy.copy(KEY),
        lambda: copy.deepcopy(KEY),
        lambda: copy.deepcopy(CREDENTIAL),
        lambda: dataclasses.asdict(CREDENTIAL),
    ],
    ids=["copy", "deepcopy", "deepcopy-of-credential", "asdict"],
)
def test_a_key_is_not_copied(duplicate: Callable[[], object]) -> None:
    with pytest.raises(TypeError, match="not to be pickled or copied"):
        duplicate()


def test_a_key_is_not_json() -> None:
    for thing in THINGS.values():
        with pytest.raises(TypeError) as refused:
            json.dumps(thing)
        assert not leaks(str(refused.value))


def test_a_key_has_no_dictionary_of_attributes_to_look_into() -> None:
    for thing in (KEY, CREDENTIAL):
        with pytest.raises(TypeError):
            vars(thing)


def test_keys_are_equal_when_their_values_are() -> None:
    assert Key("a-key-0001") == Key("a-key-0001")
    assert hash(Key("a-key-0001")) == hash(Key("a-key-0001"))
    assert Key("a-key-0001") != Key("a-key-0002")
    assert Key("a-key-0001") != Key("a-key-00011")
    assert Key("a-key-0001") != "a-key-0001"
    assert "a-key-0001" not in {Key("a-key-0001")}


def test_a_keys_hash_is_not_its_values() -> None:
    # Else a hash in a log could be checked against guesses made with plain text.
    assert hash(Key("a-key-0001")) != hash("a-key-0001")


@pytest.mark.parametrize(
    "change",
    [
        {"key": Key("another-key-0001")},
        {"base_url": "https://elsewhere.example/v1"},
        {"base_url": None},
        {"organization": "org-2"},
        {"project": "proj_2"},
        {"model": "gemma4"},
        {"api": "chat"},
        {"source": "elsewhere"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_credentials_differ_when_they_would_make_another_call(change: dict[str, Any]) -> None:
    assert dataclasses.replace(CREDENTIAL, **change) != CREDENTIAL


def test_a_secret_that_was_written_again_unchanged_is_the_same_credential() -> None:
    again = dataclasses.replace(CREDENTIAL, version="v2")

    assert (again, hash(again)) == (CREDENTIAL, hash(CREDENTIAL))


def test_a_credential_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        CREDENTIAL.model = "other"  # type: ignore[misc] # the point of the test
