-- Many rows of parameters in one statement.

-- ==== schema
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE mood AS ENUM ('calm', 'cross');
CREATE TYPE address AS (street text, zip text);
CREATE SCHEMA app;
CREATE TYPE app."Size" AS ENUM ('s', 'm');
CREATE TABLE people (
    id int PRIMARY KEY,
    name varchar(5) NOT NULL,
    bio text,
    mail email,
    mood mood,
    home address,
    grade "char",
    flags bit(3),
    code char(2),
    size app."Size",
    joined timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE stock (shop int, item int, count int NOT NULL, PRIMARY KEY (shop, item));
CREATE TABLE notes (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, author int REFERENCES people (id));

-- ==== queries
--! add_people
--@ bulk
INSERT INTO people (id, name, bio, mail, mood, home, grade, flags, code, size)
VALUES (:id, :name, :bio, :mail, :mood, :home, :grade, :flags, :code, :size);

--! add_notes
--- Returns the keys, in the order of the rows.
--@ bulk
INSERT INTO notes (body, author)
VALUES (upper(:body), (SELECT people.id FROM people WHERE people.name = :author))
RETURNING id, body;

--! count_stock
--@ bulk
INSERT INTO stock AS kept (shop, item, count)
VALUES (:shop, :item, :count)
ON CONFLICT (shop, item) DO UPDATE SET count = kept.count + excluded.count;

--! first_stock
--@ bulk
INSERT INTO stock (shop, item, count) VALUES (:shop, :item, coalesce(:count, 7))
ON CONFLICT DO NOTHING
RETURNING shop, item, count;

--! change_people (name~, bio~)
--@ bulk
UPDATE people SET name = :name, bio = :bio
WHERE id = :id
RETURNING people.id, people.name, people.bio;

--! set_stock
--@ bulk
UPDATE stock SET count = :count WHERE shop = :shop AND item = :item AND count IS DISTINCT FROM :count;

--! remove_stock
--@ bulk
--@ transaction
DELETE FROM stock WHERE shop = :shop AND item = :item;
