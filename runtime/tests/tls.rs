//! Encrypted connections: what each `sslmode` accepts and refuses. A proxy that ends TLS stands before a real server.

#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[path = "support/mod.rs"]
mod support;

use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use sqlmill_runtime::{Database, ErrorKind, One, Statement};
use support::TestDatabase;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::WebPkiClientVerifier;
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

/// Somebody who signs.
struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            certificate,
        }
    }

    fn sign(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Signed {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Signed { certificate, key }
    }
}

struct Signed {
    certificate: rcgen::Certificate,
    key: KeyPair,
}

/// Writes a file for the test that is called `test`.
fn file(test: &str, name: &str, text: &str) -> PathBuf {
    let directory = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
        .join("tls")
        .join(test);
    std::fs::create_dir_all(&directory).unwrap();
    let path = directory.join(name);
    std::fs::write(&path, text).unwrap();
    path
}

fn socket(scratch: &TestDatabase) -> String {
    let url = scratch.url();
    let part = |key: &str| {
        let (_, rest) = url.split_once(&format!("{key}=")).unwrap();
        rest.trim_start_matches('\'')
            .split(['\'', ' '])
            .next()
            .unwrap()
            .to_owned()
    };
    format!("{}/.s.PGSQL.{}", part("host"), part("port"))
}

/// A server of `scratch` behind TLS, on a port of its own. With `clients`, only for those whom that authority signed.
async fn proxy(scratch: &TestDatabase, signed: &Signed, clients: Option<&Authority>) -> u16 {
    let socket = socket(scratch);
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(authority.certificate.der().clone()).unwrap();
            let provider = Arc::new(ring::default_provider());
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let chain: Vec<CertificateDer<'static>> = vec![signed.certificate.der().clone()];
    let key = PrivateKeyDer::try_from(signed.key.serialize_der()).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(chain, key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let (acceptor, socket) = (acceptor.clone(), socket.clone());
            tokio::spawn(async move {
                // SSLRequest
                let mut request = [0; 8];
                client.read_exact(&mut request).await.ok()?;
                if request[4..] != [4, 210, 22, 47] {
                    return None;
                }
                client.write_all(b"S").await.ok()?;
                let mut client = acceptor.accept(client).await.ok()?;
                let mut server = UnixStream::connect(socket).await.ok()?;
                tokio::io::copy_bidirectional(&mut client, &mut server)
                    .await
                    .ok()
            });
        }
    });
    port
}

static ONE: Statement<(), i32> =
    Statement::new("tls::one", "queries/tls.sql:1", "SELECT 1", "", "int4");

/// Of the proxy.
fn address(scratch: &TestDatabase, port: u16, parameters: &str) -> String {
    let url = scratch.url();
    let rest: Vec<&str> = url
        .split(' ')
        .filter(|pair| !pair.starts_with("host") && !pair.starts_with("port"))
        .collect();
    format!(
        "host=localhost hostaddr=127.0.0.1 port={port} {} {parameters}",
        rest.join(" ")
    )
}

/// Connects through the proxy; `Err` is what a person reads.
async fn attempt(scratch: &TestDatabase, port: u16, parameters: &str) -> Result<(), String> {
    let address = address(scratch, port, parameters);
    let connect = async |pooler| {
        let builder = Database::builder().transaction_pooler(pooler);
        let db = builder.connect(&address).await.map_err(|error| {
            assert_eq!(error.kind(), ErrorKind::Connect);
            error.to_string()
        })?;
        assert_eq!(One::new(&db, &ONE, ()).await.unwrap(), 1);
        Ok::<_, String>(())
    };
    let plain = connect(false).await;
    // There the socket is made by other means.
    let pooled = connect(true).await;
    assert_eq!(plain.is_ok(), pooled.is_ok(), "{plain:?} {pooled:?}");
    plain.and(pooled)
}

