-- Every type that has a Rust type, as a parameter, as a column, in arrays, in composites.
-- ==== schema
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
COMMENT ON DOMAIN email IS 'An address.';
CREATE DOMAIN positive AS int NOT NULL CHECK (VALUE > 0);
CREATE DOMAIN labels AS text[];
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TYPE point2 AS (x float8, y float8);
CREATE TYPE address AS (street text, zip email, spot point2, moods mood[]);
CREATE TABLE everything (
    a bool NOT NULL, b int2 NOT NULL, c int4 NOT NULL, d int8 NOT NULL, e float4 NOT NULL, f float8 NOT NULL,
    g numeric NOT NULL, h text NOT NULL, i varchar(10) NOT NULL, j char(3) NOT NULL, k name NOT NULL, l "char" NOT NULL,
    m bytea NOT NULL, n uuid NOT NULL, o json NOT NULL, p jsonb NOT NULL, q date NOT NULL, r time NOT NULL,
    s timestamp NOT NULL, t timestamptz NOT NULL, u interval NOT NULL, v inet NOT NULL, w oid NOT NULL,
    x mood NOT NULL, y address NOT NULL, z point2 NOT NULL, aa email NOT NULL, bb positive NOT NULL, cc labels NOT NULL,
    dd int[] NOT NULL, ee text[] NOT NULL, ff mood[] NOT NULL, gg address[] NOT NULL, hh jsonb[] NOT NULL, ii email[] NOT NULL,
    jj bytea[], kk numeric
);
-- ==== queries
--! everything
SELECT * FROM everything;

--! insert_everything
INSERT INTO everything VALUES (
    :a, :b, :c, :d, :e, :f, :g, :h, :i, :j, :k, :l, :m, :n, :o, :p, :q, :r, :s, :t, :u, :v, :w, :x, :y, :z, :aa, :bb, :cc,
    :dd, :ee, :ff, :gg, :hh, :ii, :jj, :kk
);

--! nothing
SELECT pg_notify('a', :payload);

--! whole (): (everything.a!)
SELECT everything FROM everything;

--! scalars (): (y.zip!, y.spot.x!, gg[!])
SELECT y, gg, z FROM everything;
