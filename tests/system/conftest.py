"""The order of tests: scenarios run side by side at the end, and beside them the tests that wait most of their time."""

from __future__ import annotations

import pytest

BESIDE = ("test_kubernetes_modules.py", "test_lab_kubernetes.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what begins the scenarios before what runs beside them, and what waits for their end last."""

    def place(item: pytest.Item) -> int:
        if item.path.name in BESIDE:
            return 2
        if item.path.name != "test_scenarios.py":
            return 0
        return 3 if "scenario" in getattr(item, "fixturenames", ()) else 1

    items.sort(key=place)
