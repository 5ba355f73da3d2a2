"""Make the Lambda package: the locked dependencies and travel_gpt, pruned and compiled.

    python scripts/build_package.py --target DIR [--platform lambda|host] [--with SOURCE]

It needs Python 3.11 or newer with pip or venv, and no Docker: the wheels are for Lambda's arm64 whatever this
machine is. `--platform host` makes the same tree for this machine, to run it here. `sam build` calls it
through the Makefile. The same input gives the same bytes, so an unchanged deployment stays unchanged.

Some sources of the key need libraries that the others do not. `--with` brings them, and so does the variable
PACKAGE_EXTRAS, which `sam build` passes on.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# Started by its path, Python looks for modules beside this file only.
sys.path.insert(0, str(ROOT))

from scripts.package_contents import (  # noqa: E402
    FIXED_TIME,
    BuildError,
    check_native_modules,
    copy_travel_gpt,
    normalize,
    prune,
)

LOCK = ROOT / "requirements" / "lambda.txt"
EXTRAS = ("encrypted-file", "vault")
LAMBDA_PYTHON = "3.13"

# Amazon Linux 2023 has glibc 2.34: any of these runs there.
LAMBDA_WHEELS = [
    *(f"--platform=manylinux{glibc}_aarch64" for glibc in ("_2_28", "_2_17", "2014")),
    "--implementation=cp",
    f"--python-version={LAMBDA_PYTHON}",
    "--only-binary=:all:",
]


def lambda_python() -> str | None:
    """Return the path of a Python of Lambda's minor version, or None where there is none."""
    if sys.version_info[:2] == tuple(map(int, LAMBDA_PYTHON.split("."))):
        return sys.executable
    found = subprocess.run(
        ["sh", str(ROOT / "scripts" / "python.sh"), LAMBDA_PYTHON],
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or None


def python_with_pip(python: str, workspace: Path) -> str:
    """Return a Python that has pip, of the same version as the one given.

    Args:
        python: the interpreter to prefer.
        workspace: a folder for a temporary environment, made when that interpreter has no pip.

    Raises:
        BuildError: there is no pip and no way to get it.
    """
    if (
        subprocess.run([python, "-I", "-m", "pip", "--version"], capture_output=True, check=False).returncode
        == 0
    ):
        return python
    made = subprocess.run([python, "-m", "venv", str(workspace)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise BuildError(
            f"{python} has neither pip nor a working venv module, and the build needs one of them.\n"
            "On Debian or Ubuntu: sudo apt-get install python3-pip python3-venv"
        )
    return str(workspace / "bin" / "python")


def extras_in(text: str) -> list[str]:
    """Read a list of extras.

    Args:
        text: their names, separated by commas.

    Returns:
        The names, each once, in the order of ``EXTRAS``.

    Raises:
        argparse.ArgumentTypeError: there is one that does not exist.
    """
    wanted = {name.strip() for name in text.split(",")} - {""}
    if unknown := sorted(wanted - set(EXTRAS)):
        raise argparse.ArgumentTypeError(f"there is no {', '.join(unknown)}, only {', '.join(EXTRAS)}")
    return [name for name in EXTRAS if name in wanted]


def locks_for(extras: Sequence[str]) -> list[Path]:
    """Return the lock files to install: each of an extra has what every package needs, too."""
    return [LOCK.with_name(f"lambda-{extra}.txt") for extra in extras] or [LOCK]


def install(python: str, tree: Path, options: list[str], locks: Sequence[Path] = (LOCK,)) -> None:
    """Install the locked dependencies into a folder.

    Args:
        python: an interpreter that has pip.
        tree: the folder.
        options: further options for pip, such as the platform.
        locks: the lock files.

    Raises:
        BuildError: pip failed.
    """
    # A key that somebody exported is no business of pip's; the others would keep pip from this folder.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment |= {"PIP_USER": "0", "PIP_REQUIRE_VIRTUALENV": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [python, "-I", "-m", "pip", "install", "--quiet", "--no-input", "--no-compile", "--no-deps"]
    command += [
        "--require-hashes",
        *(f"--requirement={lock}" for lock in locks),
        f"--target={tree}",
        *options,
    ]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-5:])
        raise BuildError(
            f"{last_lines}\n\nCould not install the packages of {', '.join(lock.name for lock in locks)}.\n"
            "If the lines above speak of a connection, a name or a timeout: this step needs the network. "
            "Fix that and build again."
        )


def compile_modules(python: str, tree: Path) -> None:
    """Compile every module, so that a cold start need not.

    Unchecked: Python trusts the compiled file without looking at its source. The paths inside are those in
    Lambda, not those of this machine.

    Args:
        python: the interpreter; a compiled file is good for its minor version only.
        tree: the folder.

    Raises:
        BuildError: a module cannot be compiled.
    """
    command = [python, "-I", "-W", "ignore", "-m", "compileall", "-q", "-f"]
    command += ["--invalidation-mode", "unchecked-hash", "-s", str(tree), "-p", "/var/task", str(tree)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BuildError(f"{done.stdout}{done.stderr}\nThe modules above cannot be compiled.")


def replace(target: Path, tree: Path) -> None:
    """Put a finished package where it belongs.

    Args:
        target: the folder; its contents go, if they are an earlier package.
        tree: the package.

    Raises:
        BuildError: the folder holds something else.
    """
    target.mkdir(parents=True, exist_ok=True)
    if any(target.iterdir()) and not (target / "travel_gpt" / "handler.py").is_file():
        raise BuildError(
            f"{target} holds something that is not a package of Travel GPT. Name an empty folder."
        )
    for old in target.iterdir():
        if old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
        else:
            old.unlink()
    for new in tree.iterdir():
        new.rename(target / new.name)
    os.utime(target, (FIXED_TIME, FIXED_TIME))


def build(target: Path, platform: str, extras: Sequence[str] = ()) -> str:
    """Make the package.

    Args:
        target: the folder to put it in; an earlier package there is replaced when the new one is ready.
        platform: ``lambda``, or ``host`` for this machine.
        extras: the sources of the key whose libraries go in besides.

    Returns:
        A line that says what was made.

    Raises:
        BuildError: it cannot be made.
    """
    compiler = lambda_python()
    for_lambda = platform == "lambda"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".package-", dir=target.parent) as workspace:
        tree = Path(workspace) / "tree"
        tree.mkdir()
        meant_for = f"Lambda (arm64, Python {LAMBDA_PYTHON})" if for_lambda else "this machine"
        besides = f", with those of {' and '.join(extras)}" if extras else ""
        print(f"Installing the locked dependencies for {meant_for}{besides} ...", flush=True)
        python = python_with_pip(compiler or sys.executable, Path(workspace) / "pip")
        install(python, tree, LAMBDA_WHEELS if for_lambda else [], locks_for(extras))
        copy_travel_gpt(ROOT / "travel_gpt", tree)
        prune(tree)
        if for_lambda:
            check_native_modules(tree)
        if compiler or not for_lambda:
            compile_modules(compiler or sys.executable, tree)
        else:
            print(
                f"There is no Python {LAMBDA_PYTHON} here, so the package goes without compiled modules. "
                "It works, but every cold start\nhas to compile them, which about doubles it. "
                f"Install Python {LAMBDA_PYTHON} and build again to fix that.",
                flush=True,
            )
        files, size = normalize(tree)
        replace(target, tree)
    return f"Package ready: {files:,} files, {size / 1e6:.1f} MB unzipped (Lambda takes 250 MB): {target}"


def main(arguments: list[str] | None = None) -> int:
    """Make the package as the command line says.

    Args:
        arguments: the command line, without the program's name.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description="Make the Lambda package of Travel GPT.")
    parser.add_argument("--target", type=Path, required=True, help="the folder to put the package in")
    parser.add_argument(
        "--platform",
        choices=["lambda", "host"],
        default="lambda",
        help="what it shall run on (default: lambda)",
    )
    parser.add_argument(
        "--with",
        dest="extras",
        type=extras_in,
        default=os.environ.get("PACKAGE_EXTRAS", ""),
        help=f"sources of the key whose libraries go in besides, separated by commas: {', '.join(EXTRAS)} "
        "(default: those of PACKAGE_EXTRAS)",
    )
    options = parser.parse_args(arguments)
    try:
        print(build(options.target.absolute(), options.platform, options.extras), flush=True)
    except BuildError as problem:
        print(problem, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped; nothing was changed.", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
