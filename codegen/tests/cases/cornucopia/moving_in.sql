-- With `compat = "cornucopia"`: what its users' files rely on generates as it stands, in every spelling of the annotations.
-- ==== schema
CREATE TYPE shade AS ENUM ('dark', 'light');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN score AS int CHECK (VALUE >= 0);
CREATE TABLE shelves (
    id serial PRIMARY KEY, label text NOT NULL, note text, shade shade NOT NULL, pair pair, tags text[] NOT NULL, score score NOT NULL
);
-- ==== queries shelves
--: Unused()
--:Packed(label?,note?)
   --:   Spaced   (   label?  ,   note?   )   :   serde::Serialize
--# serde(rename_all = "UPPERCASE")
--& allow(clippy::large_types_passed_by_value)

--!packed:Packed
SELECT label,note FROM shelves;
--!    spaced    (   note?   )    :    Spaced
SELECT label, note FROM shelves WHERE note IS NOT DISTINCT FROM :note;
--! inline_row Wanted(score?) : Found(id?, tags?[?], pair?.a?)
SELECT id, tags, pair FROM shelves WHERE score = :score AND shade = :shade;
--! widened: (id?, label?)
SELECT id, label FROM shelves;
--! every_row
UPDATE shelves SET note = :note, label = :label;
--! emptied
DELETE FROM shelves;
--! added (note?)
INSERT INTO shelves (label, note, shade, tags, score) VALUES (:label, :note, :shade, :tags, :score) RETURNING id;
--! type
SELECT label AS "type", id AS "fn" FROM shelves;
--! several_lines
SELECT ':not_a_parameter' AS "a:b",
       id::text /* :nor this */ AS text -- :nor that
FROM shelves
WHERE label = :label;
-- ==== sqlmill.toml
compat = "cornucopia"
