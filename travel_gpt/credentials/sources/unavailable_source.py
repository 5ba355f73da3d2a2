"""A source whose library is not installed: it says so when it is asked, and not when it is made."""

from typing import NoReturn

from travel_gpt.errors import Misconfigured


class UnavailableSource:
    """Stands where a chosen source cannot be made.

    Args:
        name: the source, which is also the name of the extra that brings its library.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    def fetch(self) -> NoReturn:
        """Refuse.

        Raises:
            Misconfigured: always. It says how to install what is missing.
        """
        # From the clone's locks only: a project of this name on a package index would be somebody else's.
        says = (
            f"CREDENTIAL_SOURCE={self.name} needs a library that is not installed. In the clone, run "
            "python -m pip install --no-deps --require-hashes "
            f"--requirement requirements/lambda-{self.name}.txt with the Python that runs this; "
            f"for Lambda, build with: PACKAGE_EXTRAS={self.name} make build"
        )
        raise Misconfigured(says, message=f"{says}.")

    def previous(self) -> None:
        """Return nothing: it never gave one."""
        return
