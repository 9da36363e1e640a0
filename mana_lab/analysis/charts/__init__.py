"""Charts: a figure each, and the numbers that it shows as a small frame.

Every title states what the data say; a title about the highest or lowest leaves out what has
fewer than five calls or ratings.
"""

from mana_lab.analysis.charts.activity import activity, activity_table
from mana_lab.analysis.charts.confusion import confusion, confusion_table
from mana_lab.analysis.charts.contrast import contrast
from mana_lab.analysis.charts.control import control
from mana_lab.analysis.charts.coverage import coverage
from mana_lab.analysis.charts.differences import contrast_table
from mana_lab.analysis.charts.error_recovery import error_recovery, error_recovery_table
from mana_lab.analysis.charts.figure import Chart
from mana_lab.analysis.charts.gallery import Charts
from mana_lab.analysis.charts.module_mix import module_mix, module_mix_table
from mana_lab.analysis.charts.ratings import ratings, ratings_table
from mana_lab.analysis.charts.thresholds import thresholds, thresholds_table
from mana_lab.analysis.charts.timeline import timeline, timeline_table
from mana_lab.analysis.charts.tool_errors import tool_errors, tool_errors_table
from mana_lab.analysis.coverage import coverage_table

__all__ = [
    "Chart",
    "Charts",
    "activity",
    "activity_table",
    "confusion",
    "confusion_table",
    "contrast",
    "contrast_table",
    "control",
    "coverage",
    "coverage_table",
    "error_recovery",
    "error_recovery_table",
    "module_mix",
    "module_mix_table",
    "ratings",
    "ratings_table",
    "thresholds",
    "thresholds_table",
    "timeline",
    "timeline_table",
    "tool_errors",
    "tool_errors_table",
]
