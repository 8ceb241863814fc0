-- Dashboards: metrics arranged in rows.

--: Dashboard()

--! create_dashboard
--- Stores a dashboard as version 1; whoever makes it owns it.
WITH made AS (
    INSERT INTO dashboard_files (name, file_name, content, organization_id, created_by, version_history)
    VALUES (
        :name,
        :file_name,
        :content,
        :organization_id,
        :user_id,
        jsonb_build_object(
            '1', jsonb_build_object('content', :content::jsonb, 'updated_at', now(), 'version_number', 1)
        )
    )
    RETURNING id, name, file_name, content, version_history, created_at
), granted AS (
    INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
    SELECT :user_id, 'user', made.id, 'dashboard_file', 'owner', :user_id, :user_id
    FROM made
)
SELECT
    made.id,
    made.name,
    made.file_name,
    made.content,
    made.version_history,
    made.created_at
FROM made;

--! get_dashboard : Dashboard
--- One dashboard by id.
SELECT
    id,
    name,
    file_name,
    content,
    filter,
    organization_id,
    created_by,
    version_history,
    publicly_accessible,
    public_expiry_date,
    workspace_sharing,
    screenshot_bucket_key,
    screenshot_taken_at,
    created_at,
    updated_at
FROM dashboard_files
WHERE id = :dashboard_id AND deleted_at IS NULL;

--! delete_dashboard
--- Deletes a dashboard; its metrics stay.
UPDATE dashboard_files
SET
    deleted_at = now(),
    updated_at = now()
WHERE id = :dashboard_id AND deleted_at IS NULL;

--! list_dashboard_metrics
--- The metrics on a dashboard, by name.
SELECT
    metric.id,
    metric.name,
    metric.verification,
    metric.data_source_id,
    metric.updated_at
FROM metric_files_to_dashboard_files AS link
INNER JOIN metric_files AS metric
    ON metric.id = link.metric_file_id AND metric.deleted_at IS NULL
WHERE link.dashboard_file_id = :dashboard_id AND link.deleted_at IS NULL
ORDER BY metric.name, metric.id;

--! list_dashboards_with_metric
--- The dashboards that a metric is on, with how each is shared: whoever sees the dashboard sees the metric.
SELECT
    dashboard.id,
    dashboard.name,
    dashboard.publicly_accessible,
    dashboard.public_expiry_date,
    dashboard.workspace_sharing
FROM metric_files_to_dashboard_files AS link
INNER JOIN dashboard_files AS dashboard
    ON dashboard.id = link.dashboard_file_id AND dashboard.deleted_at IS NULL
WHERE link.metric_file_id = :metric_id AND link.deleted_at IS NULL
ORDER BY dashboard.name, dashboard.id;

--! list_dashboards
--- The dashboards of an organization that concern a user, the last changed first: with `mine` those that the user made, with
--- `shared` those that others have shared with the user or with a team of the user.
--@ page
SELECT
    dashboard.id,
    dashboard.name,
    dashboard.created_by,
    dashboard.updated_at,
    dashboard.workspace_sharing,
    author.name AS author_name
FROM dashboard_files AS dashboard
LEFT JOIN users AS author
    ON author.id = dashboard.created_by AND author.deleted_at IS NULL
WHERE
    dashboard.organization_id = :organization_id
    AND dashboard.deleted_at IS NULL
    AND (
        (:mine AND dashboard.created_by = :user_id)
        OR (
            :shared
            AND dashboard.created_by <> :user_id
            AND EXISTS (
                SELECT
                FROM asset_permissions AS permission
                LEFT JOIN (
                    teams_to_users AS team_member
                    INNER JOIN teams
                        ON teams.id = team_member.team_id AND teams.deleted_at IS NULL
                )
                    ON
                        permission.identity_type = 'team'
                        AND team_member.team_id = permission.identity_id
                        AND team_member.user_id = :user_id
                        AND team_member.deleted_at IS NULL
                WHERE
                    permission.asset_id = dashboard.id
                    AND permission.asset_type = 'dashboard_file'
                    AND permission.deleted_at IS NULL
                    AND (
                        (permission.identity_type = 'user' AND permission.identity_id = :user_id)
                        OR team_member.team_id IS NOT NULL
                    )
            )
        )
    )
ORDER BY dashboard.updated_at DESC, dashboard.id;
