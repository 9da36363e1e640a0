"""Whoever plants a fault is told where it is: ten kinds of faults, each in a module of its own."""

import pytest
from faults_house import FAULTS, with_fault


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("planted")


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.kind)
async def test_the_analysis_names_the_module_and_the_tool(place, fault):
    found = await with_fault(fault, place)
    assert [(each.module, each.tool) for each in found.named] == [(fault.module, fault.tool)]
    assert found.named[0].p <= 0.01
    calls = found.contrast.varied.calls.set_index("id").loc[list(found.named[0].calls)]
    assert set(calls["tool_name"]) <= {fault.tool}
    assert set(calls["variant"]) <= {"treatment"}
