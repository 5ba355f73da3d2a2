"""Which files Lambda needs: what its handlers import, at the top of a module or later inside a function."""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

HANDLERS = ("travel_gpt.handler", "travel_gpt.rotator")
"""The modules that template.yaml names."""


def imported_files(tree: Path, modules: Iterable[str] = HANDLERS) -> set[Path]:
    """Follow every import statement from some modules on, within a folder.

    Types are not followed: what stands below ``if TYPE_CHECKING`` is never imported. A data file is needed
    when one of the modules has its name as a string.

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
    data = (file for folder in {path.parent for path in found} for file in folder.iterdir())
    return found | {file for file in data if file.name in strings and file.is_file()}


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
