"""The package that `sam build` makes."""

import ast
import fnmatch
import os
import re
import shutil
import stat
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from samcli.lib.package.utils import make_zip_with_lambda_permissions

from scripts.build_package import compile_modules, lambda_python
from scripts.package_contents import (
    HANDLERS,
    SERVICES,
    WRAPPER,
    copy_travel_gpt,
    imported_files,
    normalize,
    prune,
)
from tests.support.compiled_template import ROOT
from tests.support.packages import run_alone

LOCK = ROOT / "requirements" / "lambda.txt"


has_python_of_lambda = pytest.mark.skipif(lambda_python() is None, reason="there is no Python 3.13 here")


def files(tree: Path) -> Iterator[Path]:
    return (path for path in sorted(tree.rglob("*")) if path.is_file())


def names(tree: Path) -> set[str]:
    return {path.relative_to(tree).as_posix() for path in files(tree)}


def locked() -> dict[str, str]:
    """The packages of the lock and their versions."""
    return dict(re.findall(r"^([\w.-]+)==([\w.]+)", LOCK.read_text("utf-8"), re.MULTILINE))


def test_every_native_module_is_for_arm64(lambda_package: Path) -> None:
    native = {path for path in files(lambda_package) if path.read_bytes()[:4] == b"\x7fELF"}

    assert {path.parent.name for path in native} >= {"jiter", "pydantic_core"}
    for path in native:
        header = path.read_bytes()[:20]
        assert (header[4], header[18:20]) == (2, b"\xb7\x00"), f"{path.name} is not 64-bit aarch64"
    # And none is there under another name.
    assert {
        path for path in files(lambda_package) if re.search(r"\.(so|dylib|pyd|dll)\b", path.name)
    } == native


def test_no_file_knows_where_it_was_built(lambda_package: Path) -> None:
    telltale = [str(lambda_package), str(ROOT), str(Path.home()), str(Path(sys.prefix)), ".package-"]
    telltale += [str(Path(sys.base_prefix)), *os.environ.get("PIP_FIND_LINKS", "").split()]
    needles = [text.encode() for text in telltale if len(text) > 6]

    assert len(needles) >= 4
    found = [
        (path.name, needle)
        for path in files(lambda_package)
        for needle in needles
        if needle in path.read_bytes()
    ]
    assert found == []


@has_python_of_lambda
def test_every_module_is_compiled_and_lambda_will_not_look_at_its_source(lambda_package: Path) -> None:
    modules = [path for path in files(lambda_package) if path.suffix == ".py"]

    assert len(modules) > 2000
    for module in modules:
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        # Magic number of 3.13; flags: hash-based (1), not checked (2 is absent).
        assert compiled.read_bytes()[:8] == b"\xf3\x0d\x0d\x0a\x01\x00\x00\x00", module
    assert len([path for path in files(lambda_package) if path.suffix == ".pyc"]) == len(modules)


@has_python_of_lambda
def test_compiled_code_names_the_paths_that_it_has_in_lambda(lambda_package: Path) -> None:
    compiled = lambda_package / "travel_gpt" / "__pycache__" / "handler.cpython-313.pyc"

    assert b"/var/task/travel_gpt/handler.py" in compiled.read_bytes()


def test_travel_gpt_is_what_the_handlers_import_and_nothing_else(lambda_package: Path) -> None:
    packed = {name for name in names(lambda_package) if re.match("travel_gpt/(?!.*__pycache__)", name)}

    assert packed == {path.relative_to(ROOT).as_posix() for path in imported_files(ROOT)} | {WRAPPER}
    # What is imported later, inside a function, and files that are read as data.
    read_as_data = {"travel_gpt/advisor/instructions.txt", "travel_gpt/llm/prices.json"}
    assert packed >= {"travel_gpt/credentials/sources/vault.py"} | read_as_data
    # What the function that streams is started with.
    assert packed >= {"travel_gpt/stream_runtime.py", "travel_gpt/stream_handler.py"}
    # And nothing of what only people's machines run, also where a handler came to import it.
    on_machines = {"local", "cli", "client", "env_file", "env_trust"}
    assert {path.stem for path in (ROOT / "travel_gpt").iterdir()} >= on_machines
    assert not [name for name in packed if Path(name).parts[1].removesuffix(".py") in on_machines]


