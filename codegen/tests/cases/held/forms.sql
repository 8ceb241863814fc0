-- What is asked of parameters before they are sent, and what is left to the server.
-- ==== schema
CREATE DOMAIN slug AS varchar(12) CONSTRAINT slug_check CHECK (VALUE LIKE 'a%' AND length(VALUE) > 2);
COMMENT ON CONSTRAINT slug_check ON DOMAIN slug IS 'a slug begins with a and has three characters';
CREATE TABLE notes (
    id int PRIMARY KEY CONSTRAINT notes_id_check CHECK (id BETWEEN 1 AND 99),
    slug slug NOT NULL,
    kind text CONSTRAINT notes_kind_check CHECK (kind IN ('memo', 'tâche')),
    title varchar(5),
    size numeric(4, 1) CHECK (size > 0),
    low int,
    high int,
    CHECK (low < high)
);
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE entries (
    code text CONSTRAINT entries_code_check CHECK (code IS NOT NULL AND code ~ '^[a-z][a-z0-9]{2}(-\d+)?$'),
    rate numeric(3, 1) CHECK (rate BETWEEN 0 AND 9.5),
    share float8 CHECK (share <> 'NaN' AND share < 0.5),
    since date CHECK (since >= '2000-01-01'),
    mood mood CHECK (mood <> 'cross'),
    open boolean CHECK (open)
);
COMMENT ON CONSTRAINT notes_kind_check ON notes IS 'memo or "tâche"';
CREATE TABLE touched (name text CHECK (name <> ''));
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''x''; RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT ON touched FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE parts (id int CHECK (id > 0), name varchar(3) CHECK (name <> '')) PARTITION BY RANGE (id);
CREATE TABLE plain_part PARTITION OF parts FOR VALUES FROM (0) TO (10);
CREATE TABLE touched_parts (id int, name text CHECK (name <> '')) PARTITION BY RANGE (id);
CREATE TABLE touched_part PARTITION OF touched_parts FOR VALUES FROM (0) TO (10);
CREATE TRIGGER touch BEFORE INSERT ON touched_part FOR EACH ROW EXECUTE FUNCTION touch();
-- ==== queries notes
--! add
INSERT INTO notes (id, slug, kind, title, size, low, high)
VALUES (:id, :slug, :kind, :title, :size, :low, :high)
ON CONFLICT (id) DO UPDATE SET title = :title;

--! rename (title~, kind~)
UPDATE notes SET title = :title, kind = :kind, low = 0 WHERE id = :id;

--! retitle (title~, kind~)
UPDATE notes SET title = :title, kind = :kind WHERE id = :id;

--! keep (code~, mood~)
UPDATE entries SET code = :code, mood = :mood WHERE since = :since RETURNING code;

--! enter
INSERT INTO entries VALUES (:code, :rate, :share, :since, :mood, :open);

--! retitle_found (low?)
--@ allow(filter_in_write, "it hits one row either way")
WITH changed AS (UPDATE notes SET title = :title WHERE id = :id RETURNING id)
SELECT id FROM changed WHERE (:low IS NULL OR id > :low);

--! computed
INSERT INTO notes (id, slug, title) VALUES (:id + 0, 'a' || :slug, CASE WHEN :short THEN left(:title, 5) ELSE :title END);

--! touch
INSERT INTO touched (name) VALUES (:name);

--! add_part
INSERT INTO parts (id, name) VALUES (:id, :name);

--! touch_part
INSERT INTO touched_parts (id, name) VALUES (1, :name);
