-- Metrics: one query each, and how to chart its result.

--: Metric()

--! create_metrics (metrics!)
--- Stores metrics that the assistant made together, as version 1, and makes the user their owner. `metrics` is an array of
--- objects with `name`, `file_name`, `content` and `data_source_id`; an `id` is kept where one is given.
WITH input AS (
    SELECT coalesce(item.id, gen_random_uuid()) AS id, item.name, item.file_name, item.content, item.data_source_id
    FROM jsonb_to_recordset(:metrics::jsonb) AS item (
        id uuid,
        name text,
        file_name text,
        content jsonb,
        data_source_id uuid
    )
), made AS (
    INSERT INTO metric_files (
        id,
        name,
        file_name,
        content,
        data_source_id,
        organization_id,
        created_by,
        version_history
    )
    SELECT
        input.id,
        input.name,
        input.file_name,
        input.content,
        input.data_source_id,
        :organization_id,
        :user_id,
        jsonb_build_object(
            '1', jsonb_build_object('content', input.content, 'updated_at', now(), 'version_number', 1)
        )
    FROM input
    RETURNING id, name, file_name, version_history
), granted AS (
    INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
    SELECT :user_id, 'user', made.id, 'metric_file', 'owner', :user_id, :user_id
    FROM made
)
SELECT made.id, made.name, made.file_name, made.version_history
FROM made
ORDER BY made.name, made.id;

--! get_metric : Metric
--- One metric by id, with all that there is to know about it.
SELECT
    id,
    name,
    file_name,
    content,
    verification,
    evaluation_obj,
    evaluation_summary,
    evaluation_score,
    organization_id,
    created_by,
    created_at,
    updated_at,
    deleted_at,
    publicly_accessible,
    publicly_enabled_by,
    public_expiry_date,
    version_history,
    data_metadata,
    public_password,
    data_source_id,
    workspace_sharing,
    workspace_sharing_enabled_by,
    workspace_sharing_enabled_at,
    screenshot_bucket_key,
    screenshot_taken_at
FROM metric_files
WHERE id = :metric_id AND deleted_at IS NULL;

--! get_metric_version (metric_id, version?)
--- A metric as it was in a version, with the kind of database that it runs on. Without a version, or with one that never
--- was, the newest content.
SELECT
    metric.id,
    metric.name,
    coalesce(metric.version_history -> :version::integer::text -> 'content', metric.content) AS content,
    source.name AS data_source_name,
    source.type AS data_source_type
FROM metric_files AS metric
LEFT JOIN data_sources AS source
    ON source.id = metric.data_source_id AND source.deleted_at IS NULL
WHERE metric.id = :metric_id AND metric.deleted_at IS NULL;

--! get_metric_title (metric_id, organization_id?)
--- The name of a metric for somebody of this organization, or for anybody (no organization) where the metric is public.
SELECT name
FROM metric_files
WHERE
    id = :metric_id
    AND deleted_at IS NULL
    AND (
        organization_id = :organization_id
        OR (publicly_accessible AND coalesce(public_expiry_date > now(), TRUE))
    );

--! update_metric_sharing (publicly_accessible~, publicly_enabled_by~, public_expiry_date~, public_password~, workspace_sharing~, workspace_sharing_enabled_by~, workspace_sharing_enabled_at~)
--- Changes who else sees a metric. Who enabled it, and when, is cleared by whoever ends the sharing.
UPDATE metric_files
SET
    publicly_accessible = :publicly_accessible,
    publicly_enabled_by = :publicly_enabled_by,
    public_expiry_date = :public_expiry_date,
    public_password = :public_password,
    workspace_sharing = :workspace_sharing,
    workspace_sharing_enabled_by = :workspace_sharing_enabled_by,
    workspace_sharing_enabled_at = :workspace_sharing_enabled_at,
    updated_at = now()
WHERE id = :metric_id AND deleted_at IS NULL
RETURNING
    id,
    publicly_accessible,
    publicly_enabled_by,
    public_expiry_date,
    public_password,
    workspace_sharing,
    workspace_sharing_enabled_by,
    workspace_sharing_enabled_at;

--! set_screenshot
--- Notes where the latest screenshot of a metric is.
UPDATE metric_files
SET
    screenshot_bucket_key = :bucket_key,
    screenshot_taken_at = :taken_at,
    updated_at = now()
WHERE id = :metric_id AND deleted_at IS NULL;

--! metric_latest_version
--- The highest version number of a metric; NULL for one that was never versioned.
SELECT
    (
        SELECT max(version.number::integer)
        FROM jsonb_object_keys(metric_files.version_history) AS version (number)
    ) AS version
FROM metric_files
WHERE id = :metric_id AND deleted_at IS NULL;
