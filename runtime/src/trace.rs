//! What a service sees of its queries: a span for each, an event for slow ones, gauges of the pool. Behind the feature
//! `tracing`; without it all of this compiles to nothing.
//!
//! The fields are OpenTelemetry's stable attributes for databases
//! (<https://opentelemetry.io/docs/specs/semconv/database/postgresql/>), so that an exporter needs no mapping. None of them holds a
//! parameter, a value of a row, or what the server says of an error.

/// How many rows a call had.
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(feature = "tracing"), expect(dead_code, reason = "nobody asks"))]
pub(crate) enum Rows {
    Returned(u64),
    Affected(u64),
}

#[cfg(feature = "tracing")]
pub(crate) use on::{Scene, Watch, watch_pool, watched};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{Watch, watched};

#[cfg(not(feature = "tracing"))]
mod off {
    use std::pin::Pin;

    use super::Rows;
    use crate::error::{Error, Result};
    use crate::handle::Handle;
    use crate::statement::About;

    #[derive(Debug)]
    pub(crate) struct Watch;

    impl Watch {
        #[inline]
        pub(crate) fn start(_: Handle<'_>, _: &About) -> Self {
            Self
        }

        #[inline]
        pub(crate) fn none() -> Self {
            Self
        }

        #[inline]
        pub(crate) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
            run()
        }

        #[inline]
        pub(crate) fn end(&mut self, _: Rows, _: Option<&Error>) {}
    }

    #[inline]
    pub(crate) fn watched<'a, T>(
        _: Watch,
        running: Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>,
        _: fn(&T) -> Rows,
    ) -> Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>> {
        running
    }
}

#[cfg(feature = "tracing")]
mod on {
    use std::pin::Pin;
    use std::sync::{Arc, Weak};
    use std::task::{Context, Poll};
    use std::time::{Duration, Instant};

    use tracing::field::Empty;
    use tracing::level_filters::LevelFilter;

    use super::Rows;
    use crate::connections::Connections;
    use crate::error::{Error, Result};
    use crate::handle::Handle;
    use crate::statement::About;

    type Running<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

    /// What holds for all queries of a handle.
    #[derive(Debug, Default)]
    pub(crate) struct Scene {
        pub(crate) database: String,
        pub(crate) address: String,
        pub(crate) port: u16,
        /// What takes longer is told.
        pub(crate) slow: Option<Duration>,
    }

    /// One call under way.
    pub(crate) struct Watch(Option<Box<Watched>>);

    struct Watched {
        span: tracing::Span,
        scene: Arc<Scene>,
        start: Instant,
        name: &'static str,
        location: &'static str,
    }

    impl Watch {
        #[inline]
        pub(crate) fn start(handle: Handle<'_>, about: &About) -> Self {
            // The common case without a subscriber: neither the span nor an event would be seen.
            if LevelFilter::current() < LevelFilter::WARN {
                return Self(None);
            }
            Self::start_seen(handle, about)
        }

        fn start_seen(handle: Handle<'_>, about: &About) -> Self {
            let Some(scene) = handle.scene() else {
                return Self(None);
            };
            let origin = about.origin;
            let (file, line) = origin
                .location
                .rsplit_once(':')
                .unwrap_or((origin.location, ""));
            let span = tracing::info_span!(
                target: "sqlmill",
                "query",
                otel.name = origin.name,
                otel.kind = "client",
                otel.status_code = Empty,
                db.system.name = "postgresql",
                db.namespace = scene.database.as_str(),
                db.query.summary = origin.name,
                db.response.returned_rows = Empty,
                db.response.status_code = Empty,
                "error.type" = Empty,
                server.address = scene.address.as_str(),
                server.port = scene.port,
                code.file.path = file,
                code.line.number = line.parse::<u64>().ok(),
                sqlmill.affected_rows = Empty,
            );
            if span.is_disabled() && scene.slow.is_none() {
                return Self(None);
            }
            Self(Some(Box::new(Watched {
                span,
                scene,
                start: Instant::now(),
                name: origin.name,
                location: origin.location,
            })))
        }

        pub(crate) fn none() -> Self {
            Self(None)
        }

