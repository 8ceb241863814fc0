//! Fills the [`Catalog`]: a dozen queries over PostgreSQL's own tables, sent together.

use crate::catalog::oid::FIRST_OF_AUTHORS;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::str::FromStr;
use std::vec::IntoIter;

use super::{
    Cast, Catalog, Column, CompositeField, Constraint, ConstraintKind, Domain, DomainCheck,
    Function, FunctionKind, Generated, Identity, Index, Oid, Operator, Policy, Relation,
    RelationKind, Trigger, Type, TypeKind, Volatility,
};
use crate::wire::{Connection, Error, Rows};

/// How many `queries` are.
const QUERIES: usize = 20;

/// Everything as of one moment: the queries are one message, and so one transaction.
pub fn read(connection: &mut Connection) -> Result<Catalog, Error> {
    let version = connection
        .simple("SELECT pg_catalog.current_setting('server_version_num')")?
        .first()
        .and_then(Rows::first)
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| Error::Protocol("the server does not say its version".to_owned()))?;
    let answers = connection.simple(&queries(version))?;
    if answers.len() != QUERIES {
        return Err(Error::Protocol(format!(
            "the server gave {} answers to {QUERIES} queries of its catalog",
            answers.len()
        )));
    }
    let mut answers = answers.into_iter();
    let mut next = |table| Table {
        name: table,
        rows: answers.next().unwrap_or_default().rows.into_iter(),
    };

    let mut catalog = Catalog {
        server_version: version,
        ..Catalog::default()
    };
    for mut row in next("current_schemas") {
        catalog.search_path.push(row.text()?);
    }
    relations(&mut catalog, next("pg_class"))?;
    let without_default = columns(&mut catalog, next("pg_attribute"))?;
    let inherited = inheritance(&mut catalog, next("pg_inherits"))?;
    let notes = types(&mut catalog, next("pg_type"))?;
    enums(&mut catalog, next("pg_enum"))?;
    ranges(&mut catalog, next("pg_range"))?;
    functions(&mut catalog, &notes.names, next("pg_proc"))?;
    operators(&mut catalog, next("pg_operator"))?;
    for mut row in next("pg_amproc") {
        catalog.comparers.push((row.oid()?, row.oid()?));
    }
    for mut row in next("pg_aggregate") {
        let (aggregate, part) = (row.oid()?, row.oid()?);
        catalog.aggregates.entry(aggregate).or_default().push(part);
    }
    casts(&mut catalog, next("pg_cast"))?;
    operator_uses(&mut catalog, next("pg_amop"))?;
    constraints(&mut catalog, next("pg_constraint"))?;
    let families = operator_families(next("pg_opclass"))?;
    indexes(&mut catalog, &families, next("pg_index"))?;
    triggers(&mut catalog, next("pg_trigger"))?;
    policies(&mut catalog, next("pg_policy"))?;
    rules(&mut catalog, next("pg_rewrite"))?;
    for mut row in next("pg_collation") {
        catalog.nondeterministic_collations.insert(row.oid()?);
    }

    composites(&mut catalog);
    type_defaults(&mut catalog, &without_default, &notes);
    enforced_not_null(&mut catalog, &inherited);
    Ok(catalog)
}

