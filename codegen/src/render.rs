//! Findings as text: for people, for programs (JSON) and for GitHub's annotations. All in one order: by file and place.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;

use annotate_snippets::{
    Annotation, AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str,
};
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Position, Sources, Span};

/// As compilers show them: place, underlined text, notes and help; the last line counts them.
pub fn human(sources: &Sources, diagnostics: &[Diagnostic], color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut out = String::new();
    for diagnostic in sorted(sources, diagnostics) {
        let group = group(sources, diagnostic);
        out.push_str(&renderer.render(&[group]));
        out.push_str("\n\n");
    }
    let summary = summary(diagnostics);
    if !summary.is_empty() {
        out.push_str(&summary);
        out.push('\n');
    }
    out
}

/// "3 errors, 1 warning in 2 files"; empty where there is nothing to count.
pub fn summary(diagnostics: &[Diagnostic]) -> String {
    let counts: Vec<String> = [
        (Severity::Error, "error"),
        (Severity::Warning, "warning"),
        (Severity::Hint, "hint"),
    ]
    .into_iter()
    .filter_map(|(severity, name)| {
        let count = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count();
        (count > 0).then(|| counted(count, name))
    })
    .collect();
    let files: BTreeSet<FileId> = diagnostics
        .iter()
        .filter_map(|diagnostic| diagnostic.span.map(|span| span.file))
        .collect();
    match (counts.is_empty(), files.len()) {
        (true, _) => String::new(),
        (false, 0) => counts.join(", "),
        (false, files) => format!("{} in {}", counts.join(", "), counted(files, "file")),
    }
}

fn counted(count: usize, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

/// An array of objects with these keys, always all of them: `file`, `line`, `column`, `end_line`, `end_column` (null where there
/// is no place), `severity` (`error`, `warning`, `hint`), `rule`, `message`, `label`, `notes`, `help`, `related` (objects with
/// the five keys of a place and `message`). Lines and columns count from 1, columns in characters; the end is the first
/// character that is no longer meant.
pub fn json(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let findings: Vec<Finding<'_>> = sorted(sources, diagnostics)
        .into_iter()
        .map(|diagnostic| Finding {
            place: diagnostic
                .span
                .map_or(Place::default(), |span| Place::new(sources, span)),
            severity: name(diagnostic.severity),
            rule: diagnostic.rule,
            message: &diagnostic.message,
            label: &diagnostic.label,
            notes: &diagnostic.notes,
            help: &diagnostic.help,
            related: diagnostic
                .related
                .iter()
                .map(|(span, message)| Related {
                    place: Place::new(sources, *span),
                    message,
                })
                .collect(),
        })
        .collect();
    // Strings, numbers and lists of them: nothing that JSON cannot say.
    let mut text = serde_json::to_string_pretty(&findings).unwrap_or_default();
    text.push('\n');
    text
}

#[derive(Serialize)]
struct Finding<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    severity: &'static str,
    rule: &'static str,
    message: &'a str,
    label: &'a str,
    notes: &'a [String],
    help: &'a [String],
    related: Vec<Related<'a>>,
}

#[derive(Serialize)]
struct Related<'a> {
    #[serde(flatten)]
    place: Place<'a>,
    message: &'a str,
}

#[derive(Default, Serialize)]
struct Place<'a> {
    file: Option<&'a str>,
    line: Option<u32>,
    column: Option<u32>,
    end_line: Option<u32>,
    end_column: Option<u32>,
}

impl<'a> Place<'a> {
    fn new(sources: &'a Sources, span: Span) -> Self {
        let (start, end) = ends(sources, span);
        Self {
            file: Some(&sources.get(span.file).path),
            line: Some(start.line),
            column: Some(start.column),
            end_line: Some(end.line),
            end_column: Some(end.column),
        }
    }
}

fn ends(sources: &Sources, span: Span) -> (Position, Position) {
    let file = sources.get(span.file);
    let range = clamp(&file.text, span.range());
    (file.position(range.start), file.position(range.end))
}

/// Workflow commands, which GitHub shows at the lines of a pull request.
pub fn github(sources: &Sources, diagnostics: &[Diagnostic]) -> String {
    let mut out = String::new();
    for diagnostic in sorted(sources, diagnostics) {
        let command = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "notice",
        };
        let mut properties = String::new();
        if let Some(span) = diagnostic.span {
            let (start, end) = ends(sources, span);
            let file = property(&sources.get(span.file).path);
            let _ = write!(
                properties,
                "file={file},line={},endLine={},",
                start.line, end.line
            );
            // GitHub takes columns only within one line, and counts the last character in.
            if start.line == end.line {
                let last = end.column.saturating_sub(1).max(start.column);
                let _ = write!(properties, "col={},endColumn={last},", start.column);
            }
        }
        let mut message = diagnostic.message.clone();
        if !diagnostic.label.is_empty() {
            let _ = write!(message, ": {}", diagnostic.label);
        }
        for note in &diagnostic.notes {
            let _ = write!(message, "\nnote: {note}");
        }
        for (span, text) in &diagnostic.related {
            let file = sources.get(span.file);
            let line = sources.position(*span).line;
            let _ = write!(message, "\nnote: {}:{line}: {text}", file.path);
        }
        for help in &diagnostic.help {
            let _ = write!(message, "\nhelp: {help}");
        }
        let _ = writeln!(
            out,
            "::{command} {properties}title={}::{}",
            property(diagnostic.rule),
            data(&message)
        );
    }
    out
}

