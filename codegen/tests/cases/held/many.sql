-- What is asked of each of many rows before the first is sent, and what is left to the server.
-- ==== schema
CREATE DOMAIN slug AS varchar(12) CONSTRAINT slug_check CHECK (VALUE LIKE 'a%' AND length(VALUE) > 2);
COMMENT ON CONSTRAINT slug_check ON DOMAIN slug IS 'a slug begins with a and has three characters';
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TABLE notes (
    id int PRIMARY KEY CONSTRAINT notes_id_check CHECK (id BETWEEN 1 AND 99999),
    slug slug NOT NULL,
    kind text CONSTRAINT notes_kind_check CHECK (kind IN ('memo', 'tâche')),
    title varchar(5),
    size numeric(4, 1) CONSTRAINT notes_size_check CHECK (size > 0),
    mood mood CONSTRAINT notes_mood_check CHECK (mood <> 'cross'),
    tags varchar(3)[] CONSTRAINT notes_tags_check CHECK (cardinality(tags) < 3),
    low int,
    high int,
    CONSTRAINT notes_order_check CHECK (low < high)
);
CREATE TABLE touched (id int PRIMARY KEY, name text CHECK (name <> ''));
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.name := ''x''; RETURN NEW; END';
CREATE TRIGGER touch BEFORE INSERT ON touched FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE parts (id int CHECK (id > 0), name varchar(3) CHECK (name <> '')) PARTITION BY RANGE (id);
CREATE TABLE some_parts PARTITION OF parts FOR VALUES FROM (0) TO (10);

-- ==== queries notes
--! add
--@ bulk
INSERT INTO notes (id, slug, kind, title, size, mood, tags, low, high)
VALUES (:id, :slug, :kind, :title, :size, :mood, :tags, :low, :high);

--! add_new
--@ bulk
INSERT INTO notes (id, slug, title) VALUES (:id, :slug, :title)
ON CONFLICT DO NOTHING
RETURNING id;

--! put
--@ bulk
INSERT INTO notes AS kept (id, slug, title) VALUES (:id, :slug, :title)
ON CONFLICT (id) DO UPDATE SET title = excluded.title || kept.title;

--! adjust
--@ bulk
UPDATE notes SET kind = :kind, size = :size WHERE id = :id AND low IS NOT DISTINCT FROM :low;

--! change (slug~, title~, kind~)
--@ bulk
UPDATE notes SET slug = :slug, title = :title, kind = :kind WHERE id = :id RETURNING id;

--! remove
--@ bulk
DELETE FROM notes WHERE id = :id AND title = :title;

--! computed
--@ bulk
INSERT INTO notes (id, slug, title)
VALUES (:id + 0, 'a' || :slug, CASE WHEN :short THEN left(:title, 5) ELSE :title END);

--! touch
--@ bulk
INSERT INTO touched (id, name) VALUES (:id, :name);

--! add_parts
--@ bulk
INSERT INTO parts (id, name) VALUES (:id, :name);

--! titles
SELECT title FROM notes WHERE id = ANY (:ids) ORDER BY id;
