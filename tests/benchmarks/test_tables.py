"""Pages in docs/ say what the stored results say."""

import importlib
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    return importlib.import_module("tables")


def test_pages_have_the_tables_of_the_stored_results(tables: ModuleType) -> None:
    for place in tables.PAGES:
        page = place.read_text()
        assert tables.filled(page) == page, "run `python benchmarks/tables.py`"


def test_every_table_is_on_the_page_once(tables: ModuleType) -> None:
    page = "".join(place.read_text() for place in tables.PAGES)

    assert sorted(re.findall(r"<!-- table (\w+) -->", page)) == sorted(tables.TABLES)
    assert page.count("<!-- end -->") == len(tables.TABLES)


def test_a_table_is_written_anew(tables: ModuleType) -> None:
    page = "before\n<!-- table complexity -->\nold\n<!-- end -->\nafter\n"

    filled = tables.filled(page)

    assert filled.startswith("before\n<!-- table complexity -->\n| at 720x720 | parameters |")
    assert filled.endswith("|\n<!-- end -->\nafter\n")
    assert "old" not in filled
    assert tables.filled(filled) == filled
