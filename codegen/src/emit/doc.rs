//! Text of authors and of the catalog as rustdoc: Markdown that warns nobody.

use super::layout::width;

/// Lines longer than this are wrapped where the text is ours.
const WRAP: usize = 96;

/// The author's Markdown. What rustdoc and clippy would object to is escaped; the rest stays as written.
pub(super) fn markdown<S: AsRef<str>>(lines: &[S]) -> Vec<String> {
    let mut out = Vec::new();
    let mut fence: Option<String> = None;
    let mut in_list = false;
    for line in lines.iter().flat_map(|text| split(text.as_ref())) {
        let line = clean(line);
        let trimmed = line.trim_start();
        let opening: String = trimmed.chars().take_while(|&c| c == '`').collect();
        if let Some(mark) = &fence {
            if opening.len() >= mark.len() && trimmed[opening.len()..].trim().is_empty() {
                fence = None;
            }
            out.push(line);
            continue;
        }
        if opening.len() >= 3 && !trimmed[opening.len()..].contains('`') {
            // Without a language rustdoc would compile it as Rust.
            let plain = trimmed[opening.len()..].trim().is_empty();
            out.push(if plain {
                format!("{line}text")
            } else {
                line.clone()
            });
            fence = Some(opening);
            continue;
        }
        let escaped = inline(&line);
        if trimmed.is_empty() {
            in_list = false;
            out.push(String::new());
        } else if starts_item(trimmed) {
            in_list = true;
            out.push(escaped);
        } else if in_list && !line.starts_with(' ') {
            // A lazy continuation: clippy wants it to look like what it is.
            out.push(format!("  {escaped}"));
        } else if line.starts_with("    ") && !in_list {
            // An indented code block would be compiled as Rust.
            out.push(escaped.trim_start().to_owned());
        } else {
            out.push(escaped);
        }
    }
    if let Some(mark) = fence {
        out.push(mark);
    }
    while out.last().is_some_and(|line| line.trim().is_empty()) {
        out.pop();
    }
    while out.first().is_some_and(|line| line.trim().is_empty()) {
        out.remove(0);
    }
    out
}

/// One sentence of ours, wrapped, as an item of a list.
pub(super) fn item(sentence: &str) -> Vec<String> {
    wrap(&format!("- {}", inline(&clean(&one_line(sentence)))), "  ")
}

/// One sentence of ours, wrapped.
pub(super) fn sentence(sentence: &str) -> Vec<String> {
    wrap(&inline(&clean(&one_line(sentence))), "")
}

/// The statement, fenced.
pub(super) fn sql(text: &str) -> Vec<String> {
    let longest = text
        .split(|c| c != '`')
        .map(str::len)
        .max()
        .unwrap_or_default();
    let fence = "`".repeat(longest.max(2) + 1);
    let mut lines = vec![format!("{fence}sql")];
    lines.extend(text.lines().map(clean));
    lines.push(fence);
    lines
}

/// Rustdoc of ours, wrapped as it is.
pub(super) fn wrapped(text: &str) -> Vec<String> {
    wrap(text, "")
}

/// A link to a function of the same module, told apart from modules and primitive types of its name.
pub(super) fn function(name: &str) -> String {
    match name.strip_prefix("r#") {
        // In a link, what follows `#` is a place within the page.
        Some(plain) => format!("[`{plain}()`](fn@{plain})"),
        None => format!("[`{name}()`]"),
    }
}

/// SQL names in code spans: `a`, `b`.
pub(super) fn names<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names
        .iter()
        .map(|name| {
            let name = name.as_ref();
            if name.contains('`') {
                format!("`` {name} ``")
            } else {
                format!("`{name}`")
            }
        })
        .collect();
    quoted.join(", ")
}

