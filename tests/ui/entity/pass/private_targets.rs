//! A public entity with private fields of private types, and a private entity with public fields.
//!
//! What is generated for a field is as visible as the field, what is generated for the entity as the entity.

#![deny(warnings)]

pub mod shop {
    use orm_core::{Collection, Entity, EntityManager, EnumValue, NewtypeValue, Ref, Result};

    #[derive(EnumValue, Clone, Debug, Default)]
    enum State {
        #[default]
        Open,
    }

    #[derive(NewtypeValue, Clone, Debug, Default)]
    struct Pence(i64);

    #[derive(Entity, Clone, Debug, Default)]
    struct Secret {
        #[entity(id, auto)]
        pub id: i64,
        pub order: Option<Ref<Order>>,
        #[entity(mapped_by = "secret")]
        pub orders: Collection<Order>,
    }

    #[derive(Entity, Clone, Debug, Default)]
    pub struct Order {
        #[entity(id, auto)]
        pub id: i64,
        state: State,
        total: Pence,
        secret: Option<Ref<Secret>>,
        #[entity(mapped_by = "order")]
        secrets: Collection<Secret>,
        pub(crate) next: Option<Ref<Order>>,
        pub(super) previous: Option<Ref<Order>>,
    }

    pub async fn read(em: &EntityManager) -> Result<Option<i64>> {
        let order = em
            .find_one_or_fail(Order::STATE.eq(State::Open))
            .populate((Order::SECRET, Order::SECRETS))
            .await?;
        let _ = (order.secrets().len(), &order.get().total, Order::TOTAL);
        Ok(order.secret().map(|secret| secret.id()))
    }

    pub(super) mod stock {
        #[derive(orm_core::Entity, Clone, Debug, Default)]
        pub(in crate::shop) struct Shelf {
            #[entity(id, auto)]
            pub id: i64,
            pub(super) item: Option<orm_core::Ref<Self>>,
            pub(crate) other: Option<orm_core::Ref<super::Order>>,
        }
    }

    pub fn shelf() -> usize {
        let shelf = stock::Shelf::default();
        [shelf.item.is_some(), shelf.other.is_some(), shelf.id == 0].len()
    }
}

fn main() {
    let _ = (shop::read, shop::Order::ID, shop::Order::NEXT, shop::Order::PREVIOUS, shop::shelf());
}
