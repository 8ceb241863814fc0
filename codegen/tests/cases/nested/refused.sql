-- Rows within rows that have no struct, and names that are out of place.
-- ==== schema
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE posts (id int PRIMARY KEY, author int NOT NULL REFERENCES users, title text NOT NULL);
CREATE FUNCTION anything() RETURNS record LANGUAGE sql AS 'SELECT 1, 2';
-- ==== queries
--! no_row : (name: Name)
SELECT id, name FROM users;

--! no_column : (posts: Post)
SELECT id, name FROM users;

--! no_struct_name : (name: )
SELECT id, name FROM users;

--! param (id: UserId)
SELECT name FROM users WHERE id = :id;

--! unknown_shape
SELECT id, anything() AS it FROM users;

--! different_shapes
SELECT ROW(1, 'a') AS r, 1 AS n UNION ALL SELECT ROW(1, 2), 2;

--! no_field : (posts[].body?)
SELECT id, ARRAY(SELECT p FROM (SELECT title FROM posts) p) AS posts FROM users;

--! two_fields
SELECT id, ARRAY(SELECT p FROM (SELECT title, "Title" FROM (SELECT title, title AS "Title" FROM posts) t) p) AS posts FROM users;

--! no_name
SELECT id, ARRAY(SELECT p FROM (SELECT title AS "%" FROM posts) p) AS posts FROM users;

--! one : (posts: Posting)
SELECT id, ARRAY(SELECT p FROM (SELECT title FROM posts) p) AS posts FROM users;

--! other : (posts: Posting)
SELECT id, ARRAY(SELECT p FROM (SELECT title, id FROM posts) p) AS posts FROM users;

--! misspelt : (posts: Postings)
SELECT id, ARRAY(SELECT p FROM (SELECT title FROM posts) p) AS posts FROM users;

--! same_words
SELECT p AS post, ARRAY(SELECT p FROM (SELECT title FROM posts) p) AS posts FROM (SELECT id FROM posts) p;

--! json_of_numbers : (a: Numbers)
SELECT json_agg(id) AS a, id FROM users GROUP BY id;

--! json_row : (a: Shared)
SELECT json_build_object('id', id) AS a, id FROM users;

--! row_row : (a: Shared)
SELECT a, id FROM (SELECT id FROM users) a;

--! json_field : (a.nme?)
SELECT json_build_object('name', name) AS a, id FROM users;
