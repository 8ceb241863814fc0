use database::messages::*;
use database::types::{AssetType, MessageAnalysisMode, SlackChatAuthorization};
use database::{chats, metrics};
use serde_json::json;

use crate::support::{Uuid, World};

fn question<'a>(world: &World, chat_id: Uuid, message_id: Uuid) -> CreateMessage<'a> {
    CreateMessage {
        message_id,
        chat_id,
        user_id: world.ada,
        request_message: Some("How much?"),
        analysis_mode: MessageAnalysisMode::Auto,
    }
}

#[tokio::test]
async fn a_question_moves_its_chat_to_the_top() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ben, "Revenue").await;
    let before = chats::get_chat(&world.db, chat_id).await.unwrap().unwrap();
    let id = Uuid::from_u128(1);
    let made = create_message(&world.db, question(&world, chat_id, id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((made.id, made.title.as_str()), (id, "Revenue"));
    assert_eq!(made.request_message.as_deref(), Some("How much?"));

    let after = chats::get_chat(&world.db, chat_id).await.unwrap().unwrap();
    assert!(after.updated_at > before.updated_at);
    assert_eq!(
        (before.updated_by, after.updated_by),
        (world.ben, world.ada)
    );
}

#[tokio::test]
async fn asking_again_begins_the_answer_anew() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let other_chat = world.chat(world.acme, world.ada, "Costs").await;
    let id = Uuid::from_u128(1);
    let ask = question(&world, chat_id, id);
    create_message(&world.db, ask).await.unwrap();
    world.sql(
        r#"UPDATE messages SET response_messages = '[1]', raw_llm_messages = '[2]', is_completed = true,
            error_reason = 'no', feedback = 'bad', deleted_at = now()"#,
    );
    assert_eq!(get_message(&world.db, id).await.unwrap(), None);

    let again = CreateMessage {
        request_message: None,
        analysis_mode: MessageAnalysisMode::Investigation,
        ..ask
    };
    let made = create_message(&world.db, again).await.unwrap().unwrap();
    assert_eq!(made.request_message, None);
    assert!(!made.is_completed);
    let message = get_message(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        message.message_analysis_mode,
        MessageAnalysisMode::Investigation
    );
    assert_eq!(
        (message.response_messages, message.raw_llm_messages),
        (json!([]), json!([]))
    );
    assert_eq!(
        (message.error_reason, message.post_processing_message),
        (None, None)
    );
    assert_eq!(
        message.feedback.as_deref(),
        Some("bad"),
        "feedback is not the assistant's"
    );

    // The id belongs to that chat.
    let stolen = CreateMessage {
        chat_id: other_chat,
        ..ask
    };
    assert_eq!(create_message(&world.db, stolen).await.unwrap(), None);
    world.delete("chats", chat_id);
    assert_eq!(create_message(&world.db, ask).await.unwrap(), None);
}

#[tokio::test]
async fn the_context_needs_message_chat_and_organization() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ben, "Revenue").await;
    let id = world.message(chat_id, world.ada, 1);
    let context = async || get_message_context(&world.db, id).await.unwrap();

    let found = context().await.unwrap();
    assert_eq!(
        (found.chat_id, found.organization_id),
        (chat_id, world.acme)
    );
    assert_eq!(
        (found.organization_name.as_str(), found.user_id),
        ("Acme", world.ada)
    );
    assert_eq!(found.slack_chat_authorization, None);
    world.sql("UPDATE chats SET slack_chat_authorization = 'unauthorized'");
    assert_eq!(
        context().await.unwrap().slack_chat_authorization,
        Some(SlackChatAuthorization::Unauthorized)
    );
    for (table, id) in [
        ("messages", id),
        ("chats", chat_id),
        ("organizations", world.acme),
    ] {
        world.delete(table, id);
        assert_eq!(context().await, None, "{table}");
        world.restore(table, id);
        assert!(context().await.is_some());
    }
}

