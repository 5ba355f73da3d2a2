from collections.abc import Iterator

import pytest

from travel_gpt.advisor.reference.lookup import Reference


@pytest.fixture(scope="module")
def reference() -> Iterator[Reference]:
    opened = Reference.open()
    yield opened
    opened.close()
