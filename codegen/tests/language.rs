//! The annotation language: what is understood, what is refused and where, and that nothing makes the reader stumble.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use sqlmill::config;
use sqlmill::diagnostic::{Diagnostic, Severity};
use sqlmill::parse::syntax::{DirectiveKind, Field, Nullity, ParsedFile, ParsedQuery, StructUse};
use sqlmill::parse::{check_names, declare_rows, parse_file, unused_types};
use sqlmill::render;
use sqlmill::scan::Scanner;
use sqlmill::schema;
use sqlmill::source::{Sources, Span};

fn parse(text: &str) -> (Sources, ParsedFile, Vec<Diagnostic>) {
    let mut sources = Sources::default();
    let file = sources.add("queries/test.sql", text);
    let (mut parsed, mut diagnostics) = parse_file(&sources, file, "test");
    diagnostics.extend(declare_rows(std::slice::from_mut(&mut parsed)));
    diagnostics.extend(check_names(std::slice::from_ref(&parsed)));
    (sources, parsed, diagnostics)
}

/// The file, which has no faults.
fn fine(text: &str) -> ParsedFile {
    let (sources, parsed, diagnostics) = parse(text);
    assert!(
        diagnostics.is_empty(),
        "{}",
        render::human(&sources, &diagnostics, false)
    );
    parsed
}

fn query(text: &str) -> ParsedQuery {
    let mut parsed = fine(text);
    assert_eq!(parsed.queries.len(), 1, "{text}");
    parsed.queries.remove(0)
}

fn show(sources: &Sources, found: &Diagnostic) -> String {
    let span = found.span.expect("a fault of the text has a place");
    let at = sources.position(span);
    let warning = match found.severity {
        Severity::Error => "",
        Severity::Warning => "warning: ",
        Severity::Hint => "hint: ",
    };
    format!(
        "{}:{} `{}` {warning}{}",
        at.line,
        at.column,
        sources.text(span),
        found.message
    )
}

/// `line:column `text` message` of each fault. All of them say what to do.
fn faults(text: &str) -> Vec<String> {
    let (sources, _, diagnostics) = parse(text);
    diagnostics
        .iter()
        .map(|found| {
            assert!(!found.help.is_empty(), "no help: {}", found.message);
            show(&sources, found)
        })
        .collect()
}

#[track_caller]
fn fault(text: &str, expected: &str) {
    assert_eq!(faults(text), [expected], "{text}");
}

/// The SQL that ships for `sql` below an annotation, which has no faults.
#[track_caller]
fn ships(sql: &str, expected: &str) {
    let (sources, parsed, diagnostics) = parse(&format!("--! q\n{sql};\n"));
    assert!(
        diagnostics.is_empty(),
        "{}",
        render::human(&sources, &diagnostics, false)
    );
    assert_eq!(parsed.queries[0].statement.sql, expected);
}

/// The fault of `sql` below an annotation; the line counts from its first.
#[track_caller]
fn sql_fault(sql: &str, expected: &str) {
    let (sources, _, diagnostics) = parse(&format!("--! q\n{sql};\n"));
    let shown: Vec<String> = diagnostics
        .iter()
        .map(|found| {
            let shown = show(&sources, found);
            let (line, rest) = shown.split_once(':').expect("a line");
            format!("{}:{rest}", line.parse::<u32>().expect("a number") - 1)
        })
        .collect();
    assert_eq!(shown, [expected], "{sql}");
}

fn fields(used: &StructUse) -> &[Field] {
    match used {
        StructUse::Implicit(fields) => fields,
        StructUse::Named(_) => &[],
        StructUse::Inline(annotation) => &annotation.fields,
    }
}

fn names(params: &ParsedQuery) -> Vec<&str> {
    params
        .statement
        .params
        .iter()
        .map(|param| param.name.as_str())
        .collect()
}

// What is understood

#[test]
fn the_forms_of_a_query_line() {
    let q = query("--! q\nSELECT 1;");
    assert_eq!(q.name.value, "q");
    assert!(matches!(&q.params, StructUse::Implicit(fields) if fields.is_empty()));
    assert!(matches!(&q.row, StructUse::Implicit(fields) if fields.is_empty()));

    let q = query("--!q(a?,b!):(c?)\nSELECT :a, :b AS c;");
    assert_eq!(fields(&q.params)[0].nullity, Some(Nullity::Nullable));
    assert_eq!(fields(&q.params)[1].nullity, Some(Nullity::NotNull));
    assert_eq!(fields(&q.row)[0].name.value, "c");

    let q = query("   --!   q   (  a? ,  b , )  :  Row  (  \"any name\"? )  \nSELECT :a, :b;");
    assert_eq!(fields(&q.params).len(), 2);
    assert!(matches!(&q.row, StructUse::Inline(row) if row.name.value == "Row"));
    assert_eq!(fields(&q.row)[0].name.value, "any name");

    // Parameters only, with the colon of a row that is not described.
    let q = query("--! q (a.b?):\nSELECT :a;");
    assert_eq!(fields(&q.params)[0].inner[0].name.value, "b");

    let q = query("--! q P() : Row() : Eq, serde::Serialize\nSELECT :a, :b;");
    assert!(matches!(&q.params, StructUse::Inline(params) if params.name.value == "P"));
    let StructUse::Inline(row) = &q.row else {
        panic!("{:?}", q.row)
    };
    let derives: Vec<_> = row
        .attributes
        .derives
        .iter()
        .map(|d| d.value.as_str())
        .collect();
    assert_eq!(derives, ["Eq", "serde::Serialize"]);
}

