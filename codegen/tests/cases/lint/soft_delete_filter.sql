-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, email text NOT NULL UNIQUE, name text, deleted_at timestamptz);
CREATE TABLE posts (id int PRIMARY KEY, user_id int NOT NULL REFERENCES users, title text NOT NULL, deleted_at timestamptz);
CREATE VIEW all_users AS SELECT * FROM users;

-- ==== sqlmill.toml
[soft_delete]
column = "deleted_at"

-- ==== queries
--! forgotten
SELECT name
FROM users
WHERE id = :id;

--! joined_parent
SELECT p.title, u.name
FROM posts AS p
JOIN users AS u ON u.id = p.user_id
WHERE p.id = :id AND p.deleted_at IS NULL;

--! inner_side
SELECT u.name, p.title
FROM users u
LEFT JOIN posts p
    ON p.user_id = u.id
WHERE u.id = :id AND u.deleted_at IS NULL;

--! too_late
SELECT u.name, p.title
FROM users u
LEFT JOIN posts p ON p.user_id = u.id
WHERE u.deleted_at IS NULL
    AND p.deleted_at IS NULL;

--! wrong_or
SELECT name FROM users WHERE name = :name OR deleted_at IS NULL;

--! in_subquery
SELECT name FROM users
WHERE deleted_at IS NULL AND id IN (SELECT user_id FROM posts WHERE title = :title);

--! through_view
SELECT a.name FROM all_users a;

--! change
UPDATE users SET name = :name WHERE id = :id;

--! upsert
INSERT INTO users (id, email, name) VALUES (:id, :email, :name)
ON CONFLICT (email) DO UPDATE SET name = excluded.name
RETURNING id;

--! nested_or
SELECT name FROM users WHERE :all OR (id > 0 AND (deleted_at IS NULL OR name = :name));

--! too_late_for_the_limit
SELECT p.title
FROM (SELECT title, deleted_at FROM posts ORDER BY id DESC LIMIT 10) p
WHERE p.deleted_at IS NULL;

--! upsert_or
INSERT INTO users (id, email, name) VALUES (:id, :email, :name)
ON CONFLICT (email) DO UPDATE SET name = excluded.name
    WHERE users.deleted_at IS NULL OR users.name IS NULL
RETURNING id;

--! shown_as_an_answer
SELECT id FROM (SELECT id, deleted_at IS NULL AS live FROM users) u WHERE live;

--! right
SELECT u.name, p.title
FROM users u
LEFT JOIN posts p ON p.user_id = u.id AND p.deleted_at IS NULL
WHERE u.id = :id AND (:include_deleted OR u.deleted_at IS NULL);
