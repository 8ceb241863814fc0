use database::organizations::*;
use database::types::{UserOrganizationRole, UserOrganizationStatus};
use serde_json::json;

use crate::support::{Uuid, World};

#[tokio::test]
async fn an_organization_is_found_until_it_is_deleted() {
    let world = World::new().await;
    let found = get_organization(&world.db, world.acme)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found.id, world.acme);
    assert_eq!(found.name, "Acme");
    assert_eq!(found.deleted_at, None);

    world.delete("organizations", world.acme);
    assert_eq!(get_organization(&world.db, world.acme).await.unwrap(), None);
    assert_eq!(
        get_organization(&world.db, Uuid::nil()).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_new_organization_has_the_defaults_of_the_schema() {
    let world = World::new().await;
    let made = create_organization(
        &world.db,
        CreateOrganization {
            name: "Initech",
            domain: None,
            domains: Some(&[]),
        },
    )
    .await
    .unwrap();
    assert_eq!(made.domain, None);
    assert_eq!(made.domains.as_deref(), Some(&[][..]));
    assert_eq!(made.default_role, UserOrganizationRole::RestrictedQuerier);
    assert!(!made.payment_required);
    assert_eq!(
        made.organization_color_palettes,
        json!({"selectedId": null, "palettes": [], "selectedDictionaryPalette": null})
    );

    let without = create_organization(
        &world.db,
        CreateOrganization {
            name: "Hooli",
            domain: Some("hooli.com"),
            domains: None,
        },
    )
    .await
    .unwrap();
    assert_eq!(without.domain.as_deref(), Some("hooli.com"));
    assert_eq!(without.domains, None);
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let world = World::new().await;
    let error = create_organization(
        &world.db,
        CreateOrganization {
            name: "Acme",
            domain: None,
            domains: None,
        },
    )
    .await
    .unwrap_err();
    assert!(error.violates(CreateOrganizationConstraint::OrganizationsNameKey));
}

#[tokio::test]
async fn a_former_member_comes_back_with_the_new_role() {
    let world = World::new().await;
    let add = AddMember {
        user_id: world.ben,
        organization_id: world.acme,
        role: UserOrganizationRole::Viewer,
        added_by: world.ada,
    };
    world.sql(&format!(
        "UPDATE users_to_organizations SET deleted_at = now(), deleted_by = '{}', status = 'inactive'
         WHERE user_id = '{}'",
        world.ada, world.ben
    ));
    assert_eq!(
        count_active_members(&world.db, world.acme).await.unwrap(),
        1
    );

    let back = add_member(&world.db, add).await.unwrap();
    assert_eq!(back.role, UserOrganizationRole::Viewer);
    assert_eq!(back.status, UserOrganizationStatus::Active);
    assert_eq!(
        count_active_members(&world.db, world.acme).await.unwrap(),
        2
    );
    assert_eq!(
        world.sql(&format!(
            "SELECT deleted_at, deleted_by, updated_by FROM users_to_organizations WHERE user_id = '{}'",
            world.ben
        )),
        [[None, None, Some(world.ada.to_string())]]
    );
}

#[tokio::test]
async fn a_member_must_exist() {
    let world = World::new().await;
    let error = add_member(
        &world.db,
        AddMember {
            user_id: Uuid::nil(),
            organization_id: world.acme,
            role: UserOrganizationRole::Viewer,
            added_by: world.ada,
        },
    )
    .await
    .unwrap_err();
    assert!(error.violates(AddMemberConstraint::UsersToOrganizationsUserIdFkey));
    assert!(!error.violates(AddMemberConstraint::UsersToOrganizationsOrganizationIdFkey));
}

#[tokio::test]
async fn domains_are_added_once_whatever_their_case() {
    let world = World::new().await;
    let add = async |new_domains: &[&str]| {
        let new = AddApprovedDomains {
            organization_id: world.acme,
            new_domains,
        };
        add_approved_domains(&world.db, new).await.unwrap()
    };
    let list = |domains: &[&str]| {
        Some(
            domains
                .iter()
                .map(|&domain| domain.to_owned())
                .collect::<Vec<_>>(),
        )
    };
    // The column is NULL at first.
    assert_eq!(
        add(&["B.com", "a.com", "b.COM"]).await,
        list(&["b.com", "a.com"])
    );
    assert_eq!(
        add(&["A.com", "c.com"]).await,
        list(&["b.com", "a.com", "c.com"])
    );
    assert_eq!(add(&[]).await, list(&["b.com", "a.com", "c.com"]));

    world.delete("organizations", world.acme);
    assert_eq!(add(&["d.com"]).await, None);
    // Nobody else's changed.
    let other = get_organization(&world.db, world.globex)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(other.domains, None);
}

#[tokio::test]
async fn palettes_are_replaced() {
    let world = World::new().await;
    let palettes = json!({"selectedId": "p", "palettes": [{"id": "p", "colors": ["#fff", null]}]});
    let set = SetColorPalettes {
        palettes: &palettes,
        organization_id: world.acme,
    };
    assert_eq!(
        set_color_palettes(&world.db, set).await.unwrap(),
        Some(palettes.clone())
    );
    let stored = get_organization(&world.db, world.acme)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.organization_color_palettes, palettes);

    world.delete("organizations", world.acme);
    assert_eq!(set_color_palettes(&world.db, set).await.unwrap(), None);
}

