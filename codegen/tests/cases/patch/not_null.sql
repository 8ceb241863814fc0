-- A patch of a NOT NULL column cannot set NULL.

-- ==== schema
CREATE DOMAIN title AS text NOT NULL;
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, bio text, title title);

-- ==== queries
--! update_user (name~?, title~?, bio~?)
UPDATE users SET name = :name, title = :title, bio = :bio WHERE id = :id;
