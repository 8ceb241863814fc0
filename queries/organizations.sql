-- Organizations: the tenants, and who belongs to them.

--: Organization()
--: Membership()

--! get_organization : Organization
--- One organization by id.
SELECT
    id,
    name,
    domain,
    created_at,
    updated_at,
    deleted_at,
    payment_required,
    domains,
    restrict_new_user_invitations,
    default_role,
    organization_color_palettes
FROM organizations
WHERE id = :organization_id AND deleted_at IS NULL;

--! create_organization : Organization
--- Registers an organization. Nobody belongs to it yet: `add_member` comes next, in the same transaction.
INSERT INTO organizations (name, domain, domains)
VALUES (:name, :domain, :domains)
RETURNING
    id,
    name,
    domain,
    created_at,
    updated_at,
    deleted_at,
    payment_required,
    domains,
    restrict_new_user_invitations,
    default_role,
    organization_color_palettes;

--! add_member : Membership
--- Makes a person a member, or gives a former member the place back with the role named here.
INSERT INTO users_to_organizations (user_id, organization_id, role, created_by, updated_by)
VALUES (:user_id, :organization_id, :role, :added_by, :added_by)
ON CONFLICT (user_id, organization_id) DO UPDATE
SET
    role = excluded.role,
    status = 'active',
    updated_by = excluded.updated_by,
    updated_at = now(),
    deleted_by = NULL,
    deleted_at = NULL
RETURNING
    user_id,
    organization_id,
    role,
    status,
    created_at,
    updated_at;

--! update_workspace_settings (restrict_new_user_invitations~, default_role~, domains~)
--- Changes who may join an organization, and as what. No domains (NULL): nobody joins by an address.
UPDATE organizations
SET
    restrict_new_user_invitations = :restrict_new_user_invitations,
    default_role = :default_role,
    domains = :domains,
    updated_at = now()
WHERE id = :organization_id AND deleted_at IS NULL
RETURNING restrict_new_user_invitations, default_role, domains;

--! add_approved_domains : (domains![!])
--- Lets people with these email domains join by themselves. A domain counts once, however it is capitalized, and keeps
--- the place where it was first named. Returns all domains.
UPDATE organizations
SET
    domains = ARRAY(
        SELECT lower(approved.domain)
        FROM unnest(domains || :new_domains::text[]) WITH ORDINALITY AS approved (domain, position)
        WHERE approved.domain IS NOT NULL
        GROUP BY lower(approved.domain)
        ORDER BY min(approved.position)
    ),
    updated_at = now()
WHERE id = :organization_id AND deleted_at IS NULL
RETURNING domains;

--! set_color_palettes
--- Replaces the chart palettes.
UPDATE organizations
SET
    organization_color_palettes = :palettes,
    updated_at = now()
WHERE id = :organization_id AND deleted_at IS NULL
RETURNING organization_color_palettes;

--! count_active_members
--- How many seats an organization takes: members who are active, not the invited and not guests.
SELECT count(*) AS members
FROM users_to_organizations
WHERE
    organization_id = :organization_id
    AND status = 'active'
    AND deleted_at IS NULL;

--! list_members
--- The members of an organization by address, those of `first` before all others: found by a part of the address or the name,
--- with one of some roles, and in one of some states.
--@ page
SELECT
    person.id,
    person.email,
    person.name,
    person.avatar_url,
    membership.role,
    membership.status,
    membership.created_at
FROM users_to_organizations AS membership
INNER JOIN users AS person
    ON person.id = membership.user_id AND person.deleted_at IS NULL
WHERE
    membership.organization_id = :organization_id
    AND membership.deleted_at IS NULL
    AND (
        :text IS NULL
        OR position(lower(:text) IN lower(person.email)) > 0
        OR position(lower(:text) IN lower(person.name)) > 0
    )
    AND (:roles IS NULL OR membership.role = ANY(:roles))
    AND (:statuses IS NULL OR membership.status = ANY(:statuses))
ORDER BY person.id = ANY(:first) DESC, person.email;
