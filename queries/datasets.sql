-- Data sources, and the datasets that the assistant may use.

--: DataSource()
--: Dataset()

--! get_data_source : DataSource
--- One data source by id.
SELECT
    id,
    name,
    type,
    env,
    secret_id,
    onboarding_status,
    onboarding_error,
    organization_id,
    created_by,
    created_at,
    updated_at
FROM data_sources
WHERE id = :data_source_id AND deleted_at IS NULL;

--! get_data_source_by_name : DataSource
--- The data source of this name in one environment of an organization.
SELECT
    id,
    name,
    type,
    env,
    secret_id,
    onboarding_status,
    onboarding_error,
    organization_id,
    created_by,
    created_at,
    updated_at
FROM data_sources
WHERE
    name = :name
    AND organization_id = :organization_id
    AND env = :env
    AND deleted_at IS NULL;

--! get_dataset_metadata
--- What introspection found out about a dataset; NULL where it has not run.
SELECT metadata
FROM datasets
WHERE id = :dataset_id AND deleted_at IS NULL;

--! update_dataset_metadata : Dataset
--- Stores what introspection found out about a dataset.
UPDATE datasets
SET
    metadata = :metadata,
    updated_at = now()
WHERE id = :dataset_id AND deleted_at IS NULL
RETURNING
    id,
    name,
    database_name,
    schema,
    database_identifier,
    type,
    enabled,
    data_source_id,
    organization_id,
    metadata,
    updated_at;

--! soft_delete_datasets_not_in
--- Deletes the datasets of a data source that a deployment no longer names, and returns their ids. An empty list deletes
--- them all.
UPDATE datasets
SET
    deleted_at = now(),
    updated_at = now()
WHERE
    data_source_id = :data_source_id
    AND name <> ALL(:names_to_keep)
    AND deleted_at IS NULL
RETURNING id;

--! list_default_datasets
--- The datasets that everybody in an organization may use: those of its default permission group.
SELECT
    datasets.id,
    datasets.name,
    datasets.enabled,
    link.created_at AS added_at
FROM permission_groups AS default_group
INNER JOIN datasets_to_permission_groups AS link
    ON link.permission_group_id = default_group.id AND link.deleted_at IS NULL
INNER JOIN datasets
    ON
        datasets.id = link.dataset_id
        AND datasets.organization_id = default_group.organization_id
        AND datasets.deleted_at IS NULL
WHERE
    default_group.organization_id = :organization_id
    AND default_group.name = 'default:' || :organization_id::uuid::text
    AND default_group.deleted_at IS NULL
ORDER BY datasets.name, datasets.id;

--! replace_default_datasets
--- Makes these, and only these, the datasets that everybody in an organization may use. Makes the default permission
--- group where there is none. Ids of deleted datasets and of other organizations' are passed over. Returns how many
--- datasets are linked now and how many were unlinked.
WITH default_group AS (
    INSERT INTO permission_groups (name, organization_id, created_by, updated_by)
    VALUES (concat('default:', :organization_id::uuid), :organization_id, :user_id, :user_id)
    ON CONFLICT (organization_id, name) WHERE deleted_at IS NULL DO UPDATE
    SET
        updated_by = excluded.updated_by,
        updated_at = now()
    RETURNING id
), wanted AS (
    SELECT datasets.id
    FROM datasets
    WHERE
        datasets.id = ANY(:dataset_ids)
        AND datasets.organization_id = :organization_id
        AND datasets.deleted_at IS NULL
), linked AS (
    INSERT INTO datasets_to_permission_groups (dataset_id, permission_group_id)
    SELECT wanted.id, default_group.id
    FROM wanted
    CROSS JOIN default_group
    ON CONFLICT (dataset_id, permission_group_id) DO UPDATE
    SET
        updated_at = now(),
        deleted_at = NULL
    RETURNING dataset_id
), unlinked AS (
    UPDATE datasets_to_permission_groups AS link
    SET
        updated_at = now(),
        deleted_at = now()
    FROM default_group
    WHERE
        link.permission_group_id = default_group.id
        AND link.deleted_at IS NULL
        AND NOT EXISTS (SELECT FROM wanted WHERE wanted.id = link.dataset_id)
    RETURNING link.dataset_id
)
SELECT
    (SELECT count(*) FROM linked) AS linked,
    (SELECT count(*) FROM unlinked) AS unlinked;

