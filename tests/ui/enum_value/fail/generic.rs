use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
enum Status<T> {
    Draft,
    Of(T),
}

fn main() {}
