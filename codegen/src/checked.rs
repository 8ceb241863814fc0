//! A query with all that is known of it: what the author wrote, what Postgres said, what was proved.

use crate::describe::Described;
use crate::facts::Facts;
use crate::pages::Pages;
use crate::parse::syntax::{ParamUse, ParsedFile, ParsedQuery, Statement};
use crate::texts::{Choice, Filter, Group, Text, patch};

#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    pub file: &'a ParsedFile,
    /// One of the file's.
    pub parsed: &'a ParsedQuery,
    /// What is described: the author's statement, or one of the texts that are derived from it.
    pub statement: &'a Statement,
    /// In the order of `described` and `facts`.
    pub params: &'a [ParamUse],
    pub described: &'a Described,
    /// `None` where Postgres refused the statement or could not be asked for its tree.
    pub facts: Option<&'a Facts>,
    /// The query's own texts, then those beside them. What stands above is of the query's own as a whole.
    pub groups: &'a [CheckedGroup],
    /// Of one of several texts: which one, and what was proved of it alone.
    pub text: Option<(&'a Text, Option<&'a Facts>)>,
    /// Of the text that has them as the author wrote them.
    pub filters: &'a [Filter],
    pub choices: &'a [Choice],
    /// Of `--@ page`, where the query can be read in pages.
    pub pages: Option<&'a Pages>,
}

/// The texts of a group with what is known of each, and of the group as a whole.
#[derive(Debug)]
pub struct CheckedGroup {
    pub group: Group,
    /// Of each text, in their order.
    pub described: Vec<Described>,
    pub facts: Vec<Option<Facts>>,
    /// Of several texts: what holds whichever is sent.
    pub merged: Option<(Described, Option<Facts>)>,
}

/// Of a query that was not asked about.
const UNASKED: &Described = &Described::Unasked;

impl CheckedGroup {
    pub fn whole(&self) -> (&Described, Option<&Facts>) {
        match &self.merged {
            Some((described, facts)) => (described, facts.as_ref()),
            None => (
                self.described.first().unwrap_or(UNASKED),
                self.facts.first().and_then(Option::as_ref),
            ),
        }
    }

    pub fn texts(&self) -> impl Iterator<Item = (&Text, &Described, Option<&Facts>)> {
        let facts = self.facts.iter().map(Option::as_ref);
        let texts = self.group.texts.iter().zip(&self.described).zip(facts);
        texts.map(|((text, described), facts)| (text, described, facts))
    }
}

impl<'a> Checked<'a> {
    /// Each text as a statement of its own, with when it is sent; what was proved is that of its group.
    pub fn texts(&self) -> Vec<(&'a str, Self)> {
        let query = *self;
        if self.groups.is_empty() {
            return vec![("", query)];
        }
        self.groups
            .iter()
            .flat_map(|group| {
                let (_, facts) = group.whole();
                let template = group.group.template.as_ref();
                group.texts().map(move |(text, described, own)| {
                    let written = template.filter(|_| text.variant.as_written);
                    let one = Self {
                        text: template.is_some().then_some((text, own)),
                        filters: written.map_or(&[], |template| &template.filters),
                        choices: template
                            .filter(|template| !patch::chooses(template))
                            .map_or(&[], |template| &template.choices),
                        statement: &text.statement,
                        params: &text.statement.params,
                        described,
                        facts,
                        groups: &[],
                        ..query
                    };
                    (text.when.as_str(), one)
                })
            })
            .collect()
    }

    /// Of another name than the query's own.
    pub fn beside(&self, name: &str) -> Option<&'a CheckedGroup> {
        self.groups
            .iter()
            .find(|group| group.group.name == Some(name))
    }
}
