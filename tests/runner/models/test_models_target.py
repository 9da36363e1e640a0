"""A model plays with a server that is not Mana, whatever its tools are called."""

from models_house import calls, leaves, rates, script
from playing_house import ANNA
from target_house import Shop, door_to, remote, served, tool

from mana_lab.runner.functions import FunctionNames
from mana_lab.runner.models import ModelBrain


async def test_a_model_uses_another_server_like_mana(fresh):
    shop = Shop()
    shop.tools = (*shop.tools[:2], tool("süß / opening hours", reads=True))
    async with served(shop.app()) as url, door_to(remote(url), ANNA) as door:
        odd = FunctionNames(door.view.tools).function("süß / opening hours")
        told = script(
            calls(("goods_add", {"name": "tea", "price": 2}), ("goods_list", {}), (odd, {})),
            leaves("I bought tea."),
            rates(("goods", 4, 1, 2), ("cornerShop", 3, 3)),
        )
        fleet = fresh.fleet(door=door)
        run = await fresh.live(ModelBrain(told.model), fleet=fleet)
    assert (run.ticks, run.failed_ticks, run.calls) == (1, 0, 3)
    assert shop.goods == [{"id": "g0", "name": "tea", "price": 2}]
    rows = await fresh.rows("persona_actions")
    assert [(row["tool_name"], row["module"], row["result"]) for row in rows] == [
        ("goods_add", "goods", "ok"),
        ("goods_list", "goods", "ok"),
        ("süß / opening hours", "cornerShop", "ok"),
    ]
    ratings = await fresh.rows("persona_feedback")
    assert {row["module"]: row["rating"] for row in ratings} == {"goods": 4, "cornerShop": 3}
