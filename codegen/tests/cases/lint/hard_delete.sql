-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, deleted_at timestamptz);
CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL, deleted_at timestamptz);
CREATE TABLE orgs (id int PRIMARY KEY);
CREATE TABLE teams (id int PRIMARY KEY, org int REFERENCES orgs ON DELETE CASCADE, deleted_at timestamptz);
CREATE VIEW all_users AS SELECT * FROM users;

-- ==== sqlmill.toml
[soft_delete]
column = "deleted_at"

-- ==== queries
--! remove
DELETE FROM users WHERE id = :id;

--! clear
TRUNCATE posts;

--! with_its_teams
DELETE FROM orgs WHERE id = :id;

--! erase
--@ allow(hard_delete, "the right to erasure")
DELETE FROM posts WHERE user_id = :user_id;
