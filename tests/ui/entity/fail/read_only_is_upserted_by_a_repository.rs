use orm_core::{Entity, Repository};

#[derive(Entity, Clone)]
#[entity(read_only)]
struct Country {
    #[entity(id)]
    code: String,
}

fn main() {}

async fn is_refused(countries: Repository<Country>) {
    let _ = countries.upsert(Country { code: "is".to_owned() }).await;
}
