"""The modules of the page can be joined into one script: what the joining relies on."""

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from travel_gpt.api.page.assets import WEB, joined_modules

IMPORT = re.compile(
    r'^import\s*\{(?P<names>[^}]*)\}\s*from\s*"\./(?P<file>[a-z_]+\.js)";[ \t]*\n', re.MULTILINE
)
DECLARATION = re.compile(
    r"^(?P<export>export )?(?:async )?(?:function\*?|class|const|let|var)\s+(?P<name>[\w$]+)", re.MULTILINE
)
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
LINE_OF_COMMENT = re.compile(r"^[ \t]*(?://[^\n]*|/\*(?:(?!\*/).)*\*/[ \t]*)\n", re.MULTILINE | re.DOTALL)

# A text that goes over several lines would lose its indentation, and what looks like a comment.
_REGULAR = r"/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\\[])+/"
SHORT_TEXT = re.compile(rf'"(?:[^"\\]|\\.)*"|(?<=[=(,:] ){_REGULAR}|(?<=\(){_REGULAR}')


def problems(modules: dict[str, str]) -> Iterator[str]:
    """Yield what keeps modules from being joined."""
    exported = {
        name: {found["name"] for found in DECLARATION.finditer(text) if found["export"]}
        for name, text in modules.items()
    }
    for name, text in modules.items():
        code = COMMENT.sub("", text)
        start = re.match(rf"(?:\s|{IMPORT.pattern})*", code, re.MULTILINE)
        rest = code[start.end() if start else 0 :]
        for line in rest.splitlines():
            if re.match(r"import\b", line) or re.search(r"\bimport\s*\(", line):
                yield f"{name}: {line!r} is not a named import of ./name.js before everything else"
            if re.match(r"export\b", line) and not DECLARATION.match(line):
                yield f"{name}: {line!r} does not export one declaration by its name"
            if re.match(r"(?:export )?(?:const|let|var)\s*[{\[]", line):
                yield f"{name}: {line!r} declares several names at once"
        for found in IMPORT.finditer(text):
            for wanted in re.findall(r"[^,\s][^,]*", found["names"]):
                if wanted.strip() not in exported.get(found["file"], set()):
                    yield f"{name}: {found['file']} does not export {wanted.strip()}"
        yield from (
            f"{name}: {line!r} begins or ends a text of several lines"
            for line in LINE_OF_COMMENT.sub("", text).splitlines()
            if SHORT_TEXT.sub("", line).count("`") % 2 or line.endswith("\\")
        )
        if not text.endswith("\n"):
            yield f"{name} does not end with a line break"
    declared = Counter(found["name"] for text in modules.values() for found in DECLARATION.finditer(text))
    yield from (f"{name} is declared {count} times" for name, count in declared.items() if count > 1)


def test_the_modules_of_the_page_can_be_joined() -> None:
    modules = {path.name: path.read_text(encoding="utf-8") for path in (WEB / "js").iterdir()}

    assert not list(problems(modules))


@pytest.mark.parametrize(
    ("module", "problem"),
    [
        ('import { b as c } from "./b.js";\n', "does not export b as c"),
        ('import { missing } from "./b.js";\n', "does not export missing"),
        ('import b from "./b.js";\n', "not a named import"),
        ('import "./b.js";\n', "not a named import"),
        ('import { b } from "other";\n', "not a named import"),
        ('start();\nimport { b } from "./b.js";\n', "not a named import"),
        ('const b2 = await import("./b.js");\n', "not a named import"),
        ("export default 1;\n", "does not export one declaration"),
        ("export { start };\n", "does not export one declaration"),
        ('export * from "./b.js";\n', "does not export one declaration"),
        ("const { a } = {};\n", "several names"),
        ("function b() {}\n", "b is declared 2 times"),
        ("start();", "line break"),
        ("start(`a\nb`);\n", "text of several lines"),
        ('start("a\\\nb");\n', "text of several lines"),
        ("start(`a`); // `b` of `c`\n", ""),
        ('/** A. */\nimport { b } from "./b.js";\n// { b }\nimport {\n  c,\n} from "./b.js";\n', ""),
    ],
)
def test_a_module_that_cannot_be_joined_is_noticed(module: str, problem: str) -> None:
    modules = {"main.js": module, "b.js": "export const b = 1;\nexport function c() {}\n"}

    found = "\n".join(problems(modules))

    assert problem in found
    assert bool(problem) == bool(found)


def test_the_joined_script_is_a_valid_module(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no Node here, which would parse the script")
    script = tmp_path / "app.mjs"
    script.write_text(joined_modules(WEB / "js"), encoding="utf-8")

    done = subprocess.run([node, "--check", script], capture_output=True, text=True, check=False)

    assert not done.stderr
    assert done.returncode == 0
