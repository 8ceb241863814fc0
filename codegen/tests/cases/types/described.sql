-- Schemas by `schemars` and `utoipa` of all that is generated. (`utoipa` knows neither jiff's `Time` nor its `DateTime`.)
-- ==== schema
CREATE DOMAIN email AS text CHECK (VALUE LIKE '%@%');
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TYPE address AS (street text, zip email, moods mood[], net cidr, span daterange);
CREATE TABLE accounts (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    a bool NOT NULL, b int2, d int8[] NOT NULL, e float4 NOT NULL, f float8, g numeric NOT NULL, h text NOT NULL, k name, l "char",
    m bytea NOT NULL, n uuid NOT NULL, p jsonb NOT NULL, config jsonb NOT NULL, q date NOT NULL,
    t timestamptz NOT NULL, u interval NOT NULL, v inet, x mood NOT NULL, y address NOT NULL, z address[], aa email NOT NULL,
    bb money, cc bit(5), ee cidr, ff macaddr, gg point, hh path, ii tsvector, jj tsquery, kk jsonpath, ll pg_lsn, mm xid8, nn timetz,
    oo int4range, pp int8multirange, qq int[][], rr xml, ss tid, tt pg_snapshot, uu numrange[]
);
-- ==== queries
--! accounts
SELECT * FROM accounts;

--! account : Named (h?)
SELECT id, h, y FROM accounts WHERE id = :id;
-- ==== sqlmill.toml
ids = "newtype"

[types]
"accounts.config" = "std::collections::BTreeMap<String, i32>"
# `utoipa` knows no IpAddr.
"accounts.v" = "network"

[derive]
rows = ["serde::Serialize", "schemars::JsonSchema", "utoipa::ToSchema"]
types = ["serde::Serialize", "serde::Deserialize", "schemars::JsonSchema", "utoipa::ToSchema"]
