"""Small notebooks to try things on."""

import nbformat

from mana_lab.shipped import notebooks_dir

SHIPPED = sorted(notebooks_dir().glob("*.ipynb"))


def code(source, *tags, **metadata):
    """Return a code cell that was not run."""
    made = nbformat.v4.new_code_cell(source, metadata=metadata)
    if tags:
        made.metadata.tags = list(tags)
    return made


def notebook(path, *cells, **metadata):
    """Write a notebook of code cells, given as sources or as cells."""
    whole = [code(cell) if isinstance(cell, str) else cell for cell in cells]
    for number, cell in enumerate(whole):
        cell.id = f"cell-{number}"
    book = nbformat.v4.new_notebook(cells=whole, metadata=metadata)
    path.write_text(nbformat.writes(book), encoding="utf-8")
    return path


def outputs(path):
    """Return the outputs of every code cell."""
    book = nbformat.read(path, as_version=4)
    return [cell.outputs for cell in book.cells if cell.cell_type == "code"]