#[tokio::test]
async fn messages_come_newest_first_with_their_authors() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let other_chat = world.chat(world.acme, world.ada, "Costs").await;
    let [first, second, third, fourth] = [1, 2, 3, 4].map(|n| world.message(chat_id, world.ada, n));
    world.message(other_chat, world.ada, 5);
    world.sql(&format!(
        "UPDATE messages SET created_by = '{}' WHERE id = '{second}'",
        world.dan
    ));
    world.sql("UPDATE messages SET created_at = '2024-01-01'");
    world.sql(&format!(
        "UPDATE messages SET created_at = '2024-01-02' WHERE id = '{first}'"
    ));
    world.delete("messages", fourth);

    let rows = list_messages_for_chat(&world.db, chat_id).await.unwrap();
    // Two at the same time: the id decides.
    assert_eq!(
        rows.iter().map(|row| row.id).collect::<Vec<_>>(),
        [first, third, second]
    );
    let author = rows[1].author.as_ref().unwrap();
    assert_eq!(
        (author.id, author.email.as_str()),
        (world.ada, "ada@acme.com")
    );
    assert_eq!(rows[2].author, None, "the account is closed");
    assert_eq!(
        list_messages_for_chat(&world.db, Uuid::nil())
            .await
            .unwrap(),
        []
    );
}

#[tokio::test]
async fn history_ends_with_the_message_asked_for() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let other_chat = world.chat(world.acme, world.ada, "Costs").await;
    let ids = [1, 2, 3, 4].map(|n| world.message(chat_id, world.ada, n));
    world.message(other_chat, world.ada, 5);
    world.sql("UPDATE messages SET created_at = '2024-01-01'");
    world.sql(&format!(
        "UPDATE messages SET created_at = '2024-01-02' WHERE id = '{}'",
        ids[0]
    ));
    world.delete("messages", ids[2]);

    let history = async |id| {
        let rows = list_message_history(&world.db, id).await.unwrap();
        rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
    };
    assert_eq!(history(ids[1]).await, [ids[1]]);
    assert_eq!(history(ids[3]).await, [ids[1], ids[3]]);
    assert_eq!(history(ids[0]).await, [ids[1], ids[3], ids[0]]);
    assert_eq!(
        history(ids[2]).await,
        [] as [Uuid; 0],
        "a deleted message has no history"
    );
}

#[tokio::test]
async fn entries_of_the_language_model_come_in_order() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let [first, second, gone] = [1, 2, 3].map(|n| world.message(chat_id, world.ada, n));
    // No list, though the application means one.
    for (number, odd) in (4..).zip(["null", "{}", "7", "[]"]) {
        let id = world.message(chat_id, world.ada, number);
        world.sql(&format!(
            "UPDATE messages SET raw_llm_messages = '{odd}' WHERE id = '{id}'"
        ));
    }
    let other_chat = world.chat(world.acme, world.ada, "Costs").await;
    let other = world.message(other_chat, world.ada, 9);
    for id in [gone, other] {
        world.sql(&format!(
            "UPDATE messages SET raw_llm_messages = '[9]' WHERE id = '{id}'"
        ));
    }
    world.sql(&format!(
        r#"UPDATE messages SET raw_llm_messages = '[{{"role": "user"}}, null, "b"]' WHERE id = '{first}'"#
    ));
    world.sql(&format!(
        r#"UPDATE messages SET raw_llm_messages = '[1]' WHERE id = '{second}'"#
    ));
    world.delete("messages", gone);

    let rows = list_raw_llm_entries(&world.db, chat_id).await.unwrap();
    let seen: Vec<_> = rows
        .into_iter()
        .map(|row| (row.message_id, row.position, row.entry))
        .collect();
    assert_eq!(
        seen,
        [
            (first, 1, json!({"role": "user"})),
            (first, 2, json!(null)),
            (first, 3, json!("b")),
            (second, 1, json!(1)),
        ]
    );
}