def test_the_allow_list_begins_with_the_handlers_of_the_template() -> None:
    named = re.findall(
        r"Handler: ([\w.]+)\.(?:lambda_handler|stream)\n", (ROOT / "template.yaml").read_text("utf-8")
    )

    assert set(named) == set(HANDLERS)


def test_every_library_is_imported_by_the_handlers_or_required_by_one_that_is(lambda_package: Path) -> None:
    # Given what travel_gpt imports, and what each library says that it requires
    code = "\n".join(file.read_text("utf-8") for file in imported_files(ROOT) if file.suffix == ".py")
    imported = {
        name.replace("_", "-") for name in re.findall(r"^ *(?:from|import) (\w+)", code, re.MULTILINE)
    }
    required = {
        re.findall("^Name: (.*)$", text, re.MULTILINE)[0].lower().replace("_", "-"): {
            name.lower().replace("_", "-")
            for name in re.findall(r"^Requires-Dist: ([\w.-]+)(?!.*extra ==)", text, re.MULTILINE)
        }
        for text in (path.read_text("utf-8") for path in lambda_package.glob("*.dist-info/METADATA"))
    }

    # And what the standard library's zoneinfo reads, which no statement names
    imported.add("tzdata")

    # When the former is followed through the latter
    reached = imported & required.keys()
    while more := set().union(*(required[name] for name in reached)) & required.keys() - reached:
        reached |= more

    # Then there is no library but those
    assert reached == required.keys() == locked().keys()


def test_whatever_travel_gpt_imports_is_in_the_package(host_package: Path) -> None:
    # Given every module of travel_gpt, also those that only some settings lead to
    modules = [name for name in names(host_package) if re.match(r"travel_gpt/.*\.py$", name)]
    code = f"""
import importlib, json, re
missing = []
for file in {sorted(modules)}:
    try:
        importlib.import_module(re.sub(r"(/__init__)?\\.py$", "", file).replace("/", "."))
    except ModuleNotFoundError as absent:
        missing.append(absent.name)
print(json.dumps(missing))
"""
    # When each is imported with nothing but the package, then only libraries of optional sources are missing
    assert set(run_alone(host_package, code, AWS_REGION="us-east-1")) <= {"cryptography", "joserfc", "hvac"}


def test_time_zones_are_known_where_the_system_has_none(host_package: Path) -> None:
    code = """
import json, zoneinfo
from datetime import datetime
zoneinfo.reset_tzpath([])
print(json.dumps([
    str(datetime(2027, 7, 1, tzinfo=zoneinfo.ZoneInfo("Asia/Kathmandu")).utcoffset()),
    zoneinfo.TZPATH,
]))
"""
    assert run_alone(host_package, code) == [
        "5:45:00",
        [],
    ]


def test_nothing_for_development_is_inside(lambda_package: Path) -> None:
    unwanted = [
        *("*/tests/*", "*/test/*", "*/conftest.py", "*/mypy.py", "*/pytest_plugin.py", "*.pyi", "bin/*"),
        *("*.env*", ".git*", "requirements*", "template.yaml", "*.toml"),
    ]
    found = {
        name for name in names(lambda_package) for pattern in unwanted if fnmatch.fnmatchcase(name, pattern)
    }
    assert found == set()

    at_the_top = {path.name for path in lambda_package.iterdir()}
    assert at_the_top.isdisjoint(
        {"moto", "pytest", "mypy", "werkzeug", "pip", "setuptools", "tests", "scripts"}
    )


def test_every_locked_package_is_there_with_its_version_and_licence(lambda_package: Path) -> None:
    there = {}
    for described in lambda_package.glob("*.dist-info/METADATA"):
        fields = dict(re.findall(r"^(Name|Version): (.*)$", described.read_text("utf-8"), re.MULTILINE))
        there[fields["Name"].lower().replace("_", "-")] = fields["Version"]

    assert there == locked()
    for folder in lambda_package.glob("*.dist-info"):
        assert [path for path in files(folder) if re.match(r"LICEN[CS]E|COPYING", path.name)], folder.name
    assert list(lambda_package.glob("tzdata-*/licenses/licenses/LICENSE_APACHE"))
    assert (lambda_package / "NOTICE").read_bytes() == (ROOT / "NOTICE").read_bytes()


