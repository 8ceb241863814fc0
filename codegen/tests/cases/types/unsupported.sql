-- What has no Rust type is named, with the line that would give it one.
-- ==== schema
CREATE EXTENSION cube;
CREATE TYPE blob;
CREATE FUNCTION blob_in(cstring) RETURNS blob LANGUAGE internal IMMUTABLE STRICT AS 'byteain';
CREATE FUNCTION blob_out(blob) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'byteaout';
CREATE FUNCTION blob_receive(internal) RETURNS blob LANGUAGE internal IMMUTABLE STRICT AS 'bytearecv';
CREATE FUNCTION blob_send(blob) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'byteasend';
CREATE TYPE blob (INPUT = blob_in, OUTPUT = blob_out, RECEIVE = blob_receive, SEND = blob_send);
CREATE TYPE blobs AS (name text, blob blob);
CREATE TYPE textrange AS RANGE (subtype = text);
CREATE TABLE t (id int, v blob, s blobs, c cube, m textmultirange, a aclitem);
-- ==== queries
--! a
SELECT v, s, c, m, a FROM t;
--! b
SELECT id FROM t WHERE c = :v;
--! c
SELECT row(1, 2);
-- ==== sqlmill.toml
[types]
"blo" = "bytes"
"t.idd" = "crate_types::Id"
"t.id" = "network"
