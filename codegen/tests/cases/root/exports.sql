-- What the root exports: names that two modules have are left out.
-- ==== schema
CREATE TABLE errors (id int PRIMARY KEY, text text);
CREATE TABLE users (id int PRIMARY KEY, name text);
-- ==== queries errors
--! list
SELECT * FROM errors;
--! only_here
SELECT id FROM errors;
-- ==== queries users
--! list
SELECT * FROM users;
-- ==== queries users
--! second_file
SELECT name FROM users WHERE id = :id;