#[test]
fn marks_of_fields() {
    let q = query("--! q : (a?[?], b[!], c?.x!, d[].x?, d[].y[?], e!)\nSELECT 1;");
    let row = fields(&q.row);
    let of = |name: &str| row.iter().find(|field| field.name.value == name).unwrap();
    assert_eq!(of("a").nullity, Some(Nullity::Nullable));
    assert_eq!(of("a").elements, Some(Nullity::Nullable));
    assert_eq!(
        (of("b").nullity, of("b").elements),
        (None, Some(Nullity::NotNull))
    );
    assert_eq!(of("c").nullity, Some(Nullity::Nullable));
    assert_eq!(of("c").inner[0].nullity, Some(Nullity::NotNull));
    // Two paths into one field are one field.
    assert_eq!(of("d").inner.len(), 2);
    assert_eq!(of("d").inner[1].elements, Some(Nullity::Nullable));
    assert_eq!(of("e").nullity, Some(Nullity::NotNull));
}

#[test]
fn types_are_shared_and_have_attributes() {
    let parsed = fine(
        "--: Row(id, name?) : Default, serde::Serialize\n--# cfg_attr(feature = \"x\", derive(Y))\n--& allow(dead_code)\n\
         --:Params()\n--: \"a.composite\"(\"b.c\"?)\n\n--! one Params : Row\nSELECT :a;\n--! two Params: Row\nSELECT :a;\n",
    );
    let row = &parsed.types[0];
    assert_eq!(row.attributes.derives.len(), 2);
    assert_eq!(
        row.attributes.owned[0].value,
        "cfg_attr(feature = \"x\", derive(Y))"
    );
    assert_eq!(row.attributes.borrowed[0].value, "allow(dead_code)");
    assert_eq!(parsed.types[2].name.value, "a.composite");
    assert_eq!(parsed.types[2].fields[0].name.value, "b.c");
    assert!(matches!(&parsed.queries[1].row, StructUse::Named(name) if name.value == "Row"));
}

#[test]
fn lines_below_the_query_line_stand_in_any_order() {
    let q = query(
        "--! q\n--- One  user.\n---\n---   indented\n-- not a doc\n--# deprecated = \"x\"\n--@ allow(soft_delete, \"because \\\"so\\\"\")\n\
         -----------\n--@ transaction\n--@one\n--- last\n\n/* a comment */\nSELECT 1;",
    );
    assert_eq!(q.docs, ["One  user.", "", "  indented", "last"]);
    assert_eq!(q.attributes[0].value, "deprecated = \"x\"");
    let kinds: Vec<&DirectiveKind> = q
        .directives
        .iter()
        .map(|directive| &directive.kind)
        .collect();
    assert!(
        matches!(kinds[0], DirectiveKind::Allow { rule, reason }
            if rule.value == "soft_delete" && reason.value == "because \"so\""),
        "{kinds:?}"
    );
    assert_eq!(
        kinds[1..],
        [&DirectiveKind::Transaction, &DirectiveKind::One]
    );
    assert_eq!(q.statement.sql, "SELECT 1");
}

#[test]
fn a_file_may_hold_nothing() {
    for text in [
        "",
        "\n\n",
        "-- a comment\n/* another */\n--simple\n",
        "\u{feff}",
        "\u{feff}-- x",
    ] {
        assert!(fine(text).queries.is_empty());
    }
    // The last statement needs no semicolon.
    assert_eq!(query("--! q\nSELECT 1").statement.sql, "SELECT 1");
    assert_eq!(
        query("\u{feff}--! q\nSELECT 1 -- end").statement.sql,
        "SELECT 1"
    );
}

#[test]
fn the_text_that_ships_is_the_authors() {
    ships(
        "-- before\n  SELECT a, -- :not\n\n\t:x::int /* :nor */ , ':nor', $$:nor$$, :y, :x  -- after\n",
        "SELECT a, -- :not\n\n\t$1::int /* :nor */ , ':nor', $$:nor$$, $2, $1",
    );
    ships(
        "SELECT E'\\':a' || :b, \"c:d\", U&\"e:f\"",
        "SELECT E'\\':a' || $1, \"c:d\", U&\"e:f\"",
    );
    ships("SELECT 'a'\n  ':b', :c", "SELECT 'a'\n  ':b', $1");
    ships("SELECT E'a'\n  '\\':b', :c", "SELECT E'a'\n  '\\':b', $1");
    ships(
        "SELECT a ? :k, b ?| :l, c @? :m, d->>:n",
        "SELECT a ? $1, b ?| $2, c @? $3, d->>$4",
    );
    ships(
        "SELECT f(x := :a, y => :b, z =>:c)",
        "SELECT f(x := $1, y => $2, z =>$3)",
    );
    ships(
        "SELECT DISTINCT ON (a) :x, b OPERATOR(pg_catalog.+) :y",
        "SELECT DISTINCT ON (a) $1, b OPERATOR(pg_catalog.+) $2",
    );
    ships("SELECT :größe, :_a1", "SELECT $1, $2");
    ships("SELECT (:p).name, :p[1]", "SELECT ($1).name, $1[1]");
    ships("SELECT position(:a IN :b)", "SELECT position($1 IN $2)");
    ships(
        "SELECT CASE WHEN :a THEN 1 END",
        "SELECT CASE WHEN $1 THEN 1 END",
    );
    ships("SELECT 1 AS a$b", "SELECT 1 AS a$b");
}