fn queries(version: u32) -> String {
    let enforced = if version >= 18_00_00 {
        "conenforced"
    } else {
        "true"
    };
    let period = if version >= 18_00_00 {
        "conperiod"
    } else {
        "false"
    };
    let delete_columns = if version >= 15_00_00 {
        "confdelsetcols"
    } else {
        "NULL"
    };
    let nulls_not_distinct = if version >= 15_00_00 {
        "indnullsnotdistinct"
    } else {
        "false"
    };
    format!(
        "\
SELECT unnest(pg_catalog.current_schemas(false));

SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, c.relhassubclass, c.relrowsecurity, c.reltype,
       (SELECT p.partattrs FROM pg_catalog.pg_partitioned_table p WHERE p.partrelid = c.oid), d.description
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = 0
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c') AND n.nspname <> 'pg_toast';

SELECT a.attrelid, a.attnum, a.attname, a.atttypid, a.atttypmod, a.attnotnull, a.atthasdef, a.attgenerated,
       a.attidentity, a.attndims, d.description
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = c.oid AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass AND d.objsubid = a.attnum
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
ORDER BY a.attrelid, a.attnum;

SELECT inhrelid, inhparent FROM pg_catalog.pg_inherits
JOIN pg_catalog.pg_class c ON c.oid = inhrelid
WHERE c.relkind IN ('r', 'p', 'f')
ORDER BY inhrelid, inhseqno;

SELECT t.oid, n.nspname, t.typname, t.typtype, t.typelem, t.typarray, t.typrelid, t.typbasetype, t.typtypmod,
       t.typnotnull, t.typdefault IS NOT NULL, pg_catalog.format_type(t.oid, NULL),
       t.typsend::pg_catalog.oid <> 0 AND t.typreceive::pg_catalog.oid <> 0, d.description
FROM pg_catalog.pg_type t
JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = t.oid AND d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass AND d.objsubid = 0;

SELECT enumtypid, enumlabel, oid FROM pg_catalog.pg_enum ORDER BY enumtypid, enumsortorder;

SELECT rngtypid, rngsubtype, rngmultitypid FROM pg_catalog.pg_range;

SELECT p.oid, n.nspname, p.proname, p.prokind, p.proisstrict, p.provolatile, p.proretset, p.prorettype,
       p.proargtypes, l.lanname, p.proallargtypes, p.proargmodes, pg_catalog.to_json(p.proargnames)
FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language l ON l.oid = p.prolang;

SELECT oid, oprname, oprcode::pg_catalog.oid, oprleft, oprright FROM pg_catalog.pg_operator;

WITH used (family) AS (
    SELECT f.oid FROM pg_catalog.pg_opfamily f JOIN pg_catalog.pg_am m ON m.oid = f.opfmethod
    WHERE m.amname IN ('btree', 'hash')
    UNION
    SELECT c.opcfamily
    FROM pg_catalog.pg_index i, pg_catalog.unnest(i.indclass) AS k (class), pg_catalog.pg_opclass c
    WHERE c.oid = k.class
)
SELECT amproclefttype, amproc::pg_catalog.oid FROM pg_catalog.pg_amproc
WHERE amproc::pg_catalog.oid >= {FIRST_OF_AUTHORS} AND amprocfamily IN (SELECT family FROM used)
UNION
SELECT o.oprleft, o.oprcode::pg_catalog.oid
FROM pg_catalog.pg_amop a JOIN pg_catalog.pg_operator o ON o.oid = a.amopopr
WHERE o.oprcode::pg_catalog.oid >= {FIRST_OF_AUTHORS} AND a.amopfamily IN (SELECT family FROM used)
UNION
SELECT rngtypid, rngsubdiff::pg_catalog.oid FROM pg_catalog.pg_range WHERE rngsubdiff::pg_catalog.oid >= {FIRST_OF_AUTHORS}
ORDER BY 1, 2;

SELECT a.aggfnoid::pg_catalog.oid, f.part
FROM pg_catalog.pg_aggregate a
LEFT JOIN pg_catalog.pg_operator o ON o.oid = a.aggsortop,
pg_catalog.unnest(ARRAY[
    aggtransfn, aggfinalfn, aggcombinefn, aggserialfn, aggdeserialfn, aggmtransfn, aggminvtransfn, aggmfinalfn, o.oprcode
]::pg_catalog.oid[]) AS f (part)
WHERE a.aggfnoid::pg_catalog.oid >= {FIRST_OF_AUTHORS} AND f.part <> 0
ORDER BY 1, 2;

SELECT castsource, casttarget, castmethod, castfunc FROM pg_catalog.pg_cast;

SELECT DISTINCT o.amopopr, o.amopfamily, o.amopstrategy = 3
FROM pg_catalog.pg_amop o JOIN pg_catalog.pg_am a ON a.oid = o.amopmethod
WHERE a.amname = 'btree' AND o.amoppurpose = 's'
ORDER BY 1, 2;

SELECT k.oid, k.conname, n.nspname, k.conrelid, k.contypid, k.contype, k.condeferrable, k.convalidated,
       k.{enforced}, k.{period}, k.conparentid, k.confrelid, k.conkey, k.confkey, k.confdeltype, k.confupdtype,
       k.{delete_columns}, k.conindid, pg_catalog.pg_get_constraintdef(k.oid),
       k.conbin::pg_catalog.text, d.description
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_namespace n ON n.oid = k.connamespace
LEFT JOIN pg_catalog.pg_description d
  ON d.objoid = k.oid AND d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass
ORDER BY k.oid;

SELECT oid, opcfamily FROM pg_catalog.pg_opclass;

SELECT i.indexrelid, c.relname, n.nspname, i.indrelid, i.indisunique, i.indisprimary, i.indimmediate,
       i.indisvalid AND i.indisready AND i.indislive, i.{nulls_not_distinct}, i.indnkeyatts, i.indkey, i.indclass,
       i.indcollation, i.indpred::pg_catalog.text, pg_catalog.pg_get_expr(i.indpred, i.indrelid),
       i.indexprs::pg_catalog.text,
       (SELECT k.oid FROM pg_catalog.pg_constraint k
        WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')),
       CASE WHEN i.indexrelid >= {FIRST_OF_AUTHORS} THEN pg_catalog.pg_get_indexdef(i.indexrelid) ELSE '' END
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname <> 'pg_toast'
ORDER BY i.indexrelid;

SELECT tgrelid, tgname, tgtype, tgenabled IN ('O', 'A'), tgfoid
FROM pg_catalog.pg_trigger WHERE NOT tgisinternal
ORDER BY tgrelid, tgname;

SELECT polrelid, polname, polqual::pg_catalog.text
FROM pg_catalog.pg_policy WHERE polcmd IN ('*', 'r')
ORDER BY polrelid, polname;

SELECT ev_class, rulename FROM pg_catalog.pg_rewrite
WHERE rulename <> '_RETURN' AND ev_enabled IN ('O', 'A')
ORDER BY ev_class, rulename;

SELECT oid FROM pg_catalog.pg_collation WHERE NOT collisdeterministic"
    )
    // A column that an older version lacks is written as a constant, which takes no table's name.
    .replace("k.true", "true")
    .replace("k.false", "false")
    .replace("k.NULL", "NULL")
    .replace("i.false", "false")
}

fn relations(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let relation = Relation {
            oid: row.oid()?,
            schema: row.text()?,
            name: row.text()?,
            kind: match row.letter()? {
                'r' => RelationKind::Table,
                'p' => RelationKind::PartitionedTable,
                'v' => RelationKind::View,
                'm' => RelationKind::MaterializedView,
                'f' => RelationKind::ForeignTable,
                'S' => RelationKind::Sequence,
                'c' => RelationKind::Composite,
                _ => RelationKind::Other,
            },
            columns: Vec::new(),
            parents: Vec::new(),
            is_partition: row.flag()?,
            // Stays set when the last child is dropped; `inheritance` puts it right.
            has_inheritance_children: row.flag()?,
            row_security: row.flag()?,
            type_oid: row.oid()?,
            partition_key: row.vector()?,
            comment: row.optional()?,
        };
        catalog.relations.insert(relation.oid, relation);
    }
    Ok(())
}

