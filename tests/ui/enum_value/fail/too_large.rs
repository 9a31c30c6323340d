use orm_core::EnumValue;

#[derive(EnumValue, Clone)]
#[enum_value(integer)]
#[repr(u64)]
enum Status {
    Draft = 0xffff_ffff_ffff_ffff,
}

fn main() {}
