use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Geo {
    lat: f64,
    lon: f64,
}

#[derive(Embeddable, Clone)]
struct Address {
    zip: String,
    geo: Geo,
}

fn main() {}
