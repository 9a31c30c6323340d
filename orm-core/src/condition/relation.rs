//! Conditions through relations: what the constants of relations offer.

use std::fmt;
use std::marker::PhantomData;

use super::expression::{Expression, Quantifier};
use super::field::Condition;
use super::order::OrderBy;
use super::term::Term;
use super::typed::Expr;
use crate::entity::{Entity, ItemsOf, Key, Loaded, NestedPath, RelationField, Then};
use crate::metadata::description::RelationShape;
use crate::relation::ErasedReference as _;
use crate::relation::{BoundRef, Ref, Target};
use crate::value::FieldValue;

/// What every to-one relation constant (`Book::AUTHOR`) offers.
pub struct ToOne<R>(PhantomData<fn() -> R>);

/// What every to-many relation constant (`Author::BOOKS`) offers.
pub struct ToMany<R>(PhantomData<fn() -> R>);

macro_rules! marker {
    ($name:ident) => {
        impl<R> $name<R> {
            /// Called by the derive.
            #[doc(hidden)]
            #[must_use]
            pub const fn __new() -> Self {
                Self(PhantomData)
            }
        }

        impl<R: RelationField> fmt::Debug for $name<R> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}.{}", R::Owner::__DESCRIPTION.name, R::NAME)
            }
        }

        impl<R: RelationField> $name<R> {
            /// This relation and, below it, `nested`: a relation of the target or a tuple of them.
            #[must_use]
            pub fn then<Q: NestedPath<R::Target>>(&self, nested: Q) -> Then<R, Q::Record> {
                Then::new(nested)
            }

            fn related(quantifier: Quantifier, inner: Condition<R::Target>) -> Condition<R::Owner> {
                Condition::new(Expression::Related {
                    relation: R::INDEX,
                    quantifier,
                    inner: Box::new(inner.expression),
                })
            }
        }
    };
}

marker!(ToOne);
marker!(ToMany);

impl<R: RelationField> ToOne<R> {
    /// The related entity meets `condition`; not met where there is none.
    pub fn is(&self, condition: Condition<R::Target>) -> Condition<R::Owner> {
        Self::related(Quantifier::Is, condition)
    }

    /// The related entity is this one: a handle, a [`Ref`] or a key. Compares the foreign key, without a join.
    pub fn eq(&self, target: impl IntoKeyOperand<R::Target>) -> Condition<R::Owner> {
        Self::one_of([target])
    }

    /// The related entity is another one; not met where there is none.
    pub fn ne(&self, target: impl IntoKeyOperand<R::Target>) -> Condition<R::Owner> {
        Self::one_of([target]).not()
    }

    /// The related entity is one of these; of none, nothing.
    pub fn in_<I>(&self, targets: I) -> Condition<R::Owner>
    where
        I: IntoIterator,
        I::Item: IntoKeyOperand<R::Target>,
    {
        Self::one_of(targets)
    }

    /// There is no related entity.
    pub fn is_null(&self) -> Condition<R::Owner> {
        match Self::property() {
            Some(property) => Condition::new(Expression::IsNull { property }),
            None => Self::related(Quantifier::None, Condition::always()),
        }
    }

    /// There is a related entity.
    pub fn is_not_null(&self) -> Condition<R::Owner> {
        self.is_null().not()
    }

    /// Orders by a field of the related entity.
    #[must_use]
    pub fn order(&self, order: impl Into<OrderBy<R::Target>>) -> OrderBy<R::Owner> {
        let mut terms = order.into().terms;
        for term in &mut terms {
            term.term.lead_through(R::INDEX);
        }
        OrderBy::of(terms)
    }

    /// The foreign key, without a join: to be selected, grouped and ordered by. `None` where there is no related
    /// entity.
    pub fn key(&self) -> Expr<R::Owner, Option<<R::Target as Entity>::Key>>
    where
        <R::Target as Entity>::Key: FieldValue,
    {
        Expr::new(match Self::property() {
            Some(property) => Term::property(property),
            None => {
                let properties = R::Target::__DESCRIPTION.properties;
                let key = properties.iter().position(|property| property.id).unwrap_or_default();
                Term::Property { path: vec![R::INDEX], property: key }
            }
        })
    }

