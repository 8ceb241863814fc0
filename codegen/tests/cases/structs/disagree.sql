-- Queries that cannot share a struct.
-- ==== schema
CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL, body text);
-- ==== queries posts
--: Post()
--: Key()

--! a Key : Post
SELECT id, title FROM posts WHERE id = :id;

--! b Key : Post
SELECT id, body FROM posts WHERE title = :id;

--! c : Post
SELECT id::text AS id, title FROM posts;

--! d : Post
SELECT title, id FROM posts;

--! e : Post
DELETE FROM posts WHERE id = 1;