--! list_datasets
--- The datasets of an organization by name; of one data source, or only those that are enabled or not, where that is asked.
SELECT
    id,
    name,
    type,
    schema,
    database_name,
    data_source_id,
    enabled,
    imported,
    when_to_use,
    updated_at
FROM datasets
WHERE
    organization_id = :organization_id
    AND deleted_at IS NULL
    AND (:data_source_id IS NULL OR data_source_id = :data_source_id)
    AND (:enabled IS NULL OR enabled = :enabled)
ORDER BY name, id;

--! list_permissioned_datasets
--- The enabled datasets that a member of an organization who is no administrator may use, by name. Access is given in five ways: to
--- a dataset or to a group of datasets, each to the user or to a permission group, and by a permission group's own
--- datasets. The user is in a permission group by name, through a team, or as an active member of an organization that is in it.
--@ page
WITH own_groups AS (
    SELECT member.permission_group_id AS id
    FROM permission_groups_to_identities AS member
    INNER JOIN permission_groups
        ON
            permission_groups.id = member.permission_group_id
            AND permission_groups.organization_id = :organization_id
            AND permission_groups.deleted_at IS NULL
    LEFT JOIN (
        teams_to_users AS team_member
        INNER JOIN teams
            ON teams.id = team_member.team_id AND teams.deleted_at IS NULL
    )
        ON
            member.identity_type = 'team'
            AND team_member.team_id = member.identity_id
            AND team_member.user_id = :user_id
            AND team_member.deleted_at IS NULL
    WHERE
        member.deleted_at IS NULL
        AND (
            (member.identity_type = 'user' AND member.identity_id = :user_id)
            OR team_member.team_id IS NOT NULL
            OR (
                member.identity_type = 'organization'
                AND EXISTS (
                    SELECT
                    FROM users_to_organizations AS membership
                    WHERE
                        membership.organization_id = member.identity_id
                        AND membership.user_id = :user_id
                        AND membership.status = 'active'
                        AND membership.deleted_at IS NULL
                )
            )
        )
), permitted AS (
    SELECT permission.dataset_id
    FROM dataset_permissions AS permission
    WHERE
        permission.permission_type = 'user'
        AND permission.permission_id = :user_id
        AND permission.deleted_at IS NULL
    UNION
    SELECT permission.dataset_id
    FROM dataset_permissions AS permission
    INNER JOIN own_groups ON own_groups.id = permission.permission_id
    WHERE permission.permission_type = 'permission_group' AND permission.deleted_at IS NULL
    UNION
    SELECT link.dataset_id
    FROM datasets_to_permission_groups AS link
    INNER JOIN own_groups ON own_groups.id = link.permission_group_id
    WHERE link.deleted_at IS NULL
    UNION
    SELECT link.dataset_id
    FROM dataset_groups_permissions AS permission
    INNER JOIN dataset_groups
        ON dataset_groups.id = permission.dataset_group_id AND dataset_groups.deleted_at IS NULL
    INNER JOIN datasets_to_dataset_groups AS link
        ON link.dataset_group_id = dataset_groups.id AND link.deleted_at IS NULL
    WHERE
        permission.permission_type = 'user'
        AND permission.permission_id = :user_id
        AND permission.deleted_at IS NULL
    UNION
    SELECT link.dataset_id
    FROM dataset_groups_permissions AS permission
    INNER JOIN own_groups ON own_groups.id = permission.permission_id
    INNER JOIN dataset_groups
        ON dataset_groups.id = permission.dataset_group_id AND dataset_groups.deleted_at IS NULL
    INNER JOIN datasets_to_dataset_groups AS link
        ON link.dataset_group_id = dataset_groups.id AND link.deleted_at IS NULL
    WHERE permission.permission_type = 'permission_group' AND permission.deleted_at IS NULL
)
SELECT
    datasets.id,
    datasets.name,
    datasets.data_source_id,
    datasets.updated_at
FROM datasets
WHERE
    datasets.id IN (SELECT permitted.dataset_id FROM permitted)
    AND datasets.organization_id = :organization_id
    AND datasets.enabled
    AND datasets.deleted_at IS NULL
ORDER BY datasets.name, datasets.id;
