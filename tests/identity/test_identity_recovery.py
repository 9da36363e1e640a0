import asyncio
import base64

import pytest
from identity_house import bearer
from sqlalchemy import delete, update
from vault_house import ROOT, WRAP, Asking, audit, key_text, proof_of, refusal

from mana_lab.crypto import RecoveryCode
from mana_lab.errors import (
    KeyProofError,
    RateLimitedError,
    RecoveryWrapMissingError,
    RotationForbiddenError,
    WrongRecoveryCodeError,
    ZeroKnowledgeActiveError,
    ZeroKnowledgeUserError,
)
from mana_lab.identity.server.schema import VAULT_KEYS, VAULTS
from mana_lab.identity.vault_client import VaultClient
from mana_lab.identity.wire import ZeroKnowledgeRequest

OTHER = {**WRAP, "recoveryIv": base64.b64encode(b"another iv!!").decode()}


@pytest.fixture
async def ask(house):
    """Somebody with a vault."""
    asking = Asking(house, await house.person())
    await house.identity.vault_init(asking.token)
    return asking


@pytest.fixture
async def vault(house, ask):
    return VaultClient(house.identity, ask.token)


async def test_a_wrap_is_set_shown_in_the_status_and_cleared(ask):
    for method in ("POST", "PUT"):
        answer = await ask(method, "recovery-wrap", WRAP)
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        status = (await ask("GET", "status")).json()
        assert status["hasRecoveryWrap"] is True
        assert status["recoverySetAt"] is not None
        answer = await ask("DELETE", "recovery-wrap")
        assert (answer.status_code, answer.json()) == (200, {"ok": True})
        status = (await ask("GET", "status")).json()
        assert (status["hasRecoveryWrap"], status["recoverySetAt"]) == (False, None)
    assert (await audit(ask.house))[1:] == [
        ("recovery_set", 200, None),
        ("recovery_clear", 200, None),
    ] * 2


async def test_zero_knowledge_mode_goes_on_and_off_as_in_the_original(ask):
    key = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    for context in (None, "already-enabled"):
        answer = await ask("POST", "zero-knowledge", {"enable": True})
        assert (answer.status_code, answer.json()) == (200, {"ok": True, "zeroKnowledge": True})
        assert (await audit(ask.house))[-1] == ("zk_enable", 200, context)
    (row,) = await ask.house.rows(VAULTS)
    assert (row.wrapped_mk, row.wrap_iv) == (None, None)
    for context in (None, "already-disabled"):
        answer = await ask("POST", "zero-knowledge", {"enable": False, "masterKey": key})
        assert (answer.status_code, answer.json()) == (200, {"ok": True, "zeroKnowledge": False})
        assert (await audit(ask.house))[-1] == ("zk_disable", 200, context)
    assert await ask.key() == key
    assert (await ask("GET", "status")).json()["hasRecoveryWrap"] is True


async def test_without_a_vault_everything_is_not_found_and_audited(house):
    ask = Asking(house, await house.person())
    asked = [
        ("recovery_set", "POST", "recovery-wrap", WRAP),
        ("recovery_clear", "DELETE", "recovery-wrap", None),
        ("zk_enable", "POST", "zero-knowledge", {"enable": True}),
        ("zk_disable", "POST", "zero-knowledge", {"enable": False, "masterKey": key_text()}),
        ("rotate_finish", "POST", "rotate/finish", {"keyId": "k1", "keyProof": key_text()}),
    ]
    for action, method, name, body in asked:
        answer = await ask(method, name, body)
        assert refusal(answer) == (404, "VAULT_NOT_INITIALISED")
        assert answer.json()["error"] == "vault-not-initialised"
        assert (await audit(house))[-1] == (action, 404, "no-vault")


