-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! first
--@ one
SELECT label FROM tags WHERE post_id = :post_id;

--! gone
--@ optional
DELETE FROM tags WHERE id = :id;

--! by_key
--@ optional
SELECT label FROM tags WHERE id = :id;
