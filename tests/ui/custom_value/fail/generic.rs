use orm_core::CustomValue;

#[derive(CustomValue, Clone)]
struct Wrapper<T>(T);

fn main() {}