async def test_the_mode_needs_a_recovery_wrap_and_keeps_it(ask):
    answer = await ask("POST", "zero-knowledge", {"enable": True})
    assert refusal(answer) == (400, "RECOVERY_WRAP_MISSING")
    assert (await audit(ask.house))[-1] == ("zk_enable", 400, "no-recovery-wrap")
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    answer = await ask("DELETE", "recovery-wrap")
    assert refusal(answer) == (409, "ZK_ACTIVE")
    assert (await audit(ask.house))[-1] == ("recovery_clear", 409, "zk-active")
    answer = await ask("POST", "rotate")
    assert refusal(answer) == (409, "ZK_ROTATE_FORBIDDEN")
    assert (await audit(ask.house))[-1] == ("rotate", 409, "zk-rotate-forbidden")


BAD_TEXTS = ["", "w", "*" * 44, "é" * 44, key_text(bytes(31)), key_text()[:-1], 7, None, ["a"]]


@pytest.mark.parametrize("bad", [*BAD_TEXTS, "A" * 42 + "B="], ids=repr)
async def test_a_malformed_key_is_a_bad_request(ask, bad):
    """The original failed here: malformed base64 was answered with 500."""
    for body in ({"enable": False, "masterKey": bad}, {"enable": False}):
        assert refusal(await ask("POST", "zero-knowledge", body)) == (400, "BAD_REQUEST")
    if bad is not None:
        body = {**WRAP, "keyProof": bad}
        assert refusal(await ask("POST", "recovery-wrap", body)) == (400, "BAD_REQUEST")
    body = {"keyId": "k000001", "keyProof": bad}
    assert refusal(await ask("POST", "rotate/finish", body)) == (400, "BAD_REQUEST")


@pytest.mark.parametrize("bad", BAD_TEXTS, ids=repr)
@pytest.mark.parametrize("member", WRAP)
async def test_a_malformed_wrap_is_a_bad_request(ask, member, bad):
    answer = await ask("POST", "recovery-wrap", {**WRAP, member: bad})
    assert refusal(answer) == (400, "BAD_REQUEST")
    assert str(bad or "é" * 44) not in answer.json()["message"]


@pytest.mark.parametrize(
    "body", [None, [], {}, {"enable": "yes"}, {"enable": 1}, {"enable": True, "more": 1}], ids=repr
)
async def test_a_request_that_makes_no_sense_is_a_bad_request(ask, body):
    assert refusal(await ask("POST", "zero-knowledge", body)) == (400, "BAD_REQUEST")
    assert refusal(await ask("POST", "recovery-wrap", body)) == (400, "BAD_REQUEST")


async def test_a_body_that_is_no_json_or_too_long_is_refused(house, ask):
    for content, status in ((b"{", 400), (b"\xff", 400), (b"[" * 5000, 400), (b" " * 70_000, 413)):
        answer = await house.http.post(
            f"{ROOT}/recovery-wrap",
            headers=bearer(ask.token) | {"content-type": "application/json"},
            content=content,
        )
        assert answer.status_code == status


async def test_zero_knowledge_mode_is_left_with_the_vaults_own_key_only(ask):
    """The original failed here: any 32 bytes were taken, and the true key was lost."""
    key = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    answer = await ask("POST", "zero-knowledge", {"enable": False, "masterKey": key_text()})
    assert (answer.status_code, answer.json()["error"]) == (403, "key-proof-failed")
    assert (await audit(ask.house))[-1] == ("zk_disable", 403, "wrong-proof")
    assert (await ask("GET", "status")).json()["zeroKnowledge"] is True
    answer = await ask("POST", "zero-knowledge", {"enable": False, "masterKey": key})
    assert answer.status_code == 200
    assert await ask.key() == key


