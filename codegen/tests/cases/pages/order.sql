-- Pages whose rows may come in another order each time.
-- ==== schema
CREATE TABLE users (id bigint PRIMARY KEY, name text NOT NULL, seen int, UNIQUE (name, seen));

-- ==== queries
--! unordered
--@ page
SELECT id FROM users;

--! tied
--@ page
SELECT id, name FROM users ORDER BY name;

--! tied_by_null
--@ page
SELECT name, seen FROM users ORDER BY name, seen;

--! needless
--@ page
--@ allow(page_order, "it is settled, in truth")
SELECT id FROM users ORDER BY id;
