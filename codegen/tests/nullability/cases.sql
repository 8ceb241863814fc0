-- What the proofs say of NULL, and rows that would betray them. A case is a name, what is expected of each column, and the
-- statement; blank lines part them.
--
-- `expect`: `!` never NULL; `?` may be NULL, and some row is; `~` may be NULL by the proof and never is (the careful
-- answer, with the reason in the name); `0` always NULL. `[!]`, `[?]` and `[~]` say the same of an array's elements.
-- `inside 1.2! 1[].3?`: the same of the second field of column 1, and of the third field of each element of its array.
-- `betrays rule …`: with the rule taken away the proof calls a column not null in which a row shows NULL.
-- `from N`, `until N`: the versions that it is for. `with …`: SQL that is run before. `run 1, NULL`: arguments.

-- a column that is NOT NULL, and one that is not
-- expect ! ! ?
-- betrays column-without-not-null
SELECT id, email, name FROM users

-- LEFT JOIN fills its right side
-- expect ! ? ?
-- betrays left-join outer-join-on
SELECT u.email, p.title, p.body FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- RIGHT JOIN fills its left side
-- expect ? !
-- betrays right-join
SELECT p.title, u.email FROM posts p RIGHT JOIN users u ON p.user_id = u.id

-- FULL JOIN fills both
-- expect ? ?
-- betrays full-join
SELECT n.k, o.k FROM numbers n FULL JOIN others o ON n.k = o.k

-- FULL JOIN USING: the merged column is not null where both sides are
-- expect ! ? ?
SELECT k, n.w, o.v FROM numbers n FULL JOIN others o USING (k)

-- FULL JOIN USING over a column that may be null on one side
-- expect ?
-- betrays full-join-using
SELECT w FROM numbers n FULL JOIN (SELECT v AS w FROM others) o USING (w)

-- WHERE undoes a LEFT JOIN, for every column of its right side
-- expect ! ! ?
SELECT u.email, p.id, p.body FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE p.title = 'two'

-- WHERE … IS NULL does not
-- expect ! ?
-- betrays null-test-sense
SELECT u.email, p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE p.id IS NULL

-- WHERE x IS NOT NULL
-- expect !
SELECT name FROM users WHERE name IS NOT NULL

-- OR of two conditions on one column
-- expect !
SELECT name FROM users WHERE name = 'Ann' OR name LIKE 'C%'

-- OR of two columns of one row undoes its LEFT JOIN
-- expect ! ! ?
SELECT u.id, p.title, p.body FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE p.score > 1 OR p.title = 'three'

-- OR of conditions on two columns
-- expect ? ?
-- betrays or-either-arm
SELECT name, age FROM users WHERE name = 'Ann' OR age = 30 OR id = 2

-- NOT turns conditions round
-- expect ? ?
-- betrays not-turns-round
SELECT n.v, o.v FROM numbers n, others o WHERE NOT (n.v = 7 AND o.v = 5)

-- IS NOT TRUE holds for NULL
-- expect ?
-- betrays is-not-true-admits-null
SELECT v FROM numbers WHERE (v = 7) IS NOT TRUE

-- IS TRUE does not
-- expect !
SELECT v FROM numbers WHERE (v = 7) IS TRUE

-- IS DISTINCT FROM
-- expect ?
-- betrays distinct-takes-null
SELECT v FROM numbers WHERE v IS DISTINCT FROM 7

-- NOT IN a list
-- expect !
SELECT v FROM numbers WHERE v NOT IN (1, 2)

-- <> ALL of an array that may be empty
-- expect ?
-- betrays all-of-empty-array
-- run '{}'
SELECT v FROM numbers WHERE v <> ALL ($1::int[])

-- = ANY of an array
-- expect !
-- run '{7}'
SELECT v FROM numbers WHERE v = ANY ($1::int[])

-- > ALL of no rows
-- expect ?
-- betrays all-of-no-rows
SELECT v FROM numbers WHERE v > ALL (SELECT id FROM empty)

-- IN a subquery
-- expect !
SELECT v FROM numbers WHERE v IN (SELECT w + 2 FROM numbers)

-- a function that is not strict rejects nothing
-- expect ?
-- betrays strict-only
SELECT name FROM users WHERE is_fine(name)

-- a strict one does
-- expect !
SELECT name FROM users WHERE is_fine_strict(name)

-- the ON of a LEFT JOIN says nothing of the left side
-- expect ? ?
-- betrays outer-join-on
SELECT n.v, o.k FROM numbers n LEFT JOIN others o ON o.v = n.v

-- the ON of an inner join does
-- expect ! !
SELECT u.name, p.title FROM users u JOIN posts p ON p.user_id = u.id AND u.name = 'Ann'

-- a LEFT JOIN that WHERE undoes lets its ON speak
-- expect ! !
SELECT n.v, o.v FROM numbers n LEFT JOIN others o ON o.v < n.v WHERE o.k > 0

-- nested: the inner side of a join under a LEFT JOIN
-- expect ! ? ?
SELECT u.id, p.title, c.text FROM users u LEFT JOIN (posts p JOIN comments c ON c.post_id = p.id) ON p.user_id = u.id

-- a chain of LEFT JOINs, the last of which is undone
-- expect ! ! !
SELECT u.id, p.title, c.text FROM users u LEFT JOIN posts p ON p.user_id = u.id LEFT JOIN comments c ON c.post_id = p.id WHERE c.rating > 1

-- a chain of LEFT JOINs, the first of which is undone
-- expect ! ! ?
SELECT u.id, p.title, c.text FROM users u LEFT JOIN posts p ON p.user_id = u.id LEFT JOIN comments c ON c.post_id = p.id WHERE p.id > 0

-- a subquery's not null column under a LEFT JOIN
-- expect ?
SELECT s.one FROM users u LEFT JOIN (SELECT user_id, 1 AS one FROM posts) s ON s.user_id = u.id

-- LATERAL
-- expect ! ?
SELECT u.id, l.n FROM users u LEFT JOIN LATERAL (SELECT count(*) AS n FROM posts p WHERE p.user_id = u.id HAVING count(*) > 0) l ON true

-- LATERAL of an aggregate: always a row
-- expect ! ! ?
SELECT u.id, l.n, l.m FROM users u CROSS JOIN LATERAL (SELECT count(*) AS n, max(p.id) AS m FROM posts p WHERE p.user_id = u.id) l

-- a view is looked through
-- expect ! ! ?
SELECT id, email, name FROM authors

-- a view with a LEFT JOIN in it
-- expect ! ! ?
SELECT title, email, editor FROM post_authors

-- a view's own WHERE
-- expect ! !
SELECT title, body FROM titled

-- a view with security_barrier
-- expect ! ?
SELECT id, name FROM barrier

-- a materialized view has no NOT NULL: careful
-- expect ~ ~
SELECT user_id, n FROM counted

-- a NOT NULL domain does not keep NULL out of a column
-- expect ? ?
-- betrays domain-not-null
SELECT r, s FROM documents

-- a cast to a NOT NULL domain refuses NULL
-- expect !
SELECT name::required FROM users WHERE id = 1

-- a foreign table is held to nothing
-- expect ! ?
-- betrays foreign-table
SELECT 1, v FROM outside

-- partitions
-- expect ! ! ?
SELECT id, what, extra FROM events

-- inheritance
-- expect ! !
SELECT id, v FROM parent

-- a child table without its parent's NOT NULL
-- expect ?
-- until 17
-- betrays not-null-validated
-- with CREATE TABLE loose_parent (v text NOT NULL); CREATE TABLE loose_child () INHERITS (loose_parent); ALTER TABLE loose_child ALTER v DROP NOT NULL; INSERT INTO loose_child VALUES (NULL);
SELECT v FROM loose_parent

-- a NOT NULL that was not validated
-- expect ?
-- betrays not-null-validated
-- from 18
-- with CREATE TABLE unchecked (v text); INSERT INTO unchecked VALUES (NULL); ALTER TABLE unchecked ADD CONSTRAINT unchecked_v NOT NULL v NOT VALID;
SELECT v FROM unchecked

-- system columns
-- expect ! ! !
SELECT tableoid, ctid, xmin FROM users

-- system columns under a LEFT JOIN
-- expect ?
SELECT p.tableoid FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- a sequence
-- expect ! !
-- with CREATE SEQUENCE counter;
SELECT last_value, is_called FROM counter

-- nextval
-- expect ! !
-- with CREATE SEQUENCE other_counter;
SELECT nextval('other_counter'), lastval() FROM users

-- arrays of a table
-- expect ![?] ?[?]
-- betrays stored-elements
SELECT tags, labels FROM users

-- whole rows
-- expect ! ?
SELECT u, p FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- the fields of a row
-- expect !
SELECT ROW(id, name, email) FROM users

-- a field of a stored composite
-- expect ? ?
-- betrays composite-fields
SELECT home, (home).street FROM users

