-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, label text NOT NULL);

-- ==== queries
--! list
SELECT id, label FROM tags ORDER BY :key, id;

--! top
SELECT id FROM (SELECT id FROM tags ORDER BY :key::text DESC LIMIT 5) AS top WHERE :flag::boolean;

--! chosen
SELECT id, label FROM tags ORDER BY CASE WHEN :by_label THEN label END, id;

--! waived
--@ allow(order_parameter, "of a benchmark")
SELECT id FROM tags ORDER BY :key::int;