/// Gives the columns that lack a default of their own, with their types: a domain may bring one.
fn columns(catalog: &mut Catalog, rows: Table) -> Result<Vec<(Oid, i16, Oid)>, Error> {
    let mut without_default = Vec::new();
    for mut row in rows {
        let relation = row.oid()?;
        let number = row.number()?;
        let name = row.text()?;
        let type_oid = row.oid()?;
        let type_mod = row.number()?;
        let not_null = row.flag()?;
        let has_expression = row.flag()?;
        let generated = match row.letter()? {
            's' => Some(Generated::Stored),
            'v' => Some(Generated::Virtual),
            _ => None,
        };
        let identity = match row.letter()? {
            'a' => Some(Identity::Always),
            'd' => Some(Identity::ByDefault),
            _ => None,
        };
        let has_default = has_expression || identity.is_some() || generated.is_some();
        if !has_default {
            without_default.push((relation, number, type_oid));
        }
        let column = Column {
            number,
            name,
            type_oid,
            type_mod,
            // `enforced_not_null` takes it back where it does not hold for every row.
            not_null,
            insert_not_null: not_null,
            has_default,
            generated,
            identity,
            dimensions: row.number()?,
            comment: row.optional()?,
        };
        if let Some(relation) = catalog.relations.get_mut(&relation) {
            relation.columns.push(column);
        }
    }
    Ok(without_default)
}