#[test]
fn slices_and_json_keys_part_with_a_colon() {
    ships(
        "SELECT a[1:2], a[:2], a[1:], a[:], a[:n], a[:n:2]",
        "SELECT a[1:2], a[:2], a[1:], a[:], a[$1], a[$1:2]",
    );
    ships(
        "SELECT a[:lo::int : :hi], a[lo : hi], a[1 + :n], a[(:n)]",
        "SELECT a[$1::int : $2], a[lo : hi], a[1 + $3], a[($3)]",
    );
    ships(
        "SELECT ARRAY[:a, :b], a[CASE WHEN b THEN :a ELSE :b END]",
        "SELECT ARRAY[$1, $2], a[CASE WHEN b THEN $1 ELSE $2 END]",
    );
    ships(
        "SELECT json_object('a' : :x, 'b' : c, :k : :x)",
        "SELECT json_object('a' : $1, 'b' : c, $2 : $1)",
    );
    ships(
        "SELECT json_object('a' VALUE :x, KEY :k VALUE 1)",
        "SELECT json_object('a' VALUE $1, KEY $2 VALUE 1)",
    );
    sql_fault(
        "SELECT a[1:n]",
        "1:11 `:n` `:n` in a slice may be a column or a parameter",
    );
    sql_fault(
        "SELECT a[lo :hi]",
        "1:13 `:hi` `:hi` in a slice may be a column or a parameter",
    );
    sql_fault(
        "SELECT a[f(1):hi]",
        "1:14 `:hi` `:hi` in a slice may be a column or a parameter",
    );
    sql_fault(
        "SELECT a[:lo:hi]",
        "1:13 `:hi` `:hi` in a slice may be a column or a parameter",
    );
    sql_fault(
        "SELECT json_object('a':x)",
        "1:23 `:x` `:x` behind a JSON key may be a column or a parameter",
    );
    let (_, _, found) = parse("--! q\nSELECT a[1:n];");
    assert_eq!(
        found[0].help,
        [
            "for the parameter write `[1 : :n]`",
            "for the column write `[1 : n]`"
        ]
    );
}

#[test]
fn line_ends_ship_as_lf_and_places_stay_the_authors() {
    let text = "--! q\r\nSELECT :a,\r\n  'x\r\ny', :b\r\nFROM t;\r\n";
    let (sources, parsed, diagnostics) = parse(text);
    assert!(diagnostics.is_empty());
    let statement = &parsed.queries[0].statement;
    assert_eq!(statement.sql, "SELECT $1,\n  'x\ny', $2\nFROM t");
    for part in ["SELECT", "'x", "y'", "FROM", "t"] {
        let shipped = statement.sql.find(part).unwrap();
        let author = statement.author_offset(shipped);
        assert!(
            sources.get(parsed.file).text[author..].starts_with(part),
            "{part}"
        );
    }
    assert_eq!(parsed.queries[0].docs.len(), 0);
}

#[test]
fn parameters_are_numbered_by_first_use() {
    let q = query("--! q\nSELECT :c, :a, :z, :a, :c;");
    assert_eq!(names(&q), ["c", "a", "z"]);
    assert_eq!(q.statement.sql, "SELECT $1, $2, $3, $2, $1");
    assert_eq!(q.statement.params[1].spans.len(), 2);
    assert_eq!(q.statement.replaced.len(), 5);
}

// What is refused

#[test]
fn statements_and_annotations_belong_together() {
    fault(
        "SELECT 1,\n 2;",
        "1:1 `SELECT 1,` a statement without an annotation",
    );
    fault(
        "--! q\nSELECT 1;\nSELECT 2;",
        "3:1 `SELECT 2` a second statement under the annotation of `q`",
    );
    fault(
        "--! q\n-- only a comment\n",
        "1:1 `--! q` `q` has no statement",
    );
    fault(
        "--! q\n--! r\nSELECT 1;",
        "1:1 `--! q` `q` has no statement",
    );
    fault("--! q\n--: T()\n", "1:1 `--! q` `q` has no statement");
    fault("--! q\n;", "2:1 `;` the SQL of `q` is empty");
    fault(
        "--! q\nSELECT 1;;",
        "2:10 `;` a semicolon that ends nothing",
    );
    fault(
        "--! q\nSELECT 1\n--! r\nSELECT 2;",
        "3:1 `--! r` the statement above this annotation has no end",
    );
    fault(
        "--! q\nSELECT 1,\n--! careful here\n 2;",
        "3:1 `--! careful here` `--!` amid a statement",
    );
    fault(
        "--! q\nSELECT 1, --! careful\n 2;",
        "2:11 `--! careful` `--!` behind other text on its line",
    );
    fault(
        "--! q\nSELECT 1; --! r\nSELECT 2;",
        "2:11 `--! r` `--!` behind other text on its line",
    );
    fault(
        "--! q\nSELECT 1\n--@ one\n;",
        "3:1 `--@ one` `--@` amid a statement",
    );
    fault(
        "--! q\nSELECT 1 --@ one\n;",
        "2:10 `--@ one` `--@` amid a statement",
    );
    fault(
        "--! q\nSELECT 1\n--# x\n;",
        "3:1 `--# x` `--#` amid a statement",
    );
    fault("--@ one\n", "1:1 `--@ one` a directive belongs to nothing");
    fault("--# x\n", "1:1 `--# x` `--#` belongs to nothing");
    fault("--& x\n", "1:1 `--& x` `--&` belongs to nothing");
    fault(
        "--! q\n--& x\nSELECT 1;",
        "2:1 `--& x` `--&` speaks of a struct, not of a query",
    );
    fault(
        "--! q\n--#\nSELECT 1;",
        "2:1 `--#` `--#` without an attribute",
    );
    fault(
        "--- lost\n--! q\nSELECT 1;",
        "1:1 `--- lost` warning: a doc line above its `--!` line is lost",
    );
    fault(
        "--! q\nSELECT 1\n\\gset\n;",
        "3:1 `\\gset` psql's backslash commands are not SQL",
    );
    fault("\\d\n", "1:1 `\\d` psql's backslash commands are not SQL");
}

