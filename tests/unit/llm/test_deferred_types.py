"""Deferring the imports of openai.types changes when they happen, and nothing else."""

import importlib.util
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

import openai
import pytest

from travel_gpt.llm import deferred_types
from travel_gpt.llm.deferred_types import SDK_VERSION

ROOT = Path(__file__).resolve().parents[3]
SDK = Path(openai.__file__).parent
THREADS = 16
# The 200 of the measurement: COLD_PROCESSES=200 pytest -k many_threads tests/unit/llm/test_deferred_types.py
PROCESSES = int(os.environ.get("COLD_PROCESSES", "1"))


def run(*command: str, given: str = "") -> Any:
    """Run Python in a process of its own and return the JSON that it prints."""
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, input=given, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_version_is_the_locked_one() -> None:
    assert f"\nopenai=={SDK_VERSION} " in (ROOT / "requirements/lambda.txt").read_text("utf-8")
    assert openai.__version__ == SDK_VERSION


def test_the_sdk_is_the_same_with_it_and_without() -> None:
    # Given what the project uses of the SDK, with plain imports
    imported, plain, pickled = run("-m", "tests.unit.llm.sdk_surface", "plain")

    # When the types are deferred, and a response pickled there is the first that is read here
    fewer, deferred, _ = run("-m", "tests.unit.llm.sdk_surface", "deferred", given=pickled)

    # Then all is the same, with a fraction of the modules imported beforehand
    assert deferred.pop("unpickle") == plain["responses"]
    assert {name: value for name, value in deferred.items() if plain[name] != value} == {}
    assert fewer < imported / 3
    # And it is what it should be
    assert [name for name, value in plain.items() if value.startswith("raises")] == [
        *("refusal", "absent", "absent import")
    ]
    assert "'RateLimitError', 'APIStatusError'" in plain["refusal"]
    assert plain["isinstance"] == "builtins.bool: True"


@pytest.mark.parametrize(("version", "deferred"), [(SDK_VERSION, True), ("3.53.0", False)])
def test_with_another_version_of_the_sdk_the_imports_are_plain(version: str, deferred: bool) -> None:
    code = f"""
import sys, json
from travel_gpt.llm import deferred_types
deferred_types.SDK_VERSION = {version!r}
deferred_types.defer_types()
import openai
before = "openai.types.batch" in sys.modules
openai.types.Batch
print(json.dumps([before, "openai.types.batch" in sys.modules]))
"""
    assert run("-c", code) == [not deferred, True]


def test_verifying_a_key_imports_few_types() -> None:
    # Given a command that has imported no SDK, and a server that is away
    code = """
import sys
from travel_gpt.cli.key_input import verify
from travel_gpt.credentials.secret import read_secret
from travel_gpt.settings import Settings
before = "openai" in sys.modules
key = read_secret("not-a-key", source="test", version="1")
failure = verify(key, Settings.load({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1"})).failure
print(str([before, failure is None, "openai" in sys.modules, "openai.types.batch" in sys.modules]).lower())
"""
    # When it verifies a key, then the SDK is imported, and without the types that it has not needed
    assert run("-c", code) == [False, False, True, False]


def test_once_the_sdk_is_imported_nothing_is_deferred() -> None:
    finders = list(sys.meta_path)

    deferred_types.defer_types()

    assert sys.meta_path == finders


