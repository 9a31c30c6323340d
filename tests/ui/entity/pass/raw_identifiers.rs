//! Fields, relations and targets whose names are keywords.

use orm_core::{Collection, Entity, EntityManager, Ref, Result};

#[derive(Entity, Clone, Debug, Default)]
#[entity(unique(r#type, r#match), index(r#in))]
#[allow(non_camel_case_types)]
struct r#struct {
    #[entity(id, auto)]
    r#fn: i64,
    r#type: String,
    #[entity(column = "MATCH")]
    r#match: Option<i32>,
    r#in: Option<Ref<r#struct>>,
    #[entity(mapped_by = "in", order_by = "type desc, r#match")]
    r#loop: Collection<r#struct>,
}

async fn find(em: &EntityManager) -> Result<usize> {
    let found = em
        .find_one_or_fail(r#struct::TYPE.eq("x").and(r#struct::MATCH.gt(1)))
        .populate(r#struct::LOOP)
        .await?;
    let _ = (found.in_ref().key(), found.loop_ref().is_loaded(), found.try_loop()?.len());
    Ok(found.r#loop().len())
}

fn main() {
    let _ = find;
    assert_eq!((r#struct::TYPE.name(), r#struct::FN.name()), ("type", "fn"));
    assert_eq!(format!("{:?}", r#struct::IN), "struct::in");
}