async def test_a_wrap_is_replaced_only_by_who_holds_the_key(ask):
    """The original failed here: a stolen session could put garbage in its place."""
    key = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    for extra, context in (({}, "no-proof"), ({"keyProof": key_text()}, "wrong-proof")):
        answer = await ask("PUT", "recovery-wrap", {**OTHER, **extra})
        assert (answer.status_code, answer.json()["error"]) == (403, "key-proof-failed")
        assert (await audit(ask.house))[-1] == ("recovery_set", 403, context)
        assert (await ask("GET", "key")).json()["recoveryIv"] == WRAP["recoveryIv"]
    assert (await ask("PUT", "recovery-wrap", {**OTHER, "keyProof": key})).status_code == 403
    answer = await ask("PUT", "recovery-wrap", {**OTHER, "keyProof": proof_of(key)})
    assert answer.status_code == 200
    assert (await ask("GET", "key")).json()["recoveryIv"] == OTHER["recoveryIv"]


async def test_a_wrong_proof_is_refused_for_the_first_wrap_too(ask):
    answer = await ask("POST", "recovery-wrap", {**WRAP, "keyProof": key_text()})
    assert answer.status_code == 403
    assert (await ask("GET", "status")).json()["hasRecoveryWrap"] is False


async def test_after_five_wrong_proofs_even_the_right_one_has_to_wait(house, ask):
    key = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    wrong = {"enable": False, "masterKey": key_text()}
    right = {"enable": False, "masterKey": key}
    for _ in range(5):
        assert (await ask("POST", "zero-knowledge", wrong)).status_code == 403
    for body in (wrong, right):
        answer = await ask("POST", "zero-knowledge", body)
        assert (answer.status_code, answer.json()["error"]) == (429, "rate-limited")
        assert (await audit(house))[-1] == ("zk_disable", 429, "too-many-failures")
    assert answer.headers["retry-after"] == str(15 * 60 - 6)
    replacing = {**OTHER, "keyProof": proof_of(key)}
    assert (await ask("PUT", "recovery-wrap", replacing)).status_code == 429
    with pytest.raises(RateLimitedError) as limited:
        await house.identity.vault_zero_knowledge(
            ask.token, ZeroKnowledgeRequest(enable=False, master_key=key)
        )
    house.clock.advance(limited.value.retry_after_s - 2)
    ask.token = (
        await house.identity.login("anna@example.test", "correct horse battery")
    ).access_token
    assert (await ask("POST", "zero-knowledge", right)).status_code == 429
    assert (await ask("POST", "zero-knowledge", right)).status_code == 200


