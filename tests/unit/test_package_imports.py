"""What the allow-list of the Lambda package follows."""

from pathlib import Path

import pytest

from scripts.package_contents import copy_travel_gpt, imported_files
from travel_gpt.api.page.assets import web_page

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("import app.used", "used.py"),
        ("import app.sub.deep as other", "sub/deep.py"),
        ("from app import used", "used.py"),
        ("from app.sub.deep import name", "sub/deep.py"),
        ("from . import used", "used.py"),
        ("from .sub.deep import name", "sub/deep.py"),
        ("def later():\n    if True:\n        from app.used import name", "used.py"),
        ("if TYPE_CHECKING:\n    pass\nelse:\n    import app.used", "used.py"),
        ("text = files('app').joinpath('words.txt')", "words.txt"),
        ("text = files('app').joinpath('texts').joinpath(f'{name}.json')", "texts/one.json"),
        ("from app import native", "native.cpython-313.so"),
        # What is not needed:
        ("if TYPE_CHECKING:\n    import app.used", None),
        ("import typing\nif typing.TYPE_CHECKING:\n    import app.used", None),
        ("import json, elsewhere", None),
        ("name = 'sub'", None),
    ],
)
def test_an_import_is_followed(tmp_path: Path, statement: str, expected: str | None) -> None:
    # Given a package in which one module begins
    package = tmp_path / "app"
    for folder in ("sub", "texts"):
        (package / folder).mkdir(parents=True)
    for name in (
        "texts/one.json",
        "__init__.py",
        "used.py",
        "sub/__init__.py",
        "sub/deep.py",
        "words.txt",
        "other.txt",
    ):
        (package / name).touch()
    (package / "native.cpython-313.so").write_bytes(b"\x7fELF")
    (package / "start.py").write_text(statement)

    # When its imports are followed
    found = {file.relative_to(package).as_posix() for file in imported_files(tmp_path, ["app.start"])}

    # Then there is what it imports and the packages around that, and nothing else
    assert found - {"__init__.py", "start.py", "sub/__init__.py"} == ({expected} if expected else set())
    assert ("sub/__init__.py" in found) == ("sub." in statement)


def test_imports_are_followed_to_the_end_and_round_in_circles(tmp_path: Path) -> None:
    for name, text in {"a.py": "import b", "b.py": "import c", "c.py": "import a"}.items():
        (tmp_path / name).write_text(text)

    assert {file.name for file in imported_files(tmp_path, ["a"])} == {"a.py", "b.py", "c.py"}


def test_the_reference_data_comes_with_its_look_ups() -> None:
    found = imported_files(ROOT, ["travel_gpt.advisor.reference.lookup"])

    assert ROOT / "travel_gpt/advisor/reference/places.sqlite" in found


def test_the_package_has_the_licences_of_its_data(tmp_path: Path) -> None:
    copy_travel_gpt(ROOT / "travel_gpt", tmp_path)

    assert (tmp_path / "NOTICE").read_bytes() == (ROOT / "NOTICE").read_bytes()


def test_the_package_has_the_files_of_the_page(tmp_path: Path) -> None:
    copy_travel_gpt(ROOT / "travel_gpt", tmp_path)

    # Where the code looks for them, and nothing beside them
    page = web_page()
    assert web_page(tmp_path / "web") == page
    assert {path.name for path in (tmp_path / "web").iterdir()} == {
        "index.html",
        "app.css",
        "icon.svg",
        "app.js",
    }
    # And a package is made of a package as of the clone
    copy_travel_gpt(tmp_path / "travel_gpt", tmp_path / "again")
    assert web_page(tmp_path / "again" / "web") == page
