-- A schema that the server refuses is told of at the place in the file.
-- ==== schema
CREATE TABLE shelves (id serial PRIMARY KEY, label text);
CREATE TABLE boxes {};
-- ==== queries
--! all
SELECT * FROM shelves;
-- ==== sqlmill.toml
compat = "cornucopia"