-- a field of a composite that is there
-- expect ?
-- betrays composite-fields
SELECT (home).street FROM users WHERE home = ROW(NULL, NULL)::address OR id = 1

-- a whole row that WHERE wants
-- expect !
SELECT p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE p IS NOT NULL OR p.id > 0

-- constants
-- expect ! 0 ! ![!] ![?]
-- betrays null-constant array-constant
SELECT 1, NULL::int, 'x'::text, '{a,b}'::text[], '{a,NULL}'::text[]

-- parameters
-- expect ! ! ?
-- params ! ! ?
-- betrays nullable-parameter
-- run 1, 'a', NULL
SELECT $1::int, $2 || 'x', $3::int + 1 FROM users WHERE $3::int IS NULL

-- a parameter that a condition rejects NULL in
-- expect !
-- params ?
-- run 1
SELECT $1::int FROM users WHERE id = $1 AND ($1 IS NULL OR id = 1)

-- arithmetic and functions of what may be null
-- expect ! ? ? ! ?
-- betrays strict-gives-null
SELECT id + 1, age + 1, upper(name), lower(email), name || 'x' FROM users

-- functions that can give NULL for values
-- expect ? ? ? ? ?
-- betrays reviewed-functions
SELECT substring(email, 'zzz'), array_length(tags, 1), config -> 'zzz', config ->> 'n', regexp_match(email, 'zzz') FROM users

-- nothing of nothing
-- expect ? ? ? ?
SELECT array_position(tags, 'zzz'), to_regclass('no_such'), jsonb_path_query_first(config, '$.zzz'), upper(int4range(1, NULL)) * 2 FROM users

-- jsonb that is null
-- expect ?
-- from 18
-- betrays reviewed-functions
SELECT (j -> 'list' -> 1)::int FROM documents WHERE j -> 'list' -> 1 IS NOT NULL

-- infinite dates
-- expect ! ? ? ! ?
-- betrays extract-of-infinity reviewed-functions
SELECT extract(epoch FROM joined), extract(day FROM joined), to_char(joined, 'YYYY'), date_part('year', joined), joined::time FROM users

-- functions that never return NULL for values
-- expect ! ! ! ! ! ! ! ! !
SELECT length(email), now(), coalesce(name, 'x'), md5(email), id::text, email || id, replace(email, 'a', 'b'), to_jsonb(u), round(1.5, 1) FROM users u

-- functions that take NULL
-- expect ! ! ! ! ! ! ! !
SELECT concat(name, age), json_build_object('a', name), jsonb_build_array(name), num_nulls(name, age), quote_nullable(name), array_append(labels, name), int4range(age, NULL), pg_typeof(name) FROM users

-- functions that take some NULLs
-- expect ! ? ! ? ? ! ?
-- betrays non-strict-conditions
SELECT concat_ws(',', name, age), concat_ws(name, 'a', 'b'), format('%s', name), format(name, 'x'), array_cat(labels, NULL), array_cat(labels, '{}'), array_remove(labels, 'a') FROM users

-- VARIADIC NULL
-- expect ? ?
SELECT concat(VARIADIC labels), jsonb_build_array(VARIADIC labels) FROM users

-- users' functions
-- expect ? ?
-- betrays user-functions
SELECT pick(id), pick_loose(id) FROM users

-- CASE
-- expect ! ? ? !
-- betrays case-else
SELECT CASE WHEN id = 1 THEN 'a' ELSE 'b' END, CASE WHEN id = 1 THEN 'a' END, CASE WHEN id = 1 THEN 'a' ELSE name END, CASE id WHEN 1 THEN 1 ELSE 2 END FROM users

-- CASE that looks first
-- expect ! ! ! !
SELECT CASE WHEN name IS NOT NULL THEN name ELSE 'x' END, CASE WHEN name IS NULL THEN 'x' ELSE name END, CASE name WHEN 'Ann' THEN name ELSE '' END, CASE WHEN age > 5 AND name IS NOT NULL THEN name ELSE 'n' END FROM users

-- CASE passes over NULL
-- expect ?
-- betrays case-passes-null
SELECT CASE WHEN NOT (v > 3) THEN 0 ELSE v END FROM numbers

-- CASE arms see what the arms before them did not take
-- expect ? ?
SELECT CASE WHEN v > 3 THEN 0 ELSE v END, CASE WHEN v IS NULL AND w = 5 THEN 0 ELSE v END FROM numbers

-- COALESCE, GREATEST and LEAST
-- expect ! ? ! ?
-- betrays coalesce-all-null
SELECT coalesce(name, email), coalesce(name, age::text), greatest(age, id), least(age, nullif(manager_id, 1)) FROM users

-- NULLIF
-- expect ?
-- betrays nullif
SELECT nullif(id, 1) FROM users

-- conditions
-- expect ! ? ? ! ! !
-- betrays three-valued-logic
SELECT yes AND id > 1, maybe AND yes, NOT (maybe OR id = 0), maybe IS NOT NULL AND maybe, maybe IS NULL OR maybe, maybe IS TRUE FROM flags

-- IS DISTINCT FROM is never NULL
-- expect ! ! !
SELECT name IS DISTINCT FROM 'x', name IS NULL, (name = 'x') IS UNKNOWN FROM users

-- ANY over arrays
-- expect ! ? ? !
-- betrays any-over-nulls
SELECT 'red' = ANY ('{blue,green}'), 'x' = ANY (tags), name = ANY ('{a}'), id IN (1, 2) FROM users

-- ANY over a parameter's elements
-- expect !
-- params ![!]
-- run '{1,2}'
SELECT id = ANY ($1::int[]) FROM users

-- IN a subquery whose values may be null
-- expect ? ! ?
-- betrays any-over-nulls
SELECT id IN (SELECT editor_id FROM posts), id IN (SELECT user_id FROM posts), age IN (SELECT id FROM users) FROM users

-- IN a subquery of a table that may be empty
-- expect !
SELECT id IN (SELECT id FROM empty) FROM users

-- EXISTS
-- expect !
SELECT EXISTS (SELECT FROM empty) FROM users

-- a scalar subquery that may find no row
-- expect ? ?
-- betrays scalar-subquery-no-row
SELECT (SELECT p.title FROM posts p WHERE p.user_id = u.id AND p.id <> 11), (SELECT id FROM empty) FROM users u

-- a scalar subquery that always finds one
-- expect ! ? ! !
SELECT (SELECT count(*) FROM posts p WHERE p.user_id = u.id), (SELECT max(id) FROM empty), (SELECT 1), (SELECT coalesce(sum(p.id), 0) FROM posts p WHERE p.user_id = u.id) FROM users u

-- a scalar subquery with LIMIT 0
-- expect ?
SELECT (SELECT count(*) FROM posts LIMIT 0) FROM users

-- a scalar subquery with a parameter for its LIMIT
-- expect ?
-- params !
-- run 0
SELECT (SELECT count(*) FROM posts LIMIT $1) FROM users

-- a scalar subquery with OFFSET
-- expect ?
SELECT (SELECT count(*) FROM posts OFFSET 1) FROM users

-- a scalar subquery with HAVING
-- expect ?
SELECT (SELECT count(*) FROM posts HAVING count(*) > 100) FROM users

-- a scalar subquery over a set
-- expect ?
SELECT (SELECT generate_series(1, 0)) FROM users

-- a row of a subquery
-- expect ?
-- betrays scalar-subquery-no-row
SELECT (1, 2) = (SELECT id, n FROM empty) FROM users

-- ARRAY of a subquery
-- expect ![!] ![?]
-- betrays array-elements
SELECT ARRAY(SELECT title FROM posts p WHERE p.user_id = u.id), ARRAY(SELECT body FROM posts p WHERE p.user_id = u.id) FROM users u

-- arrays that are written out
-- expect ![!] ![?] ![!] ![?]
SELECT ARRAY[id, 1], ARRAY[age, 1], ARRAY[[id, 1], [2, 3]], ARRAY[[age, 1], [2, 3]] FROM users

-- functions of arrays
-- expect ![!] ![?] ![?] ?[?] ![!] ![!]
SELECT array_append('{a}', email), array_append('{a}', name), tags || 'x'::text, labels || labels, string_to_array(email, '@'), regexp_split_to_array(email, '@') FROM users

-- elements and slices
-- expect ? ! ? ?
-- betrays subscript
SELECT tags[1], tags[1:2], labels[1:2], config['a'] FROM users

-- array casts
-- expect ![?] ![!]
SELECT tags::varchar[], '{1,2}'::int[]::text[] FROM users

-- a slice with a NULL bound
-- expect ?
SELECT tags[1:age] FROM users

-- session values
-- expect ! ! ! ?
-- betrays current-schema
-- with CREATE FUNCTION no_path() RETURNS text LANGUAGE sql SET search_path = 'nowhere' AS 'SELECT 1::text';
SELECT current_date, current_user, localtimestamp, CURRENT_SCHEMA FROM (SELECT set_config('search_path', 'nowhere', true) AS done OFFSET 0) s

