"""A model's run lives again in a lab, without the model, its provider or a key."""

import shutil

import pytest
from minds_house import MODEL, provider_at

from mana_lab import Lab, RunFolder
from mana_lab.personas import Catalog
from mana_lab.runner.models import ModelBrain, ModelLimits

ANNA = "persona.anna@mana.test"
pytestmark = pytest.mark.usefixtures("anyio_backend")


@pytest.fixture(scope="module")
async def lived(tmp_path_factory, seeded_folder, few):
    """Return a folder with a model's run, kept, and the seeded lab that it was lived in."""
    home = tmp_path_factory.mktemp("models")
    shutil.copytree(seeded_folder, home / "lab")
    with pytest.MonkeyPatch.context() as patch:
        async with (
            provider_at(patch) as house,
            await Lab.open(home / "lab", catalog=few) as lab,
            ModelBrain(MODEL, limits=ModelLimits(calls=5, cost_usd="0.9")) as brain,
        ):
            run = await lab.run(days=2, personas=["anna"], brain=brain, record=True)
            assert (run.failed_ticks, run.calls, len(house.requests)) == (0, 4, 8)
            await lab.keep_run(run, home / "run")
    return home


async def test_a_models_run_lives_again_with_a_live_app(lived, folder, few):
    kept = RunFolder.open(lived / "run")
    assert kept.brain().limits == ModelLimits(calls=5, cost_usd="0.9")
    async with await Lab.open(folder, catalog=few) as lab:
        again = await lab.replay(kept)
        told = await lab.reopen(-1)
    assert str(again) == "no difference in 4 calls of 2 ticks"
    assert (told.model, told.usage.requests) == (MODEL, 0)


async def test_another_prompt_is_what_the_model_is_asked_first(lived, folder, few):
    anna = few.get("anna").model_copy(update={"system_prompt": "You are quite another person."})
    others = [each for each in few if each.email != ANNA]
    async with await Lab.open(folder, catalog=Catalog([anna, *others], few.spaces)) as lab:
        await lab.seed()
        found = (await lab.replay(lived / "run")).difference
    assert (found.persona, found.tick, found.track, found.step) == (ANNA, 1, "model", 0)


async def test_what_a_model_said_is_replayed_though_the_app_was_not_recorded(
    folder, few, tmp_path, monkeypatch
):
    shutil.copytree(folder, tmp_path / "fresh")
    async with provider_at(monkeypatch), await Lab.open(folder, catalog=few) as lab:
        run = await lab.run(days=1, personas=["anna"], brain=MODEL)
        kept = await lab.keep_run(run, tmp_path / "run")
    assert not kept.manifest.run.app_on_tape
    recording = kept.manifest.recording
    assert recording.versions["mana_lab"]
    assert "todo.create" in recording.tools
    assert recording.brain["limits"]
    async with await Lab.open(tmp_path / "fresh", catalog=few) as fresh:
        assert (await fresh.replay(kept)).same


async def test_no_key_and_no_address_of_a_provider_leaves_the_lab(lived):
    for path in (lived / "run").iterdir():
        raw = path.read_bytes()
        assert b"a key of the tests" not in raw
        assert b"127.0.0.1" not in raw
