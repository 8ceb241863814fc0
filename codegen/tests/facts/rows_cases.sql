-- optional (1)
SELECT id FROM usr WHERE id = $1
-- optional ('a')
SELECT id FROM usr WHERE email = $1
-- optional (1)
SELECT id FROM usr WHERE $1 = id
-- many ('x')
SELECT id FROM usr WHERE name = $1
-- many
SELECT id FROM usr
-- open (1)
SELECT id FROM usr WHERE id > $1 AND id < 3
-- open (1)
SELECT id FROM usr WHERE id = $1 OR id = 2
-- many (1)
SELECT id FROM usr WHERE NOT id = $1
-- many (ARRAY[1,2])
SELECT id FROM usr WHERE id = ANY($1)
-- open (1)
SELECT id FROM usr WHERE id = ANY(ARRAY[$1, 1])
-- many (1)
SELECT id FROM usr WHERE org_id = $1
-- optional (1, 2)
SELECT role FROM member WHERE user_id = $1 AND org_id = $2
-- many (1)
SELECT role FROM member WHERE user_id = $1
-- optional (1, 1)
SELECT v FROM loose WHERE a = $1 AND b = $2
-- many (1)
SELECT v FROM loose WHERE a = $1 AND b IS NULL
-- many (1, NULL)
SELECT v FROM loose WHERE a = $1 AND b IS NOT DISTINCT FROM $2::int
-- many
SELECT v FROM loose WHERE a IS NULL AND b IS NULL
-- optional ('n')
SELECT id FROM usr WHERE nick = $1
-- many
SELECT id FROM usr WHERE nick IS NULL
-- many (NULL)
SELECT id FROM usr WHERE nick IS NOT DISTINCT FROM $1
-- many (1)
SELECT v FROM late WHERE id = $1
-- many (1)
SELECT v FROM parent WHERE id = $1
-- optional (1)
SELECT v FROM ONLY parent WHERE id = $1
-- many (1)
SELECT v FROM parted WHERE id = $1
-- optional (1, 1)
SELECT v FROM parted WHERE id = $1 AND k = $2
-- optional (1)
SELECT id FROM parted_1 WHERE v = $1
-- many (1)
SELECT id FROM parted WHERE v = $1
-- optional (1)
SELECT id FROM usr WHERE big = $1::int
-- optional ('c')
SELECT id FROM usr WHERE code = $1::text
-- optional ('c')
SELECT id FROM usr WHERE code = 'c'
-- open ('a')
SELECT id FROM usr WHERE lower(email) = $1
-- optional ('a@b')
SELECT id FROM lowered WHERE lower(email) = lower($1)
-- open ('a@b')
SELECT id FROM lowered WHERE upper(email) = upper($1)
-- optional ('a')
SELECT id FROM soft WHERE email = $1 AND deleted_at IS NULL
-- many ('a')
SELECT id FROM soft WHERE email = $1
-- many ('a')
SELECT id FROM soft WHERE email = $1 AND deleted_at IS NOT NULL
-- many ('a', true)
SELECT id FROM soft WHERE email = $1 AND ($2 OR deleted_at IS NULL)
-- optional ('new')
SELECT id FROM soft WHERE state = $1 AND main
-- optional ('new')
SELECT id FROM soft WHERE state = $1 AND main = true
-- optional ('new')
SELECT id FROM soft WHERE state = $1 AND main IS TRUE
-- many ('new')
SELECT id FROM soft WHERE state = $1 AND main IS NOT NULL
-- open ('new')
SELECT id FROM soft WHERE state = $1 AND NOT main
-- optional (1)
SELECT state FROM states WHERE id = $1 AND state = 'open'
-- many (1)
SELECT state FROM states WHERE id = $1 AND state = 'shut'
-- optional (1)
SELECT state FROM states WHERE id = $1 AND state IN ('open', 'held')
-- optional (1, 'n')
SELECT state FROM states WHERE id = $1 AND note = $2
-- optional (1)
SELECT state FROM states WHERE id = $1 AND note IS NOT NULL
-- many (1)
SELECT state FROM states WHERE id = $1 AND note IS NULL
-- many ('a')
SELECT id FROM words WHERE word = $1
-- optional ('a')
SELECT id FROM words WHERE word COLLATE "C" = $1
-- optional ('a')
SELECT word FROM blind_words WHERE word = $1
-- optional ('a')
SELECT word FROM blind_words WHERE word COLLATE "C" = $1
-- many
SELECT w.id FROM blind_words b JOIN words w ON w.word = b.word WHERE b.word = 'a'
-- many ('1')
SELECT t FROM texts WHERE t::numeric = $1::numeric AND t LIKE '1%'
-- many (1)
SELECT t.t FROM nums JOIN texts t ON t.t::numeric = nums.n WHERE nums.n = $1 AND t.t LIKE '1%'
-- many ('xx')
SELECT t FROM texts WHERE t ~=~~ $1
-- many ('a')
SELECT t FROM texts WHERE t > $1
-- many
SELECT id FROM usr WHERE id = next_of_two() OR id = 3 OR id = 2
-- many
SELECT id FROM usr WHERE id = next_of_two()
-- optional
SELECT id FROM usr WHERE id = the_answer()
-- optional
SELECT id FROM usr WHERE id = (SELECT min(user_id) FROM post)
-- open
SELECT id FROM usr WHERE id = (SELECT next_of_two() LIMIT 0)
-- many
SELECT id FROM usr WHERE id = (SELECT user_id FROM profile WHERE user_id = usr.id)
-- many
SELECT id FROM usr WHERE id IN (SELECT user_id FROM post)
-- many
SELECT id FROM usr WHERE id = org_id OR true
-- many
SELECT id FROM usr u WHERE id = u.id
-- optional ('1')
SELECT id FROM usr WHERE id = $1::text::int
-- optional
SELECT id FROM usr WHERE id = length(current_user) - length(current_user) + 1
-- optional (1)
SELECT u.id, p.bio FROM usr u JOIN profile p ON p.user_id = u.id WHERE u.id = $1
-- optional (1)
SELECT u.id, p.bio FROM usr u LEFT JOIN profile p ON p.user_id = u.id WHERE u.id = $1
-- optional (1)
SELECT u.id, p.bio FROM profile p RIGHT JOIN usr u ON p.user_id = u.id WHERE u.id = $1
-- many (1)
SELECT u.id, p.title FROM usr u LEFT JOIN post p ON p.user_id = u.id WHERE u.id = $1
-- many (1)
SELECT u.id FROM usr u JOIN post p ON p.user_id = u.id WHERE u.id = $1
-- optional (1)
SELECT u.id FROM post p JOIN usr u ON u.id = p.user_id WHERE p.id = $1
-- optional (1)
SELECT u.id, o.name FROM post p JOIN usr u ON u.id = p.user_id JOIN org o ON o.id = u.org_id WHERE p.id = $1
-- optional (1)
SELECT u.id, o.name FROM post p LEFT JOIN usr u ON u.id = p.user_id LEFT JOIN org o ON o.id = u.org_id WHERE p.id = $1
-- optional (1)
SELECT u.id FROM org o, usr u, post p WHERE p.user_id = u.id AND u.org_id = o.id AND p.id = $1
-- many (1)
SELECT u.id, p.bio FROM usr u LEFT JOIN profile p ON p.user_id = u.id AND u.id = $1
-- many (1)
SELECT u.id, p.bio FROM usr u LEFT JOIN profile p ON u.id = $1 AND p.user_id = 1
-- optional (1)
SELECT u.id, p.bio FROM usr u LEFT JOIN profile p ON p.user_id = u.id WHERE p.user_id = $1
-- many
SELECT u.id, p.bio FROM usr u FULL JOIN profile p ON p.user_id = u.id AND u.id = 1
-- open (1)
SELECT u.id, p.bio FROM usr u FULL JOIN profile p ON p.user_id = u.id AND u.id = $1 WHERE u.id = 1 OR p.user_id = 1
-- optional (1)
SELECT u.id, p.bio FROM usr u FULL JOIN profile p ON p.user_id = u.id WHERE u.id = $1
-- many
SELECT a.id FROM usr a CROSS JOIN (SELECT id FROM usr WHERE id = 1) b
-- optional
SELECT a.id FROM (SELECT id FROM usr LIMIT 1) a JOIN usr b ON b.id = a.id
-- optional (1)
SELECT u.id, x.title FROM usr u LEFT JOIN LATERAL (SELECT title FROM post WHERE user_id = u.id ORDER BY id LIMIT 1) x ON true WHERE u.id = $1
-- many (1)
SELECT u.id, x.title FROM usr u LEFT JOIN LATERAL (SELECT title FROM post WHERE user_id = u.id ORDER BY id LIMIT 2) x ON true WHERE u.id = $1
-- many
SELECT u.id, x.title FROM usr u CROSS JOIN LATERAL (SELECT title FROM post WHERE user_id = u.id ORDER BY id LIMIT 1) x
-- many
SELECT u.id FROM usr u CROSS JOIN LATERAL (SELECT id FROM usr v WHERE v.id = u.id) x JOIN post p ON p.user_id = 1
-- many (1)
SELECT v.id FROM usr u CROSS JOIN LATERAL (SELECT u.id AS n) x JOIN usr v ON v.id = x.n WHERE u.org_id = $1
-- optional (1)
SELECT v.id FROM usr u CROSS JOIN LATERAL (SELECT u.org_id AS n) x JOIN usr v ON v.id = x.n WHERE u.id = $1
-- many
SELECT v.id FROM usr u JOIN LATERAL (SELECT next_of_two() AS n) x ON true JOIN usr v ON v.id = x.n
-- optional (1)
SELECT id FROM usr_view WHERE id = $1
-- many (1)
SELECT id FROM usr_view WHERE org_id = $1
-- optional (1)
SELECT user_id, posts FROM usr_counts WHERE user_id = $1
-- many
SELECT user_id FROM usr_counts WHERE posts > 0
-- many (1)
SELECT id FROM usr_union WHERE id = $1
-- optional (1)
SELECT id FROM usr_distinct WHERE id = $1
-- optional (1)
SELECT email FROM usr_mat WHERE id = $1
-- optional (1)
SELECT u.id, c.posts FROM usr u LEFT JOIN usr_counts c ON c.user_id = u.id WHERE u.id = $1
-- optional (1)
SELECT u.id, c.n FROM usr u LEFT JOIN (SELECT user_id, count(*) AS n FROM post GROUP BY 1) c ON c.user_id = u.id WHERE u.id = $1
-- one
SELECT count(*) FROM usr
-- one
SELECT count(*), max(id) FROM usr WHERE name = 'x'
-- optional
SELECT count(*) FROM usr HAVING count(*) > 0
-- optional
SELECT 1 AS a FROM usr HAVING count(*) > 0
-- optional
SELECT count(*) FROM usr OFFSET 1
-- one
SELECT count(*) FROM usr OFFSET 0
-- optional (0)
SELECT count(*) FROM usr LIMIT $1
-- optional
SELECT count(*) FROM usr LIMIT 0
-- one
SELECT count(*) FROM usr LIMIT 10
-- many
SELECT count(*), generate_series(1, 2) FROM usr
-- many
SELECT name, count(*) FROM usr GROUP BY name
-- optional ('x')
SELECT name, count(*) FROM usr WHERE name = $1 GROUP BY name
-- optional ('x')
SELECT name, count(*) FROM usr GROUP BY name HAVING name = $1
-- many ('x')
SELECT name, count(*) FROM usr WHERE name = $1 GROUP BY name, id
-- optional (1)
SELECT id, name FROM usr WHERE id = $1 GROUP BY id
-- one
SELECT count(*) FROM usr GROUP BY ()
-- many
SELECT count(*) FROM usr GROUP BY GROUPING SETS ((), ())
-- many ('x')
SELECT name, count(*) FROM usr WHERE name = $1 GROUP BY ROLLUP (name)
-- optional ('x')
SELECT name, count(*) FROM usr WHERE name = $1 GROUP BY name, ()
-- many
SELECT DISTINCT name FROM usr
-- optional ('x')
SELECT DISTINCT name FROM usr WHERE name = $1
-- many ('x')
SELECT DISTINCT name, id FROM usr WHERE name = $1
-- optional ('x')
SELECT DISTINCT ON (name) id FROM usr WHERE name = $1 ORDER BY name, id
-- many
SELECT DISTINCT ON (id) id FROM usr ORDER BY id
-- optional
SELECT DISTINCT 1 AS a FROM usr
-- many ('a')
SELECT DISTINCT word COLLATE "C" AS w FROM words WHERE word = $1
-- optional ('a')
SELECT DISTINCT word FROM words WHERE word = $1
-- optional
SELECT id FROM usr ORDER BY id LIMIT 1
-- optional
SELECT id FROM usr ORDER BY id FETCH FIRST ROW ONLY
-- many
SELECT id FROM usr ORDER BY org_id FETCH FIRST 1 ROW WITH TIES
-- many (2)
SELECT id FROM usr ORDER BY id LIMIT $1
-- many
SELECT id FROM usr ORDER BY id LIMIT 2
-- many
SELECT id FROM usr ORDER BY id LIMIT NULL
-- optional
SELECT id FROM usr LIMIT 0
-- one
SELECT 1 AS a
-- optional (false)
SELECT 1 AS a WHERE $1
-- many
SELECT generate_series(1, 3) AS a
-- many
SELECT g FROM generate_series(1, 3) AS g
-- one
SELECT v FROM the_answer() AS v
-- many
SELECT v FROM set_of_two() AS v
-- optional
SELECT u.id FROM the_answer() AS v JOIN usr u ON u.id = v
-- many
SELECT u.id FROM set_of_two() AS v JOIN usr u ON u.id = v
-- one
SELECT a, b FROM (VALUES (1, 2)) AS t(a, b)
-- many
SELECT a FROM (VALUES (1), (2)) AS t(a)
-- one
VALUES (1, 2)
-- many
VALUES (1), (2)
-- optional
SELECT u.id FROM (VALUES (1)) AS t(a) JOIN usr u ON u.id = t.a
-- one
SELECT a.n, b.m FROM (SELECT count(*) AS n FROM usr) a CROSS JOIN (SELECT count(*) AS m FROM org) b
-- one
SELECT a.n, b.id FROM (SELECT count(*) AS n FROM usr) a LEFT JOIN usr b ON b.id = a.n
-- optional
SELECT a.n FROM (SELECT count(*) AS n FROM usr) a JOIN usr b ON b.id = a.n
-- many
SELECT 1 AS a UNION ALL SELECT 1
-- open
SELECT 1 AS a UNION SELECT 1
-- many
SELECT 1 AS a UNION SELECT 2
-- one
SELECT count(*) FROM (SELECT 1 UNION ALL SELECT 2) x
-- many (1)
SELECT id FROM usr WHERE id = $1 UNION ALL SELECT id FROM org WHERE id = $1
-- optional (1)
SELECT id FROM usr WHERE id = $1 EXCEPT SELECT id FROM org
-- optional (1)
SELECT id FROM usr INTERSECT SELECT id FROM org WHERE id = $1
-- optional (4)
SELECT id FROM usr INTERSECT ALL SELECT id FROM org WHERE id = $1
-- many
SELECT id FROM usr INTERSECT SELECT id FROM org
-- optional
SELECT id FROM usr UNION SELECT id FROM org ORDER BY 1 LIMIT 1
-- optional (1)
WITH c AS (SELECT id, org_id FROM usr WHERE id = $1) SELECT * FROM c
-- many
WITH c AS (SELECT id, org_id FROM usr) SELECT * FROM c
-- optional (1)
WITH c AS (SELECT id, org_id FROM usr) SELECT * FROM c WHERE id = $1
-- optional (1)
WITH c AS MATERIALIZED (SELECT id, org_id FROM usr) SELECT o.id FROM c JOIN org o ON o.id = c.org_id WHERE c.id = $1
-- many
WITH RECURSIVE c AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM c WHERE n < 3) SELECT n FROM c
-- one
WITH c AS (SELECT 1 AS n) SELECT (SELECT n FROM c) AS m
-- one (1)
SELECT EXISTS (SELECT FROM usr WHERE id = $1) AS there
-- one (1)
SELECT (SELECT name FROM usr WHERE id = $1) AS name
-- one
SELECT ARRAY(SELECT id FROM usr) AS ids
-- many
SELECT id FROM usr TABLESAMPLE BERNOULLI (100)
-- optional (1)
SELECT id FROM usr TABLESAMPLE BERNOULLI (100) WHERE id = $1
-- optional (1)
SELECT id FROM usr WHERE id = $1 FOR UPDATE
-- optional
SELECT id FROM usr ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
-- many
SELECT id, row_number() OVER () FROM usr
-- optional (1)
SELECT u.* FROM usr u WHERE u.id = $1 AND EXISTS (SELECT FROM post p WHERE p.user_id = u.id)
-- none
INSERT INTO org (id, name) VALUES (9, 'x')
-- one
INSERT INTO org (id, name) VALUES (9, 'x') RETURNING id
-- many
INSERT INTO org (id, name) VALUES (9, 'x'), (10, 'x') RETURNING id
-- many
INSERT INTO org (id, name) VALUES (generate_series(8, 9), 'x') RETURNING id
-- many
INSERT INTO org (id, name) SELECT id + 10, 'x' FROM usr RETURNING id
-- optional (1)
INSERT INTO org (id, name) SELECT id + 10, 'x' FROM usr WHERE id = $1 RETURNING id
-- one
INSERT INTO org (id, name) SELECT count(*) + 10, 'x' FROM usr RETURNING id
-- optional
INSERT INTO org (id, name) VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id
-- one
INSERT INTO org (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name RETURNING id
-- optional
INSERT INTO org (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE org.name = 'none' RETURNING id
-- optional
INSERT INTO triggered (id, v) VALUES (1, -1) RETURNING id
-- one
INSERT INTO after_triggered (id, v) VALUES (1, 1) RETURNING id
-- one
INSERT INTO update_triggered (id, v) VALUES (2, -1) RETURNING id
-- optional
INSERT INTO update_triggered (id, v) VALUES (1, -1) ON CONFLICT (id) DO UPDATE SET v = -2 RETURNING id
-- one
INSERT INTO parted (id, k) VALUES (9, 1) RETURNING id
-- one
INSERT INTO usr_view (id, email, org_id) VALUES (9, 'x', 1) RETURNING id
-- none (1)
UPDATE usr SET name = 'y' WHERE id = $1
-- optional (1)
UPDATE usr SET name = 'y' WHERE id = $1 RETURNING id
-- many ('x')
UPDATE usr SET name = 'y' WHERE name = $1 RETURNING id
-- many
UPDATE usr SET name = 'y' RETURNING id
-- optional (1)
UPDATE usr SET name = p.title FROM post p WHERE p.user_id = usr.id AND usr.id = $1 RETURNING usr.id
-- many (1)
UPDATE usr SET name = p.title FROM post p WHERE p.user_id = usr.id AND p.title = 'p' OR p.id = 3 AND usr.id = 2 AND $1 = 1 RETURNING usr.id
-- optional (1)
UPDATE usr SET name = p.title FROM post p WHERE p.user_id = usr.id AND p.id = $1 RETURNING usr.id
-- optional
UPDATE usr SET name = 'y' WHERE id = (SELECT id FROM usr ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id
-- many (1)
UPDATE parent SET v = 3 WHERE id = $1 RETURNING id
-- optional (1)
UPDATE usr_view SET email = 'q' WHERE id = $1 RETURNING id
-- optional (1)
DELETE FROM usr WHERE id = $1 RETURNING id
-- many
DELETE FROM usr WHERE org_id = 1 RETURNING id
-- optional (1)
DELETE FROM usr USING post p WHERE p.user_id = usr.id AND usr.id = $1 RETURNING usr.id
-- one
WITH new AS (INSERT INTO org (id, name) VALUES (9, 'x') RETURNING id) SELECT id FROM new
-- optional (1)
WITH gone AS (DELETE FROM usr WHERE id = $1 RETURNING id) SELECT id FROM gone
-- many
WITH gone AS (DELETE FROM usr WHERE org_id = 1 RETURNING id) SELECT id FROM gone
-- one
WITH gone AS (DELETE FROM usr WHERE org_id = 1 RETURNING id) SELECT count(*) FROM gone
-- many from 17 (1)
MERGE INTO usr u USING post p ON p.user_id = u.id AND p.id <> 2 WHEN MATCHED THEN DELETE RETURNING u.id
-- optional from 17 (1)
MERGE INTO usr u USING (VALUES (1)) AS s(id) ON u.id = s.id WHEN MATCHED AND u.org_id = $1 THEN DELETE RETURNING u.id
-- many from 17 (1)
MERGE INTO usr u USING (VALUES (1)) AS s(id) ON u.org_id = s.id WHEN MATCHED AND $1 = 1 THEN DELETE RETURNING u.id
-- many from 17 (1)
MERGE INTO usr u USING (VALUES (1)) AS s(id) ON u.id = s.id WHEN NOT MATCHED BY SOURCE AND $1 = 1 THEN DELETE RETURNING u.id
-- optional ('usr', 1)
SELECT name FROM things WHERE kind = $1 AND id = $2
-- many (1)
SELECT name FROM things WHERE id = $1
-- many ('usr')
SELECT name FROM things WHERE kind = $1
-- many ('a', 1)
SELECT id FROM same_things WHERE kind = $1 AND id = $2
-- many ('a', 1)
SELECT id FROM half_things WHERE kind = $1 AND id = $2
-- many ('a', 1)
SELECT id FROM blind_things WHERE kind = $1 AND id = $2
-- many (1, 1)
SELECT id FROM number_things WHERE kind = $1 AND id = $2
-- many ('b', 1)
SELECT id FROM same_things WHERE kind ~=~~ $1 AND id = $2
-- many ('b', 1)
SELECT id FROM (SELECT 'a' AS kind, id FROM usr UNION ALL SELECT 'b', id FROM org) x WHERE kind ~=~~ $1 AND id = $2
-- many
SELECT DISTINCT ON (id) id, generate_series(1, 3) FROM usr WHERE id = 1 ORDER BY id
-- open
SELECT DISTINCT id FROM usr WHERE id = 1 GROUP BY ROLLUP (id)
-- optional (1, 'open')
SELECT note FROM states WHERE id = $1 AND state = $2 AND state = 'open'
-- many (2)
SELECT note FROM states WHERE id = $1 AND state COLLATE blind = 'open'
-- many (2)
SELECT note FROM states WHERE id = $1 AND state = 'open' COLLATE blind
-- many (2)
SELECT note FROM states WHERE id = $1 AND state COLLATE blind IN ('open', 'held')
-- many ('2011-12-31 01:00')
SELECT id FROM times WHERE ts = $1::timestamptz
-- many ('2011-12-31 00:00')
SELECT id FROM times WHERE d = $1::timestamptz
-- many ('2011-12-31 00:00')
SELECT id FROM times WHERE d IS NOT DISTINCT FROM $1::timestamptz
-- optional ('2011-12-31 00:00')
SELECT id FROM times WHERE d = $1::timestamp
-- optional ('2011-12-31')
SELECT id FROM times WHERE ts = $1::date
-- optional (2.0)
SELECT id FROM times WHERE r = $1::double precision
-- optional (2)
SELECT id FROM times WHERE s = $1::bigint
-- optional ('b')
SELECT id FROM times WHERE n = $1::text
-- many
SELECT DISTINCT o.name FROM usr u, LATERAL (SELECT u.id AS k LIMIT 1) s LEFT JOIN org o ON o.id = 1 AND s.k = 1
-- many
SELECT o.name, count(*) FROM usr u, LATERAL (SELECT u.id AS k OFFSET 0) s LEFT JOIN org o ON o.id = 1 AND s.k = 1 GROUP BY o.name
-- many
SELECT DISTINCT o.name FROM usr u, org c LEFT JOIN (LATERAL (SELECT u.id AS k LIMIT 1) s JOIN org o ON o.id = 1 AND s.k = 1) ON true WHERE c.id = 1
-- open
SELECT DISTINCT o.name FROM usr u, (SELECT 1 AS k OFFSET 0) s LEFT JOIN org o ON o.id = 1 AND next_of_two() = 1
-- optional
SELECT DISTINCT o.name FROM usr u, (SELECT 1 AS k OFFSET 0) s LEFT JOIN org o ON o.id = 1 AND s.k = 1
