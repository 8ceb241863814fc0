//! The client against a real server: authentication, errors and their places, notices, and pipelines that fill buffers.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod cluster;

use bytes::BytesMut;
use cluster::Cluster;
use postgres_protocol::message::frontend;
use sqlmill::wire::{Connection, Error, Message, Password};

#[test]
fn every_password_method_lets_the_right_password_in_and_no_other() {
    let cluster = Cluster::start(
        "local all postgres trust\n\
         local all by_password password\n\
         local all by_md5 md5\n\
         local all by_scram scram-sha-256\n",
    );
    let mut admin = cluster.connect();
    admin
        .simple(
            "CREATE ROLE by_password LOGIN PASSWORD 'päss 1';
             CREATE ROLE by_scram LOGIN PASSWORD 'päss 1';
             SET password_encryption = md5;
             CREATE ROLE by_md5 LOGIN PASSWORD 'päss 1';",
        )
        .unwrap();
    for user in ["by_password", "by_md5", "by_scram"] {
        let mut target = cluster.target();
        target.user = user.to_owned();

        let without = Connection::connect(&target).unwrap_err();
        assert!(
            matches!(&without, Error::Protocol(text) if text.contains("wants a password")),
            "{user}: {without:?}"
        );

        target.password = Some(Password::new("wrong"));
        let wrong = Connection::connect(&target).unwrap_err();
        assert_eq!(wrong.server().unwrap().code, "28P01", "{user}");

        target.password = Some(Password::new("päss 1"));
        assert!(!format!("{target:?}").contains("päss"));
        let mut connection = Connection::connect(&target).unwrap();
        let rows = connection.simple("SELECT current_user").unwrap();
        assert_eq!(rows[0].first(), Some(user));
    }
}

#[test]
fn several_statements_give_several_results() {
    let cluster = Cluster::trusting();
    let mut connection = cluster.connect();
    let results = connection
        .simple("SELECT 1 AS one, NULL AS nothing; CREATE TABLE t (); SELECT 'ä' AS \"ö\"")
        .unwrap();
    assert_eq!(results.len(), 3);
    assert_eq!(results[0].columns, ["one", "nothing"]);
    assert_eq!(results[0].rows, [vec![Some("1".to_owned()), None]]);
    assert_eq!(results[1].tag, "CREATE TABLE");
    assert_eq!(results[2].columns, ["ö"]);
    assert_eq!(results[2].first(), Some("ä"));
    assert_eq!(connection.simple("").unwrap(), []);
    assert!(connection.setting("server_version").is_some());
}

#[test]
fn an_error_names_its_byte_and_the_connection_goes_on() {
    let cluster = Cluster::trusting();
    let mut connection = cluster.connect();
    let sql = "SELECT 'äöü', nonsense";
    let error = connection.simple(sql).unwrap_err();
    let error = error.server().unwrap();
    assert_eq!(error.code, "42703");
    assert_eq!(&sql[error.position.unwrap()..], "nonsense");

    let sql = "SELECT 'ä' FROM";
    let error = connection.simple(sql).unwrap_err();
    assert_eq!(error.server().unwrap().position, Some(sql.len()));

    connection
        .simple("DO $$ BEGIN RAISE NOTICE 'one'; RAISE WARNING 'two'; END $$")
        .unwrap();
    let notices = connection.take_notices();
    let severities: Vec<&str> = notices.iter().map(|notice| &*notice.severity).collect();
    assert_eq!(severities, ["NOTICE", "WARNING"]);

    let copy = connection.simple("CREATE TABLE c (a int); COPY c FROM STDIN");
    assert_eq!(copy.unwrap_err().server().unwrap().code, "57014");
    assert_eq!(connection.simple("SELECT 2").unwrap()[0].first(), Some("2"));
}

#[test]
fn a_pipeline_larger_than_every_buffer_in_both_directions_does_not_lock_up() {
    let cluster = Cluster::trusting();
    let mut connection = cluster.connect();
    let mut out = BytesMut::new();
    let comment = "x".repeat(10_000);
    for number in 0..300 {
        let sql = format!("SELECT {number}, repeat('y', 20000) /* {comment} */");
        frontend::query(&sql, &mut out).unwrap();
    }
    let (mut rows, mut bytes) = (0, 0);
    connection
        .pipeline(&out, 300, |message| {
            if let Message::DataRow(body) = message {
                rows += 1;
                bytes += body.buffer().len();
            }
            Ok(())
        })
        .unwrap();
    assert_eq!(rows, 300);
    assert!(bytes > 300 * 20_000);
    assert_eq!(connection.simple("SELECT 3").unwrap()[0].first(), Some("3"));
}

#[test]
fn a_reader_that_gives_up_leaves_a_connection_that_says_so() {
    let cluster = Cluster::trusting();
    let mut connection = cluster.connect();
    let mut out = BytesMut::new();
    for _ in 0..300 {
        frontend::query("SELECT repeat('y', 20000)", &mut out).unwrap();
    }
    let result = connection.pipeline(&out, 300, |_| Err(Error::Protocol("enough".to_owned())));
    assert!(matches!(result, Err(Error::Protocol(text)) if text == "enough"));
    assert!(matches!(
        connection.simple("SELECT 1"),
        Err(Error::Protocol(_))
    ));
}

#[test]
fn a_server_that_does_not_answer_is_given_up() {
    let cluster = Cluster::trusting();
    let mut target = cluster.target();
    target.read_timeout = Some(std::time::Duration::from_millis(200));
    let mut connection = Connection::connect(&target).unwrap();
    let error = connection.simple("SELECT pg_sleep(20)").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the server did not answer in time"),
        "{error}"
    );
    target.port = 1;
    let error = Connection::connect(&target).unwrap_err();
    assert!(error.to_string().contains(".s.PGSQL.1"), "{error}");
}
