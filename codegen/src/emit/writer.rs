//! A plain indenting writer. What it is given it writes; layout that depends on the line's width is in `layout`.

/// rustfmt's `max_width`.
pub(super) const WIDTH: usize = 100;

const INDENT: &str = "    ";

#[derive(Debug, Default)]
pub(super) struct Writer {
    text: String,
    depth: usize,
}

impl Writer {
    /// The text, ended by one line break.
    pub(super) fn finish(mut self) -> String {
        while self.text.ends_with("\n\n") {
            self.text.pop();
        }
        self.text
    }

    /// The columns that indentation takes.
    pub(super) fn indent(&self) -> usize {
        self.depth * INDENT.len()
    }

    pub(super) fn line(&mut self, text: impl AsRef<str>) {
        let text = text.as_ref();
        if !text.is_empty() {
            for _ in 0..self.depth {
                self.text.push_str(INDENT);
            }
            self.text.push_str(text);
        }
        self.text.push('\n');
    }

    /// Text whose line breaks belong to it: no indentation is added after the first line.
    pub(super) fn verbatim(&mut self, text: &str) {
        self.line(text);
    }

    /// One empty line, never two, and none where the file or a block begins.
    pub(super) fn blank(&mut self) {
        let begins = self.text.is_empty() || self.text.ends_with("{\n");
        if !begins && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// `head {`, the body, `}`.
    pub(super) fn block(&mut self, head: impl AsRef<str>, body: impl FnOnce(&mut Self)) {
        self.line(format!("{} {{", head.as_ref()));
        self.indented(body);
        self.line("}");
    }

    pub(super) fn indented(&mut self, body: impl FnOnce(&mut Self)) {
        self.depth += 1;
        body(self);
        self.depth -= 1;
    }

    /// `///` lines.
    pub(super) fn doc<S: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = S>) {
        self.marked("///", lines);
    }

    /// `//!` lines.
    pub(super) fn module_doc<S: AsRef<str>>(&mut self, lines: impl IntoIterator<Item = S>) {
        self.marked("//!", lines);
    }

    fn marked<S: AsRef<str>>(&mut self, marker: &str, lines: impl IntoIterator<Item = S>) {
        for line in lines {
            let line = line.as_ref().trim_end();
            if line.is_empty() {
                self.line(marker);
            } else {
                self.line(format!("{marker} {line}"));
            }
        }
    }
}
