-- JSON whose keys are known: structs, where each value is read back without loss, and Value where it is not.
-- ==== schema
CREATE TYPE role AS ENUM ('owner', 'in doubt');
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL, email email, config jsonb);
CREATE TABLE posts (
    id bigint PRIMARY KEY, author int NOT NULL REFERENCES users, title text NOT NULL, tags text[] NOT NULL, body text,
    role role NOT NULL, price numeric, weight float8, small float4, key uuid, at timestamptz, local timestamp, day date, clock time,
    took interval, bytes bytea, published boolean NOT NULL
);
INSERT INTO users VALUES (1, 'Ann "A" \ é', 'a@x', '{"a": null}'), (2, 'Bob', NULL, NULL);
INSERT INTO posts VALUES
    (9007199254740993, 1, E'one\n', '{a,"b c",NULL}', 'text', 'in doubt', 12345678901234567890.12345678, 0.1, 0.1,
     '00000000-0000-0000-0000-000000000007', '2024-01-02 03:04:05.123456+02', '2024-01-02 03:04:05', '2024-02-29', '23:59:59.5',
     '1 day', '\x0102', true),
    (2, 1, 'two', '{}', NULL, 'owner', NULL, 'NaN', '-Infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, false);
-- ==== queries
--! users_with_posts
SELECT
    u.id,
    (
        SELECT coalesce(json_agg(json_build_object('id', p.id, 'title', p.title, 'Tags', p.tags, 'role', p.role) ORDER BY p.title), '[]')
        FROM posts p
        WHERE p.author = u.id
    ) AS posts
FROM users u
ORDER BY u.id;

--! whole_posts : (post: PostView)
SELECT to_jsonb(p) AS post FROM posts p ORDER BY title;

--! posts_of_subquery
SELECT coalesce(jsonb_agg(o ORDER BY o.id), '[]') AS posts
FROM (
    SELECT p.id, p.price, jsonb_build_object('name', u.name, 'email', u.email, 'config', u.config) AS author
    FROM posts p JOIN users u ON u.id = p.author
) o;

--! last_post
SELECT u.name, row_to_json(last) AS last
FROM users u
LEFT JOIN LATERAL (SELECT title, published FROM posts WHERE author = u.id ORDER BY id DESC LIMIT 1) last ON true
ORDER BY u.id;

--! maybe_posts
SELECT json_agg(p.title) AS titles, json_agg(to_json(o)) AS found
FROM users u LEFT JOIN posts p ON p.author = u.id LEFT JOIN (SELECT id, title FROM posts) o ON o.id = p.id
GROUP BY u.id
ORDER BY u.id;

--! unfit
SELECT json_build_object('day', day, 'post', json_build_object('id', id, 'at', coalesce(at, 'infinity'))) AS found, id FROM posts ORDER BY at;

--! plain : (a: Value)
SELECT jsonb_build_object('id', id) AS a, jsonb_build_object('id', id, 'id', 2) AS b, jsonb_build_object(name, id) AS c, 1 AS d FROM users;
