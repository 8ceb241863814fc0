-- A fault of the text is told once: the server is not asked about a statement that the reader refused, nor is one slip told as four.
-- ==== schema
CREATE TABLE t (id int PRIMARY KEY, name text NOT NULL);
-- ==== queries t
--! quote
SELECT 'x FROM t;

--! comment
SELECT nothing /* FROM t;

--! list
SELECT id FROM t WHERE id IN :ids;

--! slip here now
SELECT id FROM t;

--! params Here
SELECT id FROM t;

--! other
SELECT nope FROM t;
