-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY);

-- ==== queries
--! unknown_column
SELECT id, lable
FROM tags;

--! unknown_table
SELECT id FROM tag WHERE id = :id;

--! unknown_here
SELECT id FROM orders;

--! wrong_type
SELECT id FROM tags
WHERE label = :id::int;

--! syntax
SELECT id FORM tags;

--! untyped
SELECT id FROM tags WHERE label = 'a' OR :given IS NULL;
