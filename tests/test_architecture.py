import subprocess
import sys

import mana_lab

HEAVY = ("pandas", "scipy", "duckdb", "matplotlib", "mcp", "IPython", "fastapi", "sqlalchemy")


def loaded_by(statement):
    code = f"import sys; {statement}; print(*sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert not loaded_by("import mana_lab") & set(HEAVY)


def test_the_lab_does_not_load_analysis_before_it_is_used():
    assert not loaded_by("from mana_lab import Lab") & {
        "pandas",
        "scipy",
        "duckdb",
        "matplotlib",
    }


def test_a_person_can_play_without_the_widgets():
    assert not loaded_by("import mana_lab.lab, mana_lab.runner.human") & {"IPython", "ipywidgets"}


def test_the_public_names_are_sorted_and_resolve():
    assert mana_lab.__all__ == sorted(mana_lab.__all__)
    assert all(getattr(mana_lab, name).__name__ == name for name in mana_lab.__all__)
    assert dir(mana_lab) == mana_lab.__all__


def test_an_unknown_public_name_is_an_attribute_error():
    assert not hasattr(mana_lab, "Manager")