#[tokio::test]
async fn only_active_members_count() {
    let world = World::new().await;
    // Ada and Ben; Dan is in no organization, Cyn in another.
    assert_eq!(
        count_active_members(&world.db, world.acme).await.unwrap(),
        2
    );
    for status in ["inactive", "pending", "guest"] {
        world.sql(&format!(
            "UPDATE users_to_organizations SET status = '{status}' WHERE user_id = '{}'",
            world.ben
        ));
        assert_eq!(
            count_active_members(&world.db, world.acme).await.unwrap(),
            1
        );
    }
    assert_eq!(
        count_active_members(&world.db, Uuid::nil()).await.unwrap(),
        0
    );
}

#[tokio::test]
async fn workspace_settings_are_changed_one_by_one() {
    let world = World::new().await;
    let domains = ["acme.com", "acme.org"];
    let change = UpdateWorkspaceSettings::new(world.acme)
        .default_role(UserOrganizationRole::Viewer)
        .domains(&domains);
    let acme = update_workspace_settings(&world.db, change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(acme.default_role, UserOrganizationRole::Viewer);
    assert!(!acme.restrict_new_user_invitations);
    assert_eq!(
        acme.domains.unwrap(),
        domains.map(|name| Some(name.to_owned()))
    );

    let change = UpdateWorkspaceSettings::new(world.acme)
        .restrict_new_user_invitations(true)
        .clear_domains();
    let acme = update_workspace_settings(&world.db, change)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(acme.default_role, UserOrganizationRole::Viewer);
    assert!(acme.restrict_new_user_invitations);
    assert_eq!(acme.domains, None);

    let globex = get_organization(&world.db, world.globex).await.unwrap();
    assert_eq!(
        globex.unwrap().default_role,
        UserOrganizationRole::RestrictedQuerier
    );
    world.delete("organizations", world.acme);
    assert_eq!(
        update_workspace_settings(&world.db, change).await.unwrap(),
        None
    );
}

#[tokio::test]
async fn members_are_found_by_text_role_and_state() {
    let world = World::new().await;
    // Dan's account is closed.
    world
        .member(world.dan, world.acme, UserOrganizationRole::Querier)
        .await;
    world
        .member(world.cyn, world.acme, UserOrganizationRole::Viewer)
        .await;
    world.sql(&format!(
        "UPDATE users_to_organizations SET status = 'guest' WHERE user_id = '{}' AND organization_id = '{}'",
        world.cyn, world.acme
    ));
    let list = async |filter: ListMembers<'_>| {
        let found = list_members(&world.db, filter).await.unwrap();
        let names = found.into_iter().map(|row| row.email);
        names.map(|email| email[..3].to_owned()).collect::<Vec<_>>()
    };
    let all = ListMembers::new(world.acme, &[]);
    assert_eq!(list(all).await, ["ada", "ben", "cyn"]);
    assert_eq!(
        list(ListMembers::new(world.acme, &[world.cyn])).await,
        ["cyn", "ada", "ben"]
    );
    assert_eq!(list(all.text("ACME")).await, ["ada", "ben"]);
    // By name; Ben has given none.
    assert_eq!(list(all.text("cyn")).await, ["cyn"]);
    let viewers = [UserOrganizationRole::Viewer];
    assert_eq!(list(all.roles(&viewers)).await, ["cyn"]);
    assert_eq!(list(all.roles(&[])).await, [""; 0]);
    let active = [UserOrganizationStatus::Active];
    assert_eq!(list(all.statuses(&active)).await, ["ada", "ben"]);
    assert_eq!(list(all.statuses(&active).roles(&viewers)).await, [""; 0]);
    assert_eq!(list(ListMembers::new(world.globex, &[])).await, ["cyn"]);

    let page = |filter, number| list_members(&world.db, filter).page(number, 2);
    let second = page(all, 2).await.unwrap();
    assert_eq!(second.items[0].id, world.cyn);
    assert_eq!((second.items.len(), second.total), (1, 3));
    let past = page(all, 3).await.unwrap();
    assert_eq!((past.items.len(), past.total, past.has_more), (0, 3, false));
    assert_eq!(page(all.roles(&viewers), 1).await.unwrap().total, 1);
    assert_eq!(page(all.roles(&[]), 1).await.unwrap().total, 0);

    world.sql(&format!(
        "UPDATE users_to_organizations SET deleted_at = now() WHERE user_id = '{}'",
        world.ben
    ));
    assert_eq!(list(all.text("acme")).await, ["ada"]);
}
