"""What is left out of the script and the styles, and that they do the same without it."""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.markdown import ROOT
from travel_gpt.api.page.compact import compact_script, compact_style

TESTS = sorted((ROOT / "tests/web").glob("*.test.js"))
NODE = shutil.which("node")


@pytest.mark.parametrize(
    ("text", "served"),
    [
        ("/** A. */\na();\n", "a();\n"),
        ("/**\n * A.\n *\n * @type {B} */\n\n\na();\n\n  // B.\n  b();\n", "a();\nb();\n"),
        ("const a = /** @type {B} */ (b); // It is.\nc();\n", "const a=(b);\nc();\n"),
        ("if (a === b && !c) {\n  d = { e: [1, 2] };\n}\n", "if(a===b&&!c){d={e:[1,2]}}\n"),
        (
            'use("a = b; // c", `d : ${e} /* f */`, "\\" , \\"");\n',
            'use("a = b; // c",`d : ${e} /* f */`,"\\" , \\"");\n',
        ),
        ("for (;;) {\n  a(\n    b,\n    [c, , d],\n  );\n}\n", "for(;;){a(b,[c,,d])}\n"),
        ("a = b - -c + +d;\ntypeof a in b;\n", "a=b - -c + +d;\ntypeof a in b;\n"),
        ("a = b / c; // d / e\nf = g / h;\n", "a=b / c;\nf=g / h;\n"),
        (
            'const a = /["`/] [/"] : \\/ =/g;\nb("c", /, "/);\n',
            'const a=/["`/] [/"] : \\/ =/g;\nb("c",/, "/);\n',
        ),
        (
            "return / : /.test(a);\na.map((b) => / , /.exec(b));\n",
            "return / : /.test(a);\na.map((b)=>/ , /.exec(b));\n",
        ),
        ('let a = "/**";\nlet b = "*/";\n', 'let a="/**";\nlet b="*/";\n'),
        ('const url = "https://example.com"; // a\n', 'const url="https://example.com";\n'),
    ],
)
def test_a_script_loses_what_only_its_authors_read(text: str, served: str) -> None:
    assert compact_script(text) == served


def test_a_style_sheet_loses_what_only_its_authors_read() -> None:
    style = (
        '/* A { b: c } */\na, b > c :hover {\n  color: red;\n  font: 1rem/2 "D : e", serif;\n}\n\n'
        "@media (min-width: 40rem) and (color) {\n  ::before { width: calc(1rem + 2vw); }\n}\n"
    )

    assert compact_style(style) == (
        'a,b > c :hover{color:red;font:1rem/2 "D : e",serif}'
        "@media (min-width:40rem) and (color){::before{width:calc(1rem + 2vw)}}\n"
    )


@pytest.fixture(scope="module")
def served_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The modules and their tests, with what is served of the modules in their place."""
    clone = tmp_path_factory.mktemp("served")
    shutil.copytree(ROOT / "tests/web", clone / "tests/web")
    shutil.copytree(ROOT / "docs", clone / "docs")
    shutil.copytree(ROOT / "web", clone / "web")
    for module in (clone / "web/js").iterdir():
        module.write_text(compact_script(module.read_text(encoding="utf-8")), encoding="utf-8")
    return clone


@pytest.mark.skipif(
    NODE is None, reason="there is no Node here, which tests the page's scripts: install Node 20"
)
@pytest.mark.parametrize("test", [test.name for test in TESTS])
def test_what_is_served_of_the_modules_passes_their_tests(served_modules: Path, test: str) -> None:
    assert NODE is not None

    done = subprocess.run(
        [NODE, "--test", "--test-reporter=spec", served_modules / "tests/web" / test],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
