-- Written as for Cornucopia; what goes in comes out.
-- ==== schema
CREATE TYPE size AS (width int, height float8);
CREATE TYPE sticker AS (number int, words text);
CREATE DOMAIN slug AS text CHECK (VALUE ~ '^\w+$');
CREATE DOMAIN extra AS json;
CREATE DOMAIN extras AS extra[];
CREATE DOMAIN amount AS int CHECK (VALUE > 0);
CREATE TYPE tag AS (slug slug, extra extra, amount amount, extras extras);
CREATE TYPE "kind.of" AS ENUM ('one.dot', 'two.dots.');
CREATE TYPE "label.of" AS ("kind.is" "kind.of");
CREATE TYPE rarely AS (first int, second int);
CREATE TYPE animal AS ENUM ('Cat', 'Dog', 'Magpie');
CREATE TYPE owner AS (name text, pets animal[]);
CREATE TYPE house AS (owners owner[], guests animal[], door slug);
CREATE SCHEMA elsewhere;
CREATE TYPE elsewhere.house AS (owners owner[], guests animal[], door slug);
CREATE TABLE parcels (
    id serial PRIMARY KEY, name text NOT NULL, price float8, size size NOT NULL, sticker sticker, tag tag,
    "label.of" "label.of", notes text[], houses house[], other elsewhere.house, rarely rarely, hidden bool NOT NULL DEFAULT false
);
CREATE TABLE counters (a int NOT NULL, c int NOT NULL, z int NOT NULL, r int NOT NULL);
-- ==== queries parcels
--: Id()
--: Parcel(price?)
--: ParcelParams(price?)
--: sticker(words?)
--: "label.of"("kind.is"?)

--! new_visible ParcelParams: Id
INSERT INTO parcels (name, price, size, hidden) VALUES (:name, :price, :size, false) RETURNING id;
--! new_hidden ParcelParams: Id
INSERT INTO parcels (size, price, name, hidden) VALUES (:size, :price, :name, true) RETURNING id;
--! parcels: Parcel
SELECT id, name, price, size FROM parcels ORDER BY id;
--! parcel_by_id: Parcel
SELECT id, name, price, size FROM parcels WHERE id = :id;

--! put_values (tag?, sticker?, label?, notes?[?], houses?, other?)
UPDATE parcels SET tag = :tag, sticker = :sticker, "label.of" = :label, notes = :notes, houses = :houses, other = :other
WHERE id = :id;
--! values: Values(tag?, sticker?, "label.of"?, notes?[?], houses?, other?)
SELECT tag, sticker, "label.of", notes, houses, other FROM parcels WHERE id = :id;
--! single_nested: (sticker[].number)
SELECT array_agg(sticker ORDER BY id) AS sticker FROM parcels WHERE NOT sticker IS NULL;
--! put_rarely (rarely.second?)
UPDATE parcels SET rarely = :rarely WHERE id = :id;
--! rarely: (rarely?.first?, rarely?.second?)
SELECT rarely FROM parcels WHERE NOT rarely IS NULL;

--! called
SELECT id FROM parcels WHERE name = ANY (:names) ORDER BY id;
--! used_twice
UPDATE parcels SET name = :name WHERE length(name) > 4 AND length(:name) < 4;
--! new_counter
INSERT INTO counters (a, c, z, r) VALUES (1, 2, 3, 4);
--! in_another_order
UPDATE counters SET c=:c, a=:a, z=:a, r=:c;
--! counters
SELECT * FROM counters;
--! typeof
SELECT 'the; --! "end"' AS "trait", E'it\'s :this' AS "fn", $$:that$$ AS "dyn" -- :neither
;
-- ==== sqlmill.toml
compat = "cornucopia"