def deferred_module(folder: Path, code: str) -> ModuleType:
    """A module of this code that has not run yet."""
    file = folder / "late.py"
    file.write_text(code)
    spec = importlib.util.spec_from_file_location(
        "late", file, loader=deferred_types._Deferred("late", str(file))
    )
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_thread_that_asks_while_the_module_runs_waits_for_it(tmp_path: Path) -> None:
    # Given a module that takes its time, and threads that all ask for its last name at once
    module = deferred_module(tmp_path, "import time\nfirst = 1\ntime.sleep(0.1)\nlast = 2\n")
    barrier = threading.Barrier(THREADS)
    found: list[object] = []

    def ask() -> None:
        barrier.wait()
        found.append(getattr(module, "last", "AttributeError"))

    threads = [threading.Thread(target=ask) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    # Then each has it
    assert found == [2] * THREADS


def test_a_module_that_asks_itself_while_it_runs_has_what_is_there_so_far(tmp_path: Path) -> None:
    code = "import sys\nfirst = 1\nme = sys.late\nseen = (me.first, hasattr(me, 'last'))\nlast = 2\n"
    module = deferred_module(tmp_path, code)
    sys.late = module  # type: ignore[attr-defined]
    try:
        assert module.seen == (1, False)
    finally:
        del sys.late  # type: ignore[attr-defined]


def test_a_module_that_failed_runs_again(tmp_path: Path) -> None:
    module = deferred_module(tmp_path, "import os\nname = os.environ['LATE']\n")
    with pytest.raises(KeyError):
        module.name  # noqa: B018

    os.environ["LATE"] = "now"

    assert module.name == "now"


THREADED = """
import importlib, json, sys, threading
from travel_gpt.llm.deferred_types import defer_types

defer_types()
sys.setswitchinterval(1e-5)
asked = [
    "import openai; openai.types.responses.Response",
    "from openai.types import Completion, ModerationCreateResponse",
    "from openai.types.chat import ChatCompletion, ParsedChatCompletion",
    "import openai.types.responses.response_create_params",
    "import openai.resources.responses, openai.resources.admin.organization",
    "from openai.types.shared import Metadata, AllModels",
    "import openai; openai.OpenAI(api_key='a').chat.completions",
    "from openai.types.responses import Tool, ResponseStreamEvent",
]
failures = []
barrier = threading.Barrier(THREADS)

def work(number):
    try:
        barrier.wait()
        import openai
        for step in range(len(asked)):
            barrier.wait()
            exec(asked[(number + step) % len(asked)], {})
    except BaseException as failure:
        failures.append(repr(failure))
        barrier.abort()

threads = [threading.Thread(target=work, args=(number,)) for number in range(THREADS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps(failures))
""".replace("THREADS", str(THREADS))


def test_many_threads_ask_at_once_in_many_cold_processes() -> None:
    assert [failure for _ in range(PROCESSES) for failure in run("-c", THREADED)] == []


def imports(file: Path) -> list[tuple[str, list[str]]]:
    """The modules that a file of the SDK imports from at its top level, and the names."""
    package = ["openai", *file.relative_to(SDK).parts[:-1]]
    found = []
    pattern = r"^from (\.+)([\w.]*) import (\([^)]*\)|[^(\n]+)"
    for dots, module, names in re.findall(pattern, file.read_text("utf-8"), re.MULTILINE):
        base = package[: len(package) - len(dots) + 1]
        found.append(
            (".".join([*base, *filter(None, [module])]), re.findall(r"(\w+)(?: as \w+)?(?:,|\)|$)", names))
        )
    return found


def file_of(module: str) -> Path | None:
    path = SDK.parent.joinpath(*module.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def test_no_package_waits_for_itself_through_the_imports_of_its_modules() -> None:
    """The order of locks: a package's own, then import locks and those of other packages, in no circle.

    A thread that runs a package's ``__init__`` waits for the import locks of what that imports. Another one
    that holds one of those may wait for a package. Were it the first one, both would wait for ever.
    """
    packages = {
        ".".join(["openai", *init.parent.relative_to(SDK).parts]) for init in SDK.glob("types/**/__init__.py")
    }
    needs: dict[str, set[str]] = {}

    def needed(module: str) -> set[str]:
        """The modules that are imported, and the packages whose ``__init__`` runs, with this one."""
        if module not in needs:
            needs[module] = set()
            file = file_of(module)
            for source, names in imports(file) if file else ():
                inside = {f"{source}.{name}" for name in names if file_of(f"{source}.{name}")}
                needs[module] |= inside
                # An empty package is no wait; an attribute of it is.
                if source not in packages or len(inside) < len(names):
                    needs[module].add(source)
        return needs[module]

    def reached(start: str) -> set[str]:
        found: set[str] = set()
        waiting = [start]
        while waiting:
            waiting += (more := needed(waiting.pop()) - found)
            found |= more
        return found

    assert len(packages) > 40
    assert [package for package in sorted(packages) if package in reached(package)] == []
    # The walk sees what it should: a module's base, and the one package that another one asks.
    assert {"openai._models", "openai.types.shared", "openai.types.shared.metadata"} <= reached(
        "openai.types"
    )
