"""What only Jupyter needs: a server that outlives its cell, a progress line, refreshed outputs."""

from mana_lab.notebook.background import BackgroundServer
from mana_lab.notebook.progress import Progress, in_notebook, line, silent

__all__ = ["BackgroundServer", "Progress", "in_notebook", "line", "silent"]