#[test]
fn query_lines_that_are_not_understood() {
    fault("--!\nSELECT 1;", "1:3 `!` expected the name of a query");
    fault(
        "--! (a)\nSELECT :a;",
        "1:5 `(` expected the name of a query",
    );
    fault("--! q (a\nSELECT :a;", "1:8 `a` expected `,` or `)`");
    fault("--! q (a b)\nSELECT :a;", "1:10 `b` expected `,` or `)`");
    fault(
        "--! q (a?~)\nSELECT :a;",
        "1:10 `~` expected `~` before the other mark",
    );
    fault("--! q (a[?]~)\nSELECT :a;", "1:12 `~` expected `,` or `)`");
    fault(
        "--! q (,)\nSELECT 1;",
        "1:8 `,` expected the name of a column or parameter",
    );
    fault(
        "--! q : (a[])\nSELECT 1;",
        "1:13 `)` expected `.` and a field's name after `[]`",
    );
    fault(
        "--! q : (\"a)\nSELECT 1;",
        "1:10 `\"` expected a quoted name that ends",
    );
    fault("--! q : (\"\")\nSELECT 1;", "1:10 `\"` expected a name");
    fault(
        "--! q : Row() and more\nSELECT 1;",
        "1:15 `and more` expected the end of the line after the query's parameters and row",
    );
    fault(
        "--! q : Row() : serde::\nSELECT 1;",
        "1:23 `:` expected the path of a trait to derive",
    );
    fault(
        "--: Row\n--! q\nSELECT 1;",
        "1:7 `w` expected `(` after the name of the type",
    );
    fault("--: ()\n", "1:5 `(` expected the name of a type");
    fault(
        "--! 9lives\nSELECT 1;",
        "1:5 `9lives` `9lives` cannot be the name of a query",
    );
    fault(
        "--! crate\nSELECT 1;",
        "1:5 `crate` `crate` cannot be the name of a query",
    );
    fault(
        "--! q : Self()\nSELECT 1;",
        "1:9 `Self` `Self` cannot be the name of a type",
    );
    assert_eq!(
        faults("--: Row()\n--! q : Row : Eq\nSELECT 1;"),
        ["2:13 `: Eq` derives belong to a type that is declared"]
    );
}

#[test]
fn directives_that_are_not_understood() {
    let with = |line: &str| format!("--! q\n{line}\nSELECT 1;");
    fault(
        &with("--@ alow(a, \"b\")"),
        "2:5 `alow` there is no directive `alow`",
    );
    let (_, _, found) = parse(&with("--@ alow(a, \"b\")"));
    assert_eq!(found[0].help, ["did you mean `allow`?"]);
    let (_, _, found) = parse(&with("--@ frobnicate"));
    assert_eq!(
        found[0].help,
        [
            "the directives are `allow`, `one`, `optional`, `many`, `bulk`, `page`, `transaction`, `timeout`, `order`"
        ]
    );
    fault(&with("--@"), "2:3 `@` expected the name of a directive");
    fault(&with("--@ allow"), "2:9 `w` expected `(` after `allow`");
    fault(&with("--@ allow()"), "2:11 `)` expected the name of a rule");
    fault(
        &with("--@ allow(a)"),
        "2:12 `)` expected `,` and the reason in double quotes",
    );
    fault(
        &with("--@ allow(a, b)"),
        "2:14 `b` expected the reason in double quotes",
    );
    fault(
        &with("--@ allow(a, 'b')"),
        "2:14 `'` expected the reason in double quotes",
    );
    fault(
        &with("--@ allow(a, \"b)"),
        "2:14 `\"` expected a reason that ends",
    );
    fault(
        &with("--@ allow(a, \"b\""),
        "2:16 `\"` expected `)` after the reason",
    );
    fault(
        &with("--@ allow(a, \"  \")"),
        "2:14 `\"  \"` a waiver without a reason",
    );
    fault(
        &with("--@ allow(a, \"b\") or so"),
        "2:19 `or so` expected the end of the line after `allow`",
    );
    fault(
        &with("--@ timeout"),
        "2:11 `t` expected how long it may run, after `timeout`",
    );
    fault(&with("--@ timeout 2"), "2:13 `2` expected a unit");
    fault(&with("--@ timeout 2sec"), "2:14 `sec` expected a unit");
    fault(
        &with("--@ timeout 0s"),
        "2:13 `0s` expected a time that is not zero",
    );
    fault(
        &with("--@ timeout 99999999999999999999d"),
        "2:13 `99999999999999999999d` expected a time of 24 days at most",
    );
    fault(&with("--@ timeout 1.5s"), "2:14 `.` expected a unit");
    fault(
        &with("--@ timeout 2s\n--@ timeout 3s"),
        "3:1 `--@ timeout 3s` the same directive twice",
    );
    fault(
        &with("--@ one row"),
        "2:9 `row` expected the end of the line after `one`",
    );
    fault(
        &with("--@ one\n--@ one"),
        "3:1 `--@ one` the same directive twice",
    );
    fault(
        &with("--@ one\n--@ many"),
        "3:1 `--@ many` two directives about the number of rows",
    );
    fault(
        &with("--@ allow(a_b, \"x\")\n--@ allow(a-b, \"y\")"),
        "3:1 `--@ allow(a-b, \"y\")` the same directive twice",
    );
}

