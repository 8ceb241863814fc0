//! What the compiler reads: SQL, annotations, and the trees that a server sends.

use sqlmill::describe::{lower, node};
use sqlmill::diagnostic::Diagnostic;
use sqlmill::parse::unused_types;
use sqlmill::project::QueryFile;
use sqlmill::scan::Scanner;
use sqlmill::source::Sources;
use sqlmill::{parse, schema};

/// The tokens are the text, without gaps, whole characters each.
pub fn scan(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut at = 0;
    for token in Scanner::new(&text) {
        assert_eq!(token.start, at);
        assert!(token.end > token.start);
        assert!(text.get(token.range()).is_some());
        let opening = token.opening(&text);
        assert!(opening.end <= token.end && text.get(opening).is_some());
        at = token.end;
    }
    assert_eq!(at, text.len());
}

/// Every finding has a place in the text, and every place in what ships has one in what the author wrote.
pub fn queries(data: &[u8]) {
    let text = String::from_utf8_lossy(data).into_owned();
    let length = text.len();
    let mut sources = Sources::default();
    let file = sources.add("queries/a.sql", text);
    let module = "a".to_owned();
    let parsed = parse(&sources, &[QueryFile { file, module }]);
    places(&sources, &parsed.diagnostics);
    for query in parsed.files.iter().flat_map(|file| &file.queries) {
        let statement = &query.statement;
        let mut before = statement.author_offset(0);
        for shipped in 0..=statement.sql.len() {
            let author = statement.author_offset(shipped);
            assert!(before <= author && author <= length);
            before = author;
        }
    }
    let unused = unused_types(&parsed.files, |name| name.len() % 2 == 0);
    places(&sources, &unused);
    let (statements, found) = schema::split(&sources, file);
    places(&sources, &found);
    assert!(
        statements
            .iter()
            .all(|statement| statement.value.len() <= length)
    );
}

/// Rendering slices by them.
fn places(sources: &Sources, found: &[Diagnostic]) {
    for diagnostic in found {
        let related = diagnostic.related.iter().map(|(span, _)| *span);
        for span in diagnostic.span.into_iter().chain(related) {
            let text = &sources.get(span.file).text;
            assert!(text.get(span.range()).is_some());
        }
    }
}

/// A tree is read or refused, as a list of queries and as an expression.
pub fn tree(data: &[u8]) {
    let text = node::unwrap_lines(data);
    let read = node::read(&text).is_ok();
    let queries = lower::queries(&text).is_ok();
    let expression = lower::expression(&text).is_ok();
    let expressions = lower::expressions(&text).is_ok();
    // What is lowered was read.
    assert!(read || !(queries || expression || expressions));
}
