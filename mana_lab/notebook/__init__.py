"""What only Jupyter needs: a server that outlives its cell, progress, a form, refreshed outputs."""

from mana_lab.notebook.background import BackgroundServer
from mana_lab.notebook.progress import Progress, in_notebook, line, silent

__all__ = ["BackgroundServer", "Progress", "in_notebook", "line", "silent"]
