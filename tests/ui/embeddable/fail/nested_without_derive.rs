use orm_core::Embeddable;

#[derive(Clone)]
struct Geo {
    lat: f64,
    lon: f64,
}

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    #[embeddable(embedded)]
    geo: Geo,
}

fn main() {}
