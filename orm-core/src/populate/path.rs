//! Shapes that are known only at run time: paths given as text, and relations that are always populated.

use crate::entity::Shape;
use crate::error::{Error, Result};
use crate::metadata::{EntityId, EntityMetadata, Metadata};

/// Adds the relations of a path such as `books.tags` to `shape`.
///
/// # Errors
///
/// [`Error::UnknownPath`], with the closest name that exists.
pub(crate) fn parse_path(metadata: &Metadata, root: EntityId, path: &str, shape: &mut Shape) -> Result<()> {
    let mut entity = metadata.entity(root);
    let mut shape = shape;
    for step in path.split('.') {
        let Some((index, relation)) = entity.relation(step) else {
            return Err(Error::UnknownPath {
                path: path.to_owned(),
                entity: entity.name,
                relation: step.to_owned(),
                suggestion: closest(entity, step),
            });
        };
        shape = shape.entry(index);
        entity = metadata.entity(relation.target);
    }
    Ok(())
}

/// The relation whose name is nearest, if it is near at all.
fn closest(entity: &EntityMetadata, name: &str) -> Option<&'static str> {
    let scored = entity.relations.iter().map(|relation| {
        (strsim::damerau_levenshtein(&relation.name.to_lowercase(), &name.to_lowercase()), relation.name)
    });
    let (distance, nearest) = scored.min()?;
    let limit = (name.chars().count() / 3).max(2);
    (distance <= limit).then_some(nearest)
}

/// What `#[entity(eager)]` populates below `entity`. A relation that leads back to a type on its own path ends there.
pub(crate) fn eager_shape(metadata: &Metadata, entity: EntityId) -> Shape {
    let mut shape = Shape::default();
    add_eager(metadata, entity, &mut vec![entity], &mut shape);
    shape
}

fn add_eager(metadata: &Metadata, entity: EntityId, path: &mut Vec<EntityId>, shape: &mut Shape) {
    for (index, relation) in metadata.entity(entity).relations.iter().enumerate() {
        if !relation.eager {
            continue;
        }
        let below = shape.entry(index);
        if !path.contains(&relation.target) {
            path.push(relation.target);
            add_eager(metadata, relation.target, path, below);
            path.pop();
        }
    }
}
