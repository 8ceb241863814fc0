-- The queries of docs/dynamic.md.

-- ==== schema
CREATE TABLE reports (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    team_id bigint NOT NULL,
    title text NOT NULL,
    note text,
    status text NOT NULL DEFAULT 'draft',
    size integer NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE TABLE comments (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    report_id bigint NOT NULL REFERENCES reports (id),
    body text NOT NULL
);
CREATE TABLE stock (
    shop bigint,
    item bigint,
    count integer NOT NULL,
    PRIMARY KEY (shop, item)
);

-- ==== sqlmill.toml
[soft_delete]
column = "deleted_at"

[updated_at]
column = "updated_at"

-- ==== queries reports
--! find_reports : Report
SELECT id, title, note
FROM reports
WHERE team_id = :team_id
  AND deleted_at IS NULL
  AND (:status IS NULL OR status = :status)
  AND (:title IS NULL OR position(:title IN title) > 0)
ORDER BY id;

--! search_reports : Report
--@ order(newest: updated_at DESC, id DESC; title: lower(title), id)
SELECT id, title, note
FROM reports
WHERE team_id = :team_id
  AND deleted_at IS NULL
  AND (:status IS NULL OR status = :status)
  AND (:title IS NULL OR position(:title IN title) > 0)
  AND (:note IS NULL OR note = :note)
  AND (:least IS NULL OR size >= :least)
  AND (:most IS NULL OR size <= :most);

--! get_report : Report
SELECT id, title, note
FROM reports
WHERE id = :id AND (:include_deleted OR deleted_at IS NULL);

--! get_reports : Report
SELECT id, title, note
FROM reports
WHERE id = ANY(:ids) AND deleted_at IS NULL
ORDER BY id;

--! update_report (title~, note~)
UPDATE reports
SET title = :title, note = :note, updated_at = now()
WHERE id = :id AND deleted_at IS NULL;

--! list_reports : Report
--@ page
SELECT id, title, note
FROM reports
WHERE team_id = :team_id AND deleted_at IS NULL
ORDER BY title, id;

--! add_comments
--@ bulk
INSERT INTO comments (report_id, body)
VALUES (:report_id, :body);

--! add_stock
--@ bulk
INSERT INTO stock (shop, item, count)
VALUES (:shop, :item, :count)
ON CONFLICT (shop, item) DO UPDATE SET count = stock.count + excluded.count;

--! get_discussed_report : (comments: Comment)
SELECT
    id,
    title,
    ARRAY(
        SELECT comment
        FROM (SELECT id, body FROM comments WHERE report_id = reports.id) AS comment
        ORDER BY comment.id
    ) AS comments
FROM reports
WHERE id = :id AND deleted_at IS NULL;

-- Not shown: what the test begins with.
--! add_report
INSERT INTO reports (team_id, title, note, status, size)
VALUES (:team_id, :title, :note, :status, :size)
RETURNING id;

--! remove_report
UPDATE reports SET deleted_at = now(), updated_at = now() WHERE id = :id AND deleted_at IS NULL;

--! count_of_stock
SELECT count FROM stock WHERE shop = :shop AND item = :item;
