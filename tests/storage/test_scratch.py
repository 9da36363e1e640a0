from contextlib import suppress

import pytest
from sqlalchemy import text

from mana_lab.errors import SettingsError, StoreUnavailableError
from mana_lab.runner import ledger
from mana_lab.storage import Store, scratch_database

DATABASES = text("SELECT count(*) FROM pg_database")


async def test_a_scratch_database_is_empty_and_gone_when_it_is_done_with(postgres):
    url = postgres.url.render_as_string(hide_password=False)
    with postgres.connected() as connection:
        before = connection.scalar(DATABASES)
    with suppress(ZeroDivisionError):
        async with (
            scratch_database(url) as scratch,
            await Store.open(scratch, ledger.METADATA) as store,
        ):
            assert await store.read(lambda found: found.scalar(text("SELECT 1"))) == 1
            with postgres.connected() as connection:
                assert connection.scalar(DATABASES) == before + 1
            raise ZeroDivisionError
    with postgres.connected() as connection:
        assert connection.scalar(DATABASES) == before


async def test_a_server_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(StoreUnavailableError, match="no database could be made") as refused:
        async with scratch_database(f"postgresql://anna:canary@/x?host={tmp_path}"):
            pass
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite:///x.db", "mysql://host/x"])
async def test_what_is_no_postgresql_is_refused(url):
    with pytest.raises(SettingsError, match="postgresql://"):
        async with scratch_database(url):
            pass