#[tokio::test]
async fn files_are_linked_once_and_listed_with_their_type() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let message = world.message(chat_id, world.ada, 1);
    let other = world.message(chat_id, world.ada, 2);
    let source = world.data_source(world.acme, "warehouse");
    let metric = world.metric(source, "Sales").await;
    let dashboard = world.dashboard(world.acme, "Board").await;
    let report = world.report(world.acme, "Story", "text").await;
    let deleted = world.report(world.acme, "Gone", "text").await;
    world.delete("report_files", deleted);

    let link = |number, message_id, file_id| LinkMessageFiles {
        id: Uuid::from_u128(number),
        message_id,
        file_id,
    };
    let files = [
        link(1, message, metric),
        link(2, message, dashboard),
        link(3, message, report),
        link(4, message, deleted),
        link(5, message, metric),
    ];
    assert_eq!(
        link_message_files(&world.db, &files).await.unwrap(),
        4,
        "the metric twice"
    );
    let again = [link(9, message, metric), link(9, other, metric)];
    assert_eq!(link_message_files(&world.db, &again).await.unwrap(), 1);
    assert_eq!(link_message_files(&world.db, &[]).await.unwrap(), 0);

    let rows = list_message_files(&world.db, message).await.unwrap();
    let seen: Vec<_> = rows
        .iter()
        .map(|row| (row.file_id, row.file_type, row.name.as_str()))
        .collect();
    assert_eq!(
        seen,
        [
            (metric, AssetType::MetricFile, "Sales"),
            (dashboard, AssetType::DashboardFile, "Board"),
            (report, AssetType::ReportFile, "Story"),
        ]
    );
    assert_eq!((rows[0].version_number, rows[0].is_duplicate), (1, false));

    world.sql(&format!(
        "UPDATE messages_to_files SET deleted_at = now() WHERE file_id = '{metric}'"
    ));
    assert_eq!(
        list_message_files(&world.db, message).await.unwrap().len(),
        2
    );
    assert_eq!(list_message_files(&world.db, other).await.unwrap(), []);

    // One that cannot be linked, and none is.
    let unknown = [link(10, other, report), link(11, Uuid::nil(), report)];
    let error = link_message_files(&world.db, &unknown).await.unwrap_err();
    assert!(error.violates(LinkMessageFilesConstraint::MessagesToFilesMessageIdFkey));
    assert_eq!(world.scalar("SELECT count(*) FROM messages_to_files"), "5");
    assert!(
        metrics::get_metric(&world.db, metric)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn an_answer_grows_field_by_field() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let id = world.message(chat_id, world.ada, 1);
    let other = world.message(chat_id, world.ada, 2);
    let (reasoning, notes) = (json!(["thinking"]), json!({"ok": true}));
    let change = UpdateMessage::new(id)
        .reasoning(&reasoning)
        .final_reasoning_message("thought")
        .post_processing_message(&notes);
    let row = update_message(&world.db, change).await.unwrap().unwrap();
    assert_eq!(
        (row.id, row.chat_id, row.is_completed),
        (id, chat_id, false)
    );

    let answer = json!([1]);
    let change = UpdateMessage::new(id)
        .response_messages(&answer)
        .is_completed(true)
        .clear_post_processing_message();
    assert!(
        update_message(&world.db, change)
            .await
            .unwrap()
            .unwrap()
            .is_completed
    );
    let message = get_message(&world.db, id).await.unwrap().unwrap();
    assert_eq!(
        (message.reasoning, message.response_messages),
        (reasoning, json!([1]))
    );
    assert_eq!(message.final_reasoning_message.as_deref(), Some("thought"));
    assert_eq!(message.post_processing_message, None);
    let untouched = get_message(&world.db, other).await.unwrap().unwrap();
    assert!(!untouched.is_completed);

    world.delete("messages", id);
    assert_eq!(update_message(&world.db, change).await.unwrap(), None);
}

#[tokio::test]
async fn null_in_json_is_a_value_and_no_null() {
    let world = World::new().await;
    let chat_id = world.chat(world.acme, world.ada, "Revenue").await;
    let id = world.message(chat_id, world.ada, 1);
    let null = json!(null);
    let is_null = || world.scalar("SELECT post_processing_message IS NULL FROM messages");
    let change = UpdateMessage::new(id).post_processing_message(&null);
    update_message(&world.db, change).await.unwrap();
    assert_eq!(is_null(), "f");
    let change = UpdateMessage::new(id).clear_post_processing_message();
    update_message(&world.db, change).await.unwrap();
    assert_eq!(is_null(), "t");
}
