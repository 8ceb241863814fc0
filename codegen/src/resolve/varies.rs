//! The parameter struct of a query that has several texts: what is required, optional filters by name, and an order.

use crate::diagnostic::Diagnostic;
use crate::model::{Field, FilterItem, OrderItem, OrderOption, RustType, Slot, Struct, Varies};
use crate::parse::syntax::StructUse;
use crate::texts::{Filter, FilterKind, Template};

use super::query::{Draft, texts};
use super::structs::{Side, field, push_paragraph};
use super::{Resolver, names};

impl Resolver<'_> {
    pub(super) fn varied(&mut self, draft: &Draft<'_>, template: &Template) -> Struct {
        let own = names::type_name(draft.pascal.clone(), "Params");
        let (name, attributes) = match &draft.parsed.params {
            StructUse::Implicit(_) => (own, None),
            StructUse::Named(name) => {
                let attributes = self.attributes(draft.parsed, &name.value, Side::Params);
                (names::of_author(&name.value), Some(attributes.clone()))
            }
            StructUse::Inline(annotation) => (
                names::of_author(&annotation.name.value),
                Some(annotation.attributes.clone()),
            ),
        };
        let attributes = attributes.unwrap_or_default();
        let mut varies = Varies {
            bound: Vec::new(),
            filters: Vec::new(),
            flags: Vec::new(),
            order: None,
        };
        let mut fields = Vec::new();
        for (place, value) in draft.inputs.iter().enumerate() {
            if filter_of(template, place).is_none() {
                let mut plain = field(value);
                push_paragraph(&mut plain.docs, &value.reason);
                fields.push(plain);
            }
        }
        for filter in &template.filters {
            if filter.kind == FilterKind::Flag {
                varies.flags.push(draft.inputs[filter.guard].field.clone());
                continue;
            }
            let item = self.filter(draft, filter);
            let mut docs = draft.inputs[filter.guard].comment.iter().cloned().collect();
            push_paragraph(&mut docs, "an optional filter");
            fields.push(Field {
                name: item.field.clone(),
                slot: Slot {
                    ty: match item.parts.as_slice() {
                        [(_, only)] => only.ty.clone(),
                        parts => {
                            RustType::Tuple(parts.iter().map(|(_, slot)| slot.clone()).collect())
                        }
                    },
                    nullable: true,
                },
                docs,
            });
            varies.filters.push(item);
        }
        for (place, value) in draft.inputs.iter().enumerate() {
            let bound = match filter_of(template, place) {
                None => (value.field.clone(), None),
                Some((number, filter)) => {
                    let item = &varies.filters[number];
                    let part = parts(filter).position(|part| part == place);
                    (item.field.clone(), part.filter(|_| item.parts.len() > 1))
                }
            };
            varies.bound.push(bound);
        }
        varies.order = template.choices.first().map(|choice| {
            let mut options: Vec<OrderOption> = Vec::new();
            let keys = crate::texts::order_keys(&draft.parsed.directives);
            for (option, keys) in choice.options.iter().zip(keys) {
                let variant = match names::pascal(&option.value) {
                    // May not be raw.
                    Some(name) if name == "Self" => "Self_".to_owned(),
                    Some(name) => name,
                    None => {
                        self.diagnostics.push(
                            Diagnostic::error(
                                "name",
                                format!(
                                    "the order `{}` has no name that Rust can take",
                                    option.value
                                ),
                            )
                            .at(option.span)
                            .help("name it with letters"),
                        );
                        continue;
                    }
                };
                let clashes =
                    |other: &OrderOption| other.variant == variant && other.written != option.value;
                if options.iter().any(clashes) {
                    self.diagnostics.push(
                        Diagnostic::error(
                            "name-collision",
                            format!("two orders would both be `{variant}` in Rust"),
                        )
                        .at(option.span)
                        .help("rename one of them"),
                    );
                }
                let keys = self.sources.text(keys);
                options.push(OrderOption {
                    variant,
                    written: option.value.clone(),
                    keys: keys.split_whitespace().collect::<Vec<_>>().join(" "),
                });
            }
            let taken = |name: &str| fields.iter().any(|field: &Field| field.name == name);
            let free = ["order", "order_by", "in_order"];
            let free = free.iter().find(|name| !taken(name));
            OrderItem {
                field: (*free.unwrap_or(&"chosen_order")).to_owned(),
                name: format!("{name}Order"),
                options,
            }
        });
        let borrows = Side::Params.borrows(&fields);
        Struct {
            name,
            docs: Vec::new(),
            of: vec![draft.name.clone()],
            fields,
            derives: texts(&attributes.derives),
            attributes: texts(&attributes.owned),
            borrowed_attributes: texts(&attributes.borrowed),
            borrows,
            keys: Vec::new(),
            varies: Some(varies),
            nested: false,
            within: None,
        }
    }

    fn filter(&self, draft: &Draft<'_>, filter: &Filter) -> FilterItem {
        let guard = &draft.inputs[filter.guard].field;
        // The constructor has that name.
        let name = if guard == "new" { "new_" } else { guard };
        let predicates: Vec<String> = filter
            .places
            .iter()
            .map(|place| {
                let text = self.sources.text(place.predicate);
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            })
            .collect();
        FilterItem {
            field: name.to_owned(),
            predicate: predicates.first().cloned().unwrap_or_default(),
            parts: parts(filter)
                .map(|place| {
                    let input = &draft.inputs[place];
                    (input.field.clone(), input.slot.clone())
                })
                .collect(),
        }
    }
}

/// The parameters of a filter's method, the one whose NULL it is first.
fn parts(filter: &Filter) -> impl Iterator<Item = usize> {
    std::iter::once(filter.guard).chain(filter.args.iter().copied())
}

fn filter_of(template: &Template, place: usize) -> Option<(usize, &Filter)> {
    let mut filters = template.filters.iter().enumerate();
    filters.find(|(_, filter)| {
        filter.kind == FilterKind::Optional && parts(filter).any(|part| part == place)
    })
}
