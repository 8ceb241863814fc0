-- Every type that Cornucopia has, alone and in arrays, as a column and as a parameter.
-- ==== schema
CREATE EXTENSION citext;
CREATE EXTENSION ltree;
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE DOMAIN email AS citext CHECK (VALUE LIKE '%@%');
CREATE DOMAIN emails AS email[];
CREATE TYPE address AS (street text, moods mood[], email email, at timestamptz, hardware macaddr, path ltree, tree jsonb);
CREATE TABLE everything (
    a bool, b "char", c int2, d int4, e int8, f float4, g float8, h text, i varchar(9), j char(3), k name, l bytea, m timestamp,
    n timestamptz, o date, p time, q json, r jsonb, s uuid, t inet, u macaddr, v numeric(9, 2), w citext, x ltree, y lquery, z ltxtquery,
    aa mood, bb email, cc emails, dd address
);
CREATE TABLE arrays (
    a bool[], b "char"[], c int2[], d int4[], e int8[], f float4[], g float8[], h text[], i varchar(9)[], j char(3)[], k name[], l bytea[],
    m timestamp[], n timestamptz[], o date[], p time[], q json[], r jsonb[], s uuid[], t inet[], u macaddr[], v numeric[], w citext[],
    x ltree[], y lquery[], z ltxtquery[], aa mood[], bb email[], dd address[]
);
-- ==== queries everything
--! everything
SELECT * FROM everything;
--! add_everything
INSERT INTO everything VALUES (
    :a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s, :t, :u, :v, :w, :x, :y, :z, :aa, :bb, :cc, :dd
);
--! arrays
SELECT * FROM arrays;
--! add_arrays
INSERT INTO arrays VALUES (
    :a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s, :t, :u, :v, :w, :x, :y, :z, :aa, :bb, :dd
);
--! computed
SELECT count(*) AS a, sum(d) AS b, sum(e) AS c, avg(f) AS d, array_agg(h) AS e, max(n) AS f, now() - '1 day'::interval AS g,
    extract(year FROM now()) AS h, length('a') AS i, row_number() OVER () AS j, jsonb_build_object('a', 1) AS k, 1.5 AS l
FROM everything GROUP BY a;
--! address
SELECT dd FROM everything WHERE dd = :address::address AND aa = ANY (:moods);
--! address_many
SELECT dd FROM arrays WHERE :mood = ANY (aa);
--! one_bool
SELECT a FROM everything WHERE a = :a;
--! one_email
SELECT bb FROM everything WHERE bb = :b;
--! one_tree
SELECT r FROM everything WHERE r @> :r;
--! one_bytes
SELECT l FROM everything WHERE l = ANY (:l);
--! one_path
SELECT x FROM everything WHERE x <@ :x AND x ~ :y;
