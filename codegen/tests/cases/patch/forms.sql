-- Every place that a patch may have, over columns of every kind.

-- ==== schema
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN label AS varchar(5) NOT NULL;
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE address AS (street text, zip text);
CREATE SCHEMA app;
CREATE TABLE app.people (
    id int PRIMARY KEY,
    name text NOT NULL,
    bio text,
    mail email,
    tag label NOT NULL DEFAULT 'none',
    code varchar(3),
    price numeric(6, 2) NOT NULL DEFAULT 0,
    mood mood,
    tags text[],
    home address,
    "Mixed Case" int,
    settings jsonb NOT NULL DEFAULT '{}',
    updated_at timestamptz
);
CREATE TABLE teams (id int PRIMARY KEY, lead int);

-- ==== queries
--! update_person (name~, bio~, mail~, tag~, code~, price~, mood~, tags~, home~, settings~)
UPDATE app.people
SET
    name = :name,
    bio = :bio,
    mail = :mail,
    tag = :tag,
    code = :code,
    price = :price,
    mood = :mood,
    tags = :tags,
    home = :home,
    settings = :settings,
    updated_at = now()
WHERE id = :id
RETURNING id, name, bio, mail, tag, code, price;

--! rename (name~)
UPDATE app.people AS p SET name = :name WHERE p.id = :id;

--! rename_led (name~, mixed~)
--- The column is qualified: `teams` could have one of that name.
UPDATE ONLY app.people p SET name = :name, "Mixed Case" = :mixed
FROM teams
WHERE teams.lead = p.id AND teams.id = :team
RETURNING p.name, teams.id AS team;

--! put_person (old_name~, old_bio~!)
INSERT INTO app.people AS kept (id, name)
VALUES (:id, :name)
ON CONFLICT (id) DO UPDATE SET name = :old_name, bio = :old_bio
WHERE kept.id > 0
RETURNING id, name, bio;

--! set_everywhere (bio~)
UPDATE app.people SET bio = :bio WHERE true;

--! changed (name~)
WITH changed AS (UPDATE app.people SET name = :name WHERE id = :id RETURNING id, name)
SELECT id, name FROM changed;

--! set_all_defaults (bio~, code~)
UPDATE app.people SET (name, mood) = ROW ('x', :mood), bio = :bio, code = :code WHERE mood IS DISTINCT FROM :mood;
