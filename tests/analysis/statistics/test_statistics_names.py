import subprocess
import sys

from mana_lab.analysis import statistics


def test_the_public_names_are_sorted_and_resolve():
    assert statistics.__all__ == sorted(statistics.__all__)
    assert all(hasattr(statistics, name) for name in statistics.__all__)


def test_analysis_does_not_load_scipy_before_statistics_are_used():
    code = "import sys, mana_lab.analysis; print('scipy' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "False"
