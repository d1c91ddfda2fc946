"""What came of each input of a command: lines of JSON as they come, and a table in the end."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from magnify.cli.console import json_line
from magnify.cli.options import PAGES, Batch
from magnify.errors import SettingsError

COLUMNS = (
    *("input", "output", "state", "frames", "seconds", "error", "notices", "cautions"),
    *("model", "weights_sha256", "device", "precision"),
)
"""Of a table; a file of JSON has all that `--json` prints."""

SUFFIXES = (".json", ".csv")


class Rows:
    """Takes an object for each input, in the order in which they end."""

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._rows: list[dict[str, Any]] = []
        if batch.report is not None:
            _check(batch.report)

    def add(self, row: dict[str, Any]) -> None:
        if self._batch.json:
            json_line(row)
        self.keep(row)

    def keep(self, row: dict[str, Any]) -> None:
        """Takes an object for the table alone."""
        if self._batch.report is not None:
            self._rows.append({"state": _state(row), **row})

    def write(self) -> None:
        """Writes the file of `--report`, if one is asked for; an older one is replaced.

        Raises:
            VideoError: it cannot be written.
        """
        path = self._batch.report
        if path is None or path.suffix.lower() in PAGES:
            return
        text = _table(self._rows) if path.suffix.lower() == ".csv" else _json(self._rows)
        from magnify.analysis.results import new_files

        with new_files([path], overwrite=True) as (part,):
            part.write_text(text, encoding="utf-8")


def _check(path: Path) -> None:
    if path.suffix.lower() not in (*SUFFIXES, *PAGES):
        raise SettingsError(
            f"--report {path}: a table's name ends in .json or .csv, a page's in .html"
        )
    if path.is_dir() or not path.absolute().parent.is_dir():
        raise SettingsError(f"--report {path}: there is no folder {path.parent} for a file")


def _state(row: dict[str, Any]) -> str:
    if "error" in row:
        return "failed"
    return "skipped" if row.get("skipped") else "done"


def _table(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    for row in rows:
        joined = {name: "; ".join(row.get(name, ())) for name in ("notices", "cautions")}
        table.writerow({**row, **joined})
    return text.getvalue()


def _json(rows: list[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=1) + "\n"