#[test]
fn names_are_declared_once_and_used() {
    fault(
        "--! q\nSELECT 1;\n--! q\nSELECT 2;",
        "3:5 `q` two of this module's queries are named `q`",
    );
    fault(
        "--: T()\n--: T(a?)\n",
        "2:5 `T` two of this module's types are named `T`",
    );
    fault(
        "--: T()\n--! q : T()\nSELECT 1;",
        "2:9 `T` two of this module's types are named `T`",
    );
    fault(
        "--! q T() : T()\nSELECT :a;",
        "1:13 `T` two of this module's types are named `T`",
    );
    fault(
        "--! q : (a?, a?)\nSELECT 1;",
        "1:14 `a?` `a` stands here twice",
    );
    fault(
        "--! q : (a?.x?, a!.y)\nSELECT 1;",
        "1:17 `a!.y` `a` stands here twice",
    );
    fault(
        "--! q : (a.x?, a.x)\nSELECT 1;",
        "1:18 `x` `x` stands here twice",
    );
    fault(
        "--! q P\nSELECT :a;",
        "1:7 `P` the type `P` is not declared",
    );
    fault(
        "--! q P\nSELECT 1;",
        "1:7 `P` `q` declares parameters and its SQL has none",
    );
    fault(
        "--! q w x\nSELECT 1;",
        "1:9 `x` expected the end of the line after the query's parameters; its row stands behind a colon",
    );
    let (_, _, found) = parse("--: Author()\n--! q : Auhtor\nSELECT 1;");
    assert_eq!(found[0].help, ["did you mean `Author`?"]);
    let (_, _, found) = parse("--! p : Row()\nSELECT 1;\n--! q : Row\nSELECT 1;");
    assert_eq!(
        found[0].help,
        [
            "to share it, declare it on a line of its own, `--: Row()`, and write `Row` in both queries"
        ]
    );
    fault(
        "--! q (b)\nSELECT :a;",
        "1:8 `b` `q` does not use the parameter `b`",
    );
    let (_, _, found) = parse("--! q (user_id)\nSELECT :userid;");
    assert_eq!(found[0].help, ["did you mean `userid`?"]);
    fault(
        "--! q (a)\nSELECT ':a';",
        "1:8 `a` `q` does not use the parameter `a`",
    );
    fault(
        "--! q P()\nSELECT 1;",
        "1:7 `P()` `q` declares parameters and its SQL has none",
    );
    fault(
        "--: P(b?)\n--! q P\nSELECT :a, :c;",
        "2:7 `P` `q` does not use the parameter `b`",
    );
}

#[test]
fn a_module_of_several_files_is_one_space_of_names() {
    let mut sources = Sources::default();
    let a = sources.add("queries/m/a.sql", "--: T()\n--! one : T\nSELECT 1;");
    let b = sources.add(
        "queries/m/b.sql",
        "--! two : T\nSELECT 1;\n--! one\nSELECT 1;",
    );
    let c = sources.add("queries/other.sql", "--! one : T\nSELECT 1;");
    let mut files: Vec<ParsedFile> = [(a, "m"), (b, "m"), (c, "other")]
        .map(|(file, module)| parse_file(&sources, file, module).0)
        .into();
    assert!(declare_rows(&mut files).is_empty());
    let shown: Vec<String> = check_names(&files)
        .iter()
        .map(|found| show(&sources, found))
        .collect();
    assert_eq!(
        shown,
        ["3:5 `one` two of this module's queries are named `one`"]
    );
    assert!(unused_types(&files, |_| false).is_empty());
    // Another module's `T` is its own, which its query declares by naming it.
    let types = files.iter().map(|file| file.types.len());
    assert_eq!(types.collect::<Vec<_>>(), [1, 0, 1]);

    let (_, parsed, _) = parse("--: address(zip?)\n--: Forgotten()\n");
    let unused = unused_types(&[parsed], |name| name == "address");
    assert_eq!(unused.len(), 1);
    assert_eq!(unused[0].message, "no query uses the type `Forgotten`");
}

#[test]
fn a_row_is_declared_by_its_name() {
    let parsed = fine("--! a : User\nSELECT 1;\n--! b : User\nSELECT 1;\n--! c : Other\nSELECT 1;");
    let types: Vec<&str> = parsed
        .types
        .iter()
        .map(|declared| declared.name.value.as_str())
        .collect();
    assert_eq!(types, ["User", "Other"]);
    fault(
        "--! a : Self\nSELECT 1;",
        "1:9 `Self` `Self` cannot be the name of a type",
    );
    // A slip is not taken for another struct.
    fault(
        "--: User()\n--! a : User\nSELECT 1;\n--! b : Uesr\nSELECT 1;",
        "4:9 `Uesr` the type `Uesr` is not declared",
    );
}

