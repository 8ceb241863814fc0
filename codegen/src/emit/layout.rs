//! Lays out what does not fit one line as rustfmt would, so that the output needs no rustfmt.
//!
//! The rules are rustfmt's defaults of style edition 2024: `max_width` 100, `fn_call_width` 60, `attr_fn_like_width` 70. Tests
//! hold the result against rustfmt itself.

use unicode_width::UnicodeWidthStr;

use super::writer::{WIDTH, Writer};

/// The widest list of arguments that stays on the call's line.
const CALL_WIDTH: usize = 60;

/// rustfmt's `chain_width`, of chains of more than one method.
const CHAIN_WIDTH: usize = 60;

/// The widest `#[derive(…)]`, and the widest list on a line of its own within one: rustfmt counts other brackets than it writes.
const DERIVE_WIDTH: usize = 96;

/// The widest body of a struct literal that stays on one line.
const LITERAL_WIDTH: usize = 18;

pub(super) fn width(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.width()
    }
}

/// `head(a, b) -> Ret {`.
pub(super) fn signature(
    w: &mut Writer,
    head: &str,
    args: &[String],
    returns: &Generic,
    body: impl FnOnce(&mut Writer),
) {
    let one = format!("{head}({}) -> {} {{", args.join(", "), returns.one_line());
    let short = !returns.is_broken();
    if short && w.indent() + width(&one) <= WIDTH {
        w.line(one);
    } else {
        w.line(format!("{head}("));
        w.indented(|w| {
            for arg in args {
                w.line(format!("{arg},"));
            }
        });
        let end = format!(") -> {} {{", returns.one_line());
        if short && (w.indent() + width(&end) <= WIDTH || returns.args.is_empty()) {
            w.line(end);
        } else if short && w.indent() + width(&end) <= WIDTH + width(") {") + 1 {
            // rustfmt measures the type without what stands around it, and then moves the brace alone.
            w.line(end.trim_end_matches(" {"));
            w.line("{");
        } else {
            w.line(format!(") -> {}<", returns.head));
            w.indented(|w| returns.write_args(w));
            w.line("> {");
        }
    }
    w.indented(body);
    w.line("}");
}

/// `Optional<'_, P, R>`.
#[derive(Debug)]
pub(super) struct Generic {
    pub(super) head: String,
    pub(super) args: Vec<Argument>,
}

#[derive(Debug, Clone)]
pub(super) enum Argument {
    Plain(String),
    Tuple(Vec<String>),
}

impl Argument {
    fn one_line(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Tuple(items) => match items.as_slice() {
                [only] => format!("({only},)"),
                _ => format!("({})", items.join(", ")),
            },
        }
    }

    /// rustfmt holds a tuple's inside to the width of a call's arguments, wherever it stands.
    fn is_broken(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tuple(_) => width(&self.one_line()) - 2 > CALL_WIDTH,
        }
    }

    fn write(&self, w: &mut Writer) {
        match self {
            Self::Tuple(items) if self.is_broken() => vertical_call(w, "(", items, "),"),
            _ => w.line(format!("{},", self.one_line())),
        }
    }
}

impl Generic {
    fn one_line(&self) -> String {
        if self.args.is_empty() {
            self.head.clone()
        } else {
            let args: Vec<String> = self.args.iter().map(Argument::one_line).collect();
            format!("{}<{}>", self.head, args.join(", "))
        }
    }

    /// Cannot stand on one line, however much room there is.
    fn is_broken(&self) -> bool {
        self.args.iter().any(Argument::is_broken)
    }

    fn write_args(&self, w: &mut Writer) {
        for arg in &self.args {
            arg.write(w);
        }
    }
}

/// `callee(a, b)` as a block's last expression.
pub(super) fn call(w: &mut Writer, callee: &str, args: &[String]) {
    let joined = args.join(", ");
    let one = format!("{callee}({joined})");
    if width(&joined) <= CALL_WIDTH && w.indent() + width(&one) <= WIDTH {
        w.line(one);
    } else {
        vertical_call(w, &format!("{callee}("), args, ")");
    }
}

