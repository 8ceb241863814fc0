-- Types of an extension as the bytes that the server sends: EWKB.
-- ==== requires postgis
-- ==== schema
CREATE EXTENSION postgis;
CREATE TABLE places (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, spot geography(Point, 4326) NOT NULL, shape geometry, shapes geometry[]
);
CREATE INDEX ON places USING gist (spot);
-- ==== queries
--! add_place
INSERT INTO places (spot, shape, shapes) VALUES (ST_MakePoint(:longitude, :latitude)::geography, :shape, :shapes) RETURNING id;

--! places
SELECT * FROM places;

--! places_near
SELECT id, ST_X(spot::geometry) AS longitude, ST_Y(spot::geometry) AS latitude, ST_AsText(shape) AS shape FROM places
WHERE ST_DWithin(spot, ST_MakePoint(:longitude, :latitude)::geography, :meters);
-- ==== sqlmill.toml
[types]
"geometry" = "bytes"
"geography" = "bytes"
