"""Tables of what was measured."""

import typer


def print_table(heads: list[str], rows: list[list[str]]) -> None:
    """A Markdown table: read as it is, or pasted into a document."""
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    for row in [heads, ["-" * width for width in widths], *rows]:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo(f"| {' | '.join(cells)} |")