/// `static NAME: Type<A, B> = callee(a, b);`, or, with methods called on that, `callee(a, b).method(c);`. A long chain is broken before each
/// method.
pub(super) fn static_call(
    w: &mut Writer,
    head: &str,
    ty: &Generic,
    callee: &str,
    args: &[String],
    methods: &[String],
) {
    let joined = args.join(", ");
    let call = format!("{callee}({joined})");
    let fits = width(&joined) <= CALL_WIDTH;
    let line: String = std::iter::once(call.clone())
        .chain(methods.iter().map(|method| format!(".{method}")))
        .collect();
    let flat = fits && (methods.len() <= 1 || width(&line) <= CHAIN_WIDTH);
    let left = format!("{head}: {}", ty.one_line());
    let chain = |w: &mut Writer| {
        for (index, method) in methods.iter().enumerate() {
            let end = if index + 1 == methods.len() { ";" } else { "" };
            w.line(format!(".{method}{end}"));
        }
    };
    let end = if methods.is_empty() { ";" } else { "" };
    let vertical = |w: &mut Writer, before: &str| {
        vertical_call(w, &format!("{before}{callee}("), args, &format!("){end}"));
        chain(w);
    };
    let broken = ty.is_broken() || width(&left) + width(" =") > WIDTH;
    if broken {
        w.line(format!("{head}: {}<", ty.head));
        w.indented(|w| ty.write_args(w));
    }
    let before = if broken {
        "> = ".to_owned()
    } else {
        format!("{left} = ")
    };
    if flat && width(&before) + width(&line) + width(";") <= WIDTH {
        w.line(format!("{before}{line};"));
    } else if broken {
        vertical(w, &before);
    } else if flat {
        w.line(format!("{left} ="));
        w.indented(|w| w.line(format!("{line};")));
    } else if fits && width(&before) + width(&call) <= WIDTH {
        w.line(format!("{before}{call}"));
        w.indented(chain);
    } else if fits {
        w.line(format!("{left} ="));
        w.indented(|w| {
            w.line(format!("{call}{end}"));
            w.indented(chain);
        });
    } else if width(&before) + width(callee) + width("(") + usize::from(!methods.is_empty())
        <= WIDTH
    {
        vertical(w, &before);
    } else {
        w.line(format!("{left} ="));
        w.indented(|w| vertical(w, ""));
    }
}

fn vertical_call(w: &mut Writer, open: &str, args: &[String], close: &str) {
    w.line(open);
    w.indented(|w| {
        for arg in args {
            w.line(format!("{arg},"));
        }
    });
    w.line(close);
}

/// `pub name: Type,` of a struct.
pub(super) fn field(w: &mut Writer, name: &str, ty: &str) {
    let one = format!("pub {name}: {ty},");
    if w.indent() + width(&one) + slice_margin(ty) <= WIDTH {
        w.line(one);
    } else {
        w.line(format!("pub {name}:"));
        w.indented(|w| w.line(format!("{ty},")));
    }
}

/// rustfmt counts the brackets of a slice twice, unless generic brackets stand around it.
fn slice_margin(ty: &str) -> usize {
    match ty.split_once('[') {
        Some((reference, inner)) if reference.starts_with('&') && !reference.contains('<') => {
            2 + slice_margin(inner)
        }
        _ => 0,
    }
}

/// `#[derive(…)]`.
pub(super) fn derive(w: &mut Writer, derives: &[String]) {
    let joined = derives.join(", ");
    let one = format!("#[derive({joined})]");
    if w.indent() + width(&one) <= DERIVE_WIDTH {
        w.line(one);
    } else {
        w.line("#[derive(");
        w.indented(|w| {
            if width(&joined) <= DERIVE_WIDTH {
                w.line(format!("{joined},"));
            } else {
                for derive in derives {
                    w.line(format!("{derive},"));
                }
            }
        });
        w.line(")]");
    }
}

