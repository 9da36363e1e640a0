"""Where nothing was changed nothing is named: ten experiments that compare the app with itself."""

import pytest
from faults_house import FAULTS, with_nothing


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("nothing")


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "seed"), list(zip(FAULTS, range(101, 111), strict=True)))
async def test_nothing_is_named(place, fault, seed):
    found = await with_nothing(fault.modules, place, seed)
    assert found.named == ()
    assert str(found.contrast) == "nothing changed that holds up"
