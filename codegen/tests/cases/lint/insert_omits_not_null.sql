-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! add
INSERT INTO tags (id, label) VALUES (:id, :label);

--! add_nothing
INSERT INTO tags (label) SELECT :label FROM generate_series(1, 3);
