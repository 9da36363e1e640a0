"""Analysis: frames, SQL, charts and the report; it reads and never writes.

Importing this package loads pandas, DuckDB and matplotlib; SciPy comes with statistics, trust and
findings, when they are used.
"""

from mana_lab.analysis.charts import Charts
from mana_lab.analysis.choosing import RunChoice
from mana_lab.analysis.databases import Databases
from mana_lab.analysis.friction import Friction
from mana_lab.analysis.report import render_report
from mana_lab.analysis.sources import Frames, Source
from mana_lab.analysis.summary import summary
from mana_lab.analysis.warehouse import Warehouse

__all__ = [
    "Charts",
    "Databases",
    "Frames",
    "Friction",
    "RunChoice",
    "Source",
    "Warehouse",
    "render_report",
    "summary",
]
