//! The table that a statement writes to, and what its rows must meet.

use orm_core::condition::{Expression, Fragment, FragmentPart, Quantifier, Term};
use orm_core::driver::DriverError;
use orm_core::metadata::EntityMetadata;
use sea_query::{Alias, DynIden, Expr, ExprTrait, SelectStatement, TableRef};

use super::shape::{flattened, is_always};
use super::text::{Scope, Table, TextWriter, identifier, names, table_name, tuple};
use super::{leaf, unsupported};

/// The table that a statement writes to.
pub(super) enum Target {
    /// By its own name.
    Named,
    /// By an alias, so that conditions can refer to it.
    Aliased(Table),
}

impl Target {
    /// With an alias if `guard` needs one.
    pub(super) fn of(writer: &mut TextWriter<'_>, guard: &Expression) -> Self {
        if is_always(guard) { Self::Named } else { Self::aliased(writer) }
    }

    pub(super) fn aliased(writer: &mut TextWriter<'_>) -> Self {
        Self::Aliased(writer.table())
    }

    pub(super) fn table(&self, entity: &EntityMetadata) -> TableRef {
        match self {
            Self::Named => table_name(entity.schema.as_deref(), &entity.table).into(),
            Self::Aliased(table) => table.named(entity.schema.as_deref(), &entity.table),
        }
    }

    pub(super) fn column(&self, name: &str) -> Expr {
        match self {
            Self::Named => Expr::col(identifier(name)),
            Self::Aliased(table) => table.column(name),
        }
    }

    /// A value computed of the row that is written.
    pub(super) fn term(
        &self,
        writer: &mut TextWriter<'_>,
        entity: &EntityMetadata,
        term: &Term,
    ) -> Result<Expr, DriverError> {
        match (self, term) {
            (_, Term::Value(value)) => Ok(writer.bind(value.clone())),
            (Self::Aliased(table), term) => {
                writer.term(&mut Scope::from(*table, entity), entity, *table, term)
            }
            (Self::Named, _) => Err(unsupported("a value computed of a row without a name")),
        }
    }

    /// Columns, and one more than each is.
    pub(super) fn raised(
        &self,
        entity: &EntityMetadata,
        columns: &[usize],
    ) -> impl Iterator<Item = (DynIden, Expr)> {
        let name = |column: &usize| entity.columns[*column].name.as_str();
        let one = || Expr::Constant(1_i32.into());
        columns.iter().map(name).map(move |name| (identifier(name), self.column(name).add(one())))
    }

    /// What rows of the table must meet, if anything.
    pub(super) fn guard(
        &self,
        writer: &mut TextWriter<'_>,
        entity: &EntityMetadata,
        guard: &Expression,
    ) -> Result<Option<Expr>, DriverError> {
        match self {
            Self::Aliased(table) if !is_always(guard) => writer.guard(entity, *table, guard).map(Some),
            Self::Aliased(_) | Self::Named => Ok(None),
        }
    }
}

impl TextWriter<'_> {
    /// `expression` on the rows of `table`, where no to-one relations can be joined.
    pub(super) fn guard(
        &mut self,
        entity: &EntityMetadata,
        table: Table,
        expression: &Expression,
    ) -> Result<Expr, DriverError> {
        if self.dialect.joined_writes().is_some() && asks_others(entity, expression) {
            let key = names(entity, entity.key_columns()).map(|name| table.column(name)).collect();
            let (aside, rows) = (self.table(), self.read_aside(entity, expression, &[])?);
            let mut keys = SelectStatement::new();
            keys.exprs(names(entity, entity.key_columns()).map(|name| aside.column(name)));
            keys.from_subquery(rows, aside.alias());
            return Ok(tuple(key).in_subquery(keys));
        }
        if !joins(entity, expression) {
            return self.condition(&mut Scope::from(table, entity), entity, table, expression);
        }
        let same = self.table();
        let mut scope = Scope::from(same, entity);
        scope.select.expr(Expr::Constant(1_i32.into()));
        let condition = self.condition(&mut scope, entity, same, expression)?;
        let key = || names(entity, entity.key_columns());
        scope.select.and_where(same.pairs(key(), table, key()).and(condition));
        Ok(self.dialect.exists(scope.select))
    }
}

