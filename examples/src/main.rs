//! The service as a program: `DATABASE_URL` says where the database is, the first argument where to listen.
//!
//! ```text
//! cargo xtask db start
//! DATABASE_URL=$(cargo xtask db url) cargo run -p example
//! curl localhost:3000/users --json '{"email": "ada@acme.com", "name": "Ada", "organization": "Acme"}'
//! curl localhost:3000/users
//! ```

use std::error::Error;

use database::Database;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let url = std::env::var("DATABASE_URL").map_err(|_| "DATABASE_URL is not set")?;
    let address = std::env::args()
        .nth(1)
        .unwrap_or("127.0.0.1:3000".to_owned());
    let db = Database::connect(&url).await?;
    // Before anybody calls: does the database have what these queries were compiled for?
    database::verify(&db).await?;
    let listener = tokio::net::TcpListener::bind(&address).await?;
    axum::serve(listener, example::router(db)).await?;
    Ok(())
}