/// `use path::{A, B};`, the names in rustfmt's order, as many on a line as fit.
pub(super) fn use_list(w: &mut Writer, visibility: &str, path: &str, names: &[String]) {
    let mut names = names.to_vec();
    names.sort_by(|a, b| version_order(a, b));
    match names.as_slice() {
        [] => {}
        [only] => w.line(format!("{visibility}use {path}::{only};")),
        _ => {
            let one = format!("{visibility}use {path}::{{{}}};", names.join(", "));
            if width(&one) <= WIDTH {
                w.line(one);
            } else {
                w.line(format!("{visibility}use {path}::{{"));
                w.indented(|w| fill(w, &names));
                w.line("};");
            }
        }
    }
}

/// `a, b, c,` over as few lines as it takes.
pub(super) fn fill(w: &mut Writer, items: &[String]) {
    let mut line = String::new();
    for (index, item) in items.iter().enumerate() {
        let grown = width(&line) + usize::from(!line.is_empty()) + width(item) + 1;
        // rustfmt keeps room for the blank before the next item.
        let blank = usize::from(index + 1 < items.len());
        if !line.is_empty() && w.indent() + grown + blank > WIDTH {
            w.line(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(item);
        line.push(',');
    }
    if !line.is_empty() {
        w.line(line);
    }
}

/// `head { a, b }` on a line of its own, or broken.
pub(super) fn braces(w: &mut Writer, head: &str, items: &[String]) {
    let one = format!("{head} {{ {} }}", items.join(", "));
    if w.indent() + width(&one) <= WIDTH {
        w.line(one);
    } else {
        w.block(head, |w| fill(w, items));
    }
}

/// `head { a, b }` inside a macro's braces, which rustfmt leaves alone: broken only for the reader.
pub(super) fn braced(w: &mut Writer, macro_name: &str, head: &str, items: &[String]) {
    let inner = if items.is_empty() {
        format!("{head} {{}}")
    } else {
        format!("{head} {{ {} }}", items.join(", "))
    };
    let one = format!("{macro_name} {{ {inner} }}");
    if width(&one) <= WIDTH {
        w.line(one);
        return;
    }
    w.block(macro_name, |w| {
        if w.indent() + width(&inner) <= WIDTH {
            w.line(inner);
        } else {
            w.block(head, |w| fill(w, items));
        }
    });
}

/// `head { a, b }` within a macro's braces.
pub(super) fn braced_list(w: &mut Writer, head: &str, items: &[String]) {
    let one = match items {
        [] => format!("{head} {{}}"),
        items => format!("{head} {{ {} }}", items.join(", ")),
    };
    if w.indent() + width(&one) <= WIDTH {
        w.line(one);
    } else {
        w.block(head, |w| fill(w, items));
    }
}

/// `macro! { a, b, c }`, as many as fit on a line; before them `head:`, if there is one.
pub(super) fn filled(w: &mut Writer, macro_name: &str, head: Option<&str>, items: &[String]) {
    if items.is_empty() {
        return w.line(format!("{macro_name} {{}}"));
    }
    let start = head.map(|head| format!("{head}: ")).unwrap_or_default();
    let one = format!("{macro_name} {{ {start}{} }}", items.join(", "));
    if width(&one) <= WIDTH {
        w.line(one);
    } else {
        w.block(macro_name, |w| {
            if !start.is_empty() {
                w.line(start.trim_end());
            }
            fill(w, items);
        });
    }
}

/// rustfmt sorts names in `use` lists so: digits by their number, `_` before the rest.
pub(super) fn version_order(a: &str, b: &str) -> std::cmp::Ordering {
    let (a, b) = (
        a.strip_prefix("r#").unwrap_or(a),
        b.strip_prefix("r#").unwrap_or(b),
    );
    let mut left = a.as_bytes();
    let mut right = b.as_bytes();
    loop {
        match (left.first(), right.first()) {
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (x, rest_left) = digits(left);
                let (y, rest_right) = digits(right);
                let ordering = x.len().cmp(&y.len()).then_with(|| x.cmp(y));
                if ordering.is_ne() {
                    return ordering;
                }
                (left, right) = (rest_left, rest_right);
            }
            (Some(x), Some(y)) if x == y => {
                (left, right) = (&left[1..], &right[1..]);
            }
            (Some(b'_'), Some(_)) => return std::cmp::Ordering::Less,
            (Some(_), Some(b'_')) => return std::cmp::Ordering::Greater,
            (x, y) => return x.cmp(&y).then_with(|| a.cmp(b)),
        }
    }
}

/// The leading number without its zeros, and what follows.
fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    let zeros = number
        .iter()
        .position(|&byte| byte != b'0')
        .unwrap_or(number.len().saturating_sub(1));
    (&number[zeros..], rest)
}

