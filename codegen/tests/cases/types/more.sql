-- The types that have a form in the runtime only, alone and in arrays, in ranges and composites.
-- ==== schema
CREATE SCHEMA extensions;
CREATE EXTENSION ltree SCHEMA extensions;
CREATE EXTENSION hstore SCHEMA extensions;
CREATE DOMAIN week AS daterange NOT NULL;
CREATE DOMAIN fortnight AS week;
CREATE TYPE place AS (spot point, net cidr, terms tsvector, span week);
CREATE TYPE textrange AS RANGE (subtype = text);
CREATE TABLE everything (
    a money NOT NULL, b bit(5) NOT NULL, c varbit NOT NULL, d cidr NOT NULL, e macaddr NOT NULL, f macaddr8 NOT NULL,
    g point NOT NULL, h line NOT NULL, i lseg NOT NULL, j box NOT NULL, k path NOT NULL, l polygon NOT NULL, m circle NOT NULL,
    n tsvector NOT NULL, o tsquery NOT NULL, p jsonpath NOT NULL, q pg_lsn NOT NULL, r xid8 NOT NULL, s timetz NOT NULL,
    t pg_snapshot NOT NULL, u regclass NOT NULL, v tid NOT NULL, w extensions.ltree NOT NULL, x extensions.hstore NOT NULL,
    y int4range NOT NULL, z tstzrange NOT NULL, aa numrange NOT NULL, bb textrange NOT NULL, cc int8multirange NOT NULL,
    dd fortnight NOT NULL, ee place NOT NULL, ff xml NOT NULL, gg int[][] NOT NULL, hh int4range[] NOT NULL, ii point[] NOT NULL,
    jj place[] NOT NULL, kk tsquery[], ll oidvector, mm fortnight[], nn text[][][]
);
-- ==== queries
--! everything
SELECT * FROM everything;

--! insert_everything
INSERT INTO everything VALUES (
    :a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s, :t, :u, :v, :w, :x, :y, :z, :aa, :bb, :cc,
    :dd, :ee, :ff, :gg, :hh, :ii, :jj, :kk, :ll, :mm, :nn
);

--! matching
SELECT n FROM everything WHERE n @@ :query AND y && :span AND gg = :grid;