async def test_wrong_proofs_at_once_are_not_more_than_five(house, ask):
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    wrong = {"enable": False, "masterKey": key_text()}
    path = f"{ROOT}/zero-knowledge"
    answers = await asyncio.gather(
        *(house.http.post(path, headers=bearer(ask.token), json=wrong) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [403] * 5 + [429] * 15


async def test_one_users_failures_are_no_one_elses(house, ask):
    eve = Asking(house, await house.person("eve@example.test"))
    for asking in (ask, eve):
        await house.identity.vault_init(asking.token)
        await asking("POST", "recovery-wrap", WRAP)
    key = await ask.key()
    for _ in range(6):
        await eve("PUT", "recovery-wrap", {**OTHER, "keyProof": key_text()})
    answer = await ask("PUT", "recovery-wrap", {**OTHER, "keyProof": proof_of(key)})
    assert answer.status_code == 200


async def test_a_key_that_was_never_seen_here_cannot_be_proved(house, ask):
    key = await ask.key()
    await ask("POST", "recovery-wrap", WRAP)
    await ask("POST", "zero-knowledge", {"enable": True})
    house.tamper(delete(VAULT_KEYS))
    answer = await ask("POST", "zero-knowledge", {"enable": False, "masterKey": key})
    assert (answer.status_code, answer.json()["error"]) == (403, "key-proof-failed")
    assert (await audit(house))[-1] == ("zk_disable", 403, "no-verifier")


async def test_a_vault_from_before_there_were_verifiers_gets_one_when_it_is_opened(house, ask):
    house.tamper(delete(VAULT_KEYS))
    key = await ask.key()
    assert len(await house.rows(VAULT_KEYS)) == 1
    await ask("POST", "recovery-wrap", WRAP)
    house.tamper(delete(VAULT_KEYS))
    await ask("POST", "zero-knowledge", {"enable": True})
    answer = await ask("POST", "zero-knowledge", {"enable": False, "masterKey": key})
    assert answer.status_code == 200


async def test_a_damaged_wrap_turns_no_mode_on(house, ask):
    await ask("POST", "recovery-wrap", WRAP)
    house.tamper(update(VAULTS).values(wrap_iv="AAAAAAAAAAAAAAAA"))
    for name, body in (("zero-knowledge", {"enable": True}), ("rotate", None)):
        answer = await ask("POST", name, body)
        assert (answer.status_code, answer.json()["error"]) == (500, "infrastructure")
        assert (await audit(house))[-1] == ("failed_fetch", 500, "unwrap-failed")
    (row,) = await house.rows(VAULTS)
    assert row.wrapped_mk is not None
    assert not row.zero_knowledge


async def test_the_store_keeps_no_key_and_no_proof(house, ask):
    key = await ask.key()
    await ask("POST", "recovery-wrap", {**WRAP, "keyProof": proof_of(key)})
    await ask("POST", "rotate")
    await house.store.close()
    stored = house.home.stored()
    for secret in (key, proof_of(key)):
        assert secret.encode() not in stored
        assert base64.b64decode(secret) not in stored


async def test_a_user_sets_up_enables_unlocks_and_disables_with_a_code(vault, ask):
    key = await vault.unlock()
    code = await vault.set_up_recovery()
    assert RecoveryCode.parse(code).format() == code
    await vault.enable_zero_knowledge()
    with pytest.raises(ZeroKnowledgeUserError):
        await vault.unlock()
    assert await vault.unlock(code.lower()) == key
    for wrong in ("nonsense", RecoveryCode.generate().format()):
        with pytest.raises(WrongRecoveryCodeError):
            await vault.unlock(wrong)
        with pytest.raises(WrongRecoveryCodeError):
            await vault.disable_zero_knowledge(wrong)
    await vault.disable_zero_knowledge(code)
    assert await vault.unlock() == key
    await vault.disable_zero_knowledge(code)
    assert code not in repr(vault)
    assert ask.token not in repr(vault)


async def test_the_first_unlock_makes_the_vault(house):
    login = await house.person()
    key = await VaultClient(house.identity, login.access_token).unlock()
    assert await VaultClient(house.identity, login.access_token).unlock() == key
    assert key.key_id == "k000001"


async def test_a_new_code_voids_the_old_one(vault):
    key = await vault.unlock()
    first = await vault.set_up_recovery()
    await vault.enable_zero_knowledge()
    with pytest.raises(ZeroKnowledgeUserError):
        await vault.set_up_recovery()
    second = await vault.set_up_recovery(first)
    assert second != first
    with pytest.raises(WrongRecoveryCodeError):
        await vault.unlock(first)
    assert await vault.unlock(second) == key
    assert (await vault.unlock(second)).key_id == "k000001"


async def test_a_code_made_for_a_key_that_was_rotated_meanwhile_is_refused(house, ask, vault):
    """Else the service could forget the new key and keep a code for the old one."""
    key = await vault.unlock()
    await house.identity.vault_rotate(ask.token)
    body = {**WRAP, "keyProof": proof_of(key_text(key.export()))}
    assert (await ask("POST", "recovery-wrap", body)).status_code == 403


async def test_the_client_raises_what_the_service_refuses(house, ask, vault):
    with pytest.raises(RecoveryWrapMissingError):
        await vault.enable_zero_knowledge()
    await vault.set_up_recovery()
    await vault.enable_zero_knowledge()
    with pytest.raises(ZeroKnowledgeActiveError):
        await house.identity.vault_clear_recovery(ask.token)
    with pytest.raises(RotationForbiddenError):
        await house.identity.vault_rotate(ask.token)
    with pytest.raises(KeyProofError):
        await house.identity.vault_zero_knowledge(
            ask.token, ZeroKnowledgeRequest(enable=False, master_key=key_text())
        )
