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
CREATE DOMAIN words AS text[] CHECK (cardinality(VALUE) < 4);
CREATE DOMAIN app.few AS words CHECK (VALUE <> ARRAY['none']);
CREATE TABLE stock (shop int, item int, count int NOT NULL, PRIMARY KEY (shop, item));
CREATE TABLE lists (
    id int PRIMARY KEY,
    texts text[] NOT NULL,
    numbers numeric[],
    moods mood[],
    homes address[],
    raw bytea[],
    names varchar(5)[],
    few app.few,
    sent text NOT NULL
);
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

--! fill_stock
--- Not the table's order: a struct of its own.
--@ bulk
INSERT INTO stock (count, item, shop) VALUES (:count, :item, :shop);

--! set_stock
--@ bulk
UPDATE stock SET count = :count WHERE shop = :shop AND item = :item AND count IS DISTINCT FROM :count;

--! set_stock_of_item
--- The key's columns in another order than the key has.
--@ bulk
UPDATE stock SET count = :count WHERE item = :item AND shop = :shop;

--: NewLists(texts[?], numbers[?], moods[?], homes[?], raw[?], names?[?], few?[?])
--! add_lists NewLists
--@ bulk
INSERT INTO lists (id, texts, numbers, moods, homes, raw, names, few, sent)
VALUES (:id, :texts, :numbers, :moods, :homes, :raw, :names || ARRAY['end'], :few, :sent)
RETURNING id;

--! add_list NewLists
INSERT INTO lists (id, texts, numbers, moods, homes, raw, names, few, sent)
VALUES (:id, :texts, :numbers, :moods, :homes, :raw, :names || ARRAY['end'], :few, :sent);

--! change_lists (texts~, moods~)
--@ bulk
UPDATE lists SET texts = :texts, moods = :moods WHERE id = :id AND NOT raw @> :raw;

--! remove_lists
--@ bulk
DELETE FROM lists WHERE numbers = :numbers AND texts = :texts;

--! remove_few
--@ bulk
DELETE FROM lists WHERE id = :id AND few = :few;

--! differing_lists
--- Those of which the one that was added with others is not the one that was added alone.
SELECT one.id
FROM lists AS one
JOIN lists AS many ON many.id = one.id + 100000
WHERE ROW(one.texts, one.numbers, one.moods, one.homes, one.raw, one.names, one.few)
        IS DISTINCT FROM ROW(many.texts, many.numbers, many.moods, many.homes, many.raw, many.names, many.few)
    OR ROW(array_dims(one.texts), array_dims(one.numbers), array_dims(one.homes), one.texts::text)
        IS DISTINCT FROM ROW(array_dims(many.texts), array_dims(many.numbers), array_dims(many.homes), many.texts::text)
ORDER BY one.id;

--! list_texts
SELECT texts, moods FROM lists WHERE id = :id;

--! remove_stock
--@ bulk
--@ transaction
DELETE FROM stock WHERE shop = :shop AND item = :item;