impl TextWriter<'_> {
    /// The keys of the rows that meet `expression`, and then values computed of them, named `v0` and so on: read before
    /// any of the rows is written. Without the DISTINCT, MySQL would make one select of it and what it stands in.
    pub(super) fn read_aside(
        &mut self,
        entity: &EntityMetadata,
        expression: &Expression,
        terms: &[&Term],
    ) -> Result<SelectStatement, DriverError> {
        let inner = self.table();
        let mut scope = Scope::from(inner, entity);
        scope.select.distinct().exprs(names(entity, entity.key_columns()).map(|name| inner.column(name)));
        for (at, term) in terms.iter().enumerate() {
            let value = self.term(&mut scope, entity, inner, term)?;
            scope.select.expr_as(value, Alias::new(computed_name(at)));
        }
        if !is_always(expression) {
            let condition = self.condition(&mut scope, entity, inner, expression)?;
            scope.select.and_where(condition);
        }
        Ok(scope.select)
    }
}

/// The name of a value that was computed aside. No column is called so.
pub(super) fn computed_name(at: usize) -> String {
    format!("orm value {at}")
}

/// Whether other rows are asked for the rows that `expression` is about, or could be.
pub(super) fn asks_others(entity: &EntityMetadata, expression: &Expression) -> bool {
    match expression {
        Expression::And(_) | Expression::Or(_) => {
            flattened(expression).into_iter().any(|part| asks_others(entity, part))
        }
        Expression::Not(inner) => asks_others(entity, inner),
        Expression::Related { .. } | Expression::Fragment(_) => true,
        Expression::CompareTerms { left, right, .. } => asks_of(entity, left) || asks_of(entity, right),
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => asks_of(entity, term),
        Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::IsNull { .. }
        | Expression::Between { .. }
        | Expression::Text { .. }
        | Expression::List { .. }
        | Expression::KeyIn { .. }
        | Expression::References { .. }
        | Expression::Invalid { .. } => false,
    }
}

/// As [`asks_others`], for a term.
pub(super) fn asks_of(entity: &EntityMetadata, term: &Term) -> bool {
    match term {
        Term::Property { path, .. } => !path.is_empty(),
        Term::Fragment(_) => true,
        Term::When { condition, then } => asks_others(entity, condition) || asks_of(entity, then),
        term => term.parts().any(|part| asks_of(entity, part)),
    }
}

/// Whether a to-one relation is joined to the rows that `expression` is about.
fn joins(entity: &EntityMetadata, expression: &Expression) -> bool {
    match expression {
        Expression::And(_) | Expression::Or(_) => {
            flattened(expression).into_iter().any(|part| joins(entity, part))
        }
        Expression::Not(inner) => joins(entity, inner),
        Expression::Related { relation, quantifier: Quantifier::Is, .. } => {
            leaf::relation(entity, *relation).is_ok_and(|relation| !relation.is_to_many())
        }
        Expression::CompareTerms { left, right, .. } => leads_on(left) || leads_on(right),
        Expression::TermIn { term, .. }
        | Expression::TermIsNull { term }
        | Expression::TermText { term, .. } => leads_on(term),
        Expression::Fragment(fragment) => fragment_leads_on(fragment),
        Expression::Related { .. }
        | Expression::Compare { .. }
        | Expression::In { .. }
        | Expression::IsNull { .. }
        | Expression::Between { .. }
        | Expression::Text { .. }
        | Expression::List { .. }
        | Expression::KeyIn { .. }
        | Expression::References { .. }
        | Expression::Invalid { .. } => false,
    }
}

/// Whether a term is computed of related rows.
pub(super) fn leads_on(term: &Term) -> bool {
    match term {
        Term::Property { path, .. } => !path.is_empty(),
        Term::Fragment(fragment) => fragment_leads_on(fragment),
        _ => term.parts().any(leads_on),
    }
}

fn fragment_leads_on(fragment: &Fragment) -> bool {
    fragment.parts.iter().any(|part| matches!(part, FragmentPart::Term(term) if leads_on(term)))
}
