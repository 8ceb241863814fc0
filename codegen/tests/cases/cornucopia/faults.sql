-- What Cornucopia refuses is refused here too, at the same place or a better one.
-- ==== schema
CREATE TABLE shelves (id serial PRIMARY KEY, label text);
-- ==== queries one_name_twice
--! twice
SELECT id, label AS id FROM shelves;
-- ==== queries two_types
--! add
INSERT INTO shelves (id, label) VALUES (:value, :value);
-- ==== queries marked_twice
--! add (id?, id?)
INSERT INTO shelves (id, label) VALUES (:id, 'a');
--! all: (id?, label?, id?)
SELECT id, label FROM shelves;
-- ==== queries unknown
--! all: (age?)
SELECT id, label FROM shelves;
--! add (age?)
INSERT INTO shelves (id, label) VALUES (:id, :label);
-- ==== queries same_query
--! one
SELECT id FROM shelves;
--! one
SELECT id FROM shelves;
-- ==== queries same_type
--: Row()
--: Row(label?)
-- ==== queries declared_and_inline
--: Row()
--! inline: Row()
SELECT label FROM shelves;
--! named: Row
SELECT label FROM shelves;
--: Param()
--! add Param()
INSERT INTO shelves (id, label) VALUES (:id, :label);
--! add_again Param
INSERT INTO shelves (id, label) VALUES (:id, :label);
-- ==== queries disagree
--: Row()
--! labels: Row
SELECT label, id FROM shelves;
--! ids: Row
SELECT id FROM shelves;
--: Other()
--! other_labels: Other
SELECT label, 1 AS x FROM shelves;
--! other_ids: Other
SELECT id AS label, 1 AS x FROM shelves;
-- ==== queries one_column_more
--: Row()
--! labels: Row
SELECT label FROM shelves;
--! all: Row
SELECT label, id FROM shelves;
-- ==== queries undeclared
--! add Param
INSERT INTO shelves (id, label) VALUES (:id, :label);
-- ==== queries nothing_comes_back
--! delete: (label?)
DELETE FROM shelves WHERE true;
--! delete_row: Row()
DELETE FROM shelves WHERE true;
--! delete_param Param()
DELETE FROM shelves WHERE true;
-- ==== queries names
--! crate
SELECT id FROM shelves;
--! select: Self()
SELECT id, label FROM shelves;
--! underscore
SELECT id, label AS _ FROM shelves;
--! params Same(): Same()
INSERT INTO shelves (id, label) VALUES (:id, :label) RETURNING id, label;
-- ==== sqlmill.toml
compat = "cornucopia"
