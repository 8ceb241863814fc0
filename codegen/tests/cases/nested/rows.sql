-- Rows within rows: of tables, of subqueries, alone and in arrays, in rows of their own.
-- ==== schema
CREATE TYPE role AS ENUM ('owner', 'guest');
CREATE TYPE address AS (street text, zip text);
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, bio text, home address);
COMMENT ON COLUMN users.name IS 'As it is called.';
CREATE TABLE posts (
    id int PRIMARY KEY, author int NOT NULL REFERENCES users, title text NOT NULL, tags text[] NOT NULL, body text, role role NOT NULL
);
CREATE TABLE altered (a int, b int, c text NOT NULL);
INSERT INTO altered VALUES (1, 2, 'x');
ALTER TABLE altered DROP COLUMN a, ADD COLUMN d int NOT NULL DEFAULT 5, ADD COLUMN e int;
INSERT INTO users VALUES (1, 'Ann', 'b', ROW('s', NULL)), (2, 'Bob', NULL, NULL), (3, 'Cid', NULL, ROW(NULL, NULL));
INSERT INTO posts VALUES
    (10, 1, 'one', '{a,"b c"}', 'text', 'owner'), (11, 1, 'two', '{}', NULL, 'guest'), (12, 3, 'three', '{x}', NULL, 'guest');
CREATE VIEW headlines AS SELECT id, title, body FROM posts;
-- ==== queries
--: UserPost() : PartialOrd

--! list_posts : UserPost
SELECT id, title, body FROM posts WHERE author = :user_id ORDER BY id;

--! get_user_with_posts : (posts: UserPost)
--- One statement, and the struct that `list_posts` returns.
SELECT
    u.id,
    u.name,
    ARRAY(SELECT p FROM (SELECT id, title, body FROM posts WHERE author = u.id ORDER BY id) p) AS posts
FROM users u
WHERE u.id = :user_id;

--! users_with_whole_posts
SELECT u.id, coalesce(array_agg(p ORDER BY p.id) FILTER (WHERE p.id IS NOT NULL), '{}') AS posts
FROM users u LEFT JOIN posts p ON p.author = u.id
GROUP BY u.id
ORDER BY u.id;

--! users_with_any_post
SELECT u, p AS post FROM users u LEFT JOIN posts p ON p.author = u.id ORDER BY u.id, p.id;

--! users_with_maybe_posts
SELECT u.id, array_agg(p) AS posts FROM users u LEFT JOIN posts p ON p.author = u.id GROUP BY u.id ORDER BY u.id;

--! latest
SELECT u.name, latest
FROM users u
LEFT JOIN LATERAL (SELECT p.title, p.role FROM posts p WHERE p.author = u.id ORDER BY p.id DESC LIMIT 1) latest ON true
ORDER BY u.id;

--! bodies
--- A row that is there and holds nothing but NULL is told from one that is not there.
SELECT
    u.id,
    note,
    ARRAY(SELECT n FROM (SELECT body FROM posts WHERE author = u.id AND id <> 10) n) AS all_notes
FROM users u
LEFT JOIN LATERAL (SELECT p.body FROM posts p WHERE p.author = u.id AND p.id = 11) note ON true
ORDER BY u.id;

--! tree : (u: Author, u.posts[].tags[!])
SELECT u
FROM (
    SELECT
        id,
        home,
        ARRAY(
            SELECT p
            FROM (
                SELECT p.title, p.tags, (SELECT w FROM (SELECT name, bio FROM users WHERE id = p.author) w) AS writer
                FROM posts p
                WHERE p.author = users.id
                ORDER BY p.id
            ) p
        ) AS posts
    FROM users
) u
ORDER BY u.id;

--! pairs
SELECT ROW(id, title, body) AS pair, ARRAY(SELECT ROW(name, posts.tags) FROM users ORDER BY id) AS names FROM posts ORDER BY id;

--! all_titles
SELECT array_agg(p ORDER BY id) FROM (SELECT id, title FROM posts WHERE id > :after) p;

--! altered_rows
SELECT x, ARRAY(SELECT y FROM altered y) AS all_of_them FROM altered x;

--! rename
UPDATE posts SET title = :title WHERE id = :id RETURNING posts AS post, id;

--! headlines : (h: Headline)
SELECT h, id FROM headlines h ORDER BY id;

--! either
SELECT o FROM (SELECT id, name FROM users) o UNION ALL SELECT o FROM (SELECT id, body FROM posts) o;