/// A COMMENT may have many lines, and an empty line of ours is one.
fn split(text: &str) -> impl Iterator<Item = &str> {
    text.split('\n')
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Without tabs, control characters, and the directional ones that rustc refuses in comments.
fn clean(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    for c in line.trim_end().chars() {
        match c {
            '\t' => out.push_str("    "),
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => {}
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn starts_item(trimmed: &str) -> bool {
    let after_bullet = trimmed.strip_prefix(['-', '*', '+']);
    let after_number = trimmed
        .trim_start_matches(|c: char| c.is_ascii_digit())
        .strip_prefix(['.', ')'])
        .filter(|_| trimmed.starts_with(|c: char| c.is_ascii_digit()));
    after_bullet
        .or(after_number)
        .is_some_and(|rest| rest.starts_with(' '))
}

/// Escapes brackets that are no links and `<` that is no autolink; makes bare URLs autolinks; leaves code spans alone.
fn inline(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(c) = rest.chars().next() {
        match c {
            '`' => {
                let ticks = rest.len() - rest.trim_start_matches('`').len();
                let body = &rest[ticks..];
                match closing(body, ticks) {
                    Some(end) => {
                        out.push_str(&rest[..ticks + end + ticks]);
                        rest = &body[end + ticks..];
                    }
                    None => {
                        for _ in 0..ticks {
                            out.push_str("\\`");
                        }
                        rest = body;
                    }
                }
                continue;
            }
            '\\' => {
                let taken = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..taken]);
                rest = &rest[taken..];
                continue;
            }
            '[' => {
                if let Some(length) = link(rest) {
                    out.push_str(&rest[..length]);
                    rest = &rest[length..];
                    continue;
                }
                out.push_str("\\[");
            }
            ']' => out.push_str("\\]"),
            '<' => {
                if let Some(length) = autolink(rest) {
                    out.push_str(&rest[..length]);
                    rest = &rest[length..];
                    continue;
                }
                out.push_str("\\<");
            }
            'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
                let url = url(rest);
                out.push('<');
                out.push_str(url);
                out.push('>');
                rest = &rest[url.len()..];
                continue;
            }
            c => out.push(c),
        }
        rest = &rest[c.len_utf8()..];
    }
    out
}

/// Where the run of exactly `ticks` backticks that ends a code span begins.
fn closing(body: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = body[at..].find('`') {
        let start = at + found;
        let run = body[start..].len() - body[start..].trim_start_matches('`').len();
        if run == ticks {
            return Some(start);
        }
        at = start + run;
    }
    None
}

/// The length of `[text](http…)` at the start.
fn link(text: &str) -> Option<usize> {
    let close = text.find("](")?;
    let label = &text[1..close];
    let target = &text[close + 2..];
    let end = target.find(')')?;
    let web = target.starts_with("http://") || target.starts_with("https://");
    (web && !label.contains(['[', ']']) && !target[..end].contains(' ')).then_some(close + 3 + end)
}

/// The length of `<http…>` at the start.
fn autolink(text: &str) -> Option<usize> {
    let inside = text.strip_prefix('<')?;
    let end = inside.find('>')?;
    let web = inside.starts_with("http://") || inside.starts_with("https://");
    (web && !inside[..end].contains([' ', '<'])).then_some(end + 2)
}

fn url(text: &str) -> &str {
    let end = text
        .find(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"' | '`' | ')' | ']'))
        .unwrap_or(text.len());
    text[..end].trim_end_matches(['.', ',', ';', ':', '!', '?'])
}

fn wrap(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(' ') {
        let full = width(&line) + 1 + width(word) > WRAP;
        if !line.is_empty() && full && !begins_block(word) {
            lines.push(std::mem::replace(&mut line, indent.to_owned()));
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(line);
    lines
}

/// At the start of a line this word would mean something else to Markdown.
fn begins_block(word: &str) -> bool {
    word.starts_with(['-', '+', '*', '#', '>', '=', '|', '~'])
        || word.ends_with(['.', ')'])
            && word
                .trim_end_matches(['.', ')'])
                .chars()
                .all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_and_angles_that_are_no_links_are_escaped() {
        assert_eq!(
            inline("an array[1] of Vec<T>"),
            "an array\\[1\\] of Vec\\<T>"
        );
        assert_eq!(inline("`a[1] < b`"), "`a[1] < b`");
        assert_eq!(
            inline("see [the page](https://example.com/a) or <https://b.example>"),
            "see [the page](https://example.com/a) or <https://b.example>"
        );
        assert_eq!(
            inline("see https://example.com/x."),
            "see <https://example.com/x>."
        );
        assert_eq!(inline("one ` tick"), "one \\` tick");
        assert_eq!(inline("`` a ` b ``"), "`` a ` b ``");
    }

    #[test]
    fn a_statement_with_backticks_gets_a_longer_fence() {
        assert_eq!(sql("SELECT 1"), ["```sql", "SELECT 1", "```"]);
        assert_eq!(sql("SELECT '```'")[0], "````sql");
    }

    #[test]
    fn code_in_docs_is_never_compiled() {
        assert_eq!(
            markdown(&["```", "let x;", "```"]),
            ["```text", "let x;", "```"]
        );
        assert_eq!(markdown(&["    let x;"]), ["let x;"]);
        assert_eq!(markdown(&["```sql", "x"]), ["```sql", "x", "```"]);
    }

    #[test]
    fn list_items_keep_their_continuation() {
        assert_eq!(
            markdown(&["- one", "more", "", "text"]),
            ["- one", "  more", "", "text"]
        );
    }

    #[test]
    fn wrapping_begins_no_line_with_a_marker() {
        let text = format!("{} - {}", "x".repeat(90), "y".repeat(20));
        for line in &item(&text)[1..] {
            assert!(!line.trim_start().starts_with('-'), "{line}");
        }
    }
}