-- UNION
-- expect ? ?
-- betrays union-either
SELECT id, name FROM users UNION ALL SELECT n, 'x' FROM (SELECT NULL::int AS n) s

-- INTERSECT
-- expect !
SELECT v FROM numbers INTERSECT SELECT w + 2 FROM numbers

-- EXCEPT
-- expect ?
-- betrays except-left
SELECT v FROM numbers EXCEPT SELECT w FROM numbers

-- VALUES
-- expect ! ?
-- betrays values-any-row
SELECT a, b FROM (VALUES (1, 2), (3, NULL)) t (a, b)

-- VALUES by itself
-- expect ! ?
VALUES (1, 'x'), (2, NULL)

-- a CTE
-- expect ! ?
WITH c AS (SELECT id, name FROM users) SELECT id, name FROM c

-- a CTE under a LEFT JOIN
-- expect ! ?
WITH c AS (SELECT user_id, count(*) AS n FROM posts GROUP BY user_id) SELECT u.id, c.n FROM users u LEFT JOIN c ON c.user_id = u.id

-- a recursive CTE
-- expect ! !
WITH RECURSIVE c AS (SELECT id, 0 AS depth FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id, c.depth + 1 FROM users u JOIN c ON u.manager_id = c.id) SELECT id, depth FROM c

-- a recursive CTE that gives NULL in its second round
-- expect ! ?
-- betrays recursive-term
WITH RECURSIVE c AS (SELECT 1 AS n, 1 AS m UNION ALL SELECT n + 1, NULLIF(m, 1) FROM c WHERE n < 3) SELECT n, m FROM c

-- a recursive CTE that passes NULL along in its third
-- expect ! ? ?
-- betrays recursive-term
WITH RECURSIVE c AS (SELECT 1 AS n, 1 AS a, 1 AS b UNION ALL SELECT n + 1, b, NULLIF(n, 1) FROM c WHERE n < 5) SELECT n, a, b FROM c

-- SEARCH and CYCLE
-- expect ! ! !
WITH RECURSIVE c AS (SELECT id FROM users WHERE manager_id IS NULL UNION ALL SELECT u.id FROM users u JOIN c ON u.manager_id = c.id) SEARCH DEPTH FIRST BY id SET ord CYCLE id SET looped USING path SELECT id, looped, ord FROM c

-- a CTE of a query around
-- expect ! ?
WITH c AS (SELECT id, name FROM users) SELECT id, (SELECT max(name) FROM c WHERE c.id = o.id) FROM c o

-- a data-modifying CTE
-- expect ! ?
WITH d AS (DELETE FROM comments RETURNING id, rating) SELECT id, rating FROM d

-- GROUP BY
-- expect ? ! ! ? !
-- betrays aggregate-skips-null
SELECT v, count(*), max(k), max(v), sum(w) FROM numbers GROUP BY v

-- no GROUP BY, and no row
-- expect ! ? ? ? ?
-- betrays empty-group
SELECT count(*), sum(id), max(v), array_agg(v), bool_and(id > 0) FROM empty

-- no GROUP BY: what WHERE says of a parameter
-- expect ! ?
-- params ?
-- run 5
-- run NULL
-- betrays empty-group-knows-nothing
SELECT count(*), $1::int FROM empty WHERE id = $1 AND ($1 IS NULL OR true)

-- no GROUP BY: what WHERE says of a column of a query around
-- expect ! ?
-- betrays empty-group-knows-nothing
SELECT id, (SELECT u.age + count(*) FROM empty e WHERE e.n = u.age) FROM users u

-- FILTER
-- expect ! ?
-- betrays aggregate-filter
SELECT count(*) FILTER (WHERE id > 100), max(id) FILTER (WHERE id > 100) FROM users GROUP BY id

-- aggregates that gather rows
-- expect ![?] ![!] ! !
SELECT array_agg(name), array_agg(email), jsonb_agg(name), json_object_agg(id, name) FROM users GROUP BY manager_id

-- aggregates of a sample
-- expect ? ? ? !
-- betrays sample-statistics
SELECT stddev(id), variance(id), corr(id, id), stddev_pop(id) FROM users GROUP BY id

-- ordered-set aggregates
-- expect ! ! ? !
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY id), percentile_cont(0.5) WITHIN GROUP (ORDER BY id), percentile_disc(0.5) WITHIN GROUP (ORDER BY age), mode() WITHIN GROUP (ORDER BY email) FROM users GROUP BY id

-- ordered-set aggregates with a fraction that may be null
-- expect ?
-- betrays aggregate-skips-null
SELECT percentile_disc(CASE WHEN u.id = 1 THEN NULL ELSE 0.5 END) WITHIN GROUP (ORDER BY id) FROM users u GROUP BY id

-- several fractions
-- expect ~[~]
SELECT percentile_disc('{0.5}'::float8[]) WITHIN GROUP (ORDER BY id) FROM users u GROUP BY id

-- users' aggregates
-- expect ?
-- betrays user-aggregates
SELECT nothing(id) FROM users GROUP BY id

-- HAVING
-- expect ? !
SELECT v, max(k) FROM numbers GROUP BY v HAVING max(w) > 0

-- HAVING rejects NULL in an aggregate
-- expect ! !
SELECT max(v), v FROM numbers GROUP BY v HAVING max(v) > 0 AND v > 0

-- ROLLUP
-- expect ? ? !
-- betrays grouping-sets
SELECT k, w, count(*) FROM numbers GROUP BY ROLLUP (k, w)

-- ROLLUP beside a plain key
-- expect ! ?
SELECT k, w FROM numbers GROUP BY k, ROLLUP (w)

-- GROUPING SETS that all hold a key
-- expect ! ? ? !
SELECT k, v, w, grouping(v) FROM numbers GROUP BY GROUPING SETS ((k, v), (k, w))

-- CUBE over an expression that is never NULL
-- expect ?
-- betrays grouping-sets
SELECT coalesce(v, 0) FROM numbers GROUP BY CUBE (coalesce(v, 0))

-- ROLLUP and HAVING: what HAVING says of grouping sets is not followed
-- expect ~ ?
SELECT k, w FROM numbers GROUP BY ROLLUP (k, w) HAVING k > 0

-- an aggregate in an empty grouping set
-- expect ? ?
SELECT id, max(v) FROM empty GROUP BY GROUPING SETS ((id), ())

-- GROUPING SETS in a subquery of the select list
-- expect !
SELECT (SELECT coalesce(v, 0)) FROM numbers GROUP BY ROLLUP (v)

-- functionally dependent columns
-- expect ! ! ?
SELECT u.id, u.email, u.name FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id

-- GROUP BY under a LEFT JOIN
-- expect ! ? ! ?
SELECT u.id, p.title, count(p.id), max(p.id) FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id, p.title

-- window functions that number
-- expect ! ! ! ! ! !
SELECT row_number() OVER (), rank() OVER (ORDER BY id), dense_rank() OVER (ORDER BY name), percent_rank() OVER (ORDER BY id), cume_dist() OVER (ORDER BY id), ntile(2) OVER () FROM users

-- ntile of NULL
-- expect ?
-- betrays ntile
SELECT ntile(age) OVER (ORDER BY id DESC) FROM users

-- lag and lead
-- expect ? ? ! ?
-- betrays lag-lead
SELECT lag(id) OVER (ORDER BY id), lead(id, 2) OVER (ORDER BY id), lag(id, 1, 0) OVER (ORDER BY id), lag(id, 1, manager_id) OVER (ORDER BY id) FROM users

-- first_value, last_value, nth_value
-- expect ! ! ? ?
-- betrays nth-value
SELECT first_value(id) OVER (ORDER BY id), last_value(id) OVER (), nth_value(id, 2) OVER (ORDER BY id), last_value(name) OVER (ORDER BY id) FROM users

-- frames that may be empty
-- expect ? ? ? ! !
-- betrays window-frame
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING), first_value(id) OVER (ORDER BY id ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING), max(id) OVER (ORDER BY id GROUPS BETWEEN 2 PRECEDING AND 1 PRECEDING), sum(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING), count(*) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING) FROM users

-- frames with EXCLUDE
-- expect ? ? !
-- betrays frame-exclude
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE CURRENT ROW), max(id) OVER (ORDER BY id RANGE BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE GROUP), sum(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND CURRENT ROW EXCLUDE TIES) FROM users

