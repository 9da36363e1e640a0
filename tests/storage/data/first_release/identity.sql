BEGIN TRANSACTION;
CREATE TABLE accounts (
	id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	account_id VARCHAR NOT NULL, 
	provider_id VARCHAR NOT NULL, 
	password VARCHAR, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_accounts PRIMARY KEY (id), 
	CONSTRAINT uq_accounts_user_id_provider_id UNIQUE (user_id, provider_id), 
	CONSTRAINT fk_accounts_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "accounts" VALUES('I61bPomB6Y7xcyNKX6gQtnwbkU836sMS','qnTDREQkhQCCDVxWhMxDSR9traUJOulM','qnTDREQkhQCCDVxWhMxDSR9traUJOulM','credential','8eef7c2e0932d8778f84d275632f3a3b:448c907c46c85327c9e3ed715726ef9424bb84785bcae1fb6bdd8f46400f6bdf9882b6bc38ad88c6fe38c1929b264de2fbf7546f7c4257ac292fe10fc6905004','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "accounts" VALUES('T9Nj4TfA3rCzrCLzOLhsRwLHy6tk4oSc','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','credential','b3c25e00011ac6141b28493eef3ca974:fb6bd380157af90c64c9ef1a5a0edd5fc0cd72be99acf8ddf11167f013facc58f736371657d4c16ee984ac20172f992f702802008eca6671425257a6c6ecd1c8','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "accounts" VALUES('TpMs9CmjNvErs51cuCtOuSbOzzMLsnVH','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','credential','413e13b7f092885c26c05b6e92dfb39f:fba79dbb82c7bfcffc4f3df902232d3d0daaa565d49ee7ce5fc25683c971a9a7c4acd26bb7d80bdc4ebf2ad336bb571b1301634967b1a2642692d1b51a058c80','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
CREATE TABLE encryption_vault_audit (
	id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	action VARCHAR NOT NULL, 
	ip_address VARCHAR, 
	user_agent VARCHAR, 
	context VARCHAR, 
	status INTEGER NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_encryption_vault_audit PRIMARY KEY (id), 
	CONSTRAINT fk_encryption_vault_audit_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "encryption_vault_audit" VALUES('0cmZ2zRs4OVECCb2p1D05ugj1d00QnpA','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','init','127.0.0.1','python-httpx/0.28.1','created',201,'2026-01-05T00:00:00.000000Z');
INSERT INTO "encryption_vault_audit" VALUES('CNnPzOevYEF5TIFO4KIF4Z6xZAFYtCqV','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','init','127.0.0.1','python-httpx/0.28.1','created',201,'2026-01-05T00:00:00.000000Z');
INSERT INTO "encryption_vault_audit" VALUES('q5RjSq88hehGlf0nY0uKRvSH2Ir4zS4y','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','fetch','127.0.0.1','python-httpx/0.28.1',NULL,200,'2026-01-05T07:00:00.000000Z');
INSERT INTO "encryption_vault_audit" VALUES('Xl4DhHiv9HrlBAuZRZSjaLs9CSuhJGUd','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','fetch','127.0.0.1','python-httpx/0.28.1',NULL,200,'2026-01-05T07:00:00.000000Z');
INSERT INTO "encryption_vault_audit" VALUES('IIKYrflGYYVY2DwVN1bdQUft4KOT74H2','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','fetch','127.0.0.1','python-httpx/0.28.1',NULL,200,'2026-01-06T07:00:00.000000Z');
INSERT INTO "encryption_vault_audit" VALUES('KewhpRWTpvbIKj8rVTQH1SZhtlqUimVq','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','fetch','127.0.0.1','python-httpx/0.28.1',NULL,200,'2026-01-07T00:00:00.000000Z');
CREATE TABLE encryption_vaults (
	user_id VARCHAR NOT NULL, 
	wrapped_mk VARCHAR, 
	wrap_iv VARCHAR, 
	format_version SMALLINT NOT NULL, 
	kek_id VARCHAR NOT NULL, 
	recovery_wrapped_mk VARCHAR, 
	recovery_iv VARCHAR, 
	recovery_format_version SMALLINT NOT NULL, 
	recovery_set_at VARCHAR(27), 
	zero_knowledge BOOLEAN NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	rotated_at VARCHAR(27), 
	CONSTRAINT pk_encryption_vaults PRIMARY KEY (user_id), 
	CONSTRAINT ck_encryption_vaults_has_wrap CHECK (wrapped_mk IS NOT NULL OR recovery_wrapped_mk IS NOT NULL), 
	CONSTRAINT ck_encryption_vaults_wrap_iv_pair CHECK ((wrapped_mk IS NULL) = (wrap_iv IS NULL)), 
	CONSTRAINT ck_encryption_vaults_recovery_iv_pair CHECK ((recovery_wrapped_mk IS NULL) = (recovery_iv IS NULL)), 
	CONSTRAINT ck_encryption_vaults_zk_consistency CHECK (NOT zero_knowledge OR (wrapped_mk IS NULL AND recovery_wrapped_mk IS NOT NULL)), 
	CONSTRAINT fk_encryption_vaults_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "encryption_vaults" VALUES('4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','EsjNyqrY3AA+cHzcyTW1uGRa5lul3lET8BfdJHNrD6Vx4MDjNneQn4BWeccI2ZSC','jAwJdKTsudVZfULE',1,'env-v1',NULL,NULL,1,NULL,0,'2026-01-05T00:00:00.000000Z',NULL);
INSERT INTO "encryption_vaults" VALUES('AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','Qkcsjtqo0aAYm3NoQ60QQlLgN6serHVNWYbIgn9W0PeVjMbE35zdNHoJZNap44Dq','9A6SLythD2yqEf2+',1,'env-v1',NULL,NULL,1,NULL,0,'2026-01-05T00:00:00.000000Z',NULL);
CREATE TABLE jwks (
	id VARCHAR NOT NULL, 
	wrapped_key VARCHAR NOT NULL, 
	wrap_iv VARCHAR NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_jwks PRIMARY KEY (id)
);
INSERT INTO "jwks" VALUES('b5s82JRQwVceRPOiAq1OtxB9WaBWyqIl','K11+NcUitshu0onQ6mrizMTvET+JC0x5ydOkGd07F7MiIYoqw5UnzqhoJBuwQK+k','i78HRzrjHuTmXIpj','2026-01-05T00:00:00.000000Z');
CREATE TABLE members (
	id VARCHAR NOT NULL, 
	organization_id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	role VARCHAR NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_members PRIMARY KEY (id), 
	CONSTRAINT uq_members_organization_id_user_id UNIQUE (organization_id, user_id), 
	CONSTRAINT ck_members_role CHECK (role IN ('owner', 'admin', 'member')), 
	CONSTRAINT fk_members_organization_id FOREIGN KEY(organization_id) REFERENCES organizations (id) ON DELETE CASCADE, 
	CONSTRAINT fk_members_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "members" VALUES('dmgsUUEJj7n2msQK9R2CnXo2nWhBVHA5','Y2uqTxzRoGKEQlFqUv5oiIlrMhf16tup','qnTDREQkhQCCDVxWhMxDSR9traUJOulM','owner','2026-01-05T00:00:00.000000Z');
INSERT INTO "members" VALUES('thHSwNecNY9n4eTlzthagiuTgsw2cby0','R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','owner','2026-01-05T00:00:00.000000Z');
INSERT INTO "members" VALUES('j7eSuPqkT90SLHtVtuvik46BMXKHAs6h','gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','owner','2026-01-05T00:00:00.000000Z');
CREATE TABLE organizations (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	slug VARCHAR NOT NULL, 
	logo VARCHAR, 
	metadata JSON NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_organizations PRIMARY KEY (id), 
	CONSTRAINT uq_organizations_slug UNIQUE (slug)
);
INSERT INTO "organizations" VALUES('Y2uqTxzRoGKEQlFqUv5oiIlrMhf16tup','Operator','operator',NULL,'{"type": "personal", "tier": "founder"}','2026-01-05T00:00:00.000000Z');
INSERT INTO "organizations" VALUES('R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG','Paul','persona-paul',NULL,'{"type": "personal", "tier": "founder"}','2026-01-05T00:00:00.000000Z');
INSERT INTO "organizations" VALUES('gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G','Lena','persona-lena',NULL,'{"type": "personal", "tier": "founder"}','2026-01-05T00:00:00.000000Z');
CREATE TABLE persona_actions (
	id VARCHAR(255) NOT NULL, 
	persona_id VARCHAR NOT NULL, 
	tick_id VARCHAR NOT NULL, 
	run_id VARCHAR, 
	seq INTEGER NOT NULL, 
	tool_name VARCHAR NOT NULL, 
	module VARCHAR, 
	input_hash VARCHAR, 
	result VARCHAR NOT NULL, 
	error_kind VARCHAR, 
	error_code VARCHAR, 
	error_message TEXT, 
	latency_ms FLOAT, 
	occurred_at VARCHAR(27) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_persona_actions PRIMARY KEY (id), 
	CONSTRAINT ck_persona_actions_result CHECK (result IN ('ok', 'error')), 
	CONSTRAINT ck_persona_actions_error_kind CHECK (error_kind IN ('invalid-input', 'refused', 'not-found', 'conflict', 'infrastructure')), 
	CONSTRAINT ck_persona_actions_seq CHECK (seq >= 0), 
	CONSTRAINT ck_persona_actions_latency CHECK (latency_ms >= 0), 
	CONSTRAINT fk_persona_actions_persona_id FOREIGN KEY(persona_id) REFERENCES personas (user_id) ON DELETE CASCADE
);
INSERT INTO "persona_actions" VALUES('af18806f-4e80-5adf-b95c-168a8e1c28de-0-notes.search','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','af18806f-4e80-5adf-b95c-168a8e1c28de','09bf9da0-849c-5560-b123-b497d2398fc7',0,'notes.search','notes','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','ok',NULL,NULL,NULL,1.91302486399945337325e+03,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.796423Z');
INSERT INTO "persona_actions" VALUES('af18806f-4e80-5adf-b95c-168a8e1c28de-1-journal.add','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','af18806f-4e80-5adf-b95c-168a8e1c28de','09bf9da0-849c-5560-b123-b497d2398fc7',1,'journal.add','journal','8578fa51811cf805967c3f665921d3ac0179153c38e1124703695a971e26c7a0','ok',NULL,NULL,NULL,174.032200993679,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.796431Z');
INSERT INTO "persona_actions" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-0-invoices.list','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7',0,'invoices.list','invoices','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','ok',NULL,NULL,NULL,55.3397789990413,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.858286Z');
INSERT INTO "persona_actions" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-1-invoices.create','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7',1,'invoices.create','invoices','9229ea2137716f9ba508658d8ce765794a11a095e6e095daee121230bdc379d5','ok',NULL,NULL,NULL,1.1328765600046608597e+02,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.858294Z');
INSERT INTO "persona_actions" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-2-calendar.agenda','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7',2,'calendar.agenda','calendar','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','ok',NULL,NULL,NULL,1.24003060045652091503e+01,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.858298Z');
INSERT INTO "persona_actions" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-3-calendar.create','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7',3,'calendar.create','calendar','cdd1b16cccb60d9de7ea473bd14822f88617256413744d9dcdb5cfa61862fd8b','ok',NULL,NULL,NULL,3.18085039980360306799e+01,'2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.858308Z');
INSERT INTO "persona_actions" VALUES('0e0ff852-fe8f-5b66-9572-5f970d9d8213-0-journal.add','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','0e0ff852-fe8f-5b66-9572-5f970d9d8213','09bf9da0-849c-5560-b123-b497d2398fc7',0,'journal.add','journal','cda86f92010eb6d83fc8471e77b1933566df7c1cb6889320c60147bc61a33084','error','invalid-input','invalid-arguments','journal.add: "tags" must be a list of a string, such as ["some text"], but got string "home, uni".',3.3387382005457766354e+01,'2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.372037Z');
INSERT INTO "persona_actions" VALUES('c19ce61f-4044-50be-94cc-e0d5933eaef9-0-calendar.search','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','c19ce61f-4044-50be-94cc-e0d5933eaef9','09bf9da0-849c-5560-b123-b497d2398fc7',0,'calendar.search','calendar','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','ok',NULL,NULL,NULL,9.71983950003050267696e+01,'2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.399343Z');
INSERT INTO "persona_actions" VALUES('c19ce61f-4044-50be-94cc-e0d5933eaef9-1-calendar.agenda','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','c19ce61f-4044-50be-94cc-e0d5933eaef9','09bf9da0-849c-5560-b123-b497d2398fc7',1,'calendar.agenda','calendar','44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a','ok',NULL,NULL,NULL,2.45404369998141191899e+01,'2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.399352Z');
INSERT INTO "persona_actions" VALUES('c19ce61f-4044-50be-94cc-e0d5933eaef9-2-calendar.create','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','c19ce61f-4044-50be-94cc-e0d5933eaef9','09bf9da0-849c-5560-b123-b497d2398fc7',2,'calendar.create','calendar','56a25165d9d7c5ed565715d0d10f5ff85d6b5980fd73c475ab566c94e9f0cea1','ok',NULL,NULL,NULL,5.50450380032998509705e+01,'2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.399355Z');
INSERT INTO "persona_actions" VALUES('by-hand-73ce5335-abc1-48a2-9b3f-c71bf752c760-0-notes.create','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','by-hand-73ce5335-abc1-48a2-9b3f-c71bf752c760',NULL,0,'notes.create','notes','0faf8559943fdbfa1f434b6a8741a1a9af22d796b9ac7dbe578305fdff2f603c','ok',NULL,NULL,NULL,4.63257040028111077845e+01,'2026-01-07T00:00:00.000000Z','2026-11-23T18:40:06.813469Z');
CREATE TABLE persona_feedback (
	id VARCHAR(255) NOT NULL, 
	persona_id VARCHAR NOT NULL, 
	tick_id VARCHAR NOT NULL, 
	run_id VARCHAR, 
	module VARCHAR NOT NULL, 
	rating SMALLINT NOT NULL, 
	notes TEXT, 
	evidence JSON NOT NULL, 
	brain VARCHAR, 
	occurred_at VARCHAR(27) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_persona_feedback PRIMARY KEY (id), 
	CONSTRAINT ck_persona_feedback_rating CHECK (rating BETWEEN 1 AND 5), 
	CONSTRAINT fk_persona_feedback_persona_id FOREIGN KEY(persona_id) REFERENCES personas (user_id) ON DELETE CASCADE
);
INSERT INTO "persona_feedback" VALUES('af18806f-4e80-5adf-b95c-168a8e1c28de-notes','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','af18806f-4e80-5adf-b95c-168a8e1c28de','09bf9da0-849c-5560-b123-b497d2398fc7','notes',3,'notes.search worked 1 of 1 time; notes.search showed nothing 1 time.','["af18806f-4e80-5adf-b95c-168a8e1c28de-0-notes.search"]','scripted','2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.824827Z');
INSERT INTO "persona_feedback" VALUES('af18806f-4e80-5adf-b95c-168a8e1c28de-journal','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','af18806f-4e80-5adf-b95c-168a8e1c28de','09bf9da0-849c-5560-b123-b497d2398fc7','journal',4,'journal.add worked 1 of 1 time.','["af18806f-4e80-5adf-b95c-168a8e1c28de-1-journal.add"]','scripted','2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.824834Z');
INSERT INTO "persona_feedback" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-invoices','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7','invoices',3,'invoices.list worked 1 of 1 time; invoices.create worked 1 of 1 time; invoices.list showed nothing 1 time.','["e0075ad7-47e7-5ec0-81fd-f935370bcedd-0-invoices.list", "e0075ad7-47e7-5ec0-81fd-f935370bcedd-1-invoices.create"]','scripted','2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.862306Z');
INSERT INTO "persona_feedback" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd-calendar','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7','calendar',3,'calendar.agenda worked 1 of 1 time; calendar.create worked 1 of 1 time; calendar.agenda showed nothing 1 time.','["e0075ad7-47e7-5ec0-81fd-f935370bcedd-2-calendar.agenda", "e0075ad7-47e7-5ec0-81fd-f935370bcedd-3-calendar.create"]','scripted','2026-01-05T07:00:00.000000Z','2026-11-23T18:40:05.862312Z');
INSERT INTO "persona_feedback" VALUES('0e0ff852-fe8f-5b66-9572-5f970d9d8213-journal','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','0e0ff852-fe8f-5b66-9572-5f970d9d8213','09bf9da0-849c-5560-b123-b497d2398fc7','journal',2,'journal.add worked 0 of 1 time; failures: journal.add invalid-input 1 time; gave up on journal.add.','["0e0ff852-fe8f-5b66-9572-5f970d9d8213-0-journal.add"]','scripted','2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.419918Z');
INSERT INTO "persona_feedback" VALUES('c19ce61f-4044-50be-94cc-e0d5933eaef9-calendar','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','c19ce61f-4044-50be-94cc-e0d5933eaef9','09bf9da0-849c-5560-b123-b497d2398fc7','calendar',5,'calendar.search worked 1 of 1 time; calendar.agenda worked 1 of 1 time; calendar.create worked 1 of 1 time.','["c19ce61f-4044-50be-94cc-e0d5933eaef9-0-calendar.search", "c19ce61f-4044-50be-94cc-e0d5933eaef9-1-calendar.agenda", "c19ce61f-4044-50be-94cc-e0d5933eaef9-2-calendar.create"]','scripted','2026-01-06T07:00:00.000000Z','2026-11-23T18:40:06.423862Z');
CREATE TABLE personas (
	user_id VARCHAR NOT NULL, 
	archetype VARCHAR NOT NULL, 
	system_prompt TEXT NOT NULL, 
	module_mix JSON NOT NULL, 
	tick_cadence VARCHAR NOT NULL, 
	language VARCHAR, 
	timezone VARCHAR, 
	last_active_at VARCHAR(27), 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_personas PRIMARY KEY (user_id), 
	CONSTRAINT ck_personas_tick_cadence CHECK (tick_cadence IN ('hourly', 'daily', 'weekdays')), 
	CONSTRAINT fk_personas_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE
);
INSERT INTO "personas" VALUES('4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','freelancer','You are Paul, 45, a photographer who works alone. The office is the part of the job you put off until after lunch. You write an invoice, look up a client, enter the next shoot, and that is it: about one entry a day, in as few words as possible. You want sums to be right, numbers to go up by one, and a client''s address to be there when you need it. You do not care for moods, tips or celebrations. You have been using the same three functions for years and see no reason to learn a fourth. If something is not possible you shrug, do it on paper, and rate the app accordingly.','{"invoices": 0.4, "contacts": 0.3, "calendar": 0.3}','weekdays','en','Europe/Berlin','2026-01-06T07:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "personas" VALUES('AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','ceo-busy','You are Lena, 38, who founded the company together with Marcus and looks after its people. You are calm and observant, and you use the quiet half hour before nine to think in writing. You keep a journal about decisions and doubts, and notes for the conversations you want to lead well. Your sentences are long but clear, and you reread what you wrote last week. Confidential thoughts must stay confidential; you notice wording that sounds careless about it. You rarely use more than a handful of functions, yet you know them well. What annoys you is losing the thread: a note that cannot be found again, or an order that changes without reason.','{"journal": 0.3, "contacts": 0.2, "calendar": 0.2, "notes": 0.3}','weekdays','en','Europe/Berlin','2026-01-07T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
CREATE TABLE sessions (
	id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	token_hash VARCHAR NOT NULL, 
	expires_at VARCHAR(27) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_sessions PRIMARY KEY (id), 
	CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id) ON DELETE CASCADE, 
	CONSTRAINT uq_sessions_token_hash UNIQUE (token_hash)
);
INSERT INTO "sessions" VALUES('zRly7vuZ9hvm2AfZOUOqXyGM5C7OA4Lf','qnTDREQkhQCCDVxWhMxDSR9traUJOulM','e1a7481ffb561a595d0bca0863cc2117ecc947d5ae0c5f97d580a8d5ce87a15d','2026-01-12T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "sessions" VALUES('dHi5crFli9SVBWtkxoEax5EIuAARpf2W','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','9888febb1e7d6966e3657ccfe6b65b5af76b0ba524562390141e36754eab1322','2026-01-12T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "sessions" VALUES('NAlTScJSXiwOhSkAFzz0aRiyl0i3LaQB','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','cfe182697248adf84b938a3a9b9bf401e52a58b7c2d15c753a49fbc245d3da41','2026-01-12T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "sessions" VALUES('kueXKIlrKHJCUuA5FrxgaJRCfQCr40ut','qnTDREQkhQCCDVxWhMxDSR9traUJOulM','2a69cf3a9c6f753defc7d6eb0d31187e2356495ca853fe1dc5b8043fecd08885','2026-01-12T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "sessions" VALUES('8Wyssg65uXLGdqXOxYnIEUV2Q8UIFCwb','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','e7c701522434c12cd091663b1ca48f5212c340713427a05e9d1e8dec9ebbbd36','2026-01-12T07:00:00.000000Z','2026-01-05T07:00:00.000000Z');
INSERT INTO "sessions" VALUES('QCbnVqwQzam1pmkbecqpSUfH72fnMvaF','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','da72c5f3281d430807430b1ccee5c43db6d4704daa61932615f24766cbb407a1','2026-01-12T07:00:00.000000Z','2026-01-05T07:00:00.000000Z');
INSERT INTO "sessions" VALUES('UvsKTe0rhCPcjdeCwlwHnQRHs75JXJtR','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','13332a69f52e04a5493beaa233e6789a8093f669a54219158b98a4ab9f263c3a','2026-01-13T07:00:00.000000Z','2026-01-06T07:00:00.000000Z');
INSERT INTO "sessions" VALUES('D7SaIYxlVQPONB3YL08QhvdFGOi4IhNN','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','9989e0146c0dd71a2343c28a5033c71235f67df5abe33360f55de3ebfc597007','2026-01-13T07:00:00.000000Z','2026-01-06T07:00:00.000000Z');
INSERT INTO "sessions" VALUES('CeNHnrwmdu5QGm10nj0ji2hZGcSmFHVl','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','3806e96a2fc693e8fa12eade211fc652cbb425c34f8d37e8c1bb09a53feb7000','2026-01-14T00:00:00.000000Z','2026-01-07T00:00:00.000000Z');
CREATE TABLE users (
	id VARCHAR NOT NULL, 
	name VARCHAR NOT NULL, 
	email VARCHAR NOT NULL, 
	email_verified BOOLEAN NOT NULL, 
	role VARCHAR NOT NULL, 
	access_tier VARCHAR NOT NULL, 
	kind VARCHAR NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	updated_at VARCHAR(27) NOT NULL, 
	CONSTRAINT pk_users PRIMARY KEY (id), 
	CONSTRAINT ck_users_role CHECK (role IN ('user', 'admin', 'service')), 
	CONSTRAINT ck_users_access_tier CHECK (access_tier IN ('guest', 'public', 'beta', 'alpha', 'founder')), 
	CONSTRAINT ck_users_kind CHECK (kind IN ('human', 'persona', 'system')), 
	CONSTRAINT uq_users_email UNIQUE (email)
);
INSERT INTO "users" VALUES('qnTDREQkhQCCDVxWhMxDSR9traUJOulM','Operator','operator@mana.test',1,'admin','founder','human','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "users" VALUES('4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','Paul','persona.paul@mana.test',1,'user','founder','persona','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
INSERT INTO "users" VALUES('AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','Lena','persona.lena@mana.test',1,'user','founder','persona','2026-01-05T00:00:00.000000Z','2026-01-05T00:00:00.000000Z');
CREATE INDEX ix_sessions_user_id ON sessions (user_id);
CREATE INDEX ix_members_user_id ON members (user_id);
CREATE INDEX ix_personas_archetype ON personas (archetype);
CREATE INDEX ix_encryption_vault_audit_user_id ON encryption_vault_audit (user_id);
CREATE INDEX ix_persona_actions_tick_id ON persona_actions (tick_id);
CREATE INDEX ix_persona_actions_persona_id_occurred_at ON persona_actions (persona_id, occurred_at);
CREATE INDEX ix_persona_feedback_module_occurred_at ON persona_feedback (module, occurred_at);
CREATE INDEX ix_persona_feedback_persona_id_occurred_at ON persona_feedback (persona_id, occurred_at);
COMMIT;
