--: Report()

--! list_reports : Report
SELECT id, name, status
FROM reports
WHERE organization_id = :organization_id
  AND (:author_id IS NULL OR author_id = :author_id)
  AND (:status IS NULL OR status = :status)
  AND (:since IS NULL OR updated_at >= :since)
ORDER BY updated_at DESC, id DESC
LIMIT 20;

--! count_reports
SELECT count(*)
FROM reports
WHERE organization_id = :organization_id
  AND (:author_id IS NULL OR author_id = :author_id)
  AND (:status IS NULL OR status = :status)
  AND (:since IS NULL OR updated_at >= :since);

--! of_author : Report
--@ page
SELECT id, name, status FROM reports WHERE author_id = :author_id ORDER BY id DESC;

--! page_of_author : Report
SELECT id, name, status FROM reports WHERE author_id = :author_id ORDER BY id DESC LIMIT :size OFFSET :start;

--! count_of_author
SELECT count(*) FROM reports WHERE author_id = :author_id;
