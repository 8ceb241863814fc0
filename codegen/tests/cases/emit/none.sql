-- No queries, and a module that has only types.
-- ==== schema
CREATE TABLE t (id int);
-- ==== queries empty
-- ==== queries types_only
--: Unused()
