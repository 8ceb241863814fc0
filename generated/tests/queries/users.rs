use database::types::{UserOrganizationRole, UserOrganizationStatus};
use database::users::*;
use database::{ErrorKind, Transaction, organizations};
use serde_json::json;

use crate::support::{Uuid, World};

#[tokio::test]
async fn a_closed_account_is_shown_on_request_only() {
    let world = World::new().await;
    let get = |user_id, include_deleted| {
        get_user(
            &world.db,
            GetUser {
                user_id,
                include_deleted,
            },
        )
    };

    let ada = get(world.ada, false).await.unwrap().unwrap();
    assert_eq!(
        (ada.email.as_str(), ada.name.as_deref()),
        ("ada@acme.com", Some("Ada"))
    );
    assert!(ada.is_active);
    assert_eq!(ada.config, json!({}));
    assert_eq!(ada.last_used_shortcuts, json!([]));

    assert_eq!(get(world.dan, false).await.unwrap(), None);
    let dan = get(world.dan, true).await.unwrap().unwrap();
    assert!(dan.deleted_at.is_some());
    assert_eq!(dan.name, None);
    assert_eq!(get(Uuid::nil(), true).await.unwrap(), None);
}

#[tokio::test]
async fn addresses_lead_to_users_and_back() {
    let world = World::new().await;
    let ada = get_user_by_email(&world.db, "ada@acme.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(ada.id, world.ada);
    assert_eq!(
        get_user_email(&world.db, world.ada)
            .await
            .unwrap()
            .as_deref(),
        Some("ada@acme.com")
    );

    assert_eq!(
        get_user_by_email(&world.db, "dan@acme.com").await.unwrap(),
        None
    );
    assert_eq!(get_user_email(&world.db, world.dan).await.unwrap(), None);
    // An address is compared as it is written.
    assert_eq!(
        get_user_by_email(&world.db, "Ada@acme.com").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_batch_leaves_out_the_unknown_and_the_closed() {
    let world = World::new().await;
    let ids = [world.cyn, world.ada, world.ada, world.dan, Uuid::nil()];
    let found = get_users_batch(&world.db, &ids).await.unwrap();
    assert_eq!(
        found.iter().map(|user| user.id).collect::<Vec<_>>(),
        [world.ada, world.cyn]
    );
    assert_eq!(get_users_batch(&world.db, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn known_addresses_are_told_from_new_ones() {
    let world = World::new().await;
    let emails = [
        "zoe@acme.com",
        "cyn@globex.com",
        "dan@acme.com",
        "ada@acme.com",
        "ada@acme.com",
    ];
    let found = find_users_by_emails(&world.db, &emails).await.unwrap();
    assert_eq!(
        found
            .iter()
            .map(|user| user.email.as_str())
            .collect::<Vec<_>>(),
        ["ada@acme.com", "cyn@globex.com"]
    );
    assert_eq!(find_users_by_emails(&world.db, &[]).await.unwrap(), []);
}

#[tokio::test]
async fn pages_are_stable_and_end() {
    let world = World::new().await;
    // All at once, so that only the id tells them apart.
    world.sql("UPDATE users SET created_at = '2024-01-01'");
    let mut expected = vec![world.ada, world.ben, world.cyn];
    expected.sort();
    expected.reverse();
    let page = |number| list_users(&world.db).page(number, 2);
    let (first, second) = (page(1).await.unwrap(), page(2).await.unwrap());
    assert_eq!((first.total, second.total), (3, 3));
    assert_eq!((first.has_more, second.has_more), (true, false));
    assert_eq!((second.page, second.page_size), (2, 2));
    let rows = first.items.iter().chain(&second.items);
    assert_eq!(rows.map(|user| user.id).collect::<Vec<_>>(), expected);

    let third = page(3).consistent().await.unwrap();
    assert_eq!((third.items.len(), third.total), (0, 3));
    assert!(!third.has_more);
    assert_eq!(count_users(&world.db).await.unwrap(), 3);
    let all = list_users(&world.db).await.unwrap();
    assert_eq!(all.len(), 3);
    // Page 1 by default, of 20.
    let page = list_users(&world.db).page(None, None).await.unwrap();
    assert_eq!((page.items, page.page, page.page_size), (all, 1, 20));

    // A cursor goes on where it stood, whoever has come meanwhile.
    let first = list_users(&world.db).first(2).await.unwrap();
    let new = CreateUser {
        email: "eve@acme.com",
        name: None,
    };
    create_user(&world.db, new).await.unwrap();
    let next = first.next.unwrap();
    let second = list_users(&world.db).after(&next, 2).await.unwrap();
    let rows = first.items.iter().chain(&second.items);
    assert_eq!(rows.map(|user| user.id).collect::<Vec<_>>(), expected);
    assert_eq!(second.next, None);
    let back = second.previous.unwrap();
    let first_again = list_users(&world.db).before(&back, 2).await.unwrap();
    assert_eq!(first_again.items, first.items);
    // Eve is before them.
    let before = first_again.previous.unwrap();
    let newest = list_users(&world.db).before(&before, 2).await.unwrap();
    assert_eq!(newest.items[0].email, "eve@acme.com");
    assert_eq!((newest.items.len(), newest.previous), (1, None));
}

#[tokio::test]
async fn there_is_no_page_before_the_first() {
    let world = World::new().await;
    for (page, size) in [(0, 2), (-1, 2), (1, 0), (1, 1001)] {
        let error = list_users(&world.db).page(page, size).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert_eq!(error.query(), Some("users::list_users"));
    }
}

#[tokio::test]
async fn an_address_has_one_account_open_or_closed() {
    let world = World::new().await;
    for email in ["ada@acme.com", "dan@acme.com"] {
        let error = create_user(&world.db, CreateUser { email, name: None })
            .await
            .unwrap_err();
        assert!(
            error.violates(CreateUserConstraint::UsersEmailKey),
            "{error}"
        );
        assert_eq!(error.query(), Some("users::create_user"));
        assert!(
            !error.to_string().contains(email),
            "no values in messages: {error}"
        );
    }
    let made = create_user(
        &world.db,
        CreateUser {
            email: "eve@acme.com",
            name: None,
        },
    )
    .await
    .unwrap();
    assert_eq!(made.name, None);
    assert!(made.is_active);
    assert_eq!(made.deleted_at, None);
    assert_eq!(count_users(&world.db).await.unwrap(), 4);
}

#[tokio::test]
async fn an_imported_user_has_what_is_given_and_defaults_for_the_rest() {
    let world = World::new().await;
    let plain = import_user(&world.db, NewUser::new("eve@acme.com"))
        .await
        .unwrap();
    let made = create_user(
        &world.db,
        CreateUser {
            email: "fay@acme.com",
            name: None,
        },
    )
    .await
    .unwrap();
    // The same as the schema's own defaults.
    let same = User {
        id: made.id,
        email: made.email.clone(),
        created_at: made.created_at,
        updated_at: made.updated_at,
        ..plain
    };
    assert_eq!(same, made);

    let config = json!({"theme": "dark"});
    let id = Uuid::from_u128(7);
    let given = NewUser {
        id: Some(id),
        name: Some("Gus"),
        config: Some(&config),
        is_active: Some(false),
        deleted_at: Some("2024-05-06T07:08:09Z".parse().unwrap()),
        ..NewUser::new("gus@acme.com")
    };
    let whole = import_user(&world.db, given).await.unwrap();
    assert_eq!((whole.id, whole.name.as_deref()), (id, Some("Gus")));
    assert_eq!((whole.config, whole.is_active), (config.clone(), false));
    assert_eq!(whole.deleted_at, given.deleted_at);

    let error = import_user(
        &world.db,
        NewUser {
            id: Some(id),
            ..NewUser::new("hal@acme.com")
        },
    )
    .await
    .unwrap_err();
    assert!(error.violates(ImportUserConstraint::UsersPkey));
}

#[tokio::test]
async fn an_upsert_inserts_updates_and_reopens() {
    let world = World::new().await;
    let upsert = |email, name| upsert_user(&world.db, UpsertUser { email, name });

    let eve = upsert("eve@acme.com", Some("Eve")).await.unwrap();
    let again = upsert("eve@acme.com", Some("Eve Moneypenny"))
        .await
        .unwrap();
    assert_eq!(again.id, eve.id);
    assert_eq!(again.name.as_deref(), Some("Eve Moneypenny"));
    assert!(again.updated_at > eve.updated_at);

    let dan = upsert("dan@acme.com", None).await.unwrap();
    assert_eq!((dan.id, dan.deleted_at), (world.dan, None));
}

#[tokio::test]
async fn deleting_keeps_the_row_and_happens_once() {
    let world = World::new().await;
    let before = get_user(
        &world.db,
        GetUser {
            user_id: world.ben,
            include_deleted: false,
        },
    )
    .await
    .unwrap()
    .unwrap();
    let deleted = delete_user(&world.db, world.ben).await.unwrap().unwrap();
    assert_eq!(deleted.id, world.ben);
    assert!(deleted.updated_at > before.updated_at);
    assert_eq!(deleted.deleted_at, Some(deleted.updated_at));

    assert_eq!(delete_user(&world.db, world.ben).await.unwrap(), None);
    let kept = get_user(
        &world.db,
        GetUser {
            user_id: world.ben,
            include_deleted: true,
        },
    )
    .await
    .unwrap();
    assert_eq!(kept, Some(deleted));
}

#[tokio::test]
async fn small_queries_run_together() {
    let world = World::new().await;
    let (user, memberships) = tokio::try_join!(
        get_user(
            &world.db,
            GetUser {
                user_id: world.ada,
                include_deleted: false
            }
        ),
        get_user_organizations(&world.db, world.ada),
    )
    .unwrap();
    assert_eq!(user.unwrap().id, world.ada);
    assert_eq!(memberships.len(), 1);
    assert_eq!(memberships[0].name, "Acme");
    assert_eq!(memberships[0].role, UserOrganizationRole::WorkspaceAdmin);
}

#[tokio::test]
async fn organizations_of_a_user_leave_out_what_is_deleted() {
    let world = World::new().await;
    world
        .member(world.ada, world.globex, UserOrganizationRole::Viewer)
        .await;
    let names = async || {
        let rows = get_user_organizations(&world.db, world.ada).await.unwrap();
        rows.into_iter().map(|row| row.name).collect::<Vec<_>>()
    };
    assert_eq!(names().await, ["Acme", "Globex"]);
    world.delete("organizations", world.globex);
    assert_eq!(names().await, ["Acme"]);
    world.sql("UPDATE users_to_organizations SET deleted_at = now()");
    assert!(names().await.is_empty());
}

#[tokio::test]
async fn organizations_come_with_their_user() {
    let world = World::new().await;
    world
        .member(world.ada, world.globex, UserOrganizationRole::Viewer)
        .await;

    let user = async |id| get_user_with_organizations(&world.db, id).await.unwrap();
    let ada = user(world.ada).await.unwrap();
    let seen: Vec<_> = ada
        .organizations
        .iter()
        .map(|organization| (organization.name.as_str(), organization.role))
        .collect();
    assert_eq!(
        seen,
        [
            ("Acme", UserOrganizationRole::WorkspaceAdmin),
            ("Globex", UserOrganizationRole::Viewer),
        ]
    );
    // The two statements that it stands for, sent together, give the same rows.
    let params = GetUser {
        user_id: world.ada,
        include_deleted: false,
    };
    let tx = world.db.begin().await.unwrap();
    let (apart, organizations) = tokio::try_join!(
        get_user(&tx, params),
        get_user_organizations(&tx, world.ada)
    )
    .unwrap();
    assert_eq!(ada.email, apart.unwrap().email);
    assert_eq!(ada.organizations, organizations);
    let borrowed = get_user_with_organizations(&world.db, world.ada)
        .map(|row| row.organizations.iter().map(|found| found.name.len()).sum())
        .await;
    assert_eq!(borrowed.unwrap(), Some("AcmeGlobex".len()));

    // A membership of a deleted organization counts as none: the list is empty, and there.
    world.delete("organizations", world.globex);
    let cyn = user(world.cyn).await.unwrap();
    assert_eq!(cyn.email, "cyn@globex.com");
    assert_eq!(cyn.organizations, []);
    world.sql("UPDATE users_to_organizations SET deleted_at = now()");
    assert_eq!(user(world.ada).await.unwrap().organizations, []);

    assert_eq!(user(world.dan).await, None);
}

#[tokio::test]
async fn the_newest_membership_makes_the_profile() {
    let world = World::new().await;
    world
        .member(world.ada, world.globex, UserOrganizationRole::Viewer)
        .await;
    let profile = get_user_profile(&world.db, world.ada)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(profile.organization_id, world.globex);
    assert_eq!(profile.role, UserOrganizationRole::Viewer);

    world.sql(&format!(
        "UPDATE users_to_organizations SET created_at = '2020-01-01' WHERE organization_id = '{}'",
        world.globex
    ));
    let profile = get_user_profile(&world.db, world.ada)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(profile.organization_name, "Acme");

    world.sql("UPDATE users_to_organizations SET deleted_at = now()");
    assert_eq!(get_user_profile(&world.db, world.ada).await.unwrap(), None);
}

#[tokio::test]
async fn an_invited_user_and_the_membership_are_made_together() {
    let world = World::new().await;
    let invite = CreateUserWithMembership {
        email: "eve@acme.com",
        name: Some("Eve"),
        organization_id: world.acme,
        role: UserOrganizationRole::Querier,
        status: UserOrganizationStatus::Pending,
        invited_by: Some(world.ada),
    };
    let eve = create_user_with_membership(&world.db, invite)
        .await
        .unwrap();
    assert_eq!(eve.organization_id, world.acme);
    assert_eq!(eve.status, UserOrganizationStatus::Pending);
    let created_by = |user| {
        world.uuid(&format!(
            "SELECT created_by FROM users_to_organizations WHERE user_id = '{user}'"
        ))
    };
    assert_eq!(created_by(eve.id), world.ada);

    // Without an inviter it is the user.
    let fay = create_user_with_membership(
        &world.db,
        CreateUserWithMembership {
            email: "fay@acme.com",
            name: None,
            invited_by: None,
            ..invite
        },
    )
    .await
    .unwrap();
    assert_eq!(fay.name, None);
    assert_eq!(created_by(fay.id), fay.id);

    // Neither where one fails.
    let error = create_user_with_membership(
        &world.db,
        CreateUserWithMembership {
            email: "gus@acme.com",
            organization_id: Uuid::nil(),
            ..invite
        },
    )
    .await
    .unwrap_err();
    assert!(
        error.violates(CreateUserWithMembershipConstraint::UsersToOrganizationsOrganizationIdFkey)
    );
    assert_eq!(
        get_user_by_email(&world.db, "gus@acme.com").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn a_member_is_found_in_the_own_organization_only() {
    let world = World::new().await;
    let find = |email, organization_id| {
        find_user_by_email_in_organization(
            &world.db,
            FindUserByEmailInOrganization {
                email,
                organization_id,
            },
        )
    };
    let ben = find("ben@acme.com", world.acme).await.unwrap().unwrap();
    assert_eq!(ben.id, world.ben);
    assert_eq!(ben.name, None);
    assert_eq!(find("ben@acme.com", world.globex).await.unwrap(), None);
    assert_eq!(find("cyn@globex.com", world.acme).await.unwrap(), None);

    world.sql("UPDATE users_to_organizations SET deleted_at = now()");
    assert_eq!(find("ben@acme.com", world.acme).await.unwrap(), None);
}

#[tokio::test]
async fn used_shortcuts_move_to_the_front_and_twenty_stay() {
    let world = World::new().await;
    let id = |number: u128| Uuid::from_u128(number);
    let push = async |shortcut_ids: &[Uuid]| {
        push_recent_shortcuts(
            &world.db,
            PushRecentShortcuts {
                shortcut_ids,
                user_id: world.ada,
            },
        )
        .await
        .unwrap()
        .unwrap()
    };
    let list = |numbers: &[u128]| {
        json!(
            numbers
                .iter()
                .map(|n| id(*n).to_string())
                .collect::<Vec<_>>()
        )
    };

    assert_eq!(push(&[id(1), id(2)]).await, list(&[1, 2]));
    assert_eq!(push(&[id(3), id(2), id(3)]).await, list(&[3, 2, 1]));
    assert_eq!(push(&[]).await, list(&[3, 2, 1]));

    let many: Vec<_> = (10..29).map(id).collect();
    let mut expected: Vec<_> = (10..29).collect();
    expected.push(3);
    assert_eq!(push(&many).await, list(&expected));
    for odd in ["null", "{}", "7"] {
        world.sql(&format!("UPDATE users SET last_used_shortcuts = '{odd}'"));
        assert_eq!(push(&[id(1)]).await, list(&[1]), "{odd}");
    }

    let gone = push_recent_shortcuts(
        &world.db,
        PushRecentShortcuts {
            shortcut_ids: &[],
            user_id: world.dan,
        },
    );
    assert!(gone.await.unwrap().is_none());
}

/// The guide's transaction: a user, an organization and the membership, all or nothing.
async fn found(
    tx: &Transaction,
    email: &str,
    name: &str,
    role: UserOrganizationRole,
) -> Result<(Uuid, Uuid), database::Error> {
    let user = create_user(tx, CreateUser { email, name: None }).await?;
    let organization = organizations::create_organization(
        tx,
        organizations::CreateOrganization {
            name,
            domain: None,
            domains: None,
        },
    )
    .await?;
    organizations::add_member(
        tx,
        organizations::AddMember {
            user_id: user.id,
            organization_id: organization.id,
            role,
            added_by: user.id,
        },
    )
    .await?;
    Ok((user.id, organization.id))
}

#[tokio::test]
async fn a_transaction_is_all_or_nothing() {
    let world = World::new().await;
    let (user, organization) = world
        .db
        .transaction(|tx| async move {
            found(
                &tx,
                "hal@initech.com",
                "Initech",
                UserOrganizationRole::WorkspaceAdmin,
            )
            .await
        })
        .await
        .unwrap();
    let memberships = get_user_organizations(&world.db, user).await.unwrap();
    assert_eq!(memberships.len(), 1);
    assert_eq!(memberships[0].id, organization);

    // The name is taken, so that the user must not stay either.
    let error = world
        .db
        .transaction(|tx| async move {
            found(
                &tx,
                "ida@initech.com",
                "Initech",
                UserOrganizationRole::WorkspaceAdmin,
            )
            .await
        })
        .await
        .unwrap_err();
    assert!(error.violates(organizations::CreateOrganizationConstraint::OrganizationsNameKey));
    assert_eq!(
        get_user_by_email(&world.db, "ida@initech.com")
            .await
            .unwrap(),
        None
    );
}

#[tokio::test]
async fn a_person_changes_what_is_given_and_nothing_else() {
    let world = World::new().await;
    world.sql("UPDATE users SET updated_at = '2024-01-01'");
    let config = json!({"tone": "short"});
    let change = UpdateUser::new(world.ada)
        .personalization_enabled(true)
        .personalization_config(&config);
    let ada = update_user(&world.db, change).await.unwrap().unwrap();
    assert_eq!(ada.name.as_deref(), Some("Ada"));
    assert!(ada.personalization_enabled);
    assert_eq!(ada.personalization_config, config);

    let change = UpdateUser::new(world.ada).clear_name();
    let ada = update_user(&world.db, change).await.unwrap().unwrap();
    assert_eq!(ada.name, None);
    assert_eq!(ada.personalization_config, config);

    // Where nothing is set, nothing is written.
    world.sql("UPDATE users SET updated_at = '2024-01-01' WHERE name IS NULL");
    let nothing = UpdateUser::new(world.ada);
    let kept = update_user(&world.db, nothing).await.unwrap().unwrap();
    assert_eq!(kept.personalization_config, config);
    assert_eq!(
        world.scalar("SELECT count(*) FROM users WHERE updated_at > '2024-01-01'"),
        "0"
    );
    let nothing = UpdateUser::new(world.dan);
    assert_eq!(update_user(&world.db, nothing).await.unwrap(), None);
    update_user(&world.db, change).await.unwrap();

    // Nobody else, and nobody who is gone.
    assert_eq!(
        world.scalar("SELECT count(*) FROM users WHERE updated_at > '2024-01-01'"),
        "1"
    );
    let closed = UpdateUser::new(world.dan).name("Dan");
    assert_eq!(update_user(&world.db, closed).await.unwrap(), None);
    let unknown = UpdateUser::new(Uuid::nil()).name("Nobody");
    assert_eq!(update_user(&world.db, unknown).await.unwrap(), None);
}

#[tokio::test]
async fn a_read_by_key_needs_no_connection_of_the_pool() {
    let world = World::new().await;
    let db = database::Database::builder()
        .pool_size(1)
        .acquire_timeout(std::time::Duration::from_millis(50))
        .connect(world.url())
        .await
        .unwrap();
    // The first ones make the shared connections, and prepare on them.
    let mut shared = 0;
    for _ in 0..200 {
        let tx = db.begin().await.unwrap();
        let taken = get_user_email(&db, world.ada).await;
        shared = if taken.is_ok() { shared + 1 } else { 0 };
        tx.rollback().await.unwrap();
        if shared == 5 {
            break;
        }
        get_user_email(&db, world.ada).await.unwrap();
    }
    assert_eq!(shared, 5, "it waited for the pool");

    // What may look at many rows waits.
    let tx = db.begin().await.unwrap();
    let waits = organizations::count_active_members(&db, world.acme).await;
    assert_eq!(waits.unwrap_err().kind(), ErrorKind::PoolExhausted);
    tx.rollback().await.unwrap();
}
