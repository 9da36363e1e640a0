"""Run notebooks and store their outputs so that running them again changes no byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from mana_lab.errors import NotebookFailedError

_METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
_CELL_SECONDS = 60


def refresh(path: Path) -> None:
    """Run the notebook at *path* from top to bottom and write its outputs into it.

    Raises:
        NotebookFailedError: It is no notebook, or a cell raised or took more than a minute; the
            file stays as it was.
    """
    try:
        book = nbformat.read(path, as_version=4)
        for cell in book.cells:
            _forget(cell)
        _run(book, path.parent)
    except (nbformat.ValidationError, nbformat.reader.NotJSONError, UnicodeDecodeError):
        raise NotebookFailedError(f"{path.name} is not a notebook") from None
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        raise NotebookFailedError(f"{path.name}: {_last_line(str(error))}") from error
    book.metadata = nbformat.from_dict(_METADATA)
    text = nbformat.writes(book) + "\n"
    partial = path.with_suffix(".partial")
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)


def _run(book: Any, folder: Path) -> None:
    NotebookClient(
        book,
        timeout=_CELL_SECONDS,
        kernel_name="python3",
        extra_arguments=["--log-level=ERROR"],
        record_timing=False,
        coalesce_streams=True,
        resources={"metadata": {"path": str(folder)}},
    ).execute()


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "a cell failed"


def _forget(cell: Any) -> None:
    cell.metadata.pop("execution", None)
    if cell.cell_type == "code":
        cell.outputs = []
        cell.execution_count = None
