-- Users: people, whatever organizations they belong to.

--: User()
--: UserOrganization()

--! get_user : User
--- One user by id; those whose account is closed only on request.
SELECT
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts
FROM users
WHERE id = :user_id AND (:include_deleted OR deleted_at IS NULL);

--! get_user_by_email : User
--- The user who signs in with this address.
SELECT
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts
FROM users
WHERE email = :email AND deleted_at IS NULL;

--! get_user_email
--- The address alone, for notices.
SELECT email
FROM users
WHERE id = :user_id AND deleted_at IS NULL;

--! get_users_batch : User
--- Users by a list of ids, oldest first. Ids that nobody has are left out, and so are closed accounts.
SELECT
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts
FROM users
WHERE id = ANY(:user_ids) AND deleted_at IS NULL
ORDER BY created_at, id;

--! find_users_by_emails
--- Who of these addresses has an account: to tell new people from known ones before inviting them.
SELECT id, email, name, is_active
FROM users
WHERE email = ANY(:emails) AND deleted_at IS NULL
ORDER BY email;

--! list_users
--- All users, newest first.
--@ page
SELECT id, email, name, is_active, created_at
FROM users
WHERE deleted_at IS NULL
ORDER BY created_at DESC, id DESC;

--! count_users
--- How many users there are.
SELECT count(*) AS total
FROM users
WHERE deleted_at IS NULL;

--! create_user : User
--- Opens an account. Fails on `users_email_key` where the address has one, open or closed: see `upsert_user`.
INSERT INTO users (email, name)
VALUES (:email, :name)
RETURNING
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts;

--! import_user : User
--- Opens an account as another system describes it. What is not given gets the default that the schema has for it.
INSERT INTO users (
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts
)
VALUES (
    coalesce(:id, gen_random_uuid()),
    :email,
    :name,
    coalesce(:config::jsonb, '{}'),
    coalesce(:created_at, now()),
    coalesce(:updated_at, now()),
    :deleted_at,
    coalesce(:attributes::jsonb, '{}'),
    coalesce(:is_active, TRUE),
    :avatar_url,
    coalesce(
        :suggested_prompts::jsonb,
        '{"suggestedPrompts": {"report": [], "dashboard": [], "visualization": [], "help": []}, "updatedAt": null}'
    ),
    coalesce(:personalization_enabled, FALSE),
    coalesce(:personalization_config::jsonb, '{}'),
    coalesce(:last_used_shortcuts::jsonb, '[]')
)
RETURNING
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts;

--! upsert_user : User
--- Opens an account, or updates the one that the address has. A closed account is opened again.
INSERT INTO users (email, name)
VALUES (:email, :name)
ON CONFLICT (email) DO UPDATE
SET
    name = excluded.name,
    updated_at = now(),
    deleted_at = NULL
RETURNING
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts;

--! delete_user : User
--- Closes an account and keeps the row. Returns the row, or nothing where the account was closed before.
UPDATE users
SET
    deleted_at = now(),
    updated_at = now()
WHERE id = :user_id AND deleted_at IS NULL
RETURNING
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts;

--! get_user_organizations : UserOrganization
--- The organizations that a user belongs to, and as what. Runs beside `get_user` on one connection.
SELECT
    organizations.id,
    organizations.name,
    membership.role,
    membership.status,
    membership.created_at AS joined_at
FROM users_to_organizations AS membership
INNER JOIN organizations
    ON organizations.id = membership.organization_id AND organizations.deleted_at IS NULL
WHERE membership.user_id = :user_id AND membership.deleted_at IS NULL
ORDER BY organizations.name, organizations.id;

--! get_user_with_organizations : (organizations: UserOrganization)
--- A user and the organizations of the user in one statement: what `get_user` and `get_user_organizations` tell in two.
SELECT
    users.id,
    users.email,
    users.name,
    ARRAY(
        SELECT organization
        FROM (
            SELECT
                organizations.id,
                organizations.name,
                membership.role,
                membership.status,
                membership.created_at AS joined_at
            FROM users_to_organizations AS membership
            INNER JOIN organizations
                ON organizations.id = membership.organization_id AND organizations.deleted_at IS NULL
            WHERE membership.user_id = users.id AND membership.deleted_at IS NULL
        ) AS organization
        ORDER BY organization.name, organization.id
    ) AS organizations