#[test]
fn what_the_reader_refused_the_server_is_not_asked() {
    let (_, parsed, diagnostics) = parse(
        "--! a\nSELECT 'x FROM t;\n\n--! b\nSELECT 1 /* x;\n\n--! c\nSELECT 1;\n\n--! d\nSELECT 1 WHERE 1 IN :x;\n\n--! e\nSELECT 2;",
    );
    let faulty: Vec<(&str, bool)> = parsed
        .queries
        .iter()
        .map(|query| (query.name.value.as_str(), query.statement.faulty))
        .collect();
    assert_eq!(
        faulty,
        [
            ("a", true),
            ("b", true),
            ("c", false),
            ("d", true),
            ("e", false)
        ]
    );
    assert_eq!(diagnostics.len(), 3);
}

#[test]
fn a_comment_without_an_end_hides_no_query() {
    let (sources, parsed, diagnostics) =
        parse("--! a\nSELECT 1 /* x;\n\n--! b\nSELECT 2;\n/* and\n--! c\nSELECT 3;");
    let shown: Vec<String> = diagnostics
        .iter()
        .map(|found| show(&sources, found))
        .collect();
    assert_eq!(
        shown,
        [
            "2:10 `/*` the comment that begins here does not end",
            "6:1 `/*` the comment that begins here does not end"
        ]
    );
    let names: Vec<&str> = parsed
        .queries
        .iter()
        .map(|query| query.name.value.as_str())
        .collect();
    assert_eq!(names, ["a", "b", "c"]);
    // One that ends holds what was put aside.
    let parsed = fine("--! a\nSELECT 1;\n/*\n--! b\nSELECT 2;\n*/\n--! c\nSELECT 3;");
    assert_eq!(parsed.queries.len(), 2);
}

#[test]
fn parameters_stand_for_values() {
    sql_fault(
        "SELECT $1",
        "1:8 `$1` parameters have names here, not numbers",
    );
    sql_fault(
        "SELECT :1",
        "1:8 `:1` the name of a parameter begins with a letter or `_`",
    );
    sql_fault("SELECT : a", "1:8 `:` a colon without a name");
    sql_fault(
        "SELECT :'a'",
        "1:8 `:'a'` the name of a parameter is not quoted",
    );
    sql_fault(
        "SELECT :\"a\"",
        "1:8 `:\"a\"` the name of a parameter is not quoted",
    );
    sql_fault("SELECT:a", "1:7 `:a` `:a` needs a blank before it");
    sql_fault("SELECT 1:a", "1:9 `:a` `:a` needs a blank before it");
    sql_fault(
        "SELECT t.:a",
        "1:10 `:a` `:a` stands where PostgreSQL wants a name",
    );
    sql_fault(
        "SELECT * FROM a JOIN :a",
        "1:22 `:a` `:a` stands where PostgreSQL wants a name",
    );
    sql_fault(
        "INSERT INTO :a VALUES (1)",
        "1:13 `:a` `:a` stands where PostgreSQL wants a name",
    );
    sql_fault(
        "DELETE FROM :a",
        "1:13 `:a` `:a` stands where PostgreSQL wants a name",
    );
    sql_fault(
        "SELECT :f(1)",
        "1:8 `:f` `:f` stands where PostgreSQL wants a name",
    );
    sql_fault(
        "SELECT 1::  :a",
        "1:13 `:a` `:a` stands where PostgreSQL wants a type",
    );
    sql_fault("SELECT 1 WHERE 1 IN :a", "1:21 `:a` `IN :a` is not SQL");
    sql_fault(
        "SELECT interval :a",
        "1:17 `:a` `interval` takes a literal, not a parameter",
    );
    sql_fault(
        "SELECT :a$b",
        "1:8 `:a$b` `a$b` cannot be the name of a parameter",
    );
    sql_fault(
        "SELECT :_",
        "1:8 `:_` `_` cannot be the name of a parameter",
    );
    sql_fault(
        "SELECT :a, :A",
        "1:12 `:A` `:A` and `:a` differ only in case",
    );
}

#[test]
fn what_does_not_end_is_told_where_it_begins_and_the_next_query_is_read() {
    let next = "\n--! next\nSELECT ';', 'b';\n";
    for (sql, expected) in [
        (
            "SELECT 'it's';",
            "2:13 `'` the string that begins here does not end",
        ),
        (
            "SELECT 'a;",
            "2:8 `'` the string that begins here does not end",
        ),
        (
            "SELECT E'a\\';",
            "2:8 `E'` the string that begins here does not end",
        ),
        (
            "SELECT \"a;",
            "2:8 `\"` the quoted name that begins here does not end",
        ),
        (
            "SELECT $x$ a $y$;",
            "2:8 `$x$` the dollar-quoted string that begins here does not end",
        ),
    ] {
        let (sources, parsed, found) = parse(&format!("--! first\n{sql}{next}"));
        let shown: Vec<String> = found.iter().map(|found| show(&sources, found)).collect();
        assert_eq!(shown, [expected]);
        let last = parsed.queries.last().unwrap();
        assert_eq!(
            (last.name.value.as_str(), last.statement.sql.as_str()),
            ("next", "SELECT ';', 'b'")
        );
    }
    fault(
        "--! q\nSELECT 1 /* a /* b */\n;",
        "2:10 `/*` the comment that begins here does not end",
    );
    // Queries that are commented out are no fault.
    assert!(fine("/*\n--! q\nSELECT 'it's;\n*/").queries.is_empty());
}