/// Gives each parent's children.
fn inheritance(catalog: &mut Catalog, rows: Table) -> Result<HashMap<Oid, Vec<Oid>>, Error> {
    let mut children: HashMap<Oid, Vec<Oid>> = HashMap::new();
    for mut row in rows {
        let child = row.oid()?;
        let parent = row.oid()?;
        children.entry(parent).or_default().push(child);
        if let Some(relation) = catalog.relations.get_mut(&child) {
            relation.parents.push(parent);
        }
    }
    let partitions: HashSet<Oid> = catalog
        .relations
        .values()
        .filter(|relation| relation.is_partition)
        .map(|relation| relation.oid)
        .collect();
    for relation in catalog.relations.values_mut() {
        relation.has_inheritance_children = children
            .get(&relation.oid)
            .is_some_and(|children| children.iter().any(|child| !partitions.contains(child)));
    }
    Ok(children)
}

/// What is needed of types while the rest is read.
#[derive(Default)]
struct TypeNotes {
    /// As SQL has them: `integer`, `timestamp with time zone`.
    names: HashMap<Oid, String>,
    /// A column of such a type that has no default takes the type's. A domain over a domain copied its base's.
    with_default: HashSet<Oid>,
}

fn types(catalog: &mut Catalog, rows: Table) -> Result<TypeNotes, Error> {
    let mut notes = TypeNotes::default();
    let mut element_of = HashMap::new();
    for mut row in rows {
        let oid = row.oid()?;
        let schema = row.text()?;
        let name = row.text()?;
        let letter = row.letter()?;
        let element = row.oid()?;
        let array = row.oid()?;
        let relation = row.oid()?;
        let base = row.oid()?;
        let type_mod = row.number()?;
        let not_null = row.flag()?;
        let has_default = row.flag()?;
        if has_default {
            notes.with_default.insert(oid);
        }
        notes.names.insert(oid, row.text()?);
        let kind = match letter {
            'e' => TypeKind::Enum(Vec::new()),
            'c' => TypeKind::Composite {
                relation,
                fields: Vec::new(),
            },
            'd' => TypeKind::Domain(Domain {
                base,
                type_mod,
                not_null,
                has_default,
                checks: Vec::new(),
            }),
            'r' => TypeKind::Range(0),
            'm' => TypeKind::Multirange(0),
            'p' => TypeKind::Pseudo,
            _ => TypeKind::Base,
        };
        if element != 0 {
            element_of.insert(oid, element);
        }
        let found = Type {
            oid,
            schema,
            name,
            kind,
            array_oid: (array != 0).then_some(array),
            has_binary: row.flag()?,
            comment: row.optional()?,
        };
        catalog.types.insert(oid, found);
    }
    // `point`, `name` and `int2vector` have elements and are no arrays: an array is what its element says is one.
    for (array, element) in element_of {
        let is_array = catalog
            .types
            .get(&element)
            .is_some_and(|element| element.array_oid == Some(array));
        if is_array && let Some(found) = catalog.types.get_mut(&array) {
            found.kind = TypeKind::Array(element);
        }
    }
    Ok(notes)
}

fn enums(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let oid = row.oid()?;
        let label = row.text()?;
        if let Some(Type {
            kind: TypeKind::Enum(labels),
            ..
        }) = catalog.types.get_mut(&oid)
        {
            labels.push(label.clone());
        }
        catalog.labels.insert(row.oid()?, label);
    }
    Ok(())
}

fn ranges(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let range = row.oid()?;
        let subtype = row.oid()?;
        let multirange = row.oid()?;
        if let Some(found) = catalog.types.get_mut(&range) {
            found.kind = TypeKind::Range(subtype);
        }
        if let Some(found) = catalog.types.get_mut(&multirange) {
            found.kind = TypeKind::Multirange(range);
        }
    }
    Ok(())
}

fn functions(
    catalog: &mut Catalog,
    names: &HashMap<Oid, String>,
    rows: Table,
) -> Result<(), Error> {
    for mut row in rows {
        let oid = row.oid()?;
        let schema = row.text()?;
        let name = row.text()?;
        let kind = match row.letter()? {
            'p' => FunctionKind::Procedure,
            'a' => FunctionKind::Aggregate,
            'w' => FunctionKind::Window,
            _ => FunctionKind::Function,
        };
        let strict = row.flag()?;
        let volatility = match row.letter()? {
            'i' => Volatility::Immutable,
            's' => Volatility::Stable,
            _ => Volatility::Volatile,
        };
        let returns_set = row.flag()?;
        let return_type = row.oid()?;
        let arguments: Vec<Oid> = row.vector()?;
        let language = row.text()?;
        let all_types: Vec<Oid> = row.array()?;
        let modes: Vec<char> = row.array()?;
        let argument_names: Vec<String> = match row.optional()? {
            Some(json) => serde_json::from_str(&json)
                .map_err(|error| row.wrong(&format!("the arguments' names: {error}")))?,
            None => Vec::new(),
        };
        let function = Function {
            oid,
            builtin: oid < FIRST_OF_AUTHORS && schema == "pg_catalog",
            signature: signature(&arguments, names),
            schema,
            name,
            kind,
            strict,
            volatility,
            returns_set,
            return_type,
            arguments,
            language,
            outputs: outputs(&all_types, &modes, &argument_names),
        };
        catalog.functions.insert(oid, function);
    }
    Ok(())
}

