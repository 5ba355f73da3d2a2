"""What is in the Lambda package, and what is not."""

import ast
import json
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from travel_gpt.api.page.assets import JOINED, web_page

# The AWS services that travel_gpt calls; botocore knows 400. A test compares this with the code.
SERVICES = ("scheduler", "secretsmanager", "sts")

# What never runs in Lambda. Data and tools only: a module that is merely unused today may be imported by
# another one on a path that no test takes.
PRUNED = {
    r"bin/.+": "commands for a shell, and there is none",
    r".+\.pyi": "types for editors; Python never reads them",
    r"[^/]+\.dist-info/(?!METADATA$|(licenses/)*(LICEN[CS]E|COPYING|NOTICE|AUTHORS)).+": (
        "pip's own records; versions (for importlib.metadata and scanners) and licences stay"
    ),
    rf"botocore/data/(?!({'|'.join(SERVICES)})/)[^/]+/.+": "descriptions of services that are not called",
    rf"botocore/data/({'|'.join(SERVICES)})/.+/examples-1\.json": "examples for botocore's documentation",
    r"boto3/data/.+": "descriptions for boto3.resource(), which is not used",
    r"aws_lambda_powertools/event_handler/openapi/swagger_ui/.+\.(js|css)": "a web page that is not served",
    r"dateutil/zoneinfo/.+\.tar\.gz": "time zones by name; botocore asks for UTC and local time only",
    r"(anyio/pytest_plugin|pydantic(/v1)?/(mypy|_hypothesis_plugin))\.py": (
        "plugins of development tools that are not in the package"
    ),
}

# Any fixed moment will do: zips refuse what is before 1980, and Lambda's users see it as the files' age.
FIXED_TIME = 1_577_836_800  # 2020-01-01T00:00:00Z

