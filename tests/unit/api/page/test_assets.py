"""The files of the page: what is served under which name."""

import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote

import pytest

from travel_gpt.api.page.assets import WEB, WebPage, joined_modules, names_script, web_page
from travel_gpt.errors import NotFound


def files(folder: Path, modules: dict[str, str], html: str = "<p>{{base}}</p>") -> Path:
    (folder / "js").mkdir(exist_ok=True)
    (folder / "index.html").write_text(html, encoding="utf-8")
    (folder / "app.css").write_text("a > b {}\n", encoding="utf-8")
    (folder / "icon.svg").write_text('<svg a="1">&#35;</svg>\n', encoding="utf-8")
    for name, text in modules.items():
        (folder / "js" / name).write_text(text, encoding="utf-8")
    return folder


def test_a_module_comes_after_those_that_it_imports_and_once(tmp_path: Path) -> None:
    # Given modules that import one another, one of them twice and two in a circle
    modules = {
        "main.js": 'import { b } from "./b.js";\nimport {\n  c,\n  d,\n} from "./c.js";\nmain(b, c, d);\n',
        "b.js": '/** B. */\nimport { c } from "./c.js";\nexport const b = c;\n',
        "c.js": 'import { b } from "./b.js";\nexport function c() {}\nexport async function d() {}\n',
        "unused.js": "export class Unused {}\n",
    }

    # When they are joined
    script = joined_modules(files(tmp_path, modules) / "js")

    # Then each is there in the order in which ECMAScript would run them, without imports and exports
    assert script == "function c(){}\nasync function d(){}\nconst b=c;\nmain(b,c,d);\n"


def test_words_that_only_look_like_imports_and_exports_stay(tmp_path: Path) -> None:
    module = 'let a="export let b";\nuse("import { c } from \\"./c.js\\";");\n'

    assert joined_modules(files(tmp_path, {"main.js": module}) / "js") == module


def test_a_name_is_that_of_its_content(tmp_path: Path) -> None:
    # Given a page
    before = web_page(files(tmp_path, {"main.js": "one();\n"}))

    # When its script changes
    after = web_page(files(tmp_path, {"main.js": "two();\n"}))

    # Then the new script has a new name
    assert re.fullmatch(r"app\.[0-9a-f]{16}\.js", after.script_name)
    assert after.script_name != before.script_name


def test_the_files_are_read_again_only_after_a_change(tmp_path: Path) -> None:
    # Given a page that was read
    first = web_page(files(tmp_path, {"main.js": "one();\n"}))

    # Then it is the same as long as its files are
    assert web_page(tmp_path) is first

    # And another one once a file is newer, even one of the same length
    main = tmp_path / "js" / "main.js"
    main.write_text("two();\n", encoding="utf-8")
    os.utime(main, ns=(1, 1))
    assert web_page(tmp_path).script == "two();\n"


@pytest.mark.parametrize("other", [(), ("js",), ("js", "templates")])
def test_an_installation_without_the_files_says_so(tmp_path: Path, other: tuple[str, ...]) -> None:
    # Given a folder that is missing, or is another package's of that name
    for name in other:
        (tmp_path / "web" / name).mkdir(parents=True)

    with pytest.raises(NotFound) as failure:
        web_page(tmp_path / "web")

    assert "from a clone" in failure.value.message


@pytest.mark.parametrize(
    ("name", "is_script"),
    [
        ("app.0123456789abcdef.js", True),
        ("app.0.js", True),
        ("app.0.css", False),
        ("app.js", False),
        ("app.0.js/", False),
        ("../app.0.js", False),
        ("app.0.html", False),
        ("main.js", False),
        ("", False),
    ],
)
def test_the_script_is_found_by_any_hash(name: str, is_script: bool) -> None:
    assert names_script(name) == is_script


def test_the_html_has_its_style_sheet_and_names_its_script_below_its_base(tmp_path: Path) -> None:
    # Given HTML with every placeholder, and a base that would end its attribute
    html = "|".join(["{{base}}", "{{app.js}}", "{{app.css}}", "{{icon}}"])
    page = web_page(files(tmp_path, {"main.js": "start();\n"}, html))

    # When it is served
    base, script, style, icon = page.html('/a"b').split("|")

    # Then the name is that of the script, the style sheet is as it was, and the base ends nothing
    assert base == "/a&quot;b"
    assert unescape(script) == f'/a"b/travel-gpt/app/assets/{page.script_name}'
    assert style == page.style
    assert unquote(unescape(icon)) == 'data:image/svg+xml,<svg a="1">&#35;</svg>\n'
    assert not set('"<>#') & set(icon)


def test_nothing_that_is_put_into_the_html_is_a_placeholder_again() -> None:
    page = web_page()

    assert WebPage("{{base}}", page.icon, page.style, page.script).html("{{icon}}") == "{{icon}}"


def test_the_page_of_this_clone_is_whole() -> None:
    page = web_page()
    html = page.html("/Prod")

    assert "{{" not in html
    assert f'"/Prod/travel-gpt/app/assets/{page.script_name}"' in html
    assert f"<style>{page.style}</style>" in html
    assert "</" not in page.style
    assert 'href="data:image/svg+xml,' in html
    assert '<meta name="base" content="/Prod">' in html
    assert not re.search(r"^(import|export)\b", page.script, re.MULTILINE)


def test_the_first_load_is_at_most_100_kilobytes() -> None:
    page = web_page()

    # Besides them there is "me", which has less than 2,000 bytes.
    total = sum(len(text.encode()) for text in (page.html("/Prod"), page.script))
    assert total <= 98_000


def test_the_folder_is_where_the_package_has_it() -> None:
    assert WEB.is_dir()
    assert Path(__file__).resolve().parents[4] / "web" == WEB
