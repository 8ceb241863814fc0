-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! rename_all
UPDATE tags SET label = :label;

--! clear
DELETE FROM tags;

--! clear_really
DELETE FROM tags WHERE true;
