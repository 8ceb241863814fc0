//! A query as the model has it, once its structs are known.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::Oid;
use crate::diagnostic::Diagnostic;
use crate::facts::Access;
use crate::model::{self, Declares, Home, Params, Query, QueryResult, Struct, StructName};
use crate::pages::{self, Pages};

use super::Resolver;
use super::constraints::violations;
use super::nested;
use super::query::{Draft, texts};
use super::tables::Tables;

/// Past this many the runtime has no tuple to bind a reordered struct by.
const LONGEST_TUPLE: usize = 32;

impl Resolver<'_> {
    pub(super) fn query(
        &mut self,
        draft: &Draft<'_>,
        row: Option<StructName>,
        params: Option<StructName>,
        shared: &BTreeMap<String, Struct>,
        tables: &Tables<'_>,
        declares: Declares,
    ) -> Query {
        let facts = draft.facts;
        let order_of = |name: &StructName| -> Vec<String> {
            let fields = match name.home {
                Home::Module => shared
                    .values()
                    .find(|found| found.name == name.name)
                    .map(|found| &found.fields),
                Home::Tables => tables
                    .inserts
                    .values()
                    .find(|insert| insert.name == name.name)
                    .map(|insert| &insert.fields),
            };
            fields.map_or(Vec::new(), |fields| {
                fields.iter().map(|field| field.name.clone()).collect()
            })
        };
        let params = match params {
            Some(name) => {
                let order = order_of(&name);
                let own: Vec<&String> = draft.inputs.iter().map(|input| &input.field).collect();
                let reordered = !order.is_empty() && !order.iter().eq(own);
                if reordered && draft.inputs.len() > LONGEST_TUPLE {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "struct-mismatch",
                            format!("`{}` uses the parameters of `{}` in another order than the first query does", draft.parsed.name.value, name.name),
                        )
                        .at(draft.parsed.name.span)
                        .note(format!("of more than {LONGEST_TUPLE} parameters the order must be the same"))
                        .help("give it a struct of its own"),
                    );
                }
                if reordered && draft.bulk.is_some() {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "struct-mismatch",
                            format!("`{}` uses the parameters of `{}` in another order than the first query does", draft.parsed.name.value, name.name),
                        )
                        .at(draft.parsed.name.span)
                        .note("rows of parameters are sent as they are")
                        .help(format!(
                            "give it a struct of its own, `--! {0} {1}Row()`, or write its parameters in that order",
                            draft.parsed.name.value, draft.pascal
                        )),
                    );
                }
                let documented = declares.params.as_ref().is_some_and(|_| order.is_empty());
                Params::Struct {
                    name,
                    reordered,
                    documented,
                }
            }
            None if draft.inputs.is_empty() => Params::None,
            None if draft.template.is_some_and(crate::texts::patch::chooses) => Params::Patch,
            None if draft.template.is_some() => Params::Flag,
            None => Params::One,
        };
        let mut inputs = draft.inputs.clone();
        if let (Params::One | Params::Flag | Params::Patch, Some(input)) =
            (&params, inputs.first_mut())
            && input.field == "db"
        {
            // The handle has the name already.
            input.field = "db_".to_owned();
        }
        let result = match row {
            Some(name) => QueryResult::Struct(name),
            None if draft.outputs.is_empty() => QueryResult::Affected,
            None => QueryResult::Scalar,
        };
        self.rely(facts, draft.held);
        let timeout_ms = super::query::timeout(draft.parsed);
        Query {
            name: draft.name.clone(),
            written: draft.parsed.name.value.clone(),
            file: draft.path.clone(),
            line: draft.line,
            docs: draft.parsed.docs.clone(),
            attributes: texts(&draft.parsed.attributes),
            sql: match &draft.bulk {
                Some(bulk) => bulk.sql.to_owned(),
                None => draft.parsed.statement.sql.clone(),
            },
            bulk: draft.bulk.as_ref().map(|bulk| bulk.keys.clone()),
            arrays: draft
                .bulk
                .as_ref()
                .map_or_else(Vec::new, |bulk| bulk.arrays.clone()),
            copied: draft.bulk.as_ref().and_then(|bulk| {
                Some(model::Copied {
                    copy: bulk.copy?.to_owned(),
                    row: draft.parsed.statement.sql.clone(),
                })
            }),
            texts: draft
                .template
                .map(|template| template.sent_pieces(self.sources)),
            handle: draft.handle,
            cardinality: draft.cardinality.value,
            cardinality_reason: draft.cardinality.reason.clone(),
            access: match facts.access.value {
                Access::Read => model::Access::Read,
                Access::Write => model::Access::Write,
            },
            access_reason: facts.access.reason.clone(),
            // In a transaction there is one connection, and nothing is cancelled on one that others use.
            shared: facts.shared.value
                && draft.handle == model::Handle::Reader
                && draft.cardinality.value != model::Cardinality::Many
                && timeout_ms.is_none(),
            timeout_ms,
            inputs,
            outputs: draft.outputs.clone(),
            within: nested::fields(&draft.outputs, &draft.nested),
            params,
            result,
            reads: facts
                .reads
                .iter()
                .map(|(&table, columns)| {
                    (
                        self.catalog.relation_name(table),
                        self.column_names(table, columns),
                    )
                })
                .collect(),
            writes: facts
                .writes
                .iter()
                .map(|(&table, write)| {
                    let kinds = [
                        (write.insert, "insert"),
                        (write.update, "update"),
                        (write.delete, "delete"),
                    ];
                    let written = model::Written {
                        kinds: kinds
                            .iter()
                            .filter(|(is, _)| *is)
                            .map(|(_, kind)| (*kind).to_owned())
                            .collect(),
                        columns: self.column_names(table, &write.columns),
                    };
                    (self.catalog.relation_name(table), written)
                })
                .collect(),
            violations: violations(facts),
            order: facts
                .order
                .keys
                .iter()
                .map(|key| {
                    let direction = if key.descending { " DESC" } else { "" };
                    format!("{}{direction}", key.text)
                })
                .collect(),
            order_total: facts.order.total.value,
            pages: draft.pages.map(|pages| self.pages(pages)),
            waivers: draft.waivers.clone(),
            held: super::constraints::held(
                draft.held,
                match draft.template {
                    Some(template) => &template.params,
                    None => &draft.parsed.statement.params,
                },
            ),
            declares,
        }
    }

    fn pages(&self, pages: &Pages) -> model::Pages {
        let order = |order: &pages::Order| model::PageOrder {
            clause: order.clause.clone(),
            cursor: match &order.cursor {
                Ok(cursor) => Ok(model::CursorPages {
                    after: cursor.after.clone(),
                    before: cursor.before.clone(),
                    nulls: cursor.nulls(),
                    keys: cursor.order(),
                    columns: cursor.keys.iter().map(|key| key.column).collect(),
                }),
                Err(reason) => Err(reason.clone()),
            },
        };
        model::Pages {
            orders: pages.orders.iter().map(order).collect(),
            sizes: self.page_sizes,
        }
    }

    fn column_names(&self, table: Oid, columns: &BTreeSet<i16>) -> Vec<String> {
        let relation = self.catalog.relations.get(&table);
        columns
            .iter()
            .filter_map(|&number| Some(relation?.column(number)?.name.clone()))
            .collect()
    }
}
