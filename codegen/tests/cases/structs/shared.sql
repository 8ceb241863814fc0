-- A struct that queries share: nullable where it is in any of them, bound by tuple where the order differs.
-- ==== schema
CREATE TABLE posts (id int PRIMARY KEY, title text NOT NULL, body text, author int NOT NULL, tags text[] NOT NULL);
-- ==== queries posts
--: Post() : serde::Serialize
--# serde(rename_all = "camelCase")
--: Search(title?)

--! list_posts Search : Post
SELECT id, title, tags FROM posts WHERE title = :title AND author = :author;

--! list_bodies Search : Post
SELECT id, body AS title, tags FROM posts WHERE author = :author AND title = :title;

--! get_post : PostView(title, tags[!])
SELECT id, title, tags FROM posts WHERE id = :id;

--! rename Rename(title, id)
UPDATE posts SET title = :title WHERE id = :id;

--: user_row()
--: HTTPRow()

--! lower : user_row
SELECT id, title FROM posts;

--! upper : HTTPRow
SELECT id, title FROM posts;

--! add
INSERT INTO posts (id, title, author, tags) VALUES (:id, :title, :author, '{}');
