"""A lab of sampled personas, and how its folder remembers whom it has."""

import json
from collections import Counter

import pytest

from mana_lab import Lab
from mana_lab.errors import CatalogError, SettingsError, UnknownPersonaError
from mana_lab.lab import catalog_in
from mana_lab.lab.folder import KeptCatalog
from mana_lab.personas import load_catalog, sample

SHIPPED = [each.name for each in load_catalog()]


@pytest.fixture(scope="module")
def population():
    return sample(2, seed=7, cadences={"hourly": 1}, shared=1.0)


def named(catalog):
    return [each.name for each in catalog]


async def test_a_lab_without_a_population_has_the_shipped_personas(tmp_path):
    async with await Lab.open(tmp_path / "lab") as lab:
        assert named(lab.catalog) == SHIPPED
    assert not (tmp_path / "lab" / "catalog.json").exists()
    assert named(catalog_in(tmp_path / "nowhere")) == SHIPPED


@pytest.mark.slow
async def test_a_population_is_seeded_remembered_lived_with_and_removed(tmp_path, population):
    folder = tmp_path / "lab"
    async with await Lab.open(folder, catalog=population) as lab:
        assert not (folder / "catalog.json").exists()
        assert not (await lab.seed()).failed
    async with await Lab.open(folder) as lab:
        assert lab.catalog.personas == population.personas
        assert lab.catalog.spaces == population.spaces
        run = await lab.run(days=0.1)
        assert (run.ticks, run.failed_ticks) == (6, 0)
        frame = lab.personas_df().set_index("email")
        for each in population:
            found = frame.loc[each.email, list(type(each.traits).model_fields)]
            assert found.to_dict() == each.traits.model_dump()
        assert "patience" in lab.sql("SELECT * FROM personas").columns
        first = await lab.persona(population[0].slug)
        assert (await first.call("todo.list")).ok
        gone = await lab.cleanup(delete=True)
        assert (len(gone.deleted), gone.unknown, gone.failed) == (2, (), {})
        assert len(lab.actions_df()) == 0
    assert not (folder / "catalog.json").exists()


async def test_a_catalog_that_is_given_counts_and_is_kept_only_when_it_is_seeded(folder, few):
    other = sample(1, seed=1)
    async with await Lab.open(folder, catalog=other) as lab:
        assert lab.catalog is other
        listed = await lab.cleanup()
        assert (len(listed.unknown), len(listed.missing)) == (len(few), 1)
        await lab.cleanup(delete=True)
    assert catalog_in(folder).personas == few.personas


async def test_listing_whom_a_cleanup_would_delete_forgets_nobody(folder, few):
    async with await Lab.open(folder) as lab:
        await lab.cleanup()
    assert catalog_in(folder).personas == few.personas


async def test_a_folder_keeps_no_copy_of_the_shipped_personas(folder):
    KeptCatalog(folder, load_catalog()).keep()
    assert not (folder / "catalog.json").exists()
    async with await Lab.open(folder) as lab:
        assert named(lab.catalog) == SHIPPED


async def test_only_the_owner_reads_the_catalog_of_a_folder(folder):
    assert (folder / "catalog.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "text", ["", "{}", '{"personas": []}', '{"personas": [{"name": "Zoe"}]}', "\ud800"]
)
async def test_a_damaged_catalog_keeps_a_lab_from_opening_and_says_which_file(folder, text):
    (folder / "catalog.json").write_text(text, "utf-8", errors="surrogatepass")
    with pytest.raises(CatalogError, match=r"^catalog\.json: "):
        await Lab.open(folder)
    async with await Lab.open(folder, catalog=sample(1, seed=1)) as lab:
        await lab.cleanup(delete=True)
    assert (folder / "catalog.json").exists()


async def test_where_the_catalog_cannot_be_kept_nobody_is_seeded(folder, population):
    (folder / "catalog.partial").mkdir()
    async with await Lab.open(folder, catalog=population) as lab:
        with pytest.raises(SettingsError, match=r"^catalog\.json: "):
            await lab.seed()
        assert set(lab.personas_df()["persona"]).isdisjoint(named(population))


async def test_who_is_not_of_the_population_is_unknown_in_its_lab(folder):
    async with await Lab.open(folder) as lab:
        with pytest.raises(UnknownPersonaError, match="no persona 'lena'; it has anna, ben"):
            await lab.persona("lena")


def test_a_catalog_file_is_one_that_a_person_can_read_and_write(folder):
    content = json.loads((folder / "catalog.json").read_text("utf-8"))
    assert list(content) == ["personas", "spaces"]
    assert content["personas"][0]["name"] == "Anna"
    assert "traits" not in content["personas"][0]


@pytest.mark.slow
async def test_a_hundred_sampled_personas_live_a_day_without_a_failed_tick(tmp_path):
    population = sample(100, seed=7, cadences={"daily": 1, "weekdays": 1}, shared=0.2)
    async with await Lab.open(tmp_path / "lab", catalog=population) as lab:
        report = await lab.seed()
        assert (report.count("created"), len(report.spaces), report.failed_spaces) == (100, 10, ())
        run = await lab.run(days=1, seed=7)
        assert run.failed_ticks == 0
        ticks = Counter(lab.actions_df().groupby("email")["tick"].max())
        assert sum(ticks.values()) > 95
        modes = lab.feedback_df().merge(lab.personas_df()[["email", "honesty"]], on="email")
        polite = modes[modes["honesty"] < 0.2]["rating"]
        honest = modes[modes["honesty"] > 0.8]["rating"]
        assert polite.std() < honest.std()
        gone = await lab.cleanup(delete=True)
        assert len(gone.deleted) == 100
