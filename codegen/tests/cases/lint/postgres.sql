-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! unknown_column
SELECT id, lable
FROM tags;

--! unknown_table
SELECT id FROM tag WHERE id = :id;

--! wrong_type
SELECT id FROM tags
WHERE label = :id::int;

--! syntax
SELECT id FORM tags;
