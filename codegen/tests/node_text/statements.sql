-- Each block is one statement that the server is asked about. `-- name [from-version]` begins it.

-- select_constants
SELECT 1, 'text', NULL, 1.5, true, -7::bigint, 'x'::"char", '{1,2}'::int[], B'101', '1 day'::interval
-- select_by_key
SELECT id, mail, name FROM users WHERE id = $1 AND ($2 OR deleted_at IS NULL)
-- odd_names
SELECT o."a b", o.":c", o."(d)\", o."ünï" AS ":e {f} \g", o."9", o." " FROM "Odd :name {x}" AS ":o p" (":q"), "Odd :name {x}" o
-- long_alias
SELECT 1 AS "a-very-long-alias-without-any-space-that-goes-on-and-on-to-sixty-3c", 2 AS "ääääääääääääääääääääääääääääää"
-- system_columns
SELECT ctid, tableoid, xmin, users FROM users
-- joins
SELECT * FROM users u JOIN posts p ON p.author = u.id LEFT JOIN posts q USING (title) FULL JOIN events e ON e.what = q.title RIGHT JOIN log l ON true CROSS JOIN ruled, LATERAL (SELECT u.id + 1 AS n) s NATURAL LEFT JOIN pairs()
-- joined_alias
SELECT j.title, p.title FROM posts p JOIN posts q USING (title) AS j
-- view
SELECT a.name, a.title FROM authors a WHERE a.id = $1 FOR UPDATE
-- view_of_view
SELECT living.mail FROM living, authors WHERE living.id = authors.id
-- row_security
SELECT id FROM guarded FOR SHARE
-- set_operations
(SELECT id::bigint FROM users UNION ALL SELECT id FROM posts) INTERSECT SELECT $1 EXCEPT SELECT 2 ORDER BY 1 DESC NULLS LAST LIMIT 5 OFFSET $2
-- with
WITH RECURSIVE tree AS (SELECT id, parent FROM posts WHERE id = $1 UNION ALL SELECT p.id, p.parent FROM posts p JOIN tree t ON p.parent = t.id) SEARCH DEPTH FIRST BY id SET ordercol CYCLE id SET is_cycle USING path SELECT * FROM tree
-- with_writes
WITH gone AS (DELETE FROM posts WHERE id = $1 RETURNING author), kept AS MATERIALIZED (SELECT 1 AS n) SELECT author, n FROM gone, kept
-- values
VALUES (1, 'a'), (2, NULL), ($1, $2)
-- values_in_from
SELECT v.a, v.b FROM (VALUES (1, 'x'), (2, NULL)) AS v (a, b)
-- table
TABLE users
-- functions_in_from
SELECT * FROM generate_series(1, $1) WITH ORDINALITY AS g (n, o), pairs() p, ROWS FROM (twice(2), unnest(ARRAY['a'])), json_to_record('{}') AS r (a int, b text)
-- tablesample
SELECT count(*) FROM posts TABLESAMPLE system (10) REPEATABLE (1)
-- aggregates
SELECT author, count(*), sum(score) FILTER (WHERE score > 1), string_agg(DISTINCT title, ',' ORDER BY title), percentile_cont(0.5) WITHIN GROUP (ORDER BY score), rank(3) WITHIN GROUP (ORDER BY score) FROM posts GROUP BY author HAVING count(*) > $1
-- grouping_sets
SELECT author, title, grouping(author, title), max(id) FROM posts GROUP BY GROUPING SETS (ROLLUP (author, title), CUBE (score), ()), id
-- windows
SELECT row_number() OVER w, sum(score) OVER (PARTITION BY author ORDER BY id ROWS BETWEEN 1 PRECEDING AND $1 FOLLOWING EXCLUDE TIES), lag(title) OVER w FROM posts WINDOW w AS (ORDER BY id DESC)
-- distinct
SELECT DISTINCT author, title FROM posts
-- distinct_on
SELECT DISTINCT ON (author) author, title FROM posts ORDER BY author, id DESC
-- with_ties
SELECT id FROM posts ORDER BY score FETCH FIRST 3 ROWS WITH TIES
-- subqueries
SELECT EXISTS (SELECT FROM posts WHERE author = u.id), (SELECT max(title) FROM posts), ARRAY(SELECT id FROM posts ORDER BY id), u.id IN (SELECT author FROM posts), u.id > ALL (SELECT 1), (u.id, u.name) = (SELECT 1, 'x'), (u.id, u.name) IN (SELECT author, title FROM posts), (1, 2) < ANY (SELECT 1, 2) FROM users u
-- expressions
SELECT CASE WHEN id > 1 THEN 'a' WHEN name IS NULL THEN 'b' END, CASE id WHEN 1 THEN true ELSE false END, coalesce(name, $1), nullif(name, ''), greatest(id, 1), least(id, $2), id IS DISTINCT FROM 3, name = ANY ($3), id <> ALL (ARRAY[1, 2]), id IN (1, 2), name LIKE 'a%', NOT (id = 1), (id > 1) IS NOT TRUE, (id > 1) IS UNKNOWN, name IS NOT NULL, ROW(id, name) IS NULL, ROW(1, 2) < ROW(id, 3), id BETWEEN SYMMETRIC 1 AND 2, name COLLATE "C" || 'x', id::text, id::numeric(10, 2), tags::varchar(3)[], tags[1], tags[1:2], tags[:$4], (home).zip, ROW('a', 'b')::place, current_date, current_user, localtime(2), extract(year FROM deleted_at), deleted_at AT TIME ZONE 'UTC', substring(name FROM 2), position('a' IN name), overlay(name PLACING 'x' FROM 1), trim(name), config -> 'a' ->> 'b', config @? '$.a', ARRAY[[1, 2], [3, 4]], ARRAY[]::int[], twice(id), named(b => 1, a => id), VARIADIC_TEST.x FROM users, LATERAL (SELECT concat(VARIADIC tags) AS x) VARIADIC_TEST
-- domains
SELECT 'a@b'::email, $1::small, mail::text, '{a@b}'::email[] FROM users
-- row_types
SELECT u, (u).*, ROW(u.*), p::text FROM living u, posts p
-- xml
SELECT xmlelement(name a, xmlattributes($1::text AS b), 'c'), xmlforest(1 AS x), xmlconcat('<a/>', $2), '<a/>' IS DOCUMENT, xmlserialize(content '<a/>' AS text), xmlparse(document '<a/>')
-- xmltable
SELECT x.* FROM xmltable('/r' PASSING $1 COLUMNS a int PATH '@a' NOT NULL DEFAULT 1, o FOR ORDINALITY, b text) AS x
-- json_constructors 16
SELECT json_object('a': $1::text RETURNING jsonb), json_array(1, name ABSENT ON NULL), json_objectagg(name: id) OVER (), config IS JSON OBJECT FROM users
-- json_arrayagg 16
SELECT json_arrayagg(id ORDER BY id), json_objectagg(name: id RETURNING jsonb) FROM users
-- json_queries 17
SELECT json_value(config, '$.a' RETURNING int DEFAULT 1 ON EMPTY ERROR ON ERROR), json_query(config, '$.b' PASSING id AS x WITH WRAPPER EMPTY ARRAY ON EMPTY), json_exists(config, '$.c'), json_scalar($1::int), json('{}'), json_serialize('{}' RETURNING text) FROM users
-- json_table 17
SELECT t.* FROM users, json_table(config, '$[*]' COLUMNS (n FOR ORDINALITY, a int PATH '$.a' DEFAULT 1 ON EMPTY, e boolean EXISTS PATH '$.e')) AS t
-- json_table_nested 17
SELECT t.* FROM json_table($1::jsonb, '$[*]' COLUMNS (n FOR ORDINALITY, NESTED PATH '$.x[*]' COLUMNS (m FOR ORDINALITY, b text PATH '$'))) AS t
-- insert
INSERT INTO users (mail, name, tags[2], home.zip) VALUES ($1, $2, $3, $4) RETURNING id, mail, mood, shouted
-- insert_many
INSERT INTO posts (author, title, score) VALUES (1, $1, DEFAULT), (2, 'b', $2)
-- insert_select
INSERT INTO posts (author, title) SELECT id, name FROM users WHERE id = ANY ($1)
-- insert_defaults
INSERT INTO users DEFAULT VALUES
-- insert_overriding
INSERT INTO users (id, mail) OVERRIDING SYSTEM VALUE VALUES ($1, $2)
-- upsert
INSERT INTO users AS u (mail, name) VALUES ($1, $2) ON CONFLICT (mail) WHERE true DO UPDATE SET name = excluded.name, tags[1] = 'x' WHERE u.name <> excluded.name RETURNING u.id, u.name = $3
-- upsert_nothing
INSERT INTO users (mail) VALUES ($1) ON CONFLICT ON CONSTRAINT users_mail_key DO NOTHING
-- insert_partitioned
INSERT INTO events VALUES (now(), $1)
-- insert_view
INSERT INTO checked (title, score) VALUES ($1, 5)
-- insert_view_without_where
INSERT INTO every_note VALUES ($1)
-- update
UPDATE users SET name = $1, tags[1] = $2, home.street = $3, mood = DEFAULT WHERE id = $4 RETURNING *
-- update_from
UPDATE posts p SET title = u.name FROM users u WHERE u.id = p.author AND u.mail = $1
-- update_multi
UPDATE posts SET (title, score) = (SELECT name, 3 FROM users WHERE id = author), (parent) = ROW ($1)
-- update_view
UPDATE checked SET score = score + 1 WHERE title = $1
-- delete
DELETE FROM posts USING users u WHERE u.id = author AND u.name = $1 RETURNING u.id, title
-- current_of
DELETE FROM posts WHERE CURRENT OF a_cursor
-- rule_also
INSERT INTO ruled VALUES ($1, $2) RETURNING id
-- rule_notify
UPDATE ruled SET note = $1 WHERE id = $2
-- rule_nothing
DELETE FROM ruled WHERE id = $1
-- merge 15
MERGE INTO posts p USING users u ON p.author = u.id AND u.name = $1 WHEN MATCHED AND p.score > 1 THEN UPDATE SET title = u.name, score = $2 WHEN MATCHED THEN DELETE WHEN NOT MATCHED AND u.id > 3 THEN INSERT (author, title) VALUES (u.id, 'x') WHEN NOT MATCHED THEN DO NOTHING
-- merge_returning 17
MERGE INTO posts p USING users u ON p.author = u.id WHEN NOT MATCHED BY SOURCE THEN DELETE WHEN MATCHED THEN UPDATE SET title = 'x' WHEN NOT MATCHED BY TARGET THEN INSERT (author, title) VALUES (u.id, $1) RETURNING merge_action(), p.id, u.name
-- returning_old_new 18
UPDATE posts SET score = $1 WHERE id = $2 RETURNING old.score, new.score, old, new.title, score
-- upsert_old 18
INSERT INTO users (mail) VALUES ($1) ON CONFLICT (mail) DO UPDATE SET name = 'x' RETURNING WITH (OLD AS o, NEW AS n) o.name, n.name, o.id IS NULL
-- locks
SELECT p.id FROM posts p JOIN users u ON u.id = p.author FOR NO KEY UPDATE OF p SKIP LOCKED FOR KEY SHARE OF u NOWAIT
-- only
SELECT * FROM ONLY events
-- nextval
SELECT nextval('posts_id_seq'), currval($1::regclass)
-- set_returning_target
SELECT unnest(tags), generate_series(1, 2) FROM users
-- information_schema
SELECT table_name FROM information_schema.tables WHERE table_schema = $1
-- returning_old_of_view 18
UPDATE checked SET score = 7 RETURNING old.score, new.title
