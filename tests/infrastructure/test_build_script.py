"""scripts/build_package.py on machines that are not as one would wish."""

import shutil
import sys
from pathlib import Path

import pytest

from scripts import build_package
from scripts.package_contents import BuildError
from tests.support.packages import run_build_script

KEY = "sk-canary-0123456789"


def script(path: Path, text: str) -> str:
    """A command made of shell lines."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def everything_in(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_without_the_network_it_says_so_and_leaves_nothing_behind(tmp_path: Path) -> None:
    # Given a pip that can reach no index, and an earlier package
    target = tmp_path / "package"
    (target / "travel_gpt").mkdir(parents=True)
    (target / "travel_gpt" / "handler.py").write_text("earlier")
    nowhere = {"PIP_CONFIG_FILE": "/dev/null", "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}

    # When the package is built
    failed = run_build_script(target, **nowhere)

    # Then it says what to do, and the earlier package is untouched
    assert failed.returncode == 1
    assert "this step needs the network" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert everything_in(tmp_path) == ["package", "package/travel_gpt", "package/travel_gpt/handler.py"]


def test_it_never_empties_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_text("precious")

    with pytest.raises(BuildError, match="not a package of Travel GPT"):
        build_package.replace(tmp_path, tmp_path / "tree")

    assert everything_in(tmp_path) == ["holiday.jpg"]


def test_an_earlier_package_is_replaced_whole(tmp_path: Path) -> None:
    old, new = tmp_path / "package", tmp_path / "tree"
    for folder in (old, new):
        (folder / "travel_gpt").mkdir(parents=True)
        (folder / "travel_gpt" / "handler.py").write_text(folder.name)
    (old / "openai").mkdir()
    (old / "six.py").write_text("old")

    build_package.replace(old, new)

    assert everything_in(old) == ["travel_gpt", "travel_gpt/handler.py"]
    assert (old / "travel_gpt" / "handler.py").read_text() == "tree"


def test_without_lambdas_python_the_package_goes_uncompiled_and_that_is_said(
    tmp_path: Path, unpruned: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # Given a machine without Python 3.13 (the dependencies are taken from an earlier installation)
    def copy(_python: str, tree: Path, options: list[str], locks: list[Path]) -> None:
        assert (options, locks) == (build_package.LAMBDA_WHEELS, [build_package.LOCK])
        shutil.copytree(unpruned, tree, dirs_exist_ok=True)

    monkeypatch.delenv("PACKAGE_EXTRAS", raising=False)
    monkeypatch.setattr(build_package, "lambda_python", lambda: None)
    monkeypatch.setattr(build_package, "install", copy)

    # When the package is built
    assert build_package.main(["--target", str(tmp_path / "package")]) == 0

    # Then it works and says what is missing and what that costs
    said = capsys.readouterr().out
    assert "There is no Python 3.13 here" in said
    assert "every cold start" in said
    assert "Package ready" in said
    assert (tmp_path / "package" / "travel_gpt" / "handler.py").is_file()
    assert not list((tmp_path / "package").rglob("*.pyc"))


def test_a_python_without_pip_gets_one_for_the_moment(tmp_path: Path) -> None:
    # Given a Debian-like Python: no pip of its own, but the venv module
    no_pip = script(
        tmp_path / "python",
        f'[ "$3" != pip ] || exit 1\nexec "{sys._base_executable}" "$@"',  # type: ignore[attr-defined]
    )

    found = build_package.python_with_pip(no_pip, tmp_path / "environment")

    assert found == str(tmp_path / "environment" / "bin" / "python")
    assert build_package.python_with_pip(found, tmp_path / "unused") == found
    assert not (tmp_path / "unused").exists()


def test_a_python_without_pip_and_venv_is_an_error_that_says_what_to_install(tmp_path: Path) -> None:
    nothing = script(tmp_path / "python", "exit 1")

    with pytest.raises(BuildError, match="sudo apt-get install"):
        build_package.python_with_pip(nothing, tmp_path / "environment")


def test_pip_is_not_shown_an_exported_key_and_not_led_astray(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a user who exported a key, and whose pip installs for the user by default
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("PIP_USER", "1")
    monkeypatch.setenv("PIP_REQUIRE_VIRTUALENV", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    spy = script(tmp_path / "python", f'env > "{tmp_path}/environment"; echo "$@" > "{tmp_path}/arguments"')

    # When pip is run
    build_package.install(spy, tmp_path / "tree", build_package.LAMBDA_WHEELS)

    # Then it has the user's proxy, but neither the key nor the preferences that would spoil the package
    seen = (tmp_path / "environment").read_text().splitlines()
    assert "HTTPS_PROXY=http://127.0.0.1:9" in seen
    assert {"PIP_USER=0", "PIP_REQUIRE_VIRTUALENV=0"} <= set(seen)
    assert not [line for line in seen if KEY in line]
    arguments = (tmp_path / "arguments").read_text().split()
    assert {"--require-hashes", "--no-deps", "--no-compile", "--only-binary=:all:"} <= set(arguments)
    assert {"--platform=manylinux2014_aarch64", "--python-version=3.13"} <= set(arguments)


def test_a_module_that_cannot_be_compiled_stops_the_build(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("def:\n")

    with pytest.raises(BuildError, match=r"broken\.py"):
        build_package.compile_modules(sys.executable, tmp_path)


@pytest.mark.parametrize(
    ("option", "variable", "locks"),
    [
        ([], None, ["lambda.txt"]),
        ([], "", ["lambda.txt"]),
        ([], "vault", ["lambda-vault.txt"]),
        (["--with", "encrypted-file"], "vault", ["lambda-encrypted-file.txt"]),
        (["--with", "vault, encrypted-file,"], None, ["lambda-encrypted-file.txt", "lambda-vault.txt"]),
    ],
)
def test_libraries_of_other_sources_come_when_they_are_asked_for_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: list[str], variable: str | None, locks: list[str]
) -> None:
    asked: list[list[str]] = []
    monkeypatch.delenv("PACKAGE_EXTRAS", raising=False)
    if variable is not None:
        monkeypatch.setenv("PACKAGE_EXTRAS", variable)

    def stop(_python: str, _tree: Path, _options: list[str], locks: list[Path]) -> None:
        asked.append([lock.name for lock in locks])
        raise BuildError("enough")

    monkeypatch.setattr(build_package, "install", stop)
    build_package.main(["--target", str(tmp_path / "package"), *option])

    assert asked == [locks]
    for name in locks:
        assert (build_package.LOCK.parent / name).is_file()


def test_a_source_that_does_not_exist_stops_the_build_before_it_begins(tmp_path: Path) -> None:
    failed = run_build_script(tmp_path / "package", PACKAGE_EXTRAS="valt")

    assert failed.returncode == 2
    assert "there is no valt, only encrypted-file, vault" in failed.stderr
    assert everything_in(tmp_path) == []
