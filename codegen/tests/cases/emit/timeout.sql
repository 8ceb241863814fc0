-- Time limits: however the statement's line breaks.
-- ==== schema
CREATE TABLE t (id int PRIMARY KEY, v text);
-- ==== queries
--! a
--@ timeout 250 ms
SELECT id FROM t;

--! get_by_id
--@ timeout 1500ms
SELECT id, v FROM t WHERE id = :id;

--! a_name_that_is_so_long_that_nothing_fits
--@ timeout 2min
SELECT id, v FROM t WHERE id = :id;

--! a_name_that_is_so_long_that_nothing_fits_the_line_at_all_for_it_goes_on
--@ timeout 1h
SELECT id, v FROM t WHERE id = :id;

--! several (a?, b?, c?, d?)
--@ timeout 1d
SELECT id, v FROM t WHERE id = :id AND (v = :a OR v = :b OR v = :c OR v = :d);

--! erase
--@ timeout 10s
--@ transaction
DELETE FROM t WHERE id = :id;

--! nap
--@ timeout 300ms
SELECT pg_sleep(:seconds);
