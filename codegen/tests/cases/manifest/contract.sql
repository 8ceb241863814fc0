-- ==== schema
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE users (id int PRIMARY KEY, name text NOT NULL UNIQUE, mood mood);
-- ==== queries
--! rename
UPDATE users SET name = :name WHERE id = :id RETURNING id, mood;
--! find
SELECT name FROM users WHERE mood = ANY(:moods);