#[test]
fn characters_that_cannot_ship() {
    sql_fault("SELECT 'a\0b'", "1:10 `\0` a NUL character");
    sql_fault(
        "SELECT 'a\rb'",
        "1:10 `\r` a carriage return that ends no line",
    );
    sql_fault(
        "SELECT 'a\u{202e}b'",
        "1:10 `\u{202e}` a character that changes the direction of the text",
    );
    // The server would say the same again.
    for (letter, faulty) in [
        ("\0", true),
        ("\r", true),
        ("\u{202e}", true),
        ("\r\n", false),
    ] {
        let (_, parsed, _) = parse(&format!("--! q\r\nSELECT 'a{letter}b';\r\n"));
        assert_eq!(parsed.queries[0].statement.faulty, faulty, "{letter:?}");
    }
}

#[test]
fn one_run_reports_every_fault() {
    assert_eq!(
        faults("SELECT 0;\n--! q (\n--@ nope\nSELECT $1, :'a', :b;\n--! r T\nSELECT :a IN :a;\n--@ one\n").len(),
        8
    );
}

// Nothing makes it stumble

/// xorshift64*: the same cases in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % limit.max(1)
    }
}

const SEEDS: [&str; 6] = [
    "--: Row(id, name?) : Eq\n--# x\n--& y\n--! q (a?, b[?]) : Row\n--- doc\n--@ allow(r, \"w\")\nSELECT :a, 'it''s' FROM t WHERE b = ANY(:b) -- c\n;\n",
    "--! q\r\nSELECT E'\\'', U&\"\\0061\" UESCAPE '!', $t$ ; $t$, a[1:2], a[:n::int], x->>'y' ? :k;\r\n--! r : (c?.d!)\r\nSELECT json_object('k' : :v) /* /* */ */;\r\n",
    "\u{feff}--! é\nSELECT :größe, \"ü:x\", '…', 1..2, 0x1F, .5e-3, f(a := :b, c => :d);\n",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END;\nCREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);\nCOPY t FROM stdin;\nit's\n\\.\n\\connect x\nCREATE TABLE t (a text DEFAULT ';');\n",
    "--! q\nINSERT INTO t (a) VALUES ('a'\n'b' -- c\n, :a) ON CONFLICT DO NOTHING RETURNING *, :a\n--! next\nSELECT 1\n",
    "schema = \"a\"\n[soft_delete]\ncolumn = 'x'\nexclude = [\"é\"]\n[tables]\n\"a.b\" = \"C\"\n",
];

const PIECES: [&str; 56] = [
    "'",
    "\"",
    "$$",
    "$t$",
    "$",
    "--",
    "--!",
    "--:",
    "--@",
    "--#",
    "--&",
    "---",
    "/*",
    "*/",
    "\n",
    "\r\n",
    "\r",
    ";",
    ":",
    "::",
    ":=",
    ":a",
    ":é",
    "[",
    "]",
    "(",
    ")",
    "E'",
    "U&'",
    "U&\"",
    "\\",
    "\0",
    "\u{feff}",
    "é",
    "…",
    "?",
    "?|",
    "@",
    "1",
    "1.",
    ".",
    "..",
    "0x",
    "e",
    "--! q\n",
    "--! r (a?) : T()\n",
    "allow(r, \"w\")",
    "BEGIN ATOMIC",
    "END",
    "CASE",
    "CREATE RULE",
    "COPY t FROM stdin;",
    "\\.",
    " ",
    ",",
    "a",
];

fn mutated(random: &mut Random) -> String {
    let mut text = SEEDS[random.below(SEEDS.len())].to_owned();
    for _ in 0..=random.below(8) {
        let boundary = |at: usize| {
            (at..=text.len())
                .find(|&at| text.is_char_boundary(at))
                .unwrap()
        };
        let at = boundary(random.below(text.len() + 1));
        match random.below(4) {
            0 => text.insert_str(at, PIECES[random.below(PIECES.len())]),
            1 => {
                let end = boundary((at + random.below(6)).min(text.len()));
                text.replace_range(at..end, "");
            }
            2 => {
                let end = boundary((at + random.below(30)).min(text.len()));
                let copy = text[at..end].to_owned();
                text.push_str(&copy);
            }
            _ => text.truncate(if random.below(6) == 0 { at } else { text.len() }),
        }
    }
    text
}

#[track_caller]
fn in_bounds(sources: &Sources, span: Span, text: &str) {
    let source = &sources.get(span.file).text;
    assert!(
        source.get(span.range()).is_some(),
        "{span:?} is no part of {text:?}"
    );
}

