-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! search
SELECT id, label FROM tags WHERE label ILIKE :pattern;

--! search_plain
SELECT id, label FROM tags WHERE position(lower(:text) IN lower(label)) > 0;
