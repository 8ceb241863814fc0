use database::ErrorKind;
use database::knowledge::*;
use database::types::DocsType;
use database::users::{self, PushRecentShortcuts};

use crate::support::{Uuid, World};

#[tokio::test]
async fn a_document_is_written_over_and_comes_back() {
    let world = World::new().await;
    let put = async |organization_id, content, r#type| {
        let doc = UpsertDoc {
            name: "Glossary",
            content,
            r#type,
            organization_id,
        };
        upsert_doc(&world.db, doc).await.unwrap()
    };
    let first = put(world.acme, "one", DocsType::Normal).await;
    let second = put(world.acme, "two", DocsType::Analyst).await;
    assert_eq!((second.id, second.content.as_str()), (first.id, "two"));
    assert_eq!(second.r#type, DocsType::Analyst);
    assert_ne!(
        put(world.globex, "other", DocsType::Normal).await.id,
        first.id
    );

    world.delete("docs", first.id);
    let third = put(world.acme, "three", DocsType::Normal).await;
    assert_eq!(third.id, first.id);
    let live = format!(
        "SELECT content FROM docs WHERE id = '{}' AND deleted_at IS NULL",
        first.id
    );
    assert_eq!(world.scalar(&live), "three");
}

fn shortcut<'a>(world: &World, name: &'a str, user_id: Uuid) -> CreateShortcut<'a> {
    CreateShortcut {
        instructions: "do",
        share_with_workspace: false,
        user_id,
        name,
        organization_id: world.acme,
    }
}