    fn one_of<I>(targets: I) -> Condition<R::Owner>
    where
        I: IntoIterator,
        I::Item: IntoKeyOperand<R::Target>,
    {
        let property = Self::property();
        let mut keys = Vec::new();
        let mut any = Expression::never();
        for target in targets {
            match (target.into_key_operand(), property) {
                (Target::Key(values), _) => keys.push(values),
                (Target::Cell(cell), Some(property)) => {
                    any = any.or(Expression::References { property, cell })
                }
                (Target::Invalid(error), property) => {
                    return Condition::new(Expression::Invalid {
                        property: property.unwrap_or_default(),
                        error,
                    });
                }
                // Nothing points to what is not persisted.
                (Target::Unset | Target::New | Target::Cell(_), _) => {}
            }
        }
        let keys = match property {
            Some(_) => Expression::KeyIn { property, keys },
            None => Expression::Related {
                relation: R::INDEX,
                quantifier: Quantifier::Is,
                inner: Box::new(Expression::KeyIn { property: None, keys }),
            },
        };
        let is_only_keys = matches!(&any, Expression::Or(list) if list.is_empty());
        Condition::new(if is_only_keys { keys } else { any.or(keys) })
    }

    /// The foreign key's property, where this side has it.
    fn property() -> Option<usize> {
        let relation = &R::Owner::__DESCRIPTION.relations[R::INDEX];
        match relation.shape {
            RelationShape::Reference => relation.property,
            RelationShape::InverseReference
            | RelationShape::InverseCollection
            | RelationShape::OwningCollection => None,
        }
    }
}

impl<R: RelationField> ToMany<R> {
    /// To populate only items that meet `condition`; see [`ItemsOf`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use orm_core::{Collection, Entity, EntityManager, Ref, Result};
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Author { #[entity(id, auto)] id: i64, #[entity(mapped_by = "author")] books: Collection<Book> }
    /// # #[derive(Entity, Clone, Debug, Default)]
    /// # struct Book { #[entity(id, auto)] id: i64, price: i64, author: Ref<Author> }
    /// # async fn example(em: EntityManager) -> Result<()> {
    /// let dear = Author::BOOKS.filter(Book::PRICE.gt(10)).order_by(Book::PRICE.desc()).limit_per_parent(3);
    /// for author in em.find_all::<Author>().populate(dear).await? {
    ///     assert!(author.books().len() <= 3);
    /// }
    /// # Ok(()) }
    /// ```
    #[must_use]
    pub fn filter(&self, condition: Condition<R::Target>) -> ItemsOf<R> {
        ItemsOf::all().filter(condition)
    }

    /// To populate the items in this order; see [`ItemsOf`].
    #[must_use]
    pub fn order_by(&self, order: impl Into<OrderBy<R::Target>>) -> ItemsOf<R> {
        ItemsOf::all().order_by(order)
    }

    /// To populate at most so many items of each owner; see [`ItemsOf`].
    #[must_use]
    pub fn limit_per_parent(&self, limit: u64) -> ItemsOf<R> {
        ItemsOf::all().limit_per_parent(limit)
    }

    /// At least one of the related entities meets `condition`.
    pub fn some(&self, condition: Condition<R::Target>) -> Condition<R::Owner> {
        Self::related(Quantifier::Some, condition)
    }

    /// Not one of the related entities meets `condition`; met where there are none.
    pub fn none(&self, condition: Condition<R::Target>) -> Condition<R::Owner> {
        Self::related(Quantifier::None, condition)
    }

    /// Each of the related entities meets `condition`; met where there are none.
    pub fn every(&self, condition: Condition<R::Target>) -> Condition<R::Owner> {
        Self::related(Quantifier::Every, condition)
    }
}

/// What a to-one relation can be compared with: a handle, a [`Ref`] or a key.
#[diagnostic::on_unimplemented(
    message = "a relation to `{T}` can't be compared with `{Self}`",
    label = "neither a `{T}` nor its key"
)]
pub trait IntoKeyOperand<T: Entity> {
    #[doc(hidden)]
    fn into_key_operand(self) -> Target;
}

impl<T: Entity<Key = K>, K: Key> IntoKeyOperand<T> for K {
    fn into_key_operand(self) -> Target {
        self.to_values().map_or_else(Target::Invalid, Target::Key)
    }
}

impl<T: Entity, P: 'static> IntoKeyOperand<T> for &Loaded<T, P> {
    fn into_key_operand(self) -> Target {
        match self.try_id() {
            Some(key) => key.to_values().map_or_else(Target::Invalid, Target::Key),
            None => self.to_ref().target(),
        }
    }
}

impl<T: Entity> IntoKeyOperand<T> for &Ref<T> {
    fn into_key_operand(self) -> Target {
        match self.try_key() {
            Some(key) => key.to_values().map_or_else(Target::Invalid, Target::Key),
            None => self.target(),
        }
    }
}

impl<T: Entity> IntoKeyOperand<T> for Ref<T> {
    fn into_key_operand(self) -> Target {
        (&self).into_key_operand()
    }
}

impl<T: Entity> IntoKeyOperand<T> for &BoundRef<T> {
    fn into_key_operand(self) -> Target {
        self.target()
    }
}
