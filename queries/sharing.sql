-- Sharing: who may do what with which asset.

--: AssetPermission()

--! grant_permission : AssetPermission
--- Gives an identity a role on an asset, in place of the one that it had. A revoked permission comes back to life.
INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
VALUES (:identity_id, :identity_type, :asset_id, :asset_type, :role, :granted_by, :granted_by)
ON CONFLICT (identity_id, identity_type, asset_id, asset_type) DO UPDATE
SET
    role = excluded.role,
    updated_by = excluded.updated_by,
    updated_at = now(),
    deleted_at = NULL
RETURNING
    identity_id,
    identity_type,
    asset_id,
    asset_type,
    role,
    created_at,
    updated_at,
    deleted_at,
    created_by,
    updated_by;

--! grant_permissions
--- Gives many identities a role on one asset: the three lists are read side by side, and of an identity that is named
--- twice the last role counts.
INSERT INTO asset_permissions (identity_id, identity_type, asset_id, asset_type, role, created_by, updated_by)
SELECT DISTINCT ON (item.identity_id, item.identity_type)
    item.identity_id,
    item.identity_type,
    :asset_id::uuid,
    :asset_type::asset_type_enum,
    item.role,
    :granted_by::uuid,
    :granted_by::uuid
FROM unnest(
    :identity_ids::uuid[],
    :identity_types::identity_type_enum[],
    :roles::asset_permission_role_enum[]
) WITH ORDINALITY AS item (identity_id, identity_type, role, position)
ORDER BY item.identity_id, item.identity_type, item.position DESC
ON CONFLICT (identity_id, identity_type, asset_id, asset_type) DO UPDATE
SET
    role = excluded.role,
    updated_by = excluded.updated_by,
    updated_at = now(),
    deleted_at = NULL;

--! revoke_permission : AssetPermission
--- Takes back what an identity was given on an asset. Returns nothing where there was nothing to take back.
UPDATE asset_permissions
SET
    updated_by = :revoked_by,
    updated_at = now(),
    deleted_at = now()
WHERE
    identity_id = :identity_id
    AND identity_type = :identity_type
    AND asset_id = :asset_id
    AND asset_type = :asset_type
    AND deleted_at IS NULL
RETURNING
    identity_id,
    identity_type,
    asset_id,
    asset_type,
    role,
    created_at,
    updated_at,
    deleted_at,
    created_by,
    updated_by;

--! revoke_permissions
--- Takes back what these identities of one type, and no others, were given on an asset. Returns those that had something.
UPDATE asset_permissions
SET
    updated_by = :revoked_by,
    updated_at = now(),
    deleted_at = now()
WHERE
    asset_id = :asset_id
    AND asset_type = :asset_type
    AND identity_type = :identity_type
    AND identity_id = ANY(:identity_ids)
    AND deleted_at IS NULL
RETURNING identity_id;

--! list_people_with_access
--- The people who were given a role on an asset themselves, not through a team or the organization.
SELECT
    person.id,
    person.email,
    person.name,
    person.avatar_url,
    permission.role
FROM asset_permissions AS permission
INNER JOIN users AS person
    ON person.id = permission.identity_id AND person.deleted_at IS NULL
WHERE
    permission.asset_id = :asset_id
    AND permission.asset_type = :asset_type
    AND permission.identity_type = 'user'
    AND permission.deleted_at IS NULL
ORDER BY person.email;