#[test]
fn any_text_is_read_to_its_end() {
    let mut random = Random(0x5EED_5157);
    let (mut accepted, mut params) = (0, 0);
    for case in 0..20_000 {
        let text = mutated(&mut random);
        let mut sources = Sources::default();
        let file = sources.add("fuzz.sql", text.clone());
        let source = sources.get(file).text.clone();

        let mut at = 0;
        for token in Scanner::new(&source) {
            assert_eq!(token.start, at, "a gap or overlap in {text:?}");
            assert!(token.end > token.start && source.get(token.range()).is_some());
            assert!(source.get(token.opening(&source)).is_some(), "{text:?}");
            at = token.end;
        }
        assert_eq!(at, source.len());

        let (parsed, mut found) = parse_file(&sources, file, "m");
        let clean = !found.iter().any(|found| found.severity == Severity::Error);
        found.extend(check_names(std::slice::from_ref(&parsed)));
        let (statements, schema_faults) = schema::split(&sources, file);
        for statement in &statements {
            in_bounds(&sources, statement.span, &text);
        }
        found.extend(schema_faults);
        if case % 8 == 0 {
            found.extend(config::parse(&sources, file).1);
        }
        for diagnostic in &found {
            in_bounds(&sources, diagnostic.span.unwrap(), &text);
            for (span, _) in &diagnostic.related {
                in_bounds(&sources, *span, &text);
            }
        }
        // Rendering is slow beside the rest: a part of the cases is enough.
        if case % 8 == 0 {
            render::human(&sources, &found, case % 16 == 0);
            render::json(&sources, &found);
            render::github(&sources, &found);
        }

        for query in &parsed.queries {
            let statement = &query.statement;
            in_bounds(&sources, statement.span, &text);
            assert!(statement.replaced.len() >= statement.params.len());
            if clean {
                accepted += 1;
                params += statement.replaced.len();
                assert_eq!(
                    undone(&sources, query),
                    sources.text(statement.span),
                    "{text:?}"
                );
            }
            for (shipped, _) in statement.sql.char_indices().filter(|_| case % 8 == 0) {
                assert!(source.is_char_boundary(statement.author_offset(shipped)));
            }
        }
    }
    // The test would be worth little if nearly all cases were refused.
    assert!(
        accepted > 2_000 && params > 2_000,
        "{accepted} accepted, {params} parameters"
    );
}

/// The author's text, from what ships and the record of what was changed.
fn undone(sources: &Sources, query: &ParsedQuery) -> String {
    let statement = &query.statement;
    let mut text = String::new();
    let mut at = 0;
    let line_ends = |from: usize, to: usize| {
        let mut part = String::new();
        for (index, letter) in statement.sql[from..to].char_indices() {
            if statement
                .shortened
                .contains(&u32::try_from(from + index).unwrap())
            {
                assert_eq!(letter, '\n');
                part.push('\r');
            }
            part.push(letter);
        }
        part
    };
    for replaced in &statement.replaced {
        let start = replaced.at as usize;
        let end = start + replaced.len as usize;
        text.push_str(&line_ends(at, start));
        let number: usize = statement.sql[start..end]
            .strip_prefix('$')
            .unwrap()
            .parse()
            .unwrap();
        let name = format!(":{}", statement.params[number - 1].name);
        assert_eq!(sources.text(replaced.span), name);
        assert_eq!(statement.author_offset(start), replaced.span.start as usize);
        text.push_str(&name);
        at = end;
    }
    text.push_str(&line_ends(at, statement.sql.len()));
    text
}

/// Of `docs/language.md`: the fenced blocks, each with its language.
fn blocks() -> Vec<(String, String)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/language.md");
    let text = std::fs::read_to_string(path).unwrap();
    let mut blocks: Vec<(String, String)> = Vec::new();
    let mut open = false;
    for line in text.lines() {
        if let Some(language) = line.strip_prefix("```") {
            open = !open;
            if open {
                blocks.push((language.to_owned(), String::new()));
            }
        } else if open {
            let block = &mut blocks.last_mut().unwrap().1;
            block.push_str(line);
            block.push('\n');
        }
    }
    blocks
}

#[test]
fn the_guide_tells_the_truth() {
    let blocks = blocks();
    let (mut right, mut wrong) = (0, 0);
    for (index, (language, text)) in blocks.iter().enumerate() {
        let mut sources = Sources::default();
        match language.as_str() {
            "sql" => {
                let file = sources.add("example.sql", text.clone());
                let (mut parsed, mut found) = parse_file(&sources, file, "example");
                found.extend(declare_rows(std::slice::from_mut(&mut parsed)));
                found.extend(check_names(std::slice::from_ref(&parsed)));
                found.extend(unused_types(&[parsed], |_| false));
                let shown = render::human(&sources, &found, false);
                // A text behind it is what sqlmill says of it.
                match blocks.get(index + 1) {
                    Some((language, said)) if language == "text" => {
                        wrong += 1;
                        assert_eq!(&shown, said);
                    }
                    _ => {
                        right += 1;
                        assert_eq!(shown, "", "{text}");
                    }
                }
            }
            "toml" => {
                let file = sources.add("sqlmill.toml", text.clone());
                let (config, found) = config::parse(&sources, file);
                assert_eq!(render::human(&sources, &found, false), "");
                let default = config::Config::default();
                assert_eq!(
                    (
                        &config.schema,
                        &config.queries,
                        &config.out,
                        &config.crate_name,
                        &config.search_path
                    ),
                    (
                        &default.schema,
                        &default.queries,
                        &default.out,
                        &default.crate_name,
                        &default.search_path
                    )
                );
            }
            _ => assert!(["text", "rust"].contains(&language.as_str()), "{language}"),
        }
    }
    assert!(right >= 4 && wrong >= 3, "{right} right, {wrong} wrong");
}
