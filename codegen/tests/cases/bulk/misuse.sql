-- What takes no many rows.

-- ==== schema
CREATE DOMAIN words AS varchar(5)[];
CREATE TABLE tags (id int PRIMARY KEY, label text, words text[], post int);
CREATE TABLE posts (id int PRIMARY KEY);
CREATE TABLE prices (amount numeric PRIMARY KEY, label text, cuts int[] UNIQUE);

-- ==== queries
--! of_a_select
--@ bulk
SELECT label FROM tags WHERE id = :id AND label = :label;

--! of_a_with
--@ bulk
WITH made AS (INSERT INTO tags (id, label) VALUES (:id, :label) RETURNING id) SELECT id FROM made;

--! of_nothing
--@ bulk
INSERT INTO tags (id) VALUES (1);

--! of_a_list
--@ bulk
DELETE FROM tags WHERE id = :id;

--! of_an_insert_with_select
--@ bulk
INSERT INTO tags (id, label) SELECT :id, :label;

--! of_two_rows
--@ bulk
INSERT INTO tags (id, label) VALUES (:id, :label), (0, 'none');

--! of_a_default
--@ bulk
INSERT INTO tags (id, label, post) VALUES (:id, :label, DEFAULT);

--! outside
--@ bulk
INSERT INTO tags (id, label) VALUES (:id, :label) ON CONFLICT (id) DO UPDATE SET label = :label;

--! of_domains_of_arrays
--@ bulk
INSERT INTO tags (id, words) VALUES (:id, :words::words);

--! without_a_key
--@ bulk
UPDATE tags SET label = :label WHERE post = :post;

--! by_a_number
--@ bulk
UPDATE prices SET label = :label WHERE amount = :amount;

--! by_an_array
--@ bulk
UPDATE prices SET label = :label WHERE cuts = :cuts;

--! with_from
--@ bulk
UPDATE tags SET label = :label FROM posts WHERE posts.id = tags.post AND tags.id = :id;

--! without_where
--@ bulk
--@ allow(missing_where, "all of them")
DELETE FROM tags RETURNING :a::int AS a, :b::int AS b;

--! all_columns
--@ bulk
DELETE FROM tags WHERE id = :id AND label = :label RETURNING *;

--! one_row
--@ bulk
--@ one
INSERT INTO tags (id, label) VALUES (:id, :label) RETURNING id;
