-- Two things that would have one name in Rust, each named.
-- ==== schema
CREATE TABLE posts ("userId" int NOT NULL, user_id int NOT NULL, id int PRIMARY KEY);
-- ==== queries posts
--! get_post
SELECT id, "userId", user_id FROM posts WHERE id = :a AND user_id = :b;

--! getPost
SELECT id FROM posts WHERE id = :userId AND user_id = :user_id;

--! twice
SELECT id, id FROM posts;

--! nameless
SELECT 1 AS "%", 2 AS b;

--! unnamed
SELECT id, user_id + 1 FROM posts;

--! may_be_unnamed
SELECT user_id + 1 FROM posts;

--! post : Listing()
SELECT id, user_id FROM posts;

--! listing
SELECT id, user_id FROM posts WHERE id = :a AND user_id = :b;
-- ==== queries Posts
--! other
SELECT 1;
-- ==== queries año
--! beyond_ascii
SELECT 1;
-- ==== queries types
--! reserved
SELECT 1;
