use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Geo {
    lat: f64,
    lon: f64,
}

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    #[embeddable(embedded = json)]
    geo: Geo,
}

fn main() {}
