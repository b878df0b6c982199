"""One counter for all tests of calculators: they keep nothing."""

from __future__ import annotations

import pytest
from tests.sandbox.rate_counter import Counter


@pytest.fixture(scope="session")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Counter:
    return Counter(tmp_path_factory.mktemp("calculators") / "bank.db")
