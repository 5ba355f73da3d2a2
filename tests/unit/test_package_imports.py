"""What the allow-list of the Lambda package follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from scripts.package_contents import imported_files

if TYPE_CHECKING:
    from pathlib import Path


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
        ("from app import native", "native.cpython-313.so"),
        # What is not needed:
        ("if TYPE_CHECKING:\n    import app.used", None),
        ("import typing\nif typing.TYPE_CHECKING:\n    import app.used", None),
        ("import json, elsewhere", None),
    ],
)
def test_an_import_is_followed(tmp_path: Path, statement: str, expected: str | None) -> None:
    # Given a package in which one module begins
    package = tmp_path / "app"
    (package / "sub").mkdir(parents=True)
    for name in ("__init__.py", "used.py", "sub/__init__.py", "sub/deep.py", "words.txt", "other.txt"):
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
