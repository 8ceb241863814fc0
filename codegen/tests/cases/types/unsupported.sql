-- ==== schema
CREATE TABLE t (id int, v tsvector, r int4range, a int4range[]);
-- ==== queries
--! a
SELECT v, r, a FROM t;
--! b
SELECT id FROM t WHERE v = :v;
--! c
SELECT row(1, 2);
