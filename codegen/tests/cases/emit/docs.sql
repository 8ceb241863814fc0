-- What authors write in docs, and SQL that is hard to quote.
-- ==== schema
CREATE TABLE t (id int PRIMARY KEY, v text);
COMMENT ON COLUMN t.v IS 'a [link] <b> `code` "quoted"
second line	with a tab

```
not rust
```';
-- ==== queries
--! documented
--- An array[1] of Vec<T>, see https://example.com/x.
---
--- - one
--- more of it
--- - two
---
---     indented
SELECT id, v FROM t WHERE v <> '```' AND v <> '"#' AND v <> E'\\' AND v <> '"##"' AND :a <> 'x	y';

--! short
SELECT '"' || 'a long enough text that one line would be too wide for the constant and its name' FROM t;

--! wide
SELECT 'a long enough text that one line would be too wide for the constant and its name ' || v AS text FROM t WHERE id > 1;
