use orm_core::Embeddable;

#[derive(Embeddable, Clone)]
struct Geo {
    lat: f64,
    lon: f64,
}

#[derive(Embeddable, Clone)]
struct Journey {
    #[embeddable(embedded)]
    stops: Vec<Geo>,
}

fn main() {}