/// Escapes of GitHub's `actions/toolkit` (`command.ts`).
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

fn name(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Hint => "hint",
    }
}

/// What has no place comes first, then by path and place; the order given breaks ties.
fn sorted<'a>(sources: &'a Sources, diagnostics: &'a [Diagnostic]) -> Vec<&'a Diagnostic> {
    let mut sorted: Vec<&Diagnostic> = diagnostics.iter().collect();
    sorted.sort_by_key(|diagnostic| {
        diagnostic.span.map(|span| {
            (
                sources.get(span.file).path.as_str(),
                span.start,
                span.end,
                diagnostic.severity,
            )
        })
    });
    sorted
}

fn group<'a>(sources: &'a Sources, diagnostic: &'a Diagnostic) -> Group<'a> {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::HELP.with_name("hint"),
    };
    let mut group = level
        .primary_title(diagnostic.message.as_str())
        .id(diagnostic.rule)
        .elements(snippets(sources, diagnostic));
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(normalize_untrusted_str(note)));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(normalize_untrusted_str(help)));
    }
    group
}

/// One per file; that of the finding itself first.
fn snippets<'a>(
    sources: &'a Sources,
    diagnostic: &'a Diagnostic,
) -> Vec<Snippet<'a, Annotation<'a>>> {
    let marks: Vec<(Span, AnnotationKind, &str)> = diagnostic
        .span
        .map(|span| (span, AnnotationKind::Primary, diagnostic.label.as_str()))
        .into_iter()
        .chain(
            diagnostic
                .related
                .iter()
                .map(|(span, text)| (*span, AnnotationKind::Context, text.as_str())),
        )
        .collect();
    let mut files: Vec<FileId> = Vec::new();
    for (span, _, _) in &marks {
        if !files.contains(&span.file) {
            files.push(span.file);
        }
    }
    files
        .into_iter()
        .map(|file| {
            let marks: Vec<_> = marks
                .iter()
                .filter(|(span, _, _)| span.file == file)
                .collect();
            snippet(sources, file, &marks)
        })
        .collect()
}

