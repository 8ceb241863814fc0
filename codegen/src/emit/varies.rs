//! Parameters by which a call chooses its text: filters that are set by name, and an order.

use crate::model::{FilterItem, OrderItem, Slot, Struct, Varies};

use super::spell::{self, Form, Scope};
use super::writer::Writer;
use super::{doc, layout};

/// clippy's `too_many_arguments` begins above this, the struct itself not among them.
const MOST_ARGUMENTS: usize = 7;

/// `new`, and a method for each filter and for the order.
pub(super) fn methods(w: &mut Writer, scope: &mut Scope, params: &Struct, varies: &Varies) {
    let required: Vec<(&str, &Slot)> = params
        .fields
        .iter()
        .filter(|field| !field.slot.nullable)
        .map(|field| (field.name.as_str(), &field.slot))
        .collect();
    let mut parts = varies.filters.iter().flat_map(|filter| &filter.parts);
    let borrows = parts.any(|(_, slot)| slot.ty.param_borrows())
        || required.iter().any(|(_, slot)| slot.ty.param_borrows());
    let name = &params.name;
    let head = match (params.borrows, borrows) {
        (true, true) => format!("impl<'a> {name}<'a>"),
        (true, false) => format!("impl {name}<'_>"),
        (false, _) => format!("impl {name}"),
    };
    // A literal says as much.
    if varies.filters.is_empty() && varies.order.is_none() {
        return;
    }
    w.blank();
    w.block(head, |w| {
        if !required.is_empty() && required.len() <= MOST_ARGUMENTS {
            new(w, scope, params, varies, &required);
        }
        for filter in &varies.filters {
            w.blank();
            self::filter(w, scope, filter);
        }
        if let Some(order) = &varies.order {
            w.blank();
            self::order(w, order);
        }
    });
}

fn returns() -> layout::Generic {
    layout::Generic {
        head: "Self".to_owned(),
        args: Vec::new(),
    }
}

fn argument(scope: &mut Scope, name: &str, slot: &Slot) -> String {
    format!("{name}: {}", spell::slot(scope, slot, Form::Param("'a")))
}

fn new(
    w: &mut Writer,
    scope: &mut Scope,
    params: &Struct,
    varies: &Varies,
    required: &[(&str, &Slot)],
) {
    w.doc([match varies.filters.is_empty() {
        true => "With what is required.",
        false => "With what is required, and without filters.",
    }]);
    let args: Vec<String> = required
        .iter()
        .map(|(name, slot)| argument(scope, name, slot))
        .collect();
    layout::signature(w, "pub const fn new", &args, &returns(), |w| {
        let mut values: Vec<String> = params
            .fields
            .iter()
            .map(|field| match field.slot.nullable {
                true => format!("{}: None", field.name),
                false => field.name.clone(),
            })
            .collect();
        if let Some(order) = &varies.order
            && let Some(first) = order.options.first()
        {
            values.push(format!(
                "{}: {}::{}",
                order.field, order.name, first.variant
            ));
        }
        layout::struct_literal(w, "Self", &values);
    });
}

fn filter(w: &mut Writer, scope: &mut Scope, filter: &FilterItem) {
    w.doc(doc::sentence(&format!(
        "Only with {}.",
        doc::names(&[&filter.predicate])
    )));
    w.line("#[must_use]");
    let mut args = vec!["mut self".to_owned()];
    args.extend(
        filter
            .parts
            .iter()
            .map(|(name, slot)| argument(scope, name, slot)),
    );
    let field = &filter.field;
    layout::signature(
        w,
        &format!("pub const fn {field}"),
        &args,
        &returns(),
        |w| {
            let names: Vec<&str> = filter.parts.iter().map(|(name, _)| name.as_str()).collect();
            match names.as_slice() {
                [one] => w.line(format!("self.{field} = Some({one});")),
                all => w.line(format!("self.{field} = Some(({}));", all.join(", "))),
            }
            w.line("self");
        },
    );
}

fn order(w: &mut Writer, order: &OrderItem) {
    w.doc(["In another order than the first."]);
    w.line("#[must_use]");
    let (field, name) = (&order.field, &order.name);
    let args = ["mut self".to_owned(), format!("{field}: {name}")];
    layout::signature(
        w,
        &format!("pub const fn {field}"),
        &args,
        &returns(),
        |w| {
            w.line(format!("self.{field} = {field};"));
            w.line("self");
        },
    );
}

/// What ties the struct to the texts.
pub(super) fn binding(w: &mut Writer, head: &str, varies: &Varies) {
    let bound: Vec<String> = varies
        .bound
        .iter()
        .map(|(field, part)| match part {
            None => field.clone(),
            Some(part) => format!("{field}.{part}"),
        })
        .collect();
    w.block("sqlmill_runtime::params!", |w| {
        layout::braced_list(w, head, &bound);
        let filters: Vec<String> = varies
            .filters
            .iter()
            .map(|filter| filter.field.clone())
            .chain(varies.flags.iter().cloned())
            .collect();
        layout::braced_list(w, "filters", &filters);
        let orders: Vec<String> = varies
            .order
            .iter()
            .map(|order| order.field.clone())
            .collect();
        layout::braced_list(w, "choices", &orders);
    });
}

/// The orders to choose from.
pub(super) fn orders(w: &mut Writer, of: &Struct, order: &OrderItem) {
    let functions: Vec<String> = of.of.iter().map(|name| doc::function(name)).collect();
    w.doc([format!("The orders of {}.", functions.join(", "))]);
    layout::derive(
        w,
        &[
            "Debug",
            "Clone",
            "Copy",
            "PartialEq",
            "Eq",
            "Hash",
            "Default",
        ]
        .map(str::to_owned),
    );
    w.block(format!("pub enum {}", order.name), |w| {
        for (index, option) in order.options.iter().enumerate() {
            w.doc(doc::sentence(&doc::names(&[&option.keys])));
            if index == 0 {
                w.line("#[default]");
            }
            w.line(format!("{},", option.variant));
        }
    });
}
