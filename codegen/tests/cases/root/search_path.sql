-- Names without a schema are looked up in the search path of the configuration, by the schema file as well, and the crate pins it.
-- ==== sqlmill.toml
search_path = ["shop", "Old Shop", "public"]
-- ==== schema
CREATE SCHEMA shop;
CREATE SCHEMA "Old Shop";
-- In the first schema of the path.
CREATE TABLE items (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE public.items (id int PRIMARY KEY, name int);
CREATE TABLE "Old Shop".orders (id int PRIMARY KEY, note text NOT NULL);
CREATE TYPE public.mood AS ENUM ('calm', 'cross');
CREATE FUNCTION count_items() RETURNS bigint LANGUAGE sql STABLE AS 'SELECT count(*) FROM items';
-- ==== queries items
--! names
SELECT name FROM items ORDER BY id;

--! names_of_public
SELECT name FROM public.items ORDER BY id;

--! add
INSERT INTO items (id, name) VALUES (:id, :name);

--! notes
SELECT note FROM orders ORDER BY id;

--! mood
SELECT mood FROM unnest(:moods::mood[]) AS mood ORDER BY mood;

--! add_all
--@ bulk
INSERT INTO items (id, name) VALUES (:id, :name);
