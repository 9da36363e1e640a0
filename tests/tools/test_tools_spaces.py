async def test_a_new_user_has_a_personal_space(anna):
    [space] = (await anna.call("spaces.list"))["spaces"]
    assert space == {
        "id": anna.space.id,
        "name": "anna",
        "slug": "anna",
        "type": "personal",
        "role": "owner",
    }


async def test_the_active_space_is_the_one_that_the_call_acts_in(anna, house):
    """The original asked with a token that the list of spaces did not take."""
    ben = await house.user("ben")
    flat = await house.share("Flat", anna, ben)
    found = await ben.call("spaces.list", space=flat)
    assert found["activeSpaceId"] == flat.id
    assert {(space["name"], space["type"], space["role"]) for space in found["spaces"]} == {
        ("ben", "personal", "owner"),
        ("Flat", "team", "member"),
    }
