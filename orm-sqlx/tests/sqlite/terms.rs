//! Computed values mean what the core says, compared with an evaluation that knows no SQL.

use orm_core::condition::{
    Aggregation, Arithmetic, Comparison, Expression, Function, NullPlace, OrderTerm, Term, TextMatch,
};
use orm_core::driver::{Driver as _, RowReader, RowSink, RowSinkError, Select, Selection};
use orm_core::metadata::{EntityMetadata, PropertyKind};
use orm_core::value::{ColumnType, Value, ValueError};
use orm_sqlx::Sqlite;

use crate::database::{count, open, read, rows};
use crate::fixture::metadata;
use crate::operations::{Random, int, not, text};
use crate::world::World;

/// What kind of value a term is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Float,
    Text,
}

impl Kind {
    const ALL: [Self; 3] = [Self::Int, Self::Float, Self::Text];

    fn of(column_type: ColumnType) -> Option<Self> {
        match column_type {
            ColumnType::Int(_) | ColumnType::UnsignedInt(_) => Some(Self::Int),
            ColumnType::Float | ColumnType::Double => Some(Self::Float),
            ColumnType::Text => Some(Self::Text),
            _ => None,
        }
    }
}

/// Fields of a kind: of the entity, and of what one or two to-one relations lead to.
fn fields(entity: &EntityMetadata, kind: Kind) -> Vec<Term> {
    let metadata = metadata();
    let mut paths: Vec<(Vec<usize>, &EntityMetadata)> = vec![(Vec::new(), metadata.entity(entity.id))];
    let mut at = 0;
    while let Some((path, entity)) = paths.get(at).cloned() {
        at += 1;
        let to_one = entity.relations.iter().enumerate().filter(|(_, relation)| !relation.is_to_many());
        if path.len() < 2 {
            paths.extend(to_one.map(|(index, relation)| {
                ([path.clone(), vec![index]].concat(), metadata.entity(relation.target))
            }));
        }
    }
    let fields = paths.iter().flat_map(|(path, entity)| {
        let properties = entity.properties.iter().enumerate();
        let of_kind = properties.filter(|(_, property)| {
            property.kind == PropertyKind::Scalar
                && Kind::of(entity.columns[property.columns.start].column_type) == Some(kind)
        });
        of_kind.map(|(property, _)| Term::Property { path: path.clone(), property })
    });
    fields.collect()
}

impl Random {
    fn comparison(&mut self) -> Comparison {
        self.one_of(&[
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ])
    }

