-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! no_arbiter
INSERT INTO tags (id, post_id) VALUES (:id, :post_id)
ON CONFLICT (label) DO NOTHING;

--! locked_absence
SELECT a.id
FROM tags a
LEFT JOIN tags b ON b.post_id = a.id
FOR UPDATE;