fn signature(arguments: &[Oid], names: &HashMap<Oid, String>) -> String {
    let mut text = String::from("(");
    for (index, argument) in arguments.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        match names.get(argument) {
            Some(name) => text.push_str(name),
            None => text.push_str(&argument.to_string()),
        }
    }
    text.push(')');
    text
}

/// Of modes `o` (OUT), `b` (INOUT) and `t` (TABLE). One without a name is called `column1`, by its place among them.
fn outputs(types: &[Oid], modes: &[char], names: &[String]) -> Vec<(String, Oid)> {
    let mut outputs = Vec::new();
    for (index, (&type_oid, mode)) in types.iter().zip(modes).enumerate() {
        if matches!(mode, 'o' | 'b' | 't') {
            let name = match names.get(index) {
                Some(name) if !name.is_empty() => name.clone(),
                _ => format!("column{}", outputs.len() + 1),
            };
            outputs.push((name, type_oid));
        }
    }
    outputs
}

fn operators(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let operator = Operator {
            oid: row.oid()?,
            name: row.text()?,
            function: row.oid()?,
            left: row.oid()?,
            right: row.oid()?,
            is_btree_equality: false,
            equality_families: Vec::new(),
            order_families: Vec::new(),
        };
        catalog.operators.insert(operator.oid, operator);
    }
    Ok(())
}

fn casts(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let types = (row.oid()?, row.oid()?);
        let method = row.letter()?;
        let function = row.oid()?;
        let cast = match method {
            'i' => Cast::InOut,
            'b' => Cast::Binary,
            _ => Cast::Function(function),
        };
        catalog.casts.insert(types, cast);
    }
    Ok(())
}

fn operator_uses(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let operator = row.oid()?;
        let family = row.oid()?;
        let equality = row.flag()?;
        match catalog.operators.get_mut(&operator) {
            Some(operator) if equality => {
                operator.is_btree_equality = true;
                operator.equality_families.push(family);
            }
            Some(operator) => operator.order_families.push(family),
            None => {}
        }
    }
    Ok(())
}

fn constraints(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let oid = row.oid()?;
        let name = row.text()?;
        let schema = row.text()?;
        let relation = row.oid()?;
        let domain = row.oid()?;
        let letter = row.letter()?;
        let deferrable = row.flag()?;
        let validated = row.flag()?;
        let enforced = row.flag()?;
        let period = row.flag()?;
        let parent = row.oid()?;
        let references = row.oid()?;
        let columns: Vec<i16> = row.array()?;
        let referenced: Vec<i16> = row.array()?;
        let on_delete = row.letter()?;
        let on_update = row.letter()?;
        let delete_columns = row.array()?;
        let index = row.oid()?;
        let definition = row.text()?;
        let condition = row.optional()?;
        let comment = row.optional()?;
        let kind = match letter {
            'p' => ConstraintKind::PrimaryKey { columns, index },
            'u' => ConstraintKind::Unique { columns, index },
            'f' => ConstraintKind::ForeignKey {
                columns,
                references,
                referenced,
                on_delete,
                delete_columns,
                on_update,
            },
            'c' => ConstraintKind::Check { columns },
            'n' => ConstraintKind::NotNull {
                column: columns.first().copied().unwrap_or(0),
            },
            'x' => ConstraintKind::Exclusion { index },
            _ => ConstraintKind::Trigger,
        };
        if let Some(Type {
            kind: TypeKind::Domain(domain),
            ..
        }) = catalog.types.get_mut(&domain)
        {
            match kind {
                ConstraintKind::NotNull { .. } => domain.not_null &= validated,
                ConstraintKind::Check { .. } => domain.checks.push(DomainCheck {
                    name: name.clone(),
                    definition: definition.clone(),
                    condition: condition.clone().unwrap_or_default(),
                    validated,
                }),
                ConstraintKind::PrimaryKey { .. }
                | ConstraintKind::Unique { .. }
                | ConstraintKind::ForeignKey { .. }
                | ConstraintKind::Exclusion { .. }
                | ConstraintKind::Trigger => {}
            }
        }
        let constraint = Constraint {
            oid,
            name,
            schema,
            relation,
            kind,
            deferrable,
            validated,
            enforced,
            period,
            parent,
            comment,
            definition,
            condition,
        };
        catalog.constraints.insert(oid, constraint);
    }
    Ok(())
}

