-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);
CREATE TABLE slots (id int PRIMARY KEY, place int CONSTRAINT slots_place UNIQUE DEFERRABLE);

-- ==== queries
--! no_arbiter
INSERT INTO tags (id, post_id) VALUES (:id, :post_id)
ON CONFLICT (label) DO NOTHING;

--! locked_absence
SELECT a.id
FROM tags a
LEFT JOIN tags b ON b.post_id = a.id
FOR UPDATE;

--! deferrable_arbiter
INSERT INTO slots (id, place) VALUES (:id, :place)
ON CONFLICT DO NOTHING;

--! deferrable_arbiter_by_name
INSERT INTO slots (id, place) VALUES (:id, :place)
ON CONFLICT ON CONSTRAINT slots_place DO NOTHING;

--! other_arbiter
INSERT INTO slots (id, place) VALUES (:id, :place)
ON CONFLICT (id) DO NOTHING;