    fn value_of(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Int => int(i64::try_from(self.below(6)).unwrap() - 2),
            Kind::Float => self.value(ColumnType::Double),
            Kind::Text if self.below(4) == 0 => text(self.one_of(&[" a ", "", "  "])),
            Kind::Text => self.value(ColumnType::Text),
        }
    }

    /// A value computed for a row of `entity`, of `depth` levels at the most.
    fn term(&mut self, entity: &EntityMetadata, kind: Kind, depth: usize) -> Term {
        let fields = fields(entity, kind);
        match self.below(if depth == 0 { 2 } else { 6 }) {
            0 if !fields.is_empty() => self.one_of(&fields),
            0 | 1 => Term::Value(self.value_of(kind)),
            2 => self.call(Function::Coalesce, entity, [kind, kind], depth),
            _ => self.computed(entity, kind, depth),
        }
    }

    fn computed(&mut self, entity: &EntityMetadata, kind: Kind, depth: usize) -> Term {
        let operators = [Arithmetic::Add, Arithmetic::Subtract, Arithmetic::Multiply, Arithmetic::Divide];
        match (kind, self.below(4)) {
            (Kind::Int, 0) => self.call(Function::Length, entity, [Kind::Text], depth),
            (Kind::Int | Kind::Float, 1) => self.call(Function::Abs, entity, [kind], depth),
            (Kind::Int | Kind::Float, at) => {
                let operator = match (kind, at) {
                    (Kind::Int, 2) => Arithmetic::Remainder,
                    _ => self.one_of(&operators),
                };
                let mut side = || Box::new(self.term(entity, kind, depth - 1));
                Term::Arithmetic { operator, left: side(), right: side() }
            }
            (Kind::Text, 0) => self.call(Function::Concat, entity, [Kind::Text; 3], depth),
            (Kind::Text, _) => {
                let function = self.one_of(&[Function::Lower, Function::Upper, Function::Trim]);
                self.call(function, entity, [Kind::Text], depth)
            }
        }
    }

    fn call<const N: usize>(
        &mut self,
        function: Function,
        entity: &EntityMetadata,
        kinds: [Kind; N],
        depth: usize,
    ) -> Term {
        let arguments = kinds.map(|kind| self.term(entity, kind, depth - 1)).into();
        Term::Call { function, arguments }
    }

    /// A condition on computed values.
    fn condition(&mut self, entity: &EntityMetadata, depth: usize) -> Expression {
        let kind = self.one_of(&Kind::ALL);
        match self.below(if depth == 0 { 5 } else { 8 }) {
            0 | 1 => Expression::CompareTerms {
                left: self.term(entity, kind, 3),
                comparison: self.comparison(),
                right: self.term(entity, kind, 1),
            },
            2 => Expression::TermIn {
                term: self.term(entity, kind, 2),
                values: (0..self.below(4)).map(|_| self.value_of(kind)).collect(),
            },
            3 => Expression::TermIsNull { term: self.term(entity, kind, 3) },
            4 => Expression::TermText {
                term: self.term(entity, Kind::Text, 2),
                matching: self.one_of(&[
                    TextMatch::LikeIgnoringCase,
                    TextMatch::Contains,
                    TextMatch::EndsWith,
                ]),
                text: self.one_of(&["%b%", "a_", "", "a", "B"]).to_owned(),
            },
            5 => not(self.condition(entity, depth - 1)),
            6 => self.condition(entity, depth - 1).and(self.condition(entity, depth - 1)),
            _ => self.condition(entity, depth - 1).or(self.condition(entity, depth - 1)),
        }
    }

    fn by(&mut self, term: Term) -> OrderTerm {
        let nulls = self.one_of(&[None, Some(NullPlace::First), Some(NullPlace::Last)]);
        OrderTerm { term, descending: self.below(2) == 0, nulls, value_type: None }
    }

    /// Rows of an entity by computed values; the key comes last, so that there are no ties.
    fn select_by_terms(&mut self, entity: &EntityMetadata) -> Select {
        let mut order = Vec::new();
        for _ in 0..self.below(3) {
            let kind = self.one_of(&Kind::ALL);
            let term = self.term(entity, kind, 2);
            order.push(self.by(term));
        }
        order.extend(entity.primary_key.iter().map(|key| OrderTerm::new(Vec::new(), *key, false)));
        Select { condition: self.condition(entity, 2), order, ..Select::new(metadata(), entity.id) }
    }

    /// An aggregate, and what kind of value it is. Floats are not added up: in which order, the database decides.
    fn aggregate(&mut self, entity: &EntityMetadata) -> (Term, Kind) {
        let (aggregate, of) = match self.below(7) {
            0 => return (Term::Aggregate { aggregate: Aggregation::Count, of: None }, Kind::Int),
            1 => (Aggregation::Sum, Kind::Int),
            2 => (Aggregation::Average, Kind::Int),
            3 => (Aggregation::CountDistinct, self.one_of(&[Kind::Int, Kind::Text])),
            4 => (Aggregation::Count, self.one_of(&Kind::ALL)),
            _ => (self.one_of(&[Aggregation::Min, Aggregation::Max]), self.one_of(&Kind::ALL)),
        };
        let kind = match aggregate {
            Aggregation::Average => Kind::Float,
            Aggregation::Min | Aggregation::Max => of,
            Aggregation::Count | Aggregation::CountDistinct | Aggregation::Sum => Kind::Int,
        };
        (Term::Aggregate { aggregate, of: Some(Box::new(self.term(entity, of, 2))) }, kind)
    }

    /// Groups of an entity, and the kinds of what is selected; what they are grouped by orders them last.
    fn select_groups(&mut self, entity: &EntityMetadata) -> (Select, Vec<Kind>) {
        let by = (0..self.below(3)).map(|_| {
            let kind = self.one_of(&[Kind::Int, Kind::Text]);
            (self.term(entity, kind, 2), kind)
        });
        let by: Vec<(Term, Kind)> = by.collect();
        let of_group: Vec<(Term, Kind)> = (0..=self.below(3)).map(|_| self.aggregate(entity)).collect();
        let (left, kind) = self.aggregate(entity);
        let right = Term::Value(self.value_of(kind));
        let having = match self.below(3) {
            0 => Expression::always(),
            1 => not(Expression::TermIsNull { term: left }),
            _ => Expression::CompareTerms { left, comparison: self.comparison(), right },
        };
        let mut order = Vec::new();
        if self.below(2) == 0 {
            order.push(self.by(of_group[0].0.clone()));
        }
        for (term, _) in &by {
            order.push(self.by(term.clone()));
        }
        let group_by = by.iter().map(|(term, _)| term.clone()).collect();
        let (terms, kinds) = by.into_iter().chain(of_group).unzip();
        let condition = if self.below(3) == 0 { self.condition(entity, 1) } else { Expression::always() };
        let selection = Selection::Terms(terms);
        let select =
            Select { selection, condition, group_by, having, order, ..Select::new(metadata(), entity.id) };
        (select, kinds)
    }
}

