"""Imports the packages of ``openai.types`` when they are first used.

``import openai`` imports several hundred modules of types, a third of a cold start, and this project reads
JSON without them. With this finder each package below ``openai.types`` is imported at once, but empty: its
``__init__`` runs when the first attribute is asked of it. Modules imported by their own names, classes,
pickling and ``isinstance`` are as they were.

Threads: the ``__init__`` runs under a lock of its package, which another thread waits for. That one may hold
import locks, and the ``__init__`` takes import locks, so the two must never be taken in a circle. In the
version below they are not: no module that a package imports needs that package. A test follows the imports of
the installed SDK to verify it. With any other version the imports are plain ones.
"""

import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from threading import RLock
from types import ModuleType
from typing import Any, Final

SDK_VERSION: Final = "3.52.0"
"""The version of ``openai`` that this was verified with; a test compares it with the lock."""


def defer_types() -> None:
    """Defer the imports of ``openai.types`` from now on; nothing happens once ``openai`` is imported."""
    if "openai" not in sys.modules and _Finder not in sys.meta_path:
        sys.meta_path.insert(0, _Finder)


class _Finder:
    """Finds the packages of ``openai.types``, and leaves all other modules to Python."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "openai.types" and not name.startswith("openai.types."):
            return None
        from openai._version import __version__

        spec = PathFinder.find_spec(name, path, target)
        if (
            __version__ == SDK_VERSION
            and spec
            and spec.submodule_search_locations
            and isinstance(spec.loader, SourceFileLoader)
        ):
            spec.loader = _Deferred(name, spec.loader.path)
        return spec


class _Deferred(SourceFileLoader):
    """Runs a module when the first attribute is asked of it."""

    def exec_module(self, module: ModuleType) -> None:
        run = super().exec_module
        # A module that needs itself while it runs finds what it has so far, as in a plain import.
        lock = RLock()
        began = False

        def attribute(name: str) -> Any:
            nonlocal began
            with lock:
                if not began:
                    began = True
                    try:
                        run(module)
                    except BaseException:
                        began = False
                        raise
            if name in vars(module):
                return vars(module)[name]
            raise AttributeError(
                f"module {module.__name__!r} has no attribute {name!r}", name=name, obj=module
            )

        # It stays: a thread that looked for a name before the module had run asks here after.
        vars(module)["__getattr__"] = attribute
