"""The report: what a lab found, as one HTML page that needs nothing but itself."""

from mana_lab.analysis.report.report import render_report

__all__ = ["render_report"]
