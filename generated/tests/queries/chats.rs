use database::chats::*;
use database::sharing::{self, EffectiveAssetRole};
use database::types::{
    AssetPermissionRole, AssetType, ChatType, SlackChatAuthorization, WorkspaceSharing,
};
use database::{ErrorKind, Patch};

use crate::support::{Uuid, World};

#[tokio::test]
async fn whoever_begins_a_chat_owns_it() {
    let world = World::new().await;
    let chat = create_chat(
        &world.db,
        CreateChat {
            title: "Revenue",
            organization_id: world.acme,
            user_id: world.ben,
        },
    )
    .await
    .unwrap();
    assert_eq!(chat.chat_type, ChatType::Analyst);
    assert_eq!(chat.workspace_sharing, WorkspaceSharing::None);
    assert_eq!(chat.owner_role, AssetPermissionRole::Owner);
    let role = sharing::effective_asset_role(
        &world.db,
        EffectiveAssetRole {
            asset_id: chat.id,
            asset_type: AssetType::Chat,
            user_id: world.ben,
        },
    );
    assert_eq!(role.await.unwrap(), Some(AssetPermissionRole::Owner));

    let error = create_chat(
        &world.db,
        CreateChat {
            title: "",
            organization_id: Uuid::nil(),
            user_id: world.ben,
        },
    )
    .await
    .unwrap_err();
    assert!(error.violates(CreateChatConstraint::ChatsOrganizationIdFkey));
    assert_eq!(world.scalar("SELECT count(*) FROM asset_permissions"), "1");
}

#[tokio::test]
async fn a_chat_is_read_whole() {
    let world = World::new().await;
    let id = world.chat(world.acme, world.ada, "Revenue").await;
    let chat = get_chat(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        (chat.title.as_str(), chat.created_by),
        ("Revenue", world.ada)
    );
    assert_eq!(
        (chat.most_recent_file_type, chat.slack_chat_authorization),
        (None, None)
    );

    world.sql(
        "UPDATE chats SET most_recent_file_type = 'metric_file', most_recent_version_number = 3,
            slack_chat_authorization = 'auto_added', public_expiry_date = '2030-01-01 00:00:00Z'",
    );
    let chat = get_chat(&world.db, id).await.unwrap().unwrap();
    assert_eq!(chat.most_recent_file_type, Some(AssetType::MetricFile));
    assert_eq!(chat.most_recent_version_number, Some(3));
    assert_eq!(
        chat.slack_chat_authorization,
        Some(SlackChatAuthorization::AutoAdded)
    );
    assert_eq!(
        chat.public_expiry_date,
        Some("2030-01-01T00:00:00Z".parse().unwrap())
    );

    world.delete("chats", id);
    assert_eq!(get_chat(&world.db, id).await.unwrap(), None);
}

#[tokio::test]
async fn details_name_the_owner_and_the_favorite() {
    let world = World::new().await;
    let id = world.chat(world.acme, world.ben, "Revenue").await;
    let details = async |user_id| {
        get_chat_details(
            &world.db,
            GetChatDetails {
                user_id,
                chat_id: id,
            },
        )
        .await
        .unwrap()
    };
    let seen = details(world.ada).await.unwrap();
    let owner = seen.owner.unwrap();
    assert_eq!(owner.email, "ben@acme.com");
    assert_eq!(owner.name, None, "Ben has not given a name");
    assert!(!seen.is_favorited);

    world.favorite(world.ada, AssetType::Chat, id).await;
    // The same id as another type, and another user's favorite.
    world.favorite(world.cyn, AssetType::ReportFile, id).await;
    assert!(details(world.ada).await.unwrap().is_favorited);
    assert!(!details(world.cyn).await.unwrap().is_favorited);
    world.sql("UPDATE user_favorites SET deleted_at = now()");
    assert!(!details(world.ada).await.unwrap().is_favorited);

    world.delete("users", world.ben);
    let seen = details(world.ada).await.unwrap();
    assert_eq!(seen.owner, None);
    world.delete("chats", id);
    assert_eq!(details(world.ada).await, None);
}

#[tokio::test]
async fn touching_changes_one_chat() {
    let world = World::new().await;
    let id = world.chat(world.acme, world.ada, "one").await;
    let other = world.chat(world.acme, world.ada, "two").await;
    let updated_at = async |id| get_chat(&world.db, id).await.unwrap().unwrap().updated_at;
    let (before, untouched) = (updated_at(id).await, updated_at(other).await);
    assert_eq!(touch_chat(&world.db, id).await.unwrap(), 1);
    assert!(updated_at(id).await > before);
    assert_eq!(updated_at(other).await, untouched);

    world.delete("chats", id);
    assert_eq!(touch_chat(&world.db, id).await.unwrap(), 0);
    assert_eq!(touch_chat(&world.db, Uuid::nil()).await.unwrap(), 0);
}