/// Of each operator class.
fn operator_families(rows: Table) -> Result<HashMap<Oid, Oid>, Error> {
    let mut families = HashMap::new();
    for mut row in rows {
        families.insert(row.oid()?, row.oid()?);
    }
    Ok(families)
}

fn indexes(catalog: &mut Catalog, family_of: &HashMap<Oid, Oid>, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let oid = row.oid()?;
        let name = row.text()?;
        let schema = row.text()?;
        let relation = row.oid()?;
        let unique = row.flag()?;
        let primary = row.flag()?;
        let immediate = row.flag()?;
        let valid = row.flag()?;
        let nulls_not_distinct = row.flag()?;
        let key_count: usize = row.number()?;
        // Included columns stand behind the keys.
        let mut keys: Vec<i16> = row.vector()?;
        keys.truncate(key_count);
        let classes: Vec<Oid> = row.vector()?;
        let mut collations: Vec<Oid> = row.vector()?;
        collations.truncate(key_count);
        let predicate = row.optional()?.zip(row.optional()?);
        let expressions = row.optional()?;
        let constraint = match row.optional()? {
            Some(text) => Some(row.parse(&text)?),
            None => None,
        };
        let index = Index {
            oid,
            name,
            schema,
            relation,
            unique,
            primary,
            immediate,
            valid,
            nulls_not_distinct,
            keys,
            families: classes
                .iter()
                .take(key_count)
                .map(|class| family_of.get(class).copied().unwrap_or(0))
                .collect(),
            collations,
            predicate,
            expressions,
            constraint,
            definition: row.text()?,
        };
        catalog.indexes.insert(oid, index);
    }
    Ok(())
}

fn triggers(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        catalog.triggers.push(Trigger {
            relation: row.oid()?,
            name: row.text()?,
            kind: row.number()?,
            enabled: row.flag()?,
            function: row.oid()?,
        });
    }
    Ok(())
}

fn policies(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        catalog.policies.push(Policy {
            relation: row.oid()?,
            name: row.text()?,
            using: row.optional()?,
        });
    }
    Ok(())
}

fn rules(catalog: &mut Catalog, rows: Table) -> Result<(), Error> {
    for mut row in rows {
        let relation = row.oid()?;
        catalog.rules.entry(relation).or_default().push(row.text()?);
    }
    Ok(())
}

fn composites(catalog: &mut Catalog) {
    for found in catalog.types.values_mut() {
        if let TypeKind::Composite { relation, fields } = &mut found.kind
            && let Some(relation) = catalog.relations.get(relation)
        {
            fields.extend(relation.columns.iter().map(|column| CompositeField {
                number: column.number,
                name: column.name.clone(),
                type_oid: column.type_oid,
                type_mod: column.type_mod,
            }));
        }
    }
}

fn type_defaults(catalog: &mut Catalog, without_default: &[(Oid, i16, Oid)], notes: &TypeNotes) {
    for &(relation, number, type_oid) in without_default {
        if notes.with_default.contains(&type_oid)
            && let Some(relation) = catalog.relations.get_mut(&relation)
            && let Some(column) = relation
                .columns
                .iter_mut()
                .find(|column| column.number == number)
        {
            column.has_default = true;
        }
    }
}

