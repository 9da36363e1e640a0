"""A person plays a persona in a lab, whatever server it uses."""

from desk_house import PlayedDesk, do
from target_house import Shop, served

from mana_lab import Lab
from mana_lab.runner import HumanBrain
from mana_lab.runner.human import Finish

MODULES = {"goods": ["goods_*"], "shop": ["opening-hours", "get_weather"]}


async def test_a_person_uses_a_server_that_is_not_mana(folder, few):
    shop = Shop()
    desk = PlayedDesk(
        [do("goods_add", name="tea", price="2.5"), do("goods_list"), Finish()],
        [{"goods": ("5", "as in a shop", [0])}],
    )
    async with (
        served(shop.app()) as url,
        await Lab.target(folder, url=url, modules=MODULES, catalog=few) as lab,
    ):
        run = await lab.run(days=1, personas=["anna"], brain=HumanBrain(desk))
        [rated] = lab.feedback_df(run).to_dict("records")
    assert [(good["name"], good["price"]) for good in shop.goods] == [("tea", 2.5)]
    assert (run.calls, run.errors, run.abandoned_ticks) == (2, 0, 0)
    assert (rated["module"], rated["rating"], rated["brain"]) == ("goods", 5, "human")
