-- ==== schema
CREATE TABLE notes (id int PRIMARY KEY);
-- ==== queries notes
--! a
--@ order
SELECT id FROM notes;

--! b
--@ order(id)
SELECT id FROM notes;

--! c
--@ order(id: )
SELECT id FROM notes;

--! d
--@ order(id: id; id: id DESC)
SELECT id FROM notes;

--! e
--@ order(id: id
SELECT id FROM notes;

--! f
--@ order(id: id + :x)
SELECT id FROM notes;

--! g
--@ order(id: id)
--@ order(up: id)
SELECT id FROM notes;