--! effective_asset_role
--- The most that a user may do with an asset, from whatever side it comes: a role of the user's own, a team's, what the
--- asset allows everybody in its organization, or an administrator's power. NULL where the user may do nothing.
WITH asset AS (
    SELECT live_assets.organization_id, live_assets.workspace_sharing
    FROM live_assets
    WHERE live_assets.asset_id = :asset_id AND live_assets.asset_type = :asset_type
), membership AS (
    SELECT member.role, asset.workspace_sharing
    FROM asset
    INNER JOIN users_to_organizations AS member
        ON member.organization_id = asset.organization_id AND member.deleted_at IS NULL
    WHERE member.user_id = :user_id AND member.status = 'active'
), granted AS (
    SELECT permission.role, permission.identity_type, permission.identity_id
    FROM asset
    CROSS JOIN asset_permissions AS permission
    WHERE
        permission.asset_id = :asset_id
        AND permission.asset_type = :asset_type
        AND permission.deleted_at IS NULL
), candidate AS (
    SELECT granted.role
    FROM granted
    WHERE granted.identity_type = 'user' AND granted.identity_id = :user_id
    UNION ALL
    SELECT granted.role
    FROM granted
    INNER JOIN teams
        ON teams.id = granted.identity_id AND teams.deleted_at IS NULL
    INNER JOIN teams_to_users AS team_member
        ON team_member.team_id = teams.id AND team_member.deleted_at IS NULL
    WHERE granted.identity_type = 'team' AND team_member.user_id = :user_id
    UNION ALL
    SELECT CASE membership.workspace_sharing
        WHEN 'full_access' THEN 'full_access'::asset_permission_role_enum
        WHEN 'can_edit' THEN 'can_edit'
        WHEN 'can_view' THEN 'can_view'
    END
    FROM membership
    WHERE membership.workspace_sharing <> 'none'
    UNION ALL
    SELECT 'full_access'
    FROM membership
    WHERE membership.role IN ('workspace_admin', 'data_admin')
)
SELECT
    (
        SELECT candidate.role
        FROM candidate
        ORDER BY
            array_position(
                '{owner,full_access,can_edit,can_filter,can_view,viewer}'::asset_permission_role_enum[],
                candidate.role
            )
        LIMIT 1
    ) AS role;

--! list_containers_of_metric
--- Everything that a metric can be seen in: dashboards, reports, chats and collections, with how each is shared.
--- Collections cannot be public, so that `publicly_accessible` is NULL for them.
SELECT
    'dashboard_file'::asset_type_enum AS container_type,
    dashboard.id AS container_id,
    dashboard.name AS title,
    dashboard.workspace_sharing,
    dashboard.publicly_accessible,
    dashboard.public_expiry_date
FROM metric_files_to_dashboard_files AS link
INNER JOIN dashboard_files AS dashboard
    ON dashboard.id = link.dashboard_file_id AND dashboard.deleted_at IS NULL
WHERE link.metric_file_id = :metric_id AND link.deleted_at IS NULL
UNION ALL
SELECT
    'report_file',
    report.id,
    report.name,
    report.workspace_sharing,
    report.publicly_accessible,
    report.public_expiry_date
FROM metric_files_to_report_files AS link
INNER JOIN report_files AS report
    ON report.id = link.report_file_id AND report.deleted_at IS NULL
WHERE link.metric_file_id = :metric_id AND link.deleted_at IS NULL
UNION ALL
SELECT
    'chat',
    chats.id,
    chats.title,
    chats.workspace_sharing,
    chats.publicly_accessible,
    chats.public_expiry_date
FROM chats
WHERE
    chats.deleted_at IS NULL
    AND EXISTS (
        SELECT
        FROM messages
        INNER JOIN messages_to_files AS link
            ON link.message_id = messages.id AND link.deleted_at IS NULL
        WHERE
            messages.chat_id = chats.id
            AND messages.deleted_at IS NULL
            AND link.file_id = :metric_id
    )
UNION ALL
SELECT
    'collection',
    collections.id,
    collections.name,
    collections.workspace_sharing,
    NULL,
    NULL
FROM collections_to_assets AS link
INNER JOIN collections
    ON collections.id = link.collection_id AND collections.deleted_at IS NULL
WHERE
    link.asset_id = :metric_id
    AND link.asset_type = 'metric_file'
    AND link.deleted_at IS NULL
ORDER BY container_type, title, container_id;

--! list_asset_permissions : (person: Person)
--- Who was given a role on an asset: users, teams and organizations, or only those of one kind. `person` is there for a user who
--- still has an account.
SELECT
    permission.identity_id,
    permission.identity_type,
    permission.role,
    person,
    permission.created_by,
    permission.created_at
FROM asset_permissions AS permission
LEFT JOIN (
    SELECT id, email, name
    FROM users
    WHERE deleted_at IS NULL
) AS person
    ON permission.identity_type = 'user' AND person.id = permission.identity_id
WHERE
    permission.asset_id = :asset_id
    AND permission.asset_type = :asset_type
    AND permission.deleted_at IS NULL
    AND (:identity_type IS NULL OR permission.identity_type = :identity_type)
ORDER BY permission.identity_type, person.email, permission.identity_id;