/// `Name { a, b: None }` as a block's last expression.
pub(super) fn struct_literal(w: &mut Writer, name: &str, fields: &[String]) {
    let joined = fields.join(", ");
    if width(&joined) <= LITERAL_WIDTH {
        w.line(format!("{name} {{ {joined} }}"));
    } else {
        w.block(name, |w| {
            for field in fields {
                w.line(format!("{field},"));
            }
        });
    }
}

/// `left(a, b)right`.
pub(super) fn tuple(w: &mut Writer, left: &str, items: &[String], right: &str) {
    let joined = items.join(", ");
    let one = format!("{left}({joined}){right}");
    if width(&joined) <= CALL_WIDTH && w.indent() + width(&one) <= WIDTH {
        w.line(one);
    } else {
        vertical_call(w, &format!("{left}("), items, &format!("){right}"));
    }
}

/// `const NAME: &str = r"…";` with the SQL in the author's lines.
pub(super) fn text_const(w: &mut Writer, name: &str, text: &str) {
    let left = format!("const {name}: &str =");
    let literal = literal(text);
    let one = format!("{left} {literal};");
    let single = !literal.contains('\n');
    let below = format!("{literal};");
    if single && width(&one) > WIDTH && 4 + width(&below) <= WIDTH {
        w.line(left);
        w.indented(|w| w.line(below));
    } else {
        w.verbatim(&one);
    }
}

/// A raw string, or an escaped one for what a raw string may not hold.
pub(super) fn literal(text: &str) -> String {
    let refused = |c: char| {
        c == '\r' || c == '\0' || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if text.contains(refused) {
        return string(text);
    }
    if !text.contains(['"', '\\', '\n']) {
        return format!("\"{text}\"");
    }
    let mut hashes = 0;
    for (at, _) in text.match_indices('"') {
        let run = text[at + 1..]
            .bytes()
            .take_while(|&byte| byte == b'#')
            .count();
        hashes = hashes.max(run + 1);
    }
    let hashes = "#".repeat(hashes);
    format!("r{hashes}\"{text}\"{hashes}")
}

/// An ordinary string literal.
pub(super) fn string(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\0' => out.push_str("\\0"),
            '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' => out.extend(c.escape_unicode()),
            c if c.is_control() => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::{Writer, use_list};

    /// What rustfmt 1.8 makes of the same lists.
    #[test]
    fn a_list_of_names_keeps_room_for_the_blank_before_the_next() {
        let lines = |lengths: &[usize]| {
            let names: Vec<String> = lengths
                .iter()
                .zip('A'..)
                .map(|(&length, first)| format!("{first}{}", "a".repeat(length - 1)))
                .collect();
            let mut w = Writer::default();
            use_list(&mut w, "pub ", "x", &names);
            w.finish().lines().map(str::len).collect::<Vec<_>>()
        };
        assert_eq!(lines(&[20, 20, 20, 20, 7]), [12, 100, 2]);
        assert_eq!(lines(&[20, 20, 20, 20, 8]), [12, 91, 13, 2]);
        assert_eq!(lines(&[20, 20, 20, 20, 6, 19, 22]), [12, 99, 48, 2]);
        assert_eq!(lines(&[20, 20, 20, 20, 7, 19, 22]), [12, 91, 57, 2]);
    }
}
