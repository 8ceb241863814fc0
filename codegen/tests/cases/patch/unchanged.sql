-- Where nothing is set, the rows are selected; but only where a SELECT means the same.

-- ==== schema
CREATE TABLE people (id int PRIMARY KEY, name text NOT NULL, bio text, visits int NOT NULL DEFAULT 0, updated_at timestamptz, seen timestamptz);
CREATE TABLE teams (id int PRIMARY KEY, lead int);
CREATE TABLE log (id int GENERATED ALWAYS AS IDENTITY, what text);
CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO log (what) VALUES (NEW.name); RETURN NEW; END $$;
CREATE TRIGGER note AFTER UPDATE ON people FOR EACH ROW EXECUTE FUNCTION note();
CREATE TABLE guarded (id int PRIMARY KEY, name text NOT NULL, nick text, upper_name text GENERATED ALWAYS AS (upper(name)) STORED);
CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'written'; END $$;
CREATE TRIGGER each_row BEFORE UPDATE ON guarded FOR EACH ROW EXECUTE FUNCTION no();
CREATE TRIGGER each_statement BEFORE UPDATE ON guarded FOR EACH STATEMENT EXECUTE FUNCTION no();
CREATE VIEW visible AS SELECT id, name, nick FROM guarded WHERE id > 0;

-- ==== sqlmill.toml
[updated_at]
column = "updated_at"

-- ==== queries
--! change_only (name~)
--- The patch is the only parameter.
UPDATE guarded SET name = :name WHERE id = 1 RETURNING id, name;

--! change_only_nick (nick~)
UPDATE guarded SET nick = :nick WHERE id < 3;

--! change_locked (nick~)
--- Runs as it is written, whatever is kept: a SELECT would lock what it does not change.
UPDATE guarded SET nick = :nick WHERE id = (SELECT g.id FROM guarded g WHERE g.name = :of ORDER BY g.id LIMIT 1 FOR UPDATE SKIP LOCKED);

--! put (name)
INSERT INTO people (id, name) VALUES (:id, :name);

--! count_updates
SELECT count(*) FROM log WHERE what = :name;

--! change (name~, bio~)
UPDATE people SET name = :name, bio = :bio, updated_at = now() WHERE id = :id RETURNING id, name, :note::text AS note, updated_at;

--! change_silently (name~, bio~)
UPDATE ONLY people AS p -- a person
SET
    name = :name,
    bio = :bio,
    updated_at = :at
WHERE p.id = :id AND p.name <> '';

--! change_in_scope (bio~)
WITH scope AS (SELECT max(id) AS id FROM people WHERE id < :below)
UPDATE people SET bio = :bio, updated_at = now() WHERE id = (SELECT scope.id FROM scope) RETURNING *;

--! change_and_count (bio~)
UPDATE people SET bio = :bio, visits = visits + 1, updated_at = now() WHERE id = :id;

--! change_and_see (bio~)
UPDATE people SET bio = :bio, seen = now(), updated_at = now() WHERE id = :id RETURNING seen;

--! change_of_a_team (bio~)
UPDATE people SET bio = :bio, updated_at = now() FROM teams WHERE teams.lead = people.id AND teams.id = :team;

--! change_all (bio~)
UPDATE people SET bio = :bio, updated_at = now() WHERE true;

--! put_guarded
INSERT INTO guarded (id, name) VALUES (:id, :name);

--! change_guarded (name~, nick~)
--- Nothing is written where nothing is set: these triggers would tell.
UPDATE guarded AS "select"
SET /* what */ name = :name, nick = :nick -- both
WHERE "select".id = :id
RETURNING *, "select".name || '!' AS loud, (SELECT count(*) FROM guarded) AS rows;

--! change_visible (nick~)
UPDATE visible SET nick = :nick WHERE id = :id;

--! upsert_guarded (nick~)
--- Runs as it is written, whatever is kept.
INSERT INTO guarded AS "Kept" (id, name) VALUES (:id, :name) ON CONFLICT (id) DO UPDATE SET nick = :nick RETURNING upper_name;