FROM users
WHERE users.id = :user_id AND users.deleted_at IS NULL;

--! get_user_profile
--- A user together with one membership, the newest. Users who belong to no organization have no profile.
SELECT
    users.id,
    users.email,
    users.name,
    users.avatar_url,
    users.personalization_enabled,
    users.personalization_config,
    organizations.id AS organization_id,
    organizations.name AS organization_name,
    membership.role,
    membership.status
FROM users
INNER JOIN users_to_organizations AS membership
    ON membership.user_id = users.id AND membership.deleted_at IS NULL
INNER JOIN organizations
    ON organizations.id = membership.organization_id AND organizations.deleted_at IS NULL
WHERE users.id = :user_id AND users.deleted_at IS NULL
ORDER BY membership.created_at DESC, organizations.id
LIMIT 1;

--! create_user_with_membership
--- Opens an account for an invited person and makes it a member, both or neither. Without an inviter the new user
--- counts as the one who added the membership.
WITH made AS (
    INSERT INTO users (email, name)
    VALUES (:email, :name)
    RETURNING id, email, name
), joined AS (
    INSERT INTO users_to_organizations (user_id, organization_id, role, status, created_by, updated_by)
    SELECT
        made.id,
        :organization_id,
        :role,
        :status,
        coalesce(:invited_by, made.id),
        coalesce(:invited_by, made.id)
    FROM made
    RETURNING organization_id, role, status
)
SELECT
    made.id,
    made.email,
    made.name,
    joined.organization_id,
    joined.role,
    joined.status
FROM made
CROSS JOIN joined;

--! find_user_by_email_in_organization
--- The member of an organization who signs in with this address.
SELECT
    users.id,
    users.email,
    users.name,
    membership.role,
    membership.status
FROM users
INNER JOIN users_to_organizations AS membership
    ON membership.user_id = users.id AND membership.deleted_at IS NULL
WHERE
    users.email = :email
    AND users.deleted_at IS NULL
    AND membership.organization_id = :organization_id;

--! update_user (name~, personalization_enabled~, personalization_config~) : User
--- Changes what people say of themselves. Returns the row, or nothing where the account is closed.
UPDATE users
SET
    name = :name,
    personalization_enabled = :personalization_enabled,
    personalization_config = :personalization_config,
    updated_at = now()
WHERE id = :user_id AND deleted_at IS NULL
RETURNING
    id,
    email,
    name,
    config,
    created_at,
    updated_at,
    deleted_at,
    attributes,
    is_active,
    avatar_url,
    suggested_prompts,
    personalization_enabled,
    personalization_config,
    last_used_shortcuts;

--! push_recent_shortcuts
--- Notes which shortcuts a user has just used, the latest first: they move to the front of the list, which keeps 20. What is stored
--- in the place of a list is replaced. Returns the list.
UPDATE users
SET
    last_used_shortcuts = (
        SELECT coalesce(jsonb_agg(recent.id ORDER BY recent.position), '[]')
        FROM (
            SELECT used.id, min(used.position) AS position
            FROM (
                SELECT new.id::text AS id, new.position
                FROM unnest(:shortcut_ids::uuid[]) WITH ORDINALITY AS new (id, position)
                UNION ALL
                SELECT old.id, cardinality(:shortcut_ids) + old.position
                FROM jsonb_array_elements_text(
                    CASE jsonb_typeof(last_used_shortcuts) WHEN 'array' THEN last_used_shortcuts ELSE '[]' END
                ) WITH ORDINALITY AS old (id, position)
            ) AS used
            GROUP BY used.id
            ORDER BY position
            LIMIT 20
        ) AS recent
    ),
    updated_at = now()
WHERE id = :user_id AND deleted_at IS NULL
RETURNING last_used_shortcuts;
