//! A chain of 64 entities, each related to the next from both sides. Generated: the text of one entity, 64 times.
//!
//! Auto traits and trait bounds must not be resolved along the whole chain at once.

use orm_core::{Collection, Entity, EntityManager, Loaded, Ref, Result};

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E1 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E2>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E2 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E3>,
    #[entity(mapped_by = "next")]
    previous: Collection<E1>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E3 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E4>,
    #[entity(mapped_by = "next")]
    previous: Collection<E2>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E4 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E5>,
    #[entity(mapped_by = "next")]
    previous: Collection<E3>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E5 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E6>,
    #[entity(mapped_by = "next")]
    previous: Collection<E4>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E6 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E7>,
    #[entity(mapped_by = "next")]
    previous: Collection<E5>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E7 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E8>,
    #[entity(mapped_by = "next")]
    previous: Collection<E6>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E8 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E9>,
    #[entity(mapped_by = "next")]
    previous: Collection<E7>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E9 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E10>,
    #[entity(mapped_by = "next")]
    previous: Collection<E8>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E10 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E11>,
    #[entity(mapped_by = "next")]
    previous: Collection<E9>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E11 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E12>,
    #[entity(mapped_by = "next")]
    previous: Collection<E10>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E12 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E13>,
    #[entity(mapped_by = "next")]
    previous: Collection<E11>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E13 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E14>,
    #[entity(mapped_by = "next")]
    previous: Collection<E12>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E14 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E15>,
    #[entity(mapped_by = "next")]
    previous: Collection<E13>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E15 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E16>,
    #[entity(mapped_by = "next")]
    previous: Collection<E14>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E16 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E17>,
    #[entity(mapped_by = "next")]
    previous: Collection<E15>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E17 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E18>,
    #[entity(mapped_by = "next")]
    previous: Collection<E16>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E18 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E19>,
    #[entity(mapped_by = "next")]
    previous: Collection<E17>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E19 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E20>,
    #[entity(mapped_by = "next")]
    previous: Collection<E18>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E20 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E21>,
    #[entity(mapped_by = "next")]
    previous: Collection<E19>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E21 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E22>,
    #[entity(mapped_by = "next")]
    previous: Collection<E20>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E22 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E23>,
    #[entity(mapped_by = "next")]
    previous: Collection<E21>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E23 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E24>,
    #[entity(mapped_by = "next")]
    previous: Collection<E22>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E24 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E25>,
    #[entity(mapped_by = "next")]
    previous: Collection<E23>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E25 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E26>,
    #[entity(mapped_by = "next")]
    previous: Collection<E24>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E26 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E27>,
    #[entity(mapped_by = "next")]
    previous: Collection<E25>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E27 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E28>,
    #[entity(mapped_by = "next")]
    previous: Collection<E26>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E28 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E29>,
    #[entity(mapped_by = "next")]
    previous: Collection<E27>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E29 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E30>,
    #[entity(mapped_by = "next")]
    previous: Collection<E28>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E30 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E31>,
    #[entity(mapped_by = "next")]
    previous: Collection<E29>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E31 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E32>,
    #[entity(mapped_by = "next")]
    previous: Collection<E30>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E32 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E33>,
    #[entity(mapped_by = "next")]
    previous: Collection<E31>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E33 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E34>,
    #[entity(mapped_by = "next")]
    previous: Collection<E32>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E34 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E35>,
    #[entity(mapped_by = "next")]
    previous: Collection<E33>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E35 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E36>,
    #[entity(mapped_by = "next")]
    previous: Collection<E34>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E36 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E37>,
    #[entity(mapped_by = "next")]
    previous: Collection<E35>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E37 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E38>,
    #[entity(mapped_by = "next")]
    previous: Collection<E36>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E38 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E39>,
    #[entity(mapped_by = "next")]
    previous: Collection<E37>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E39 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E40>,
    #[entity(mapped_by = "next")]
    previous: Collection<E38>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E40 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E41>,
    #[entity(mapped_by = "next")]
    previous: Collection<E39>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E41 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E42>,
    #[entity(mapped_by = "next")]
    previous: Collection<E40>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E42 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E43>,
    #[entity(mapped_by = "next")]
    previous: Collection<E41>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E43 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E44>,
    #[entity(mapped_by = "next")]
    previous: Collection<E42>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E44 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E45>,
    #[entity(mapped_by = "next")]
    previous: Collection<E43>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E45 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E46>,
    #[entity(mapped_by = "next")]
    previous: Collection<E44>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E46 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E47>,
    #[entity(mapped_by = "next")]
    previous: Collection<E45>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E47 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E48>,
    #[entity(mapped_by = "next")]
    previous: Collection<E46>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E48 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E49>,
    #[entity(mapped_by = "next")]
    previous: Collection<E47>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E49 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E50>,
    #[entity(mapped_by = "next")]
    previous: Collection<E48>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E50 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E51>,
    #[entity(mapped_by = "next")]
    previous: Collection<E49>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E51 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E52>,
    #[entity(mapped_by = "next")]
    previous: Collection<E50>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E52 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E53>,
    #[entity(mapped_by = "next")]
    previous: Collection<E51>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E53 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E54>,
    #[entity(mapped_by = "next")]
    previous: Collection<E52>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E54 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E55>,
    #[entity(mapped_by = "next")]
    previous: Collection<E53>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E55 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E56>,
    #[entity(mapped_by = "next")]
    previous: Collection<E54>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E56 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E57>,
    #[entity(mapped_by = "next")]
    previous: Collection<E55>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E57 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E58>,
    #[entity(mapped_by = "next")]
    previous: Collection<E56>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E58 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E59>,
    #[entity(mapped_by = "next")]
    previous: Collection<E57>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E59 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E60>,
    #[entity(mapped_by = "next")]
    previous: Collection<E58>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E60 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E61>,
    #[entity(mapped_by = "next")]
    previous: Collection<E59>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E61 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E62>,
    #[entity(mapped_by = "next")]
    previous: Collection<E60>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E62 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E63>,
    #[entity(mapped_by = "next")]
    previous: Collection<E61>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E63 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    next: Ref<E64>,
    #[entity(mapped_by = "next")]
    previous: Collection<E62>,
}

#[derive(Entity, Clone, Debug, Default, PartialEq)]
struct E64 {
    #[entity(id, auto)]
    id: i64,
    name: String,
    #[entity(mapped_by = "next")]
    previous: Collection<E63>,
}

fn is_send<T: Send + Sync + 'static>(value: T) -> T {
    value
}

async fn find(em: &EntityManager) -> Result<String> {
    let path = E1::NEXT.then(E2::NEXT.then(E3::NEXT.then(E4::NEXT)));
    let first = em.find_one_or_fail(E1::NAME.eq("first")).populate(path).await?;
    let fifth = first.next().next().next().next();
    let back: Vec<Loaded<E63>> = em.find(E63::NEXT.is(E64::NAME.eq("last"))).await?;
    Ok(format!("{} {}", fifth.get().name, back.len()))
}

fn main() {
    let chain =
        is_send(E62 { next: E63 { next: E64::default().into(), ..E63::default() }.into(), ..E62::default() });
    assert!(chain.next.is_set());
    let _future = |em: &'static EntityManager| is_send_future(find(em));
}

fn is_send_future<F: Future + Send>(future: F) -> F {
    future
}
