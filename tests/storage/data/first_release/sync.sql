BEGIN TRANSACTION;
CREATE TABLE sync_changes (
	seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	id VARCHAR(36) NOT NULL, 
	app_id VARCHAR NOT NULL, 
	table_name VARCHAR NOT NULL, 
	record_id VARCHAR NOT NULL, 
	user_id VARCHAR NOT NULL, 
	op VARCHAR NOT NULL, 
	data JSON, 
	field_timestamps JSON NOT NULL, 
	client_id VARCHAR NOT NULL, 
	created_at VARCHAR(27) NOT NULL, 
	schema_version INTEGER NOT NULL, 
	actor JSON, 
	space_id VARCHAR NOT NULL, 
	CONSTRAINT sync_changes_op CHECK (op IN ('insert', 'update', 'delete')), 
	CONSTRAINT sync_changes_owner CHECK (user_id <> '' AND space_id <> ''), 
	CONSTRAINT sync_changes_event UNIQUE (user_id, id)
);
INSERT INTO "sync_changes" VALUES(1,'f753795d-b6a8-40b2-b94e-d56f2b7b9eff','journal','journalEntries','7170f813-0557-5b2f-8bea-50ccfc04174a','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','insert','{"id": "7170f813-0557-5b2f-8bea-50ccfc04174a", "title": null, "content": "enc:1:E0r5M2QHynzeGrwD.nYj0ympSHPAFfdp1AVUX3hb4mY6ixHGHKHzWZJYQiv7dud9ugf8Z6WdrzsI3DeWLUhvFQikTGMovVAKzs36nbCp+Td124Y9TZSh3UnAaaThDdKw=", "entryDate": "2026-01-05", "mood": null, "tags": ["reflection", "team", "investors"], "wordCount": 15, "isPinned": false, "isFavorite": false, "isArchived": false, "spaceId": "gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G", "createdAt": "2026-01-05T07:00:00.000Z", "updatedAt": "2026-01-05T07:00:00.000Z"}','{}','mana-lab-gateway','2026-01-05T07:00:00.000000Z',1,NULL,'gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G');
INSERT INTO "sync_changes" VALUES(2,'b4dd0252-77a8-4e66-bcaf-87179f1c4234','invoices','invoices','4a0c590f-be36-5c81-9bdf-8cd90c57d28d','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','insert','{"id": "4a0c590f-be36-5c81-9bdf-8cd90c57d28d", "number": "2026-001", "status": "draft", "clientSnapshot": "enc:1:eurxUW6cBusyGLDB.mT/AB3zcrGtiZjdDDkPxTfAm+flPsGvjc24Y2yUUm43OAKbRyVUJKdYtR+wC2m1BFOt1uA==", "subject": null, "currency": "EUR", "issueDate": "2026-01-05", "dueDate": "2026-01-19", "sentAt": null, "paidAt": null, "notes": null, "lines": "enc:1:OkeZZ2tv/dsBMOeF.kAp/wanonxrvSXcCQG0QoVNm2S4F5kWP2YjHjYHTF+lOErVlkhAdQvub5xy/vtS3p6FeSvYXistLu5Karb2ZE8f3qLbBnLH8VCyc+Ul6JVe7CjMHPdHfW9OuPkN+romQ8qa5RGDNGa4BhadEXCnWdNSGWA==", "taxRate": "0", "subtotal": "14400.00", "tax": "0.00", "total": "14400.00", "spaceId": "R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG", "createdAt": "2026-01-05T07:00:00.000Z", "updatedAt": "2026-01-05T07:00:00.000Z"}','{}','mana-lab-gateway','2026-01-05T07:00:00.000000Z',1,NULL,'R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG');
INSERT INTO "sync_changes" VALUES(3,'7bdeb668-5778-490f-b3cd-149b02401dff','calendar','events','6e39bb82-3536-5031-abbc-0437878d9302','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','insert','{"id": "6e39bb82-3536-5031-abbc-0437878d9302", "title": "enc:1:FrUjxvmJOLFyh4ml.5DJ5ycTqGz3vBxfSKD37P7Etb9eyJU59VlYWdP4=", "startTime": "2026-01-12T16:00:00.000Z", "endTime": "2026-01-12T17:00:00.000Z", "isAllDay": false, "location": null, "description": null, "isCancelled": false, "spaceId": "R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG", "createdAt": "2026-01-05T07:00:00.000Z", "updatedAt": "2026-01-05T07:00:00.000Z"}','{}','mana-lab-gateway','2026-01-05T07:00:00.000000Z',1,NULL,'R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG');
INSERT INTO "sync_changes" VALUES(4,'2587cd02-7f41-474e-9741-a568baa694e1','calendar','events','00ffea8b-4ca0-537a-9712-7aee0f966aff','4cUaf4dSr8caBuOhXVqVJ2hi4qKKgN9I','insert','{"id": "00ffea8b-4ca0-537a-9712-7aee0f966aff", "title": "enc:1:5+lPFZsTYJ6o1OVJ.4PKIJlr0TohuP8nO88nYa/LznqPRyMQKhw==", "startTime": "2026-01-13T16:00:00.000Z", "endTime": "2026-01-13T17:00:00.000Z", "isAllDay": false, "location": null, "description": null, "isCancelled": false, "spaceId": "R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG", "createdAt": "2026-01-06T07:00:00.000Z", "updatedAt": "2026-01-06T07:00:00.000Z"}','{}','mana-lab-gateway','2026-01-06T07:00:00.000000Z',1,NULL,'R3hNJcxqHRp1U7OYwyXR4hXyoJETpfkG');
INSERT INTO "sync_changes" VALUES(5,'3c60f8ab-cf81-487f-8be1-f2febbd1da63','notes','notes','62ecbd59-5334-5f12-89e1-ac23bd4d82ba','AXjI6uOAXunVfo7r4nH8rySb2eFpbI7s','insert','{"id": "62ecbd59-5334-5f12-89e1-ac23bd4d82ba", "title": "enc:1:nxcex7jX8Pe/YF8K.e34wU3L232CEBQo7HVfUM/uIsQFIrdFsp8MwymZqjSU28Ndz+Yl62UdlAPLT", "content": "enc:1:Lxsdg6KxgyiQ59j4.xrPe6S8X7YgfP2YXOJ9v1+/2H/t2s59ax7zit5pt3y0=", "color": null, "isPinned": false, "isArchived": false, "spaceId": "gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G", "createdAt": "2026-01-07T00:00:00.000Z", "updatedAt": "2026-01-07T00:00:00.000Z"}','{}','mana-lab-gateway','2026-01-07T00:00:00.000000Z',1,NULL,'gbKMP6nRqSyZUOCo9lGrA8dn6FPQxc9G');
CREATE INDEX sync_changes_collection ON sync_changes (space_id, app_id, table_name, seq);
CREATE INDEX sync_changes_record ON sync_changes (table_name, record_id, created_at);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('sync_changes',5);
COMMIT;
