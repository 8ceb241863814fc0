-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! nothing : (gone!)
SELECT id, NULL::text AS gone FROM tags;

--! needless : (post_id?)
SELECT id, post_id FROM tags;
