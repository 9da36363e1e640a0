BEGIN TRANSACTION;
CREATE TABLE runs (
	id VARCHAR(36) NOT NULL, 
	ordinal INTEGER NOT NULL, 
	seed BIGINT NOT NULL, 
	brain VARCHAR(64) NOT NULL, 
	model VARCHAR(128), 
	starts_at VARCHAR(27) NOT NULL, 
	ends_at VARCHAR(27) NOT NULL, 
	reached_at VARCHAR(27) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	PRIMARY KEY (id), 
	CONSTRAINT runs_status CHECK (status IN ('running', 'done', 'failed', 'abandoned')), 
	CONSTRAINT runs_order CHECK (starts_at < ends_at), 
	UNIQUE (ordinal)
);
INSERT INTO "runs" VALUES('09bf9da0-849c-5560-b123-b497d2398fc7',1,7,'scripted',NULL,'2026-01-05T00:00:00.000000Z','2026-01-07T00:00:00.000000Z','2026-01-07T00:00:00.000000Z','done','2026-11-23T18:40:03.374513Z');
CREATE TABLE ticks (
	id VARCHAR(36) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	persona_email VARCHAR(320) NOT NULL, 
	persona_id VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	scheduled_at VARCHAR(27) NOT NULL, 
	status VARCHAR(16) NOT NULL, 
	calls INTEGER NOT NULL, 
	errors INTEGER NOT NULL, 
	skipped_modules JSON NOT NULL, 
	failed_step VARCHAR(16), 
	error TEXT, 
	PRIMARY KEY (id), 
	CONSTRAINT ticks_status CHECK (status IN ('running', 'done', 'failed', 'abandoned')), 
	CONSTRAINT ticks_number CHECK (number >= 1), 
	CONSTRAINT ticks_counts CHECK (calls >= errors AND errors >= 0), 
	CONSTRAINT ticks_of_a_persona UNIQUE (persona_email, number), 
	FOREIGN KEY(run_id) REFERENCES runs (id) ON DELETE CASCADE
);
INSERT INTO "ticks" VALUES('af18806f-4e80-5adf-b95c-168a8e1c28de','09bf9da0-849c-5560-b123-b497d2398fc7','persona.lena@mana.test','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s',1,'2026-01-05T07:00:00.000000Z','done',2,0,'{}',NULL,NULL);
INSERT INTO "ticks" VALUES('e0075ad7-47e7-5ec0-81fd-f935370bcedd','09bf9da0-849c-5560-b123-b497d2398fc7','persona.paul@mana.test','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I',1,'2026-01-05T07:00:00.000000Z','done',4,0,'{}',NULL,NULL);
INSERT INTO "ticks" VALUES('0e0ff852-fe8f-5b66-9572-5f970d9d8213','09bf9da0-849c-5560-b123-b497d2398fc7','persona.lena@mana.test','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s',2,'2026-01-06T07:00:00.000000Z','done',1,1,'{}',NULL,NULL);
INSERT INTO "ticks" VALUES('c19ce61f-4044-50be-94cc-e0d5933eaef9','09bf9da0-849c-5560-b123-b497d2398fc7','persona.paul@mana.test','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I',2,'2026-01-06T07:00:00.000000Z','done',3,0,'{}',NULL,NULL);
CREATE INDEX ticks_run_idx ON ticks (run_id, scheduled_at);
COMMIT;