#[tokio::test]
async fn each_mode_checks_what_it_says() {
    let scratch = TestDatabase::new("");
    let (trusted, other) = (Authority::new(), Authority::new());
    let root = file("modes", "root.pem", &trusted.certificate.pem());
    let stranger = file("modes", "other.pem", &other.certificate.pem());
    let root = format!("sslrootcert='{}'", root.display());
    let stranger = format!("sslrootcert='{}'", stranger.display());

    let right = proxy(&scratch, &trusted.sign("localhost", |_| ()), None).await;
    let misnamed = proxy(&scratch, &trusted.sign("db.example.com", |_| ()), None).await;
    let expired = trusted.sign("localhost", |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    });
    let expired = proxy(&scratch, &expired, None).await;

    for (port, parameters, refused) in [
        (right, "sslmode=prefer".to_owned(), None),
        (right, "sslmode=require".to_owned(), None),
        (right, format!("sslmode=verify-ca {root}"), None),
        (right, format!("sslmode=verify-full {root}"), None),
        (
            right,
            format!("sslmode=require {stranger}"),
            Some("invalid peer certificate"),
        ),
        (
            right,
            format!("sslmode=verify-ca {stranger}"),
            Some("invalid peer certificate"),
        ),
        (
            right,
            format!("sslmode=verify-full {stranger}"),
            Some("invalid peer certificate"),
        ),
        (misnamed, "sslmode=require".to_owned(), None),
        (misnamed, format!("sslmode=verify-ca {root}"), None),
        (
            misnamed,
            format!("sslmode=verify-full {root}"),
            Some("not valid for name \"localhost\""),
        ),
        (expired, "sslmode=require".to_owned(), None),
        (
            expired,
            format!("sslmode=verify-ca {root}"),
            Some("expired"),
        ),
        (
            expired,
            format!("sslmode=verify-full {root}"),
            Some("expired"),
        ),
    ] {
        let outcome = attempt(&scratch, port, &parameters).await;
        match (&outcome, refused) {
            (Ok(()), None) => {}
            (Err(said), Some(expected)) => assert!(said.contains(expected), "{parameters}: {said}"),
            _ => assert_eq!(outcome.err().as_deref(), refused, "{parameters}"),
        }
    }
}

#[tokio::test]
async fn a_client_shows_its_certificate() {
    let scratch = TestDatabase::new("");
    let authority = Authority::new();
    let port = proxy(
        &scratch,
        &authority.sign("localhost", |_| ()),
        Some(&authority),
    )
    .await;
    let mine = authority.sign("app", |_| ());
    let certificate = file("client", "client.pem", &mine.certificate.pem());
    let key = file("client", "client.key", &mine.key.serialize_pem());
    let own = format!(
        "sslmode=require sslcert='{}' sslkey='{}'",
        certificate.display(),
        key.display()
    );
    attempt(&scratch, port, &own).await.unwrap();
    let refused = attempt(&scratch, port, "sslmode=require")
        .await
        .unwrap_err();
    assert!(refused.contains("CertificateRequired"), "{refused}");
    let half = format!("sslmode=require sslcert='{}'", certificate.display());
    let refused = attempt(&scratch, port, &half).await.unwrap_err();
    assert!(
        refused.contains("`sslcert` is there without `sslkey`"),
        "{refused}"
    );
}

#[tokio::test]
async fn a_server_without_encryption_is_refused_where_it_is_asked_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            client.write_all(b"N").await.unwrap();
        }
    });
    let scratch = TestDatabase::new("");
    let refused = attempt(&scratch, port, "sslmode=require")
        .await
        .unwrap_err();
    assert!(refused.contains("server does not support TLS"), "{refused}");
}

/// Whatever the connection is made of, reads that are asked at once are one transaction on the shared one.
#[tokio::test]
async fn reads_travel_together_encrypted_or_not() {
    static MOMENT: Statement<(), String> = Statement::new(
        "tls::moment",
        "queries/tls.sql:4",
        "SELECT now()::text || ' ' || pg_backend_pid()",
        "",
        "text",
    )
    .shared();
    let scratch = TestDatabase::new("");
    let authority = Authority::new();
    let signed = authority.sign("localhost", |_| {});
    let encrypted = proxy(&scratch, &signed, None).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let refusing = listener.local_addr().unwrap().port();
    let socket = socket(&scratch);
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            client.write_all(b"N").await.unwrap();
            let mut server = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(async move {
                let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
            });
        }
    });
    for (port, mode) in [
        (encrypted, "require"),
        (encrypted, "prefer"),
        (refusing, "prefer"),
    ] {
        let address = address(&scratch, port, &format!("sslmode={mode}"));
        let builder = Database::builder().pool_size(1).shared_connections(1);
        let db = builder.connect(&address).await.unwrap();
        let together = async {
            loop {
                let read = || One::new(&db, &MOMENT, ());
                let (a, b, c) = tokio::try_join!(read(), read(), read()).unwrap();
                if a == b && b == c {
                    break;
                }
            }
        };
        let together = tokio::time::timeout(std::time::Duration::from_secs(20), together);
        together.await.unwrap();
    }
}
