-- What has no pages says what to write instead.
-- ==== schema
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, seen int);

-- ==== queries
--! remove
--@ page
DELETE FROM users WHERE seen IS NULL RETURNING id;

--! rename
--@ page
UPDATE users SET name = :name WHERE seen = 1 RETURNING id;

--! get
--@ page
SELECT id, name FROM users WHERE id = :id;

--! newest
--@ page
SELECT id FROM users ORDER BY id DESC LIMIT 10;

--! skip
--@ page
SELECT id FROM users ORDER BY id OFFSET :from;

--! lock
--@ page
SELECT id FROM users ORDER BY id FOR UPDATE;

--! count
--@ page
SELECT nextval('pg_class_oid_index'), id FROM users ORDER BY id;

--! moved
--@ page
WITH gone AS (DELETE FROM users WHERE seen = 0 RETURNING id, name) SELECT id, name FROM gone ORDER BY id;

--! shown
--@ page
SHOW search_path;

--! twice
--@ page
--@ page
SELECT id FROM users ORDER BY id;

--! many
--@ many
--@ page
SELECT id FROM users ORDER BY id;

--! sized
--@ page(20)
SELECT id FROM users ORDER BY id;