const ENTITIES: [&str; 5] = ["Author", "Book", "Category", "Booking", "Profile"];

fn show(select: &Select) -> String {
    let statement = orm_sql::Statements::sqlite().select(select).unwrap();
    format!("{}\n{:?}", statement.sql, statement.values)
}

#[tokio::test]
async fn random_terms_choose_and_order_the_rows_that_they_describe() {
    let (mut queries, mut with_rows) = (0, 0);
    for seed in 0..8 {
        let mut random = Random::new(seed);
        let world = World::random(&mut random, 9);
        let (driver, _) = open().await;
        world.store(&driver).await;
        for _ in 0..300 {
            let metadata = metadata();
            let name = random.one_of(&ENTITIES);
            let select = random.select_by_terms(metadata.entity_named(name).unwrap());
            let expected = world.select(&select, true);
            assert_eq!(rows(&driver, &select).await.unwrap(), expected, "{}", show(&select));
            assert_eq!(count(&driver, &select).await, expected.len() as u64, "{}", show(&select));
            queries += 1;
            with_rows += usize::from(!expected.is_empty());
        }
    }
    assert!(with_rows * 3 > queries, "{with_rows} of {queries} gave rows");
}

#[tokio::test]
async fn random_groups_have_the_aggregates_that_they_describe() {
    let (mut queries, mut with_rows) = (0, 0);
    for seed in 100..108 {
        let mut random = Random::new(seed);
        let world = World::random(&mut random, 9);
        let (driver, _) = open().await;
        world.store(&driver).await;
        for _ in 0..300 {
            let metadata = metadata();
            let name = random.one_of(&ENTITIES);
            let (select, kinds) = random.select_groups(metadata.entity_named(name).unwrap());
            let expected = world.groups(&select);
            assert_eq!(values(&driver, &select, &kinds).await, expected, "{}", show(&select));
            queries += 1;
            with_rows += usize::from(expected.len() > 1);
        }
    }
    assert!(with_rows * 4 > queries, "{with_rows} of {queries} gave several groups");
}

/// The rows of a select of terms.
async fn values(driver: &Sqlite, select: &Select, kinds: &[Kind]) -> Vec<Vec<Value>> {
    let mut collect = Collect { kinds: kinds.to_vec(), rows: Vec::new() };
    let selected = driver.acquire().await.unwrap().select(select, &mut collect).await;
    selected.unwrap_or_else(|error| panic!("{error:?}: {}", show(select)));
    collect.rows
}

struct Collect {
    kinds: Vec<Kind>,
    rows: Vec<Vec<Value>>,
}

impl RowSink for Collect {
    fn row(&mut self, row: &dyn RowReader) -> Result<(), RowSinkError> {
        let values = self.kinds.iter().enumerate().map(|(at, kind)| match kind {
            Kind::Int if row.is_null(at)? => Ok(Value::Null),
            Kind::Int => Ok(int(row.int(at)?)),
            // One zero for both.
            Kind::Float => Ok(match read(row, at, ColumnType::Double)? {
                Value::Float(number) => Value::Float(number + 0.0),
                other => other,
            }),
            Kind::Text => read(row, at, ColumnType::Text),
        });
        self.rows.push(values.collect::<Result<Vec<Value>, ValueError>>()?);
        Ok(())
    }
}
