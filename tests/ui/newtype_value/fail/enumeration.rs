use orm_core::NewtypeValue;

#[derive(NewtypeValue, Clone)]
enum Status {
    Draft,
}

fn main() {}