#[tokio::test]
async fn a_deleted_shortcut_comes_back_and_a_live_one_is_in_the_way() {
    let world = World::new().await;
    let create = async |shortcut| create_shortcut(&world.db, shortcut).await;
    let weekly = shortcut(&world, "weekly", world.ada);
    let first = create(weekly).await.unwrap();
    assert_eq!(first.created_by, world.ada);
    let error = create(weekly).await.unwrap_err();
    assert!(error.violates(CreateShortcutConstraint::ShortcutsPersonalUnique));

    world.delete("shortcuts", first.id);
    let again = create(CreateShortcut {
        instructions: "better",
        share_with_workspace: true,
        ..weekly
    })
    .await
    .unwrap();
    assert_eq!(
        (again.id, again.instructions.as_str()),
        (first.id, "better")
    );
    assert_eq!(again.created_at, first.created_at);

    // Ben may have a private one of that name, but not another shared one.
    let bens = shortcut(&world, "weekly", world.ben);
    let error = create(CreateShortcut {
        share_with_workspace: true,
        ..bens
    })
    .await
    .unwrap_err();
    assert!(error.violates(CreateShortcutConstraint::ShortcutsWorkspaceUnique));
    assert_ne!(create(bens).await.unwrap().id, first.id);
    // Another organization is another matter.
    create(CreateShortcut {
        organization_id: world.globex,
        share_with_workspace: true,
        ..bens
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn shortcuts_used_lately_come_first() {
    let world = World::new().await;
    let create = async |name, user_id, share_with_workspace| {
        let new = CreateShortcut {
            share_with_workspace,
            ..shortcut(&world, name, user_id)
        };
        create_shortcut(&world.db, new).await.unwrap().id
    };
    let alpha = create("alpha", world.ada, false).await;
    let beta = create("beta", world.ada, false).await;
    let shared = create("shared", world.ben, true).await;
    let private = create("private", world.ben, false).await;
    let deleted = create("deleted", world.ada, false).await;
    world.delete("shortcuts", deleted);

    let list = async |user_id| {
        let one = ListShortcuts {
            organization_id: world.acme,
            user_id,
        };
        list_shortcuts(&world.db, one).await.unwrap()
    };
    let ids = async |user_id| {
        list(user_id)
            .await
            .into_iter()
            .map(|row| row.id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(world.ada).await, [alpha, beta, shared]);
    let push = PushRecentShortcuts {
        shortcut_ids: &[shared, deleted, beta],
        user_id: world.ada,
    };
    users::push_recent_shortcuts(&world.db, push).await.unwrap();
    assert_eq!(ids(world.ada).await, [shared, beta, alpha]);
    assert_eq!(
        ids(world.ben).await,
        [private, shared],
        "everybody has an order"
    );

    world.sql(&format!(
        "UPDATE users SET last_used_shortcuts = '{{}}' WHERE id = '{}'",
        world.ben
    ));
    assert_eq!(ids(world.ben).await, [private, shared]);

    assert_eq!(list(world.ada).await[1].author_name.as_deref(), Some("Ada"));
    world.delete("users", world.ben);
    assert_eq!(list(world.ada).await[0].author_name, None);
    assert_eq!(list(world.ben).await, []);
}

#[tokio::test]
async fn a_name_is_taken_by_the_own_and_the_shared() {
    let world = World::new().await;
    let own = create_shortcut(&world.db, shortcut(&world, "own", world.ada))
        .await
        .unwrap();
    let taken = async |name, organization_id, user_id, except_id| {
        let asked = ShortcutNameTaken {
            name,
            organization_id,
            user_id,
            except_id,
        };
        shortcut_name_taken(&world.db, asked).await.unwrap()
    };
    assert!(taken("own", world.acme, world.ada, None).await);
    assert!(taken("own", world.acme, world.ada, Some(Uuid::nil())).await);
    assert!(!taken("own", world.acme, world.ada, Some(own.id)).await);
    assert!(!taken("own", world.acme, world.ben, None).await);
    assert!(!taken("own", world.globex, world.ada, None).await);
    assert!(!taken("other", world.acme, world.ada, None).await);

    world.sql("UPDATE shortcuts SET share_with_workspace = true");
    assert!(taken("own", world.acme, world.ben, None).await);
    world.delete("shortcuts", own.id);
    assert!(!taken("own", world.acme, world.ben, None).await);
}

#[tokio::test]
async fn a_document_is_renamed_within_its_organization() {
    let world = World::new().await;
    let put = async |name, organization_id| {
        let doc = UpsertDoc {
            name,
            content: "text",
            r#type: DocsType::Normal,
            organization_id,
        };
        upsert_doc(&world.db, doc).await.unwrap().id
    };
    let id = put("Glossary", world.acme).await;
    let taken = put("Handbook", world.acme).await;
    put("Terms", world.globex).await;

    let change = UpdateDoc::new(id, world.acme).name("Terms");
    let doc = update_doc(&world.db, change).await.unwrap().unwrap();
    assert_eq!((doc.name.as_str(), doc.content.as_str()), ("Terms", "text"));
    let change = UpdateDoc::new(id, world.acme)
        .content("new")
        .r#type(DocsType::Analyst);
    let doc = update_doc(&world.db, change).await.unwrap().unwrap();
    assert_eq!((doc.name.as_str(), doc.content.as_str()), ("Terms", "new"));
    assert_eq!(doc.r#type, DocsType::Analyst);

    // Of another tenant; taken, also by a deleted one; too long.
    let foreign = UpdateDoc::new(id, world.globex).content("stolen");
    assert_eq!(update_doc(&world.db, foreign).await.unwrap(), None);
    world.delete("docs", taken);
    let change = UpdateDoc::new(id, world.acme).name("Handbook");
    let error = update_doc(&world.db, change).await.unwrap_err();
    assert!(error.violates(UpdateDocConstraint::DocsNameOrganizationIdKey));
    let long = "x".repeat(256);
    let change = UpdateDoc::new(id, world.acme).name(&long);
    let error = update_doc(&world.db, change).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    world.delete("docs", id);
    let change = UpdateDoc::new(id, world.acme).content("late");
    assert_eq!(update_doc(&world.db, change).await.unwrap(), None);
}

#[tokio::test]
async fn docs_are_filtered_by_reader_and_name() {
    let world = World::new().await;
    let add = |organization: Uuid, name: &str, kind: &str| {
        world.uuid(&format!(
            "INSERT INTO docs (name, content, type, organization_id) VALUES ('{name}', '', '{kind}', '{organization}')
             RETURNING id"
        ))
    };
    add(world.acme, "Glossary", "normal");
    add(world.acme, "How we count 100%", "analyst");
    let gone = add(world.acme, "Glossary of old", "normal");
    add(world.globex, "Glossary", "normal");
    world.delete("docs", gone);
    let list = async |filter: ListDocs<'_>| {
        let found = list_docs(&world.db, filter).await.unwrap();
        found.into_iter().map(|doc| doc.name).collect::<Vec<_>>()
    };
    let all = ListDocs::new(world.acme);
    assert_eq!(list(all).await, ["Glossary", "How we count 100%"]);
    assert_eq!(
        list(all.kind(DocsType::Analyst)).await,
        ["How we count 100%"]
    );
    assert_eq!(list(all.text("GLOSS")).await, ["Glossary"]);
    // Not a pattern.
    assert_eq!(list(all.text("%")).await, ["How we count 100%"]);
    assert_eq!(list(all.text("")).await.len(), 2);
    assert_eq!(
        list(all.text("gloss").kind(DocsType::Analyst)).await,
        [""; 0]
    );
    assert_eq!(list(ListDocs::new(world.globex)).await.len(), 1);

    let page = |number| list_docs(&world.db, all).page(number, 1);
    let second = page(2).await.unwrap();
    assert_eq!(second.items[0].name, "How we count 100%");
    assert_eq!((second.total, second.has_more), (2, false));
    let past = page(3).await.unwrap();
    assert_eq!((past.items.len(), past.total, past.has_more), (0, 2, false));
    // The total is that of what was asked for.
    let filtered = list_docs(&world.db, all.text("gloss")).page(1, 1);
    assert_eq!(filtered.await.unwrap().total, 1);
}