-- RANGE with offsets is careful
-- expect ~
SELECT sum(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM users

-- an aggregate over a window, of what may be null and with FILTER
-- expect ? ? !
-- betrays aggregate-filter
SELECT max(age) OVER (ORDER BY id DESC), max(id) FILTER (WHERE id > 100) OVER (), avg(id) OVER () FROM users

-- a window over groups
-- expect ! ? !
SELECT count(*) OVER (), lag(count(*)) OVER (ORDER BY k), sum(count(*)) OVER (ORDER BY k) FROM numbers GROUP BY k

-- sets in the select list
-- expect !
SELECT generate_series(1, 3) FROM users

-- two sets of unequal length
-- expect ? ~
-- betrays uneven-sets
SELECT generate_series(1, 2), generate_series(1, 3) FROM users

-- functions in FROM
-- expect ! ! ! ? ! ?
-- betrays set-values
SELECT s, e.key, e.value, t.value, t.ordinality, x FROM generate_series(1, 2) s, jsonb_each('{"a": null}') e, jsonb_each_text('{"a": null}') WITH ORDINALITY t, jsonb_array_elements_text('[null]') x

-- functions in FROM, side by side
-- expect ? ! !
-- betrays uneven-sets
SELECT a, b, n FROM ROWS FROM (generate_series(1, 1), generate_series(1, 2)) WITH ORDINALITY t (a, b, n) WHERE b > 0

-- unnest
-- expect ! ? !
-- betrays array-elements
SELECT a, t, p FROM users u, unnest('{1,2}'::int[]) a, unnest(u.tags) t, unnest('{a,b}'::text[]) p

-- unnest of composites
-- expect ? ~
SELECT a.street, a.zip FROM unnest(ARRAY[ROW(NULL, 'x')::address]) a

-- unnest of a parameter
-- expect !
-- params ![!]
-- run '{1}'
SELECT a FROM unnest($1::int[]) a

-- a scalar function in FROM
-- expect ! ?
SELECT a, b FROM users u, lower(u.email) a, lower(u.name) b

-- users' functions in FROM
-- expect ~ ? ? ?
SELECT r.id, r.name, p.b, (first_user()).id FROM user_rows() r, pairs() p, pick(1) k

-- a users' function in FROM by itself
-- expect ?
-- betrays user-functions
SELECT k FROM pick(1) k

-- regexp_matches
-- expect ![?]
SELECT regexp_matches(email, '(a)|(b)', 'g') FROM users

-- regexp_split_to_table
-- expect !
SELECT regexp_split_to_table(email, '@') FROM users

-- json_to_recordset
-- expect ?
SELECT a FROM jsonb_to_recordset('[{"a": null}]') AS t (a int)

-- XML
-- expect ?
-- betrays xml
SELECT xmlconcat(x) FROM documents

-- ON CONFLICT and RETURNING
-- expect ! ? !
-- params ! ?
-- run 1, NULL
-- run 9, NULL
INSERT INTO notes (id, w) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET w = excluded.w RETURNING id, w, n

-- INSERT … RETURNING
-- expect ! ? ? ! ~
-- params ! ? ?
-- run 9, NULL, NULL
INSERT INTO notes (id, v, w) VALUES ($1, $2, $3) RETURNING id, v, w, n, twice

-- several rows
-- expect ! ?
-- params ! ? ! ?
-- run 8, NULL, 9, NULL
INSERT INTO notes (id, v) VALUES ($1, $2), ($3, $4) RETURNING id, v

-- INSERT … SELECT of a parameter
-- expect ?
-- params ! ?
-- run 9, NULL
INSERT INTO notes (id, v) SELECT $1, $2 RETURNING v

-- INSERT … SELECT unnest
-- expect ! ?
-- params ![!] ![?]
-- run '{8,9}', '{NULL,x}'
INSERT INTO notes (id, v) SELECT * FROM unnest($1::int[], $2::text[]) RETURNING id, v

-- UPDATE: WHERE says nothing of what is assigned
-- expect ! ? !
-- params ?
-- run NULL
-- betrays update-new-values
UPDATE notes SET v = $1 WHERE v = 'a' RETURNING id, v, n

-- UPDATE: WHERE holds of what stays
-- expect !
UPDATE notes SET w = 'x' WHERE v = 'a' RETURNING v

-- UPDATE: a trigger may change what stays
-- expect ?
-- betrays before-trigger
UPDATE stamped SET w = 'x' WHERE v = 'a' RETURNING v

-- UPDATE … FROM
-- expect ! ! ?
UPDATE posts p SET body = 'x' FROM users u LEFT JOIN numbers n ON n.k = u.id WHERE u.id = p.user_id RETURNING p.title, u.email, n.v

-- UPDATE … FROM, undone
-- expect !
UPDATE posts p SET body = 'x' FROM users u LEFT JOIN numbers n ON n.k = u.id WHERE u.id = p.user_id AND n.w >= 0 RETURNING n.w

-- DELETE: WHERE holds of what is gone
-- expect ! !
DELETE FROM notes WHERE v = 'a' RETURNING id, v

-- DELETE … USING
-- expect ! ?
DELETE FROM comments c USING posts p WHERE p.id = c.post_id RETURNING p.title, p.body

-- INSTEAD OF
-- expect ~ ?
-- params ? ?
-- betrays instead-of-trigger
-- run 50, 'x'
INSERT INTO writable (id, email) VALUES ($1, $2) RETURNING id, email

-- an updatable view
-- expect ! ?
-- params !
-- run 50
INSERT INTO titled (id, user_id, title) VALUES ($1, 1, 'x') RETURNING title, body

-- a subquery in RETURNING
-- expect !
INSERT INTO notes (id) VALUES (9) RETURNING (SELECT count(*) FROM users)

-- old and new of an INSERT
-- expect 0 !
-- from 18
-- betrays old-of-insert
INSERT INTO notes (id) VALUES (9) RETURNING old.id, new.id

-- old and new of an upsert
-- expect ? !
-- from 18
-- run 1
-- run 9
-- betrays old-of-insert
INSERT INTO notes (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET v = 'x' RETURNING old.id, new.id

-- old and new of an UPDATE
-- expect ! ? !
-- from 18
-- params ?
-- run NULL
UPDATE notes SET v = $1 WHERE v = 'a' RETURNING old.v, new.v, new.id

-- old and new of a DELETE
-- expect ! 0
-- from 18
-- betrays new-of-delete
DELETE FROM notes WHERE v = 'a' RETURNING old.v, new.id

-- old and new through a view
-- expect 0 !
-- from 18
-- betrays old-of-insert
INSERT INTO titled (id, user_id, title) VALUES (50, 1, 'x') RETURNING old.title, new.title

-- MERGE
-- expect ! ! ! ?
-- from 17
MERGE INTO notes t USING (SELECT id, email FROM users) s ON s.id = t.id WHEN MATCHED THEN UPDATE SET v = NULL WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, 'x') RETURNING merge_action(), t.id, s.email, t.v

-- MERGE where the source has no row
-- expect ! ?
-- from 17
-- betrays merge-source
MERGE INTO notes t USING (SELECT id, email FROM users WHERE id > 1) s ON s.id = t.id WHEN MATCHED THEN UPDATE SET v = 'x' WHEN NOT MATCHED BY SOURCE THEN DELETE RETURNING t.id, s.email

-- MERGE: old and new
-- expect ? ?
-- from 18
-- betrays merge-old-new
MERGE INTO notes t USING (SELECT id FROM users WHERE id > 1) s ON s.id = t.id WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT (id) VALUES (s.id) RETURNING old.id, new.id

-- JSON constructors
-- expect ! ! ?
-- from 16
SELECT JSON_OBJECT('a': name), JSON_ARRAY(name), JSON_ARRAYAGG(id) FILTER (WHERE id > 100) FROM users GROUP BY id

-- JSON queries
-- expect ? ? ! ! ?
-- from 17
-- betrays json-query
SELECT JSON_VALUE(config, '$.zzz'), JSON_QUERY(config, '$.zzz'), JSON_EXISTS(config, '$.zzz'), JSON_SCALAR(id), JSON_SCALAR(name) FROM users

-- IS JSON
-- expect ! ?
-- from 16
SELECT email IS JSON, name IS JSON FROM users

-- JSON_TABLE
-- expect ? !
-- from 17
-- betrays table-function
SELECT t.a, t.n FROM users u, JSON_TABLE(u.config, '$' COLUMNS (n FOR ORDINALITY, a text PATH '$.a')) t

-- parameters that are stored
-- expect ! ?
-- params ! ? !
-- run 'x', NULL, 1
UPDATE users SET email = $1, name = $2 WHERE id = $3 RETURNING email, name

-- a parameter that COALESCE falls back from, and one that it falls back on
-- expect !
-- params ? !
-- run NULL, 'x'
SELECT coalesce($1::text, $2::text)

-- a parameter that only an optional filter names
-- expect ! ?
-- params ?
-- run NULL
SELECT id, name FROM users WHERE $1::text IS NULL OR name = $1

-- parameters of LIMIT and OFFSET
-- expect !
-- params ! !
-- run 1, 1
SELECT id FROM users LIMIT $1 OFFSET $2

-- a parameter passed to a function that takes NULL
-- expect ?
-- params ?
-- run NULL
SELECT pick_loose($1)

-- a parameter passed to a strict function
-- expect ?
-- params !
-- run 1
SELECT pick($1)

-- JSON_TABLE with nested paths fills up what the other path has
-- expect ! ? ?
-- from 17
SELECT t.n, t.m, t.o FROM JSON_TABLE('{"a": [1, 2], "b": [3]}'::jsonb, '$' COLUMNS (n FOR ORDINALITY, NESTED PATH '$.a[*]' COLUMNS (m FOR ORDINALITY), NESTED PATH '$.b[*]' COLUMNS (o FOR ORDINALITY))) t WHERE t.n > 0

-- an UPDATE sets a column to what is not null
-- expect ! ! ![!]
-- params ! !
-- run 'x', 1
UPDATE users SET name = 'x', age = id + 1, labels = ARRAY[$1] WHERE id = $2 RETURNING name, age, labels

-- an INSERT sets a column to what is not null
-- expect ! ?
INSERT INTO notes (id, v, w) SELECT id + 10, email, name FROM users RETURNING v, w

-- an upsert that keeps what is there
-- expect ? !
-- run 2
INSERT INTO notes (id, v, w) VALUES ($1, 'x', 'y') ON CONFLICT (id) DO UPDATE SET w = 'z' RETURNING v, w

-- an UPDATE that swaps
-- expect ? ?
UPDATE notes SET v = w, w = v RETURNING v, w

-- an UPDATE that swaps, of values that WHERE wants
-- expect ? !
UPDATE notes SET v = w, w = v WHERE v IS NOT NULL RETURNING v, w

-- a trigger undoes what is set
-- expect ?
-- betrays before-trigger
UPDATE stamped SET v = 'x' RETURNING v

-- a trigger undoes what is inserted
-- expect ?
-- betrays before-trigger
INSERT INTO stamped VALUES (9, 'x', 'y') RETURNING v

-- an INSERT that leaves columns to their defaults
-- expect ? !
INSERT INTO notes (id) VALUES (9) RETURNING v, n

-- VALUES with DEFAULT
-- expect ? !
INSERT INTO notes (id, v, n) VALUES (8, 'x', DEFAULT), (9, DEFAULT, 5) RETURNING v, n

-- an UPDATE of a part of an array
-- expect ?[?] ?
UPDATE users SET tags[1] = 'x' RETURNING labels, home

-- a foreign partition is held to nothing
-- expect ? !
-- betrays foreign-table
-- with CREATE TABLE spread (id int NOT NULL, v text NOT NULL) PARTITION BY RANGE (id); CREATE FOREIGN TABLE spread_1 PARTITION OF spread FOR VALUES FROM (0) TO (100) SERVER files OPTIONS (program 'echo 1,; echo 2,b', format 'csv');
SELECT v, 1 FROM spread

-- a virtual generated column under a LEFT JOIN
-- expect ? ? !
-- from 18
-- with CREATE TABLE virtual (id int PRIMARY KEY, x text, y text GENERATED ALWAYS AS (coalesce(x, 'd')) VIRTUAL, z int GENERATED ALWAYS AS (id * 2) VIRTUAL NOT NULL); INSERT INTO virtual VALUES (1, NULL);
SELECT v.y, v.z, u.id FROM users u LEFT JOIN virtual v ON v.id = u.id

-- a virtual generated column in RETURNING
-- expect ~ !
-- from 18
-- with CREATE TABLE virtual_2 (id int PRIMARY KEY, x text, y text GENERATED ALWAYS AS (coalesce(x, 'd')) VIRTUAL, z int GENERATED ALWAYS AS (id * 2) VIRTUAL NOT NULL); INSERT INTO virtual_2 VALUES (1, NULL);
UPDATE virtual_2 SET x = NULL RETURNING y, z

-- a chain of FULL JOINs
-- expect ! ? ? ?
SELECT k, n.w, o.k, m.v FROM numbers n FULL JOIN others o USING (k) FULL JOIN others m USING (k)

-- a FULL JOIN of which WHERE wants one side
-- expect ! ?
SELECT n.k, o.k FROM numbers n FULL JOIN others o ON n.k = o.k WHERE n.w >= 0

-- a FULL JOIN of which WHERE wants both
-- expect ! !
SELECT n.k, o.k FROM numbers n FULL JOIN others o ON n.k = o.k WHERE n.w >= 0 AND o.k < 100

-- a condition over both sides of a FULL JOIN
-- expect ? ? ~
SELECT n.k, o.k, coalesce(n.k, o.k) FROM numbers n FULL JOIN others o ON n.k = o.k WHERE coalesce(n.k, o.k) > 0 OR true

-- a condition on an expression holds of that expression
-- expect ! !
SELECT coalesce(n.k, o.k), config ->> 'a' FROM users u, numbers n FULL JOIN others o ON n.k = o.k WHERE coalesce(n.k, o.k) > 0 AND u.config ->> 'a' = '1'

-- NOT (row IS NULL) wants the row
-- expect !
SELECT p.title FROM users u LEFT JOIN posts p ON p.user_id = u.id WHERE NOT (p IS NULL)

-- row IS DISTINCT FROM NULL wants the row
-- expect ! !
SELECT s.one, s.id FROM users u LEFT JOIN (SELECT id, user_id, 1 AS one FROM posts) s ON s.user_id = u.id WHERE s IS DISTINCT FROM NULL

-- the row of a join
-- expect ~
SELECT j FROM (users u LEFT JOIN posts p ON p.user_id = u.id) j

-- the row of a join under a LEFT JOIN
-- expect ! !
SELECT j IS NULL, u.id FROM users u LEFT JOIN (posts p JOIN comments c ON c.post_id = p.id) j ON j.user_id = u.id UNION ALL SELECT j.id IS NULL, 1 FROM posts j

-- XMLTABLE
-- expect ? ! !
-- betrays table-function
SELECT a, b, n FROM XMLTABLE('/r/i' PASSING ('<r><i b="1"/></r>'::xml) COLUMNS a int PATH '@a', b int PATH '@b' NOT NULL, n FOR ORDINALITY)

-- a rule that also does something else
-- expect ! ?
-- with CREATE TABLE ruled (id int NOT NULL, v text); CREATE TABLE ruled_log (id int); CREATE RULE also AS ON INSERT TO ruled DO ALSO INSERT INTO ruled_log VALUES (1);
INSERT INTO ruled VALUES (1, NULL) RETURNING id, v

-- a rule that does something else instead
-- expect ! ?
-- with CREATE TABLE replaced (id int NOT NULL, v text NOT NULL); CREATE TABLE really (id int NOT NULL, v text); CREATE RULE instead AS ON INSERT TO replaced DO INSTEAD INSERT INTO really VALUES (new.id, NULL) RETURNING id, v;
INSERT INTO replaced VALUES (1, 'x') RETURNING id, v

-- a data-modifying CTE that is joined
-- expect ! ? !
WITH u AS (UPDATE notes SET n = n + 1 WHERE v IS NOT NULL RETURNING id, v) SELECT users.id, u.v, users.email FROM users LEFT JOIN u ON u.id = users.id

-- LATERAL sees what WHERE wants
-- expect ! !
SELECT u.name, l.n FROM users u CROSS JOIN LATERAL (SELECT u.name || '!' AS n) l WHERE u.name IS NOT NULL

-- a correlated subquery sees what WHERE wants
-- expect ! ?
SELECT (SELECT u.name || '!'), (SELECT u.age) FROM users u WHERE u.name IS NOT NULL

-- a correlated subquery says nothing of the query around
-- expect ? ?
SELECT u.age, (SELECT 1 FROM posts p WHERE p.id = u.age) FROM users u

-- a correlated aggregate of the query around
-- expect ! ?
SELECT (SELECT count(u.id)), (SELECT max(u.age)) FROM users u GROUP BY u.id

-- a CASE with a subquery in it
-- expect !
SELECT CASE WHEN u.name IS NOT NULL THEN (SELECT u.name || '!') ELSE '' END FROM users u

-- WHERE on both sides of an AND within an OR
-- expect ! ?
SELECT v, maybe FROM numbers, flags WHERE (v > 1 AND maybe) OR (v > 7 AND id > 1)

-- a boolean column as the condition
-- expect !
SELECT maybe FROM flags WHERE maybe

-- a boolean column negated
-- expect !
SELECT maybe FROM flags WHERE NOT maybe

-- COALESCE as the condition
-- expect ! ?
SELECT v, maybe FROM numbers, flags WHERE coalesce(v > 1, false)

-- CASE as the condition
-- expect !
SELECT v FROM numbers WHERE CASE WHEN v > 1 THEN true ELSE false END

-- CASE as the condition that takes NULL
-- expect ?
SELECT v FROM numbers WHERE CASE WHEN v > 1 THEN false ELSE true END

-- comparing rows
-- expect ! ?
SELECT n.v, o.v FROM numbers n, others o WHERE (n.v, o.v) >= (7, 0) OR (n.v, o.v) > (6, 0)

-- comparing rows for equality
-- expect ! !
SELECT n.v, o.v FROM numbers n, others o WHERE (n.v, o.v) = (7, 5)

-- BETWEEN
-- expect !
SELECT v FROM numbers WHERE v BETWEEN 1 AND 10

-- NOT BETWEEN
-- expect ! ?
SELECT n.v, o.v FROM numbers n, others o WHERE n.v NOT BETWEEN o.v AND 7 OR (n.v > 7 AND o.k = 4)

-- LIKE and its kin
-- expect ! ! !
SELECT name, name ILIKE 'a%', name SIMILAR TO 'a%' FROM users WHERE name LIKE '%'

-- an index into NULL
-- expect ?
SELECT labels[1] FROM users WHERE labels IS NOT NULL

-- a domain over an array
-- expect ?[?]
-- with CREATE DOMAIN words AS text[]; CREATE TABLE worded (w words); INSERT INTO worded VALUES (NULL), ('{a,NULL}');
SELECT w FROM worded

-- DISTINCT ON and ORDER BY
-- expect ! ?
SELECT DISTINCT ON (manager_id) id, name FROM users ORDER BY manager_id, id

-- FOR UPDATE
-- expect ! ?
SELECT id, name FROM users FOR UPDATE

-- a table sample
-- expect ! ?
SELECT id, name FROM users TABLESAMPLE BERNOULLI (100)

-- ORDER BY over UNION
-- expect ! ?
SELECT id, name FROM users UNION SELECT id, body FROM posts ORDER BY 1 LIMIT 100

-- nested set operations
-- expect ! ?
(SELECT id, name FROM users EXCEPT SELECT id, title FROM posts) UNION (SELECT id, body FROM posts INTERSECT SELECT id, body FROM posts)

-- INTERSECT binds before UNION
-- expect ?
SELECT v FROM numbers UNION SELECT v FROM numbers INTERSECT SELECT w FROM numbers

-- a set operation under a LEFT JOIN
-- expect ! ?
SELECT u.id, s.x FROM users u LEFT JOIN (SELECT id AS x FROM posts UNION SELECT id FROM comments) s ON s.x = u.id

-- GROUP BY an expression
-- expect ! ? !
SELECT coalesce(v, 0), v + 1, count(*) FROM numbers GROUP BY coalesce(v, 0), v + 1

-- GROUP BY after WHERE
-- expect ! !
SELECT v, max(v) FROM numbers WHERE v > 0 GROUP BY v

-- ROLLUP after WHERE
-- expect ? ?
SELECT v, w FROM numbers WHERE v > 0 GROUP BY ROLLUP (v, w)

-- an aggregate over ROLLUP: what HAVING says of grouping sets is not followed
-- expect ? ~
SELECT k, sum(w) FROM numbers GROUP BY CUBE (k) HAVING sum(w) IS NOT NULL

-- a condition on a grouped expression says nothing of its parts in another set
-- expect ? ? ?
SELECT v, v + 1, CASE WHEN v + 1 > 0 THEN v ELSE 0 END FROM numbers GROUP BY GROUPING SETS ((v + 1), (v)) HAVING v + 1 > -100 OR v > -100

-- WHERE says nothing of an expression after grouping sets
-- expect ?
SELECT v + 1 FROM numbers WHERE v + 1 > -100 GROUP BY GROUPING SETS ((v), (w))

-- a condition on the row at hand says nothing of the rows of a window
-- expect ! ?
SELECT id, CASE WHEN name IS NOT NULL THEN first_value(name) OVER (ORDER BY name NULLS FIRST) ELSE '' END FROM users

-- grouping sets of nothing
-- expect ! ?
SELECT count(*), max(id) FROM empty GROUP BY ()

-- window functions under conditions
-- expect ! !
SELECT s.n, s.previous FROM (SELECT id AS n, lag(id) OVER (ORDER BY id) AS previous FROM users) s WHERE s.previous IS NOT NULL

-- a window over a LEFT JOIN
-- expect ! ?
SELECT rank() OVER (PARTITION BY u.id ORDER BY p.id), max(p.id) OVER (PARTITION BY u.id) FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- a named window
-- expect ? !
SELECT sum(id) OVER w, sum(id) OVER (v) FROM users WINDOW w AS (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING), v AS (ORDER BY id)

-- array_agg over a window
-- expect ![?] ![!]
SELECT array_agg(name) OVER (ORDER BY id), array_agg(email) OVER () FROM users

-- array_agg of arrays
-- expect ![?]
SELECT array_agg(ARRAY[age, id]) FROM users GROUP BY id

-- array_agg with ORDER BY, DISTINCT and nothing to gather
-- expect ?[!] ![!]
SELECT (SELECT array_agg(v ORDER BY id DESC) FROM empty), array_agg(DISTINCT email) FROM users GROUP BY id

-- ARRAY of arrays
-- expect ![?]
SELECT ARRAY(SELECT ARRAY[age, id] FROM users)

-- coalesce of an aggregate
-- expect ![!] !
SELECT coalesce(array_agg(v), '{}'), coalesce(sum(n), 0) FROM empty

-- string_agg with a separator that may be null
-- expect !
SELECT string_agg(email, name) FROM users GROUP BY id

-- casts
-- expect ! ? ! ! ?
SELECT id::text, name::varchar(2), '1'::text::int, config::text, mood::text FROM users

-- casts of arrays and rows
-- expect ! ?
SELECT ROW(id, name)::text, home::text FROM users

-- dates
-- expect ! ! ! ? !
SELECT now() - '1 day'::interval, date_trunc('day', joined), joined AT TIME ZONE 'UTC', joined::date - NULLIF(joined::date, 'infinity'), current_timestamp > joined FROM users WHERE joined > '-infinity' AND joined < 'infinity' OR id = 2

-- ranges
-- expect ! ? ! !
SELECT int4range(id, age), upper(int4range(id, age)), int4range(id, 10) @> 5, int4range(1, 2) * int4range(id, 10) FROM users

-- jsonb
-- expect ! ? ! ? !
SELECT config || '{}', config #>> '{n}', config ? 'a', jsonb_path_match(config, '$.n'), jsonb_set(config, '{a}', '1') FROM users WHERE config ? 'n'

-- text search
-- expect ! ! ?
SELECT to_tsvector('english', email) @@ to_tsquery('a'), ts_rank(to_tsvector(email), plainto_tsquery('a')), to_tsvector(name) FROM users

-- privileges of what is not there
-- expect ?
SELECT has_table_privilege(999999::oid, 'SELECT') FROM users

-- an UPDATE with a CASE, as patches are written
-- expect ?
-- params ! ?
-- run true, NULL
-- run false, 'x'
UPDATE users SET name = CASE WHEN $1::boolean THEN $2 ELSE users.name END RETURNING name

-- an upsert through EXCLUDED
-- expect ! ?
-- params ! ?
-- run 1, NULL
INSERT INTO notes AS n (id, v) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET v = coalesce(excluded.v, n.w) RETURNING id, v

-- ON CONFLICT DO NOTHING
-- expect ! ?
-- run 9
INSERT INTO notes (id, v) VALUES ($1, NULL) ON CONFLICT DO NOTHING RETURNING id, v

-- a parameter in a set operation that is stored
-- expect ?
-- params ? ?
-- run NULL, 'x'
INSERT INTO notes (id, v) SELECT 8, $1 UNION ALL SELECT 9, $2 RETURNING v

-- a parameter that goes through a CTE to be stored
-- expect ! !
-- params ! !
-- run 8, 'x'
WITH given (id, text) AS (VALUES ($1::int, $2::text)) INSERT INTO comments (id, post_id, text) SELECT id, 10, text FROM given RETURNING id, text

-- parameters that are compared with columns that may be null
-- expect ?
-- params ! ! !
-- run 'Ann', 1, '{1}'
SELECT age FROM users WHERE name = $1 OR age > $2 OR id <> ALL ($3)

-- a parameter of NULLIF, stored
-- expect ?
-- params ?
-- run ''
UPDATE users SET name = NULLIF($1, '') RETURNING name

-- a parameter of jsonb_build_object
-- expect !
-- params ?
-- run NULL
SELECT jsonb_build_object('a', $1::text)

-- a parameter that is cast to a NOT NULL domain
-- expect !
-- params !
-- run 'x'
SELECT $1::required

-- a parameter that is stored in a column of a NOT NULL domain
-- expect !
-- params !
-- run 'x'
UPDATE documents SET r = $1 RETURNING r

-- a flag
-- expect ! ?
-- params !
-- run true
SELECT id, name FROM users WHERE $1 OR name IS NOT NULL

-- a parameter that IS DISTINCT FROM asks of
-- expect ?
-- params ?
-- run NULL
SELECT age FROM users WHERE name IS NOT DISTINCT FROM $1

-- elements of a parameter that are stored where NULL may stand
-- expect ! ?
-- params ![!] ![?]
-- run '{1}', '{NULL}'
UPDATE notes SET v = g.v FROM unnest($1::int[], $2::text[]) AS g (id, v) WHERE notes.id = g.id RETURNING notes.id, notes.v

-- views over views
-- expect ! ? ?
-- with CREATE VIEW over AS SELECT a.id, p.editor, p.title FROM authors a LEFT JOIN post_authors p ON p.email = a.email;
SELECT id, editor, title FROM over

-- a view that groups
-- expect ! ? !
-- with CREATE VIEW grouped AS SELECT user_id, max(score) AS best, count(*) AS n FROM posts GROUP BY user_id;
SELECT user_id, best, n FROM grouped

-- a view of constants
-- expect ! ?
-- with CREATE VIEW fixed AS SELECT 'x'::text AS x, NULL::int AS n;
SELECT f.x, g.x FROM fixed f LEFT JOIN fixed g ON g.n = 1

-- a view's operators
-- expect !
-- with CREATE VIEW compared AS SELECT name FROM users WHERE name = 'Ann' AND (age < 5 OR age > 6) AND id IN (1, 2);
SELECT name FROM compared

-- the server's own catalog
-- expect ! ?
SELECT relname, relacl FROM pg_class WHERE relname = 'users'

-- a CTE that is read for the one row that comes of none
-- expect ![?] !
-- params ?
-- run NULL
-- betrays with-stands-apart
WITH c AS (SELECT $1::int AS p) SELECT ARRAY(SELECT p FROM c), count(*) FROM empty WHERE id = $1 AND ($1 IS NULL OR true)

-- EXISTS rejects NULL in what its WHERE compares
-- expect ! ?
SELECT u.manager_id, u.name FROM users u WHERE EXISTS (SELECT 1 FROM users m WHERE m.id = u.manager_id)

-- EXISTS of an aggregate says nothing
-- expect ?
-- betrays empty-group-knows-nothing
SELECT u.manager_id FROM users u WHERE EXISTS (SELECT count(*) FROM users m WHERE m.id = u.manager_id)

-- EXISTS of a LEFT JOIN
-- expect ?
SELECT u.age FROM users u WHERE EXISTS (SELECT 1 FROM users m LEFT JOIN posts p ON p.id = u.age)

-- NOT EXISTS says nothing
-- expect ?
SELECT u.manager_id FROM users u WHERE NOT EXISTS (SELECT 1 FROM users m WHERE m.id = u.manager_id)

-- IN a correlated subquery
-- expect ! !
SELECT u.manager_id, u.id FROM users u WHERE u.id IN (SELECT u.id FROM users m WHERE m.id = u.manager_id)

-- sets that GROUP BY pairs
-- expect ? !
-- betrays uneven-sets
SELECT generate_series(1, 2) AS p, id FROM (SELECT generate_series(1, 2) AS id) x GROUP BY 1, id, generate_series(1, 3)

-- one set in GROUP BY
-- expect !
SELECT generate_series(1, 2) AS p FROM users GROUP BY 1

-- elements of sets that GROUP BY pairs
-- expect ![?]
SELECT ARRAY(SELECT generate_series(1, 2) GROUP BY generate_series(1, 2), generate_series(1, 3)) FROM users

-- sets of which GROUP BY has one (they are not paired, which is not looked at)
-- expect ~ ~
SELECT generate_series(1, 2) AS p, generate_series(1, id) AS q FROM users GROUP BY 1, id

-- a set operation casts a side by an author's function
-- expect ?
-- with CREATE TYPE metres AS (n int); CREATE TYPE feet AS (n int); CREATE FUNCTION to_feet(metres) RETURNS feet LANGUAGE sql IMMUTABLE AS 'SELECT NULL::feet'; CREATE CAST (metres AS feet) WITH FUNCTION to_feet(metres) AS IMPLICIT;
-- betrays unseen-casts
SELECT ROW(1)::metres UNION ALL SELECT ROW(1)::feet

-- a set operation casts what another made
-- expect ?
-- betrays unseen-casts
(SELECT ROW(1)::metres UNION ALL SELECT ROW(2)::metres) UNION ALL SELECT ROW(3)::feet

-- a set operation casts elements
-- expect ![?]
-- betrays unseen-casts
(SELECT ARRAY[ROW(1)::metres] UNION ALL SELECT ARRAY[ROW(2)::metres]) UNION ALL SELECT ARRAY[ROW(3)::feet]

-- INTERSECT with what is cast
-- expect ?
(SELECT ROW(1)::metres INTERSECT ALL SELECT ROW(1)::metres) INTERSECT ALL (SELECT NULL::feet)

-- a set operation casts the query in a view
-- expect ?
-- with CREATE VIEW lengths AS SELECT ROW(1)::metres AS n UNION ALL SELECT ROW(1)::feet;
SELECT n FROM lengths

-- casts of the server's own keep what is known
-- expect ! ? ![!] ! !
SELECT id, age, ARRAY[id], email, joined::date FROM users UNION ALL SELECT 1::bigint, 2.5, ARRAY[1::numeric], email::varchar, joined FROM users

-- conditions in a set operation
-- expect ! ! !
SELECT id IS NULL, EXISTS (SELECT 1), id = 1 AND email LIKE 'a%' FROM users UNION ALL SELECT true, false, id = ANY ('{1}') FROM users

-- WITH in a LATERAL subquery that has a row all the same
-- expect ! ![?]
SELECT u.id, x.y FROM users u CROSS JOIN LATERAL (WITH c AS (SELECT u.age AS v) SELECT ARRAY(SELECT v FROM c) AS y, count(*) FROM empty WHERE u.age IS NOT NULL) x

-- WITH in a LATERAL subquery, of rows that a WHERE around chose
-- expect ![!]
SELECT x.y FROM users u CROSS JOIN LATERAL (WITH c AS (SELECT u.age AS v) SELECT ARRAY(SELECT v FROM c) AS y) x WHERE u.age IS NOT NULL

-- a composite that lost an attribute
-- expect ! ! ?
-- with CREATE TYPE shrunk AS (a int, b int, c int, d int); ALTER TYPE shrunk DROP ATTRIBUTE b;
-- betrays dropped-attributes
SELECT ROW(age, id, age)::shrunk, (ROW(age, id, age)::shrunk).c, (ROW(age, id, age)::shrunk).d FROM users

-- a composite that lost an attribute, as an anonymous row
-- expect !
SELECT ROW(age, id, age)::shrunk::record FROM users

-- the row of a table that lost a column, and one that is written out
-- expect !
-- with CREATE TABLE lost (a int, b int, c int NOT NULL); ALTER TABLE lost DROP COLUMN a; INSERT INTO lost VALUES (NULL, 1);
SELECT l FROM lost l UNION ALL SELECT ROW(NULL, 2)::lost

-- an UPDATE of what a child computes
-- expect ?
-- until 15
-- with CREATE TABLE base (id int, a int, b int); CREATE TABLE computing (a int, b int GENERATED ALWAYS AS (nullif(a, 1)) STORED) INHERITS (base); INSERT INTO computing (id, a) VALUES (1, 2);
UPDATE base SET a = 1 WHERE b IS NOT NULL RETURNING b

-- an INSERT through a partition that computes
-- expect ! ?
-- until 15
-- with CREATE TABLE split (k int, b int) PARTITION BY LIST (k); CREATE TABLE split_1 (k int, b int GENERATED ALWAYS AS (nullif(k, 1)) STORED); ALTER TABLE split ATTACH PARTITION split_1 FOR VALUES IN (1);
INSERT INTO split VALUES (1, 5) RETURNING k, b

-- an UPDATE of an inheritance parent whose children are plain
-- expect ! !
UPDATE parent SET id = 7 WHERE v IS NOT NULL RETURNING id, v

-- a setting that changes between WHERE and the select list
-- expect ! ? !
SELECT set_config('search_path', 'nowhere', true), current_schema(), current_schemas(false) FROM public.users WHERE current_schema() IS NOT NULL

-- what EXCLUDED brings
-- expect ! ! ?
-- params ! ?
-- run 1, NULL
INSERT INTO notes AS n (id, v, w) VALUES ($1, upper('x'), $2) ON CONFLICT (id) DO UPDATE SET v = excluded.v, w = excluded.w RETURNING id, v, w

-- fields of old and new as whole rows, which the server (18) reads as if neither were written
-- expect ? ! ! ? ! !
-- from 18
UPDATE notes SET v = NULL WHERE v IS NOT NULL RETURNING (old).v, old.v, (old).id, (new).v, old, new

-- whole rows in arrays, with what their columns may be
-- expect ?[!]
-- inside 1[].1! 1[].3! 1[].4?
SELECT (SELECT array_agg(p ORDER BY p.id) FROM posts p WHERE p.user_id = u.id) FROM users u

-- an array of a subquery that gives whole rows
-- expect ![!]
-- inside 1[].1! 1[].2! 1[].4?
SELECT ARRAY(SELECT p FROM posts p WHERE p.user_id = u.id) FROM users u

-- an array of rows of a subquery, which has names and no type
-- expect ![!]
-- inside 1[].1! 1[].2? 1[].3!
SELECT ARRAY(SELECT o FROM (SELECT p.id, p.body, upper(p.title) AS loud FROM posts p WHERE p.user_id = u.id) o) FROM users u

-- rows that an outer join leaves out, in an array
-- expect ![?]
-- inside 1[].3! 1[].4?
-- betrays array-elements left-join
SELECT array_agg(p) FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id

-- FILTER lets none of them through
-- expect ?[!]
-- inside 1[].1! 1[].4?
-- betrays aggregate-filter
SELECT array_agg(p ORDER BY p.id) FILTER (WHERE p.id IS NOT NULL) FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id

-- an empty array in its place
-- expect ![!]
-- inside 1[].1! 1[].4?
SELECT coalesce(array_agg(p) FILTER (WHERE p.id IS NOT NULL), '{}') FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id

-- FILTER speaks of the rows of a whole side of a join
-- expect ?[!]
-- inside 1[].1! 1[].2!
SELECT array_agg((p.title, c.text)) FILTER (WHERE c.id > 0) FROM users u LEFT JOIN (posts p JOIN comments c ON c.post_id = p.id) ON p.user_id = u.id GROUP BY u.id

-- and not of the other one
-- expect ~[!] ~[?]
-- inside 1[].1? 1[].2!
-- betrays presence-of-one-side
SELECT array_agg((n.w, o.k)) FILTER (WHERE o.k > 0), array_agg(n.w) FILTER (WHERE o.k > 0) FROM numbers n FULL JOIN others o ON n.k = o.k

-- nor of a join further in
-- expect ~[!]
-- inside 1[].1! 1[].2?
-- betrays presence-of-one-side
SELECT array_agg((p.title, c.text)) FILTER (WHERE p.id IS NOT NULL) FROM users u LEFT JOIN (posts p LEFT JOIN comments c ON c.post_id = p.id) ON p.user_id = u.id

-- CASE that asks for the row
-- expect ? !
SELECT CASE WHEN p.id IS NOT NULL THEN p END, CASE WHEN p.id IS NOT NULL THEN p.title ELSE 'none' END FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- rows that are written out in one array
-- expect ![!] ![!]
-- inside 1[].1! 1[].2?
-- betrays fields-of-every-element
SELECT ARRAY[ROW(id, 1), ROW(id, NULL)], ARRAY[ROW(id, 'a')] FROM users

-- rows of the sides of a set operation
-- expect !
-- inside 1.1! 1.2?
-- betrays union-either
SELECT o FROM (SELECT id, email FROM users) o UNION ALL SELECT o FROM (SELECT id, body FROM posts) o

-- rows within rows
-- expect !
-- inside 1.1! 1.2! 1.2[].1! 1.2[].2?
SELECT o FROM (SELECT u.id, ARRAY(SELECT p FROM (SELECT title, body FROM posts WHERE user_id = u.id) p) AS posts FROM users u) o

-- a row that a LEFT JOIN LATERAL does not find
-- expect ?
-- inside 1.1! 1.2?
-- betrays left-join
SELECT last FROM users u LEFT JOIN LATERAL (SELECT title, body FROM posts WHERE user_id = u.id ORDER BY id DESC LIMIT 1) last ON true

-- rows of a CTE, of one that writes, and of VALUES
-- expect ! ! !
-- inside 1.2? 2.1! 3.1? 3.2!
WITH a AS (SELECT id, name FROM users), b AS (INSERT INTO notes (id) VALUES (77) RETURNING id, v) SELECT a, b, w FROM a, b, (VALUES (1, 'x'), (NULL, 'y')) w

-- a row that is written
-- expect !
-- inside 1.1! 1.2? 1.4!
UPDATE notes SET v = NULL RETURNING notes

-- rows of the partitions, and of a parent whose child was given other columns in another order
-- expect ! !
-- inside 1.1! 1.4? 2.1! 2.2!
SELECT e, p FROM events e, parent p

-- columns that were dropped, and one that was added with a default to rows that are there
-- with CREATE TABLE altered (a int, b int, c text NOT NULL);
-- with INSERT INTO altered VALUES (1, NULL, 'x');
-- with ALTER TABLE altered DROP COLUMN a, ADD COLUMN d int NOT NULL DEFAULT 5, ADD COLUMN e int;
-- expect ! ![!]
-- inside 1.1? 1.2! 1.3! 1.4? 2[].3! 2[].4?
SELECT x, ARRAY(SELECT y FROM altered y) FROM altered x

-- rows whose table is the target of a cast
-- expect !
-- inside 1.1! 1.4!
SELECT ROW(1, 1, 'a', 'b', 1, 1)::posts FROM users

-- rows in an array that a NULL is put into
-- expect ![?]
-- betrays array-elements
SELECT array_append(array_agg(p), NULL) FROM posts p

-- rows of grouping sets
-- expect ~[!] ?
-- inside 1[].1? 1[].2!
SELECT array_agg(ROW(age, id)), age FROM users GROUP BY GROUPING SETS ((age), ())

-- objects in JSON, by their keys
-- expect !
-- inside 1.1! 1.2? 1.3! 1.4? 1.5! 1.5[].1! 1.5[].2?
SELECT jsonb_build_object('id', u.id, 'name', u.name, 'tags', u.tags, 'home', u.home, 'posts', (SELECT coalesce(jsonb_agg(json_build_object('id', p.id, 'body', p.body)), '[]') FROM posts p WHERE p.user_id = u.id)) FROM users u

-- arrays in JSON, and rows that an outer join leaves out
-- expect ~
-- inside 1[]? 1[].3! 1[].4?
-- betrays left-join
SELECT json_agg(p) FROM users u LEFT JOIN posts p ON p.user_id = u.id

-- FILTER for JSON
-- expect ?
-- inside 1[]! 1[].3! 1[].4?
-- betrays aggregate-filter
SELECT json_agg(p) FILTER (WHERE p.id IS NOT NULL) FROM users u LEFT JOIN posts p ON p.user_id = u.id GROUP BY u.id

-- a row as JSON, of a table and of a subquery
-- expect ! !
-- inside 1.1! 1.3? 2.1! 2.2?
SELECT to_jsonb(u), row_to_json(o) FROM users u, (SELECT id, body FROM posts) o

-- a key that stands twice
-- expect !
-- betrays json-keys-once
SELECT jsonb_build_object('a', 1, 'a', NULL::int) FROM users

-- objects of the sides of a set operation
-- expect !
-- inside 1.1?
-- betrays union-either
SELECT jsonb_build_object('a', id) FROM users UNION ALL SELECT jsonb_build_object('a', NULL::int)

-- JSON that is cast to the other kind
-- expect !
-- inside 1.1! 1.2?
SELECT json_build_object('id', id, 'name', name)::jsonb FROM users

-- JSON that is null within JSON is no NULL
-- expect !
-- inside 1.1!
SELECT jsonb_build_object('config', config -> 'n') FROM users WHERE config -> 'n' IS NOT NULL

-- JSON_OBJECT and JSON_ARRAYAGG
-- from 16
-- expect ! !
-- inside 1.1! 1.2? 2[].1! 2[].2?
SELECT JSON_OBJECT('id' VALUE min(id), 'name' VALUE min(name) FILTER (WHERE false) ABSENT ON NULL), JSON_ARRAYAGG(JSON_OBJECT('id': id, 'name': name) RETURNING jsonb) FROM users GROUP BY id

-- what is known of the new row says nothing of the old one
-- expect ? ? ?
-- from 18
UPDATE notes SET w = 'x' WHERE id = 1 RETURNING CASE WHEN new.w IS NOT NULL THEN old.w ELSE '' END, new.w IS NOT NULL AND old.w > 'a', (SELECT coalesce(old.w, NULL) FROM others WHERE new.w > 'a' LIMIT 1)

-- what is known of the old row, of the old row
-- expect !
-- from 18
UPDATE notes SET w = 'x' RETURNING CASE WHEN old.w IS NOT NULL THEN old.w ELSE '' END

-- HAVING of an aggregate that needs two rows says nothing of it over distinct values
-- expect ? !
SELECT stddev(DISTINCT w), stddev(w) FROM (VALUES (1, 5), (1, 5)) s (k, w) GROUP BY k HAVING stddev(w) IS NOT NULL

-- HAVING of an aggregate that needs one value does
-- expect !
SELECT sum(DISTINCT v) FROM numbers GROUP BY k HAVING sum(v) IS NOT NULL

-- IS DISTINCT FROM by an equality that gives NULL
-- expect ?
-- with CREATE TYPE point3 AS (x int, y int, z int); CREATE FUNCTION unsure(point3, point3) RETURNS boolean LANGUAGE sql AS 'SELECT NULL::boolean'; CREATE OPERATOR public.= (LEFTARG = point3, RIGHTARG = point3, FUNCTION = unsure);
-- betrays user-functions
SELECT p IS DISTINCT FROM p FROM (VALUES (ROW(1, 2, 3)::point3)) s (p)

-- a parameter that IS TRUE and its kin test
-- expect !
-- params ?
-- run NULL
SELECT w FROM numbers WHERE $1::boolean IS UNKNOWN OR (v = 7) = $1
