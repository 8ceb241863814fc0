-- ==== schema
CREATE TABLE tags (id int PRIMARY KEY, post_id int NOT NULL, label text);

-- ==== queries
--! unused
--@ allow(missing_where, "long ago")
DELETE FROM tags WHERE id = :id;

--! misspelt
--@ allow(missing_were, "all of them")
DELETE FROM tags WHERE id = :id;

--! not_waivable
--@ allow(postgres, "it is wrong")
SELECT id, label FROM tags;

--! another
--@ allow(hard_delete, "no")
UPDATE tags SET label = NULL;