#[tokio::test]
async fn a_slack_thread_leads_to_its_first_chat() {
    let world = World::new().await;
    let first = world.chat(world.acme, world.ada, "first").await;
    let second = world.chat(world.acme, world.ada, "second").await;
    let foreign = world.chat(world.globex, world.cyn, "foreign").await;
    world.sql("UPDATE chats SET slack_channel_id = 'C1', slack_thread_ts = '1.2'");
    world.sql("UPDATE chats SET slack_chat_authorization = 'authorized' WHERE title = 'first'");
    let find = async |organization_id, channel_id, thread_ts| {
        find_slack_chat(
            &world.db,
            FindSlackChat {
                organization_id,
                channel_id,
                thread_ts,
            },
        )
        .await
        .unwrap()
    };
    let found = find(world.acme, "C1", "1.2").await.unwrap();
    assert_eq!(found.id, first);
    assert_eq!(
        found.slack_chat_authorization,
        Some(SlackChatAuthorization::Authorized)
    );
    assert_eq!(find(world.globex, "C1", "1.2").await.unwrap().id, foreign);
    assert_eq!(find(world.acme, "C2", "1.2").await, None);
    world.delete("chats", first);
    assert_eq!(find(world.acme, "C1", "1.2").await.unwrap().id, second);
}

#[tokio::test]
async fn a_chat_is_renamed_and_notes_its_file() {
    let world = World::new().await;
    let id = world.chat(world.acme, world.ada, "Revenue").await;
    let other = world.chat(world.acme, world.ada, "Costs").await;
    let change = UpdateChat::new(id)
        .most_recent_file_id(Uuid::from_u128(7))
        .most_recent_file_type(AssetType::MetricFile)
        .most_recent_version_number(2);
    let chat = update_chat(&world.db, change).await.unwrap().unwrap();
    assert_eq!(chat.title, "Revenue");
    assert_eq!(chat.most_recent_file_id, Some(Uuid::from_u128(7)));
    assert_eq!(chat.most_recent_file_type, Some(AssetType::MetricFile));

    let change = UpdateChat::new(id)
        .title("Sales")
        .clear_most_recent_file_id()
        .clear_most_recent_file_type()
        .clear_most_recent_version_number();
    let chat = update_chat(&world.db, change).await.unwrap().unwrap();
    assert_eq!(chat.title, "Sales");
    assert_eq!(
        (chat.most_recent_file_id, chat.most_recent_version_number),
        (None, None)
    );
    let untouched = get_chat(&world.db, other).await.unwrap().unwrap();
    assert_eq!(untouched.title, "Costs");
    world.delete("chats", id);
    assert_eq!(update_chat(&world.db, change).await.unwrap(), None);
}

#[tokio::test]
async fn sharing_is_opened_and_closed_with_who_did_it() {
    let world = World::new().await;
    let id = world.chat(world.acme, world.ada, "Revenue").await;
    let shared = || {
        world.sql(&format!(
            "SELECT publicly_accessible::text, publicly_enabled_by::text, public_password, workspace_sharing::text,
                updated_by::text FROM chats WHERE id = '{id}'"
        ))
    };
    let open = UpdateChatSharing {
        publicly_enabled_by: Patch::Set(Some(world.ben)),
        publicly_accessible: Patch::Set(true),
        public_password: Patch::Set(Some("secret")),
        ..sharing_kept(id, world.ben)
    };
    assert_eq!(update_chat_sharing(&world.db, open).await.unwrap(), 1);
    let ben = Some(world.ben.to_string());
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        shared(),
        [[
            text("true"),
            ben.clone(),
            text("secret"),
            text("none"),
            ben.clone()
        ]]
    );

    // What says nothing of the password keeps it, and notes who asked all the same.
    let kept = sharing_kept(id, world.ada);
    assert_eq!(update_chat_sharing(&world.db, kept).await.unwrap(), 1);
    let ada = Some(world.ada.to_string());
    assert_eq!(
        shared(),
        [[text("true"), ben, text("secret"), text("none"), ada.clone()]]
    );

    let close = sharing_kept(id, world.ada)
        .publicly_accessible(false)
        .clear_publicly_enabled_by()
        .clear_public_password();
    assert_eq!(update_chat_sharing(&world.db, close).await.unwrap(), 1);
    assert_eq!(shared(), [[text("false"), None, None, text("none"), ada]]);
    let nobody = close.publicly_enabled_by(Uuid::nil());
    let error = update_chat_sharing(&world.db, nobody).await.unwrap_err();
    assert!(error.violates(UpdateChatSharingConstraint::ChatsPubliclyEnabledByFkey));
    world.delete("chats", id);
    assert_eq!(update_chat_sharing(&world.db, close).await.unwrap(), 0);
}