def test_the_lock_installs_the_same_on_every_machine() -> None:
    # pip judges markers by the machine that builds, not by Lambda: only harmless ones may be there.
    markers = {
        line.partition(";")[2].rstrip(" \\") for line in LOCK.read_text("utf-8").splitlines() if "==" in line
    }

    assert markers == {" sys_platform == 'darwin' or sys_platform == 'linux'"}


def test_the_services_that_are_called_are_described_and_no_others(lambda_package: Path) -> None:
    described = {path.name for path in (lambda_package / "botocore" / "data").iterdir() if path.is_dir()}

    assert described == set(SERVICES) == set(services_called())


def services_called() -> Iterator[str]:
    """The services that travel_gpt makes boto3 clients for."""
    for module in imported_files(ROOT):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))) if module.suffix == ".py" else ():
            match node:
                case ast.Call(
                    func=ast.Attribute(attr="client") | ast.Name(id="make_client"),
                    args=[ast.Constant(value=str(name)), *_],
                ):
                    yield name
                case ast.Call(func=ast.Attribute(attr="resource")):
                    pytest.fail(f"{module} uses boto3.resource(), whose descriptions are pruned")


def test_lambdas_own_user_can_read_everything_and_execute_the_wrapper(lambda_package: Path) -> None:
    for path in lambda_package.rglob("*"):
        executable = path.is_dir() or path == lambda_package / WRAPPER
        assert stat.S_IMODE(path.stat().st_mode) == (0o755 if executable else 0o644), path


def test_the_wrapper_is_where_lambda_looks_for_it_and_executable_in_the_zip(
    lambda_package: Path, tmp_path: Path
) -> None:
    named = re.findall("AWS_LAMBDA_EXEC_WRAPPER: (.*)", (ROOT / "template.yaml").read_text("utf-8"))
    assert named == [f"/var/task/{WRAPPER}"]

    # When sam packs it
    packed = zipfile.ZipFile(make_zip_with_lambda_permissions(str(tmp_path / "code"), str(lambda_package)))

    assert packed.getinfo(WRAPPER).external_attr >> 16 & 0o111 == 0o111
    assert packed.read(WRAPPER).startswith(b"#!/bin/sh\n")


def test_both_functions_and_the_rotation_have_the_same_package(lambda_package: Path) -> None:
    def content(function: str) -> dict[str, tuple[int, int]]:
        tree = lambda_package.parent / function
        return {
            path.relative_to(tree).as_posix(): (path.stat().st_mode, path.stat().st_size)
            for path in files(tree)
        }

    assert content("TravelGPTStreamFunction") == content("TravelGPTFunction") == content("RotatorFunction")


def test_it_is_small(lambda_package: Path) -> None:
    assert sum(path.stat().st_size for path in files(lambda_package)) < 60_000_000


def test_it_says_what_it_did(lambda_package: Path) -> None:
    said = (lambda_package.parent.parent / "said").read_text()

    assert "Installing the locked dependencies for Lambda (arm64, Python 3.13)" in said
    assert re.search(r"Package ready: [\d,]+ files, \d+\.\d MB unzipped", said)
    assert "WARNING" not in said


@has_python_of_lambda
def test_building_again_gives_the_same_bytes(lambda_package: Path, unpruned: Path, tmp_path: Path) -> None:
    # Given the dependencies installed anew, elsewhere, and by somebody whose files are private
    tree = tmp_path / "elsewhere"
    shutil.copytree(unpruned, tree)
    for path in files(tree):
        path.chmod(0o600)

    # When the rest is done again
    copy_travel_gpt(lambda_package / "travel_gpt", tree)
    prune(tree)
    compile_modules(str(lambda_python()), tree)
    normalize(tree)

    # Then every file is the same, its time and rights included, and so is the zip
    def state(package: Path) -> dict[str, tuple[bytes, float, int]]:
        return {
            path.relative_to(package).as_posix(): (
                path.read_bytes(),
                path.stat().st_mtime,
                path.stat().st_mode,
            )
            for path in files(package)
        }

    first, second = state(lambda_package), state(tree)
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_the_tree_for_this_machine_is_the_same_but_for_native_modules(
    lambda_package: Path, host_package: Path
) -> None:
    def portable(tree: Path) -> set[str]:
        # Tests that ran the host's package with an older Python left that one's bytecode there.
        return {name for name in names(tree) if not re.search(r"\.so$|\.cpython-3(?!13)\d+\.pyc$", name)}

    assert portable(lambda_package) == portable(host_package)