ELF = b"\x7fELF"
# Linux, macOS and Windows.
NATIVE_MAGIC = {ELF, b"\xcf\xfa\xed\xfe", b"\xce\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"MZ\x90\x00"}
ELF_AARCH64 = 183


class BuildError(Exception):
    """The package cannot be made; the text says why and what to do."""


def copy_travel_gpt(source: Path, tree: Path) -> None:
    """Copy what Lambda runs of travel_gpt, and the web page that it serves.

    Of travel_gpt these are the files that its handlers import, and what starts the function that streams.

    Args:
        source: the package in the repository.
        tree: the folder that becomes the Lambda package.
    """
    for file in (*imported_files(source.parent), source.parent / WRAPPER):
        if file.is_relative_to(source):
            target = tree / file.relative_to(source.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, target)
    copy_web_page(source.parent / "web", tree / "web")
    # The licences of the data that is copied with the code.
    shutil.copy(source.parent / "NOTICE", tree / "NOTICE")


def copy_web_page(source: Path, target: Path) -> None:
    """Copy the files of the web page, with the modules of its script joined."""
    target.mkdir()
    for name in ("index.html", "app.css", "icon.svg"):
        shutil.copy(source / name, target / name)
    (target / JOINED).write_text(web_page(source).script, encoding="utf-8")


def prune(tree: Path) -> None:
    """Take out what never runs in Lambda."""
    never = re.compile("|".join(f"(?:{pattern})" for pattern in PRUNED))
    for file in [path for path in tree.rglob("*") if path.is_file()]:
        if never.fullmatch(file.relative_to(tree).as_posix()):
            file.unlink()
    for folder in sorted((path for path in tree.rglob("*") if path.is_dir()), reverse=True):
        if not any(folder.iterdir()):
            folder.rmdir()
    # botocore parses this list of all services' endpoints whole, a third of the time of making a client.
    endpoints = tree / "botocore" / "data" / "endpoints.json"
    known = json.loads(endpoints.read_bytes())
    for partition in known["partitions"]:
        listed = partition["services"]
        partition["services"] = {name: listed[name] for name in SERVICES if name in listed}
    endpoints.write_text(json.dumps(known, separators=(",", ":")), encoding="utf-8")


def check_native_modules(tree: Path) -> None:
    """Make sure that Lambda can load every native module of a folder.

    Raises:
        BuildError: there is one for another processor or system, or none at all.
    """
    native, foreign = 0, []
    for path in sorted(path for path in tree.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            head = file.read(20)
        if head[:4] in NATIVE_MAGIC:
            native += 1
            if head[:4] != ELF or int.from_bytes(head[18:20], "little") != ELF_AARCH64:
                foreign.append(path.relative_to(tree).as_posix())
    advice = "Look at the versions in requirements/lambda.txt and at pip's configuration (pip config list)."
    if foreign:
        raise BuildError(f"Lambda (Linux, arm64) cannot load {', '.join(foreign)}.\n{advice}")
    if not native:
        raise BuildError(f"The native modules of pydantic and jiter are missing.\n{advice}")


def normalize(tree: Path) -> tuple[int, int]:
    """Give every file the same time, and the rights that Lambda's own user needs.

    Returns:
        The number of files and their size in bytes.
    """
    files, size = 0, 0
    for path in [*tree.rglob("*"), tree]:
        # Lambda executes the wrapper itself; what a clone or an archive made of its mode does not matter.
        executable = path.is_dir() or path == tree / WRAPPER
        path.chmod(0o755 if executable else 0o644)
        os.utime(path, (FIXED_TIME, FIXED_TIME))
        if path.is_file():
            files, size = files + 1, size + path.stat().st_size
    return files, size


HANDLERS = ("travel_gpt.handler", "travel_gpt.rotator", "travel_gpt.stream_handler")
"""The modules that template.yaml names."""

WRAPPER = "travel_gpt/stream_wrapper"
"""The program that Lambda starts the function that streams with: AWS_LAMBDA_EXEC_WRAPPER in template.yaml."""

STARTED = ("travel_gpt.stream_runtime",)
"""The modules that the program above starts."""


def imported_files(tree: Path, modules: Iterable[str] = (*HANDLERS, *STARTED)) -> set[Path]:
    """Follow every import statement from some modules on, within a folder.

    Types are not followed: what stands below ``if TYPE_CHECKING`` is never imported. A data file, or a folder
    of them beside a module, is needed when one of the modules has its name as a string.

    Args:
        tree: the folder that holds the packages.
        modules: where to begin, by their full names.

    Returns:
        The files of all modules that are reached, and their data files. Imports that lead out of the folder
        are left out.
    """
    found: set[Path] = set()
    waiting = list(modules)
    strings: set[str] = set()
    while waiting:
        for file in _files_of(waiting.pop(), tree):
            if file not in found:
                found.add(file)
                if file.suffix == ".py":
                    nodes = list(_executed(ast.parse(file.read_bytes())))
                    waiting += _imports(nodes, file, tree)
                    strings |= {str(node.value) for node in nodes if isinstance(node, ast.Constant)}
    beside = (path for folder in {path.parent for path in found} for path in folder.iterdir())
    return found.union(*(_data_files(path) for path in beside if path.name in strings))


def _data_files(path: Path) -> set[Path]:
    """Return a data file, or those of a folder that holds nothing else."""
    files = set(path.iterdir()) if path.is_dir() else {path}
    return files if not any(file.is_dir() or file.suffix == ".py" for file in files) else set()


def _files_of(module: str, tree: Path) -> Iterator[Path]:
    """Yield what Python runs to import a module: its packages' ``__init__``, then its own file."""
    path = tree
    for name in module.split("."):
        path /= name
        for file in (path / "__init__.py", path.with_suffix(".py"), *path.parent.glob(f"{name}.*.so")):
            if file.is_file():
                yield file


def _executed(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING"):
            for other in child.orelse:
                yield other
                yield from _executed(other)
        else:
            yield child
            yield from _executed(child)


def _imports(nodes: Iterable[ast.AST], file: Path, tree: Path) -> Iterator[str]:
    # A module's own name and its package's, for relative imports: one dot is the folder that it is in.
    folders = file.relative_to(tree).parts[:-1]
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = folders[: len(folders) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            # A name may be a module of a package, or something inside a module: the former has a file.
            yield from (f"{base}.{alias.name}" for alias in node.names)
