-- Reports: text in Markdown with metrics in it.

--! create_report
--- Stores a report as version 1; whoever makes it owns it.
WITH made AS (
    INSERT INTO report_files (name, content, organization_id, created_by, version_history)
    VALUES (
        :name,
        :content,
        :organization_id,
        :user_id,
        jsonb_build_object(
            '1', jsonb_build_object('content', :content::text, 'updated_at', now(), 'version_number', 1)
        )
    )
    RETURNING id, name, content, version_history, created_at
), granted AS (
    INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
    SELECT :user_id, 'user', made.id, 'report_file', 'owner', :user_id, :user_id
    FROM made
)
SELECT
    made.id,
    made.name,
    made.content,
    made.version_history,
    made.created_at
FROM made;

--! get_report_content
--- The text of a report.
SELECT content
FROM report_files
WHERE id = :report_id AND deleted_at IS NULL;

--! append_report_content
--- Adds text at the end of a report and returns the whole: how a report grows while the assistant writes it.
UPDATE report_files
SET
    content = content || :addition,
    updated_at = now()
WHERE id = :report_id AND deleted_at IS NULL
RETURNING content;

--! replace_in_report
--- Replaces a text wherever it stands in a report and says how often it stood there. An empty text is not looked for.
WITH before AS (
    SELECT id, content
    FROM report_files
    WHERE id = :report_id AND deleted_at IS NULL
    FOR UPDATE
)
UPDATE report_files
SET
    content = replace(before.content, :find, :replacement),
    updated_at = now()
FROM before
WHERE
    report_files.id = before.id
    AND report_files.deleted_at IS NULL
    AND :find <> ''
RETURNING
    report_files.content,
    (length(before.content) - length(replace(before.content, :find, ''))) / length(:find) AS hits;

--! list_reports_with_permission : (role!)
--- The reports of an organization that concern a user, the last changed first: with `mine` those that the user made, with
--- `shared` those that others have shared with the user or with a team of the user. `role` is the best that the user was
--- given, whatever the report's workspace sharing allows; `is_shared` says that somebody else was given access.
SELECT
    report.id,
    report.name,
    report.updated_at,
    report.workspace_sharing,
    author.name AS author_name,
    CASE WHEN report.created_by = :user_id THEN 'owner' ELSE best.role END AS role,
    EXISTS (
        SELECT
        FROM asset_permissions AS other
        WHERE
            other.asset_id = report.id
            AND other.asset_type = 'report_file'
            AND other.deleted_at IS NULL
            AND other.identity_id <> report.created_by
    ) AS is_shared
FROM report_files AS report
LEFT JOIN users AS author
    ON author.id = report.created_by AND author.deleted_at IS NULL
LEFT JOIN LATERAL (
    SELECT permission.role
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
        permission.asset_id = report.id
        AND permission.asset_type = 'report_file'
        AND permission.deleted_at IS NULL
        AND (
            (permission.identity_type = 'user' AND permission.identity_id = :user_id)
            OR team_member.team_id IS NOT NULL
        )
    ORDER BY
        array_position(
            '{owner,full_access,can_edit,can_filter,can_view,viewer}'::asset_permission_role_enum[],
            permission.role
        )
    LIMIT 1
) AS best ON TRUE
WHERE
    report.organization_id = :organization_id
    AND report.deleted_at IS NULL
    AND (
        (:mine AND report.created_by = :user_id)
        OR (:shared AND report.created_by <> :user_id AND best.role IS NOT NULL)
    )
ORDER BY report.updated_at DESC, report.id;

--! save_report_version
--- Replaces the text of a report and keeps it as the next version. Returns the version's number.
WITH following AS (
    SELECT
        report_files.id,
        1 + coalesce(
            (
                SELECT max(version.number::integer)
                FROM jsonb_object_keys(report_files.version_history) AS version (number)
            ),
            0
        ) AS version
    FROM report_files
    WHERE report_files.id = :report_id AND report_files.deleted_at IS NULL
    FOR UPDATE
)
UPDATE report_files
SET
    content = :content,
    version_history = report_files.version_history || jsonb_build_object(
        following.version,
        jsonb_build_object('content', :content::text, 'updated_at', now(), 'version_number', following.version)
    ),
    updated_at = now()
FROM following
WHERE report_files.id = following.id AND report_files.deleted_at IS NULL
RETURNING following.version;

--! list_reports
--- The reports of an organization, as an administrator searches them. Deleted ones come only on request; a range of times
--- of deletion finds nothing else.
--@ order(newest: report.created_at DESC, report.id; touched: report.updated_at DESC, report.id; name: lower(report.name), report.id)
SELECT
    report.id,
    report.name,
    report.created_by,
    author.name AS author_name,
    report.workspace_sharing,
    report.publicly_accessible,
    report.created_at,
    report.updated_at,
    report.deleted_at
FROM report_files AS report
LEFT JOIN users AS author
    ON author.id = report.created_by AND author.deleted_at IS NULL
WHERE
    report.organization_id = :organization_id
    AND (:include_deleted OR report.deleted_at IS NULL)
    AND (:text IS NULL OR position(lower(:text) IN lower(report.name)) > 0)
    AND (:created_by IS NULL OR report.created_by = ANY(:created_by))
    AND (:author_email IS NULL OR author.email = :author_email)
    AND (:sharing IS NULL OR report.workspace_sharing = ANY(:sharing))
    AND (:publicly_accessible IS NULL OR report.publicly_accessible = :publicly_accessible)
    AND (:created_since IS NULL OR report.created_at >= :created_since AND report.created_at < :created_before)
    AND (:updated_since IS NULL OR report.updated_at >= :updated_since)
    AND (:deleted_since IS NULL OR report.deleted_at >= :deleted_since AND report.deleted_at < :deleted_before)
LIMIT :at_most;
