-- Pages, filters and orders over columns that have quotes, or are called as clauses and keywords are.
-- ==== schema
CREATE TABLE "Order" (
    id int PRIMARY KEY, "limit" int NOT NULL, "offset" int, "group" text, "order" text NOT NULL, "type" text, "new" text, "Sel""ect" text
);
CREATE VIEW "View" AS SELECT id, "limit", "type" AS "Type" FROM "Order" WHERE "new" IS NULL;

-- ==== queries q
--! fill
INSERT INTO "Order"
SELECT n, n % 3, CASE WHEN n % 4 > 0 THEN n % 2 END, 'g' || n % 2, 'o' || n % 3, CASE WHEN n % 3 > 0 THEN 't' || n % 2 END,
    CASE WHEN n % 5 = 0 THEN 'new' END, CASE WHEN n % 2 = 0 THEN 's' END
FROM generate_series(1, 30) AS n;

--! chosen
--@ page
--@ order(self_: "limit", id; type: "type" DESC, id; fn: id DESC)
SELECT o.id, o.limit, o.offset AS offset, "type" AS fetch, "type"
FROM "Order" o
WHERE (:new IS NULL OR o."new" = :new) AND (:order IS NULL OR "order" = :order) AND ("type" = :type OR :type IS NULL);

--! quoted
--@ page
SELECT "limit", "offset", "group" AS "Group By", "order", "Sel""ect", id
FROM "Order"
ORDER BY "offset" DESC NULLS LAST, "Sel""ect", "order", "limit", id;

--! viewed
--@ page
--@ order(a: "Type", id; b: "limit" DESC, id)
SELECT id, "Type", "limit" FROM "View" WHERE ("Type" = :type OR :type IS NULL) AND (NOT :big OR "limit" > :least);

--! grouped
--@ page
--@ order(most: n DESC, "type"; type: "type")
SELECT "type", count(*) AS n
FROM "Order"
WHERE (:a IS NULL OR "limit" > :a)
GROUP BY "type"
HAVING (:least IS NULL OR count(*) >= :least);

--! either
--@ page
--@ order(up: 1; down: id DESC)
SELECT id FROM "Order" WHERE (:a IS NULL OR "limit" = :a) UNION SELECT "limit" FROM "View" WHERE (:b IS NULL OR "Type" = :b);

--! all_of_it
--@ page
TABLE "View" ORDER BY id;

--! ordered
--@ page
--@ order(id: id; down: id DESC)
SELECT id FROM "Order" WHERE (:order IS NULL OR "order" = :order) AND (:order_by IS NULL OR "type" = :order_by);