fn sharing_kept<'a>(chat_id: Uuid, user_id: Uuid) -> UpdateChatSharing<'a> {
    UpdateChatSharing::new(user_id, chat_id)
}

#[tokio::test]
async fn recent_chats_go_on_from_a_cursor() {
    let world = World::new().await;
    let mut chats = Vec::new();
    for (user, title) in [
        (world.ada, "One"),
        (world.dan, "Of a closed account"),
        (world.ben, "Of nobody with a name"),
        (world.ada, "Old"),
        (world.ada, "Deleted"),
    ] {
        chats.push(world.chat(world.acme, user, title).await);
    }
    world.chat(world.globex, world.cyn, "Elsewhere").await;
    world.delete("chats", chats[4]);
    // Three at once, to the microsecond: the id decides.
    world.sql("UPDATE chats SET updated_at = '2024-02-29 12:00:00.000001'");
    world.sql("UPDATE chats SET updated_at = '2024-02-29 12:00:00' WHERE title = 'Old'");
    let mut expected = chats[..3].to_vec();
    expected.sort();
    expected.reverse();
    expected.push(chats[3]);

    let list = || list_recent_chats(&world.db, world.acme);
    let mut page = list().first(2).await.unwrap();
    let first = page.next.clone().unwrap();
    let mut seen = page.items.clone();
    while let Some(next) = page.next {
        // One that a client sends back.
        let next = next.to_string().parse().unwrap();
        page = list().after(&next, 2).await.unwrap();
        seen.extend(page.items.clone());
    }
    assert_eq!(
        seen.iter().map(|chat| chat.id).collect::<Vec<_>>(),
        expected
    );
    let author = |title| {
        let chat = seen.iter().find(|chat| chat.title == title).unwrap();
        chat.author_name.as_deref()
    };
    assert_eq!(author("One"), Some("Ada"));
    assert_eq!(author("Of a closed account"), None);
    assert_eq!(author("Of nobody with a name"), None);
    let page = list().page(2, 3).await.unwrap();
    assert_eq!((page.items.len(), page.total), (1, 4));
    let past = list().page(3, 3).await.unwrap();
    assert_eq!((past.items.len(), past.total, past.has_more), (0, 4, false));

    // Another organization's list does not go on from here.
    let other = list_recent_chats(&world.db, world.globex);
    let error = other.after(&first, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let none = list_recent_chats(&world.db, Uuid::nil()).first(2).await;
    assert_eq!(none.unwrap().items, []);
}

#[tokio::test]
async fn a_batch_answers_in_the_order_of_its_queries() {
    let world = World::new().await;
    let one = world.chat(world.acme, world.ada, "One").await;
    let two = world.chat(world.acme, world.ada, "Two").await;
    let tx = world.db.begin().await.unwrap();
    let ids = [two, Uuid::nil(), one, two];
    let within = tx.batch(ids.map(|id| get_chat(&tx, id))).await;
    let outside = world.db.batch(ids.map(|id| get_chat(&world.db, id))).await;
    for found in [within, outside] {
        let titles: Vec<_> = found
            .iter()
            .map(|chat| chat.as_ref().unwrap().as_ref())
            .map(|chat| chat.map(|chat| chat.title.as_str()))
            .collect();
        assert_eq!(titles, [Some("Two"), None, Some("One"), Some("Two")]);
    }
    let nobody: Vec<Uuid> = Vec::new();
    let none = tx.batch(nobody.into_iter().map(|id| touch_chat(&tx, id)));
    assert!(none.await.is_empty());

    let share = |by| {
        let change = sharing_kept(one, world.ada).publicly_enabled_by(by);
        update_chat_sharing(&tx, change)
    };
    let changes = [world.ben, Uuid::nil(), world.ada].map(share);
    let changed = tx.batch(changes).await;
    assert_eq!(*changed[0].as_ref().unwrap(), 1);
    let error = changed[1].as_ref().unwrap_err();
    assert!(error.violates(UpdateChatSharingConstraint::ChatsPubliclyEnabledByFkey));
    let error = changed[2].as_ref().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transaction);
    tx.rollback().await.unwrap();
}