/// Leaves `not_null` only where no row that a read of the relation can meet holds NULL: a parent's rows are also its
/// children's, which may allow it (until 17, `ALTER TABLE ONLY … SET NOT NULL` leaves them out), the other end of a
/// foreign table keeps no promise of ours, and a constraint that is not validated says nothing of older rows.
fn enforced_not_null(catalog: &mut Catalog, children: &HashMap<Oid, Vec<Oid>>) {
    let unproved: HashSet<(Oid, i16)> = catalog
        .constraints
        .values()
        .filter(|constraint| !constraint.validated || !constraint.enforced)
        .filter_map(|constraint| match constraint.kind {
            ConstraintKind::NotNull { column } => Some((constraint.relation, column)),
            ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Unique { .. }
            | ConstraintKind::ForeignKey { .. }
            | ConstraintKind::Check { .. }
            | ConstraintKind::Exclusion { .. }
            | ConstraintKind::Trigger => None,
        })
        .collect();
    let own: BTreeMap<Oid, BTreeSet<String>> = catalog
        .relations
        .values()
        .map(|relation| {
            let enforces = match relation.kind {
                RelationKind::Table
                | RelationKind::PartitionedTable
                | RelationKind::MaterializedView
                | RelationKind::Sequence => true,
                RelationKind::View
                | RelationKind::ForeignTable
                | RelationKind::Composite
                | RelationKind::Other => false,
            };
            let columns = relation
                .columns
                .iter()
                .filter(|column| {
                    enforces
                        && column.insert_not_null
                        && !unproved.contains(&(relation.oid, column.number))
                })
                .map(|column| column.name.clone())
                .collect();
            (relation.oid, columns)
        })
        .collect();
    for relation in catalog.relations.values_mut() {
        let descendants = descendants(relation.oid, children);
        for column in &mut relation.columns {
            // A child has its parent's columns by name; their numbers may differ.
            column.not_null = std::iter::once(&relation.oid)
                .chain(&descendants)
                .all(|oid| own.get(oid).is_some_and(|own| own.contains(&column.name)));
        }
    }
}

fn descendants(relation: Oid, children: &HashMap<Oid, Vec<Oid>>) -> BTreeSet<Oid> {
    let mut found = BTreeSet::new();
    let mut open = vec![relation];
    while let Some(next) = open.pop() {
        for &child in children.get(&next).into_iter().flatten() {
            if found.insert(child) {
                open.push(child);
            }
        }
    }
    found
}

/// The rows of one query.
struct Table {
    name: &'static str,
    rows: IntoIter<Vec<Option<String>>>,
}

impl Iterator for Table {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        Some(Row {
            table: self.name,
            values: self.rows.next()?.into_iter(),
        })
    }
}

/// A row, taken value by value from the left.
struct Row {
    table: &'static str,
    values: IntoIter<Option<String>>,
}

impl Row {
    fn wrong(&self, what: &str) -> Error {
        Error::Protocol(format!(
            "the server's {} has what we cannot read: {what}",
            self.table
        ))
    }

    fn optional(&mut self) -> Result<Option<String>, Error> {
        self.values
            .next()
            .ok_or_else(|| self.wrong("too few columns"))
    }

    fn text(&mut self) -> Result<String, Error> {
        self.optional()?
            .ok_or_else(|| self.wrong("an unexpected NULL"))
    }

    fn parse<T: FromStr>(&self, text: &str) -> Result<T, Error> {
        text.parse().map_err(|_| self.wrong(text))
    }

    fn number<T: FromStr>(&mut self) -> Result<T, Error> {
        let text = self.text()?;
        self.parse(&text)
    }

    fn oid(&mut self) -> Result<Oid, Error> {
        self.number()
    }

    fn flag(&mut self) -> Result<bool, Error> {
        Ok(self.text()? == "t")
    }

    /// A value of type `"char"`; a zero byte is shown as nothing.
    fn letter(&mut self) -> Result<char, Error> {
        Ok(self.text()?.chars().next().unwrap_or(' '))
    }

    /// `23 25`: an oidvector or int2vector; NULL is empty.
    fn vector<T: FromStr>(&mut self) -> Result<Vec<T>, Error> {
        let text = self.optional()?.unwrap_or_default();
        text.split_ascii_whitespace()
            .map(|item| self.parse(item))
            .collect()
    }

    /// `{1,2}`, of items that need no quotes; NULL is empty.
    fn array<T: FromStr>(&mut self) -> Result<Vec<T>, Error> {
        let Some(text) = self.optional()? else {
            return Ok(Vec::new());
        };
        let inner = text.trim_start_matches('{').trim_end_matches('}');
        if inner.is_empty() {
            return Ok(Vec::new());
        }
        inner.split(',').map(|item| self.parse(item)).collect()
    }
}