/// Of the file, only the lines from the first mark to the last: the renderer walks all that it is given.
fn snippet<'a>(
    sources: &'a Sources,
    file: FileId,
    marks: &[&(Span, AnnotationKind, &'a str)],
) -> Snippet<'a, Annotation<'a>> {
    let source = sources.get(file);
    let text = source.text.as_str();
    let ranges: Vec<Range<usize>> = marks
        .iter()
        .map(|(span, _, _)| visible(text, span.range()))
        .collect();
    let first = ranges.iter().map(|range| range.start).min().unwrap_or(0);
    let last = ranges.iter().map(|range| range.end).max().unwrap_or(0);
    let start = text
        .get(..first)
        .and_then(|before| before.rfind('\n'))
        .map_or(0, |at| at + 1);
    let end = text
        .get(last..)
        .and_then(|after| after.find('\n'))
        .map_or(text.len(), |at| last + at + 1);
    let line = source.position(start).line as usize;
    let shown: Cow<'a, str> = text.get(start..end).unwrap_or_default().into();
    let annotations = marks.iter().zip(ranges).map(|((_, kind, label), range)| {
        let annotation = kind.span(range.start - start..range.end - start);
        if label.is_empty() {
            annotation
        } else {
            annotation.label(*label)
        }
    });
    Snippet::source(shown)
        .line_start(line)
        .path(source.path.as_str())
        .annotations(annotations)
}

/// Within the text and on character boundaries, whatever the span says.
fn clamp(text: &str, range: Range<usize>) -> Range<usize> {
    let start = text.floor_char_boundary(range.start);
    let end = text.ceil_char_boundary(range.end).max(start);
    start..end
}

/// At least one character, where the text has one; without the line end at its end.
fn visible(text: &str, range: Range<usize>) -> Range<usize> {
    let Range { start, end } = clamp(text, range);
    let inside = text.get(start..end).unwrap_or_default();
    let trimmed = inside.trim_end_matches(['\n', '\r']);
    if !trimmed.is_empty() {
        return start..start + trimmed.len();
    }
    match text.get(start..).and_then(|rest| rest.chars().next()) {
        Some(letter) if letter != '\n' && letter != '\r' => start..start + letter.len_utf8(),
        // At the end of a line or of the file: the character before, if this line has one.
        _ => match text
            .get(..start)
            .and_then(|before| before.chars().next_back())
        {
            Some(letter) if letter != '\n' && letter != '\r' => start - letter.len_utf8()..start,
            _ => start..start,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{github, human, json};
    use crate::diagnostic::Diagnostic;
    use crate::source::{Sources, Span};

    fn sample() -> (Sources, Vec<Diagnostic>) {
        let mut sources = Sources::default();
        let b = sources.add(
            "queries/b.sql",
            "--! two\r\nSELECT 'é', \tnope\r\nFROM t;\r\n",
        );
        let a = sources.add(
            "queries/a,1.sql",
            "--! one\nSELECT 1;\n--! one\nSELECT 2;\n",
        );
        let nope = sources.get(b).text.find("nope").unwrap();
        let diagnostics = vec![
            Diagnostic::error("postgres", "column \"nope\" does not exist")
                .at(Span::new(b, nope..nope + 4))
                .label("here")
                .note("100% sure\nof it")
                .help("write another"),
            Diagnostic::warning("duplicate-name", "two queries are named `one`")
                .at(Span::new(a, 22..25))
                .related(Span::new(a, 4..7), "the first one"),
            Diagnostic::error("server", "no server"),
        ];
        (sources, diagnostics)
    }

    #[test]
    fn people_see_the_text_underlined_in_the_order_of_files_and_a_count() {
        let (sources, diagnostics) = sample();
        let text = human(&sources, &diagnostics, false);
        assert_eq!(
            text,
            "\
error[server]: no server

warning[duplicate-name]: two queries are named `one`
 --> queries/a,1.sql:3:5
  |
1 | --! one
  |     --- the first one
2 | SELECT 1;
3 | --! one
  |     ^^^

error[postgres]: column \"nope\" does not exist
 --> queries/b.sql:2:14
  |
2 | SELECT 'é',     nope
  |                 ^^^^ here
  |
  = note: 100% sure
          of it
  = help: write another

2 errors, 1 warning in 2 files
"
        );
        assert!(human(&sources, &diagnostics, true).contains("\u{1b}["));
        assert_eq!(human(&sources, &[], false), "");
    }

    #[test]
    fn programs_get_every_key_every_time() {
        let (sources, diagnostics) = sample();
        let value: serde_json::Value = serde_json::from_str(&json(&sources, &diagnostics)).unwrap();
        let keys = |value: &serde_json::Value| -> Vec<String> {
            value.as_object().unwrap().keys().cloned().collect()
        };
        let all = [
            "file",
            "line",
            "column",
            "end_line",
            "end_column",
            "severity",
            "rule",
            "message",
            "label",
            "notes",
            "help",
            "related",
        ];
        for index in 0..3 {
            assert_eq!(keys(&value[index]), all);
        }
        assert!(value[0]["file"].is_null() && value[0]["line"].is_null());
        assert_eq!(value[2]["file"], "queries/b.sql");
        assert_eq!(
            [
                &value[2]["line"],
                &value[2]["column"],
                &value[2]["end_line"],
                &value[2]["end_column"]
            ],
            [2, 14, 2, 18]
        );
        assert_eq!(value[1]["related"][0]["line"], 1);
        assert_eq!(value[1]["related"][0]["message"], "the first one");
        assert_eq!(json(&sources, &[]), "[]\n");
    }

    #[test]
    fn github_reads_its_own_escapes() {
        let (sources, diagnostics) = sample();
        assert_eq!(
            github(&sources, &diagnostics),
            "\
::error title=server::no server
::warning file=queries/a%2C1.sql,line=3,endLine=3,col=5,endColumn=7,title=duplicate-name::two queries are named `one`%0Anote: queries/a,1.sql:1: the first one
::error file=queries/b.sql,line=2,endLine=2,col=14,endColumn=17,title=postgres::column \"nope\" does not exist: here%0Anote: 100%25 sure%0Aof it%0Ahelp: write another
"
        );
    }

    #[test]
    fn any_span_can_be_shown() {
        let mut sources = Sources::default();
        let empty = sources.add("empty.sql", "");
        let file = sources.add("a.sql", "é\n\nx\r\n");
        for start in 0..9 {
            for end in 0..9 {
                for file in [empty, file] {
                    let found = [Diagnostic::error("r", "m")
                        .at(Span::new(file, start..end))
                        .label("l")];
                    assert!(human(&sources, &found, false).contains("error[r]: m"));
                    json(&sources, &found);
                    github(&sources, &found);
                }
            }
        }
    }
}