        /// Runs a part of the call.
        pub(crate) fn within<T>(&self, run: impl FnOnce() -> T) -> T {
            match &self.0 {
                Some(watched) => watched.span.in_scope(run),
                None => run(),
            }
        }

        /// The call ended. Whatever is said of it later is not told.
        pub(crate) fn end(&mut self, rows: Rows, error: Option<&Error>) {
            if let Some(watched) = self.0.take() {
                watched.end(rows, error.map(Told::of));
            }
        }
    }

    impl Drop for Watch {
        fn drop(&mut self) {
            if let Some(watched) = self.0.take() {
                let told = Told {
                    kind: "dropped".to_owned(),
                    sqlstate: None,
                };
                watched.end(Rows::Returned(0), Some(told));
            }
        }
    }

    /// An error, as attributes have it.
    struct Told {
        kind: String,
        sqlstate: Option<String>,
    }

    impl Told {
        fn of(error: &Error) -> Self {
            let sqlstate = error.sqlstate().map(str::to_owned);
            Self {
                kind: sqlstate
                    .clone()
                    .unwrap_or_else(|| format!("{:?}", error.kind())),
                sqlstate,
            }
        }
    }

    impl Watched {
        fn end(self, rows: Rows, told: Option<Told>) {
            let span = &self.span;
            let rows = match rows {
                Rows::Returned(rows) => {
                    span.record("db.response.returned_rows", rows);
                    rows
                }
                Rows::Affected(rows) => {
                    span.record("sqlmill.affected_rows", rows);
                    rows
                }
            };
            if let Some(told) = told {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", told.kind.as_str());
                if let Some(sqlstate) = told.sqlstate {
                    span.record("db.response.status_code", sqlstate.as_str());
                }
            }
            let took = self.start.elapsed();
            if let Some(slow) = self.scene.slow
                && took >= slow
            {
                tracing::event!(
                    target: "sqlmill::slow",
                    parent: span,
                    tracing::Level::WARN,
                    {
                        db.query.summary = self.name,
                        location = self.location,
                        rows = rows,
                        duration_ms = milliseconds(took),
                        limit_ms = milliseconds(slow),
                    },
                    "slow query"
                );
            }
        }
    }

    fn milliseconds(duration: Duration) -> u64 {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
    }

    /// A call that is watched.
    struct Traced<'a, T> {
        running: Running<'a, T>,
        watch: Watch,
        rows: fn(&T) -> Rows,
    }

    pub(crate) fn watched<'a, T: 'a>(
        watch: Watch,
        running: Running<'a, T>,
        rows: fn(&T) -> Rows,
    ) -> Running<'a, T> {
        if watch.0.is_none() {
            return running;
        }
        Box::pin(Traced {
            running,
            watch,
            rows,
        })
    }

    impl<T> Future for Traced<'_, T> {
        type Output = Result<T>;

        fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<T>> {
            let this = self.get_mut();
            let running = this.running.as_mut();
            let outcome = std::task::ready!(this.watch.within(|| running.poll(cx)));
            match &outcome {
                Ok(value) => this.watch.end((this.rows)(value), None),
                Err(error) => this.watch.end(Rows::Returned(0), Some(error)),
            }
            Poll::Ready(outcome)
        }
    }

    /// Tells how the pool is used, now and then, as long as there is one.
    pub(crate) fn watch_pool(pool: Weak<Connections>, scene: Arc<Scene>) {
        const EVERY: Duration = Duration::from_secs(10);
        let name = format!("{}:{}/{}", scene.address, scene.port, scene.database);
        tokio::spawn(async move {
            loop {
                let Some(pool) = pool.upgrade() else {
                    return;
                };
                let status = pool.status();
                drop(pool);
                let used = status.open.saturating_sub(status.idle);
                tracing::event!(
                    target: "sqlmill::pool",
                    tracing::Level::DEBUG,
                    {
                        db.client.connection.pool.name = name.as_str(),
                        gauge.db.client.connection.max = status.limit as u64,
                        gauge.db.client.connection.used = used as u64,
                        gauge.db.client.connection.idle = status.idle as u64,
                        gauge.db.client.connection.pending_requests = status.waiting as u64,
                    },
                    "pool"
                );
                tokio::time::sleep(EVERY).await;
            }
        });
    }
}
