//! Types of the user that have the names of type parameters, of prelude types, or another name here than where they
//! are declared.

use orm_core::{Collection, Ref};

/// One letter is a name like any other.
macro_rules! entities {
    ($($name:ident -> $target:ident),*) => { $(
        #[derive(orm_core::Entity, Clone, Debug, Default)]
        struct $name {
            #[entity(id, auto)]
            id: i64,
            next: std::option::Option<Ref<$target>>,
            #[entity(mapped_by = "next")]
            previous: Collection<$target>,
        }
    )* };
}

entities!(P -> N, N -> P, W -> M, M -> W, S0 -> S1, S1 -> S0, Next -> Previous, Previous -> Next);

mod prelude_names {
    #[allow(dead_code)]
    pub struct Option;
    #[allow(dead_code)]
    pub struct Result;
    #[allow(dead_code)]
    pub struct Vec;
    #[allow(dead_code)]
    pub trait Clone {}
    #[allow(dead_code)]
    pub trait Default {}
    #[allow(dead_code)]
    pub trait From {}
}

mod hidden_prelude {
    #[allow(unused_imports)]
    use super::prelude_names::{Clone, Default, From, Option, Result, Vec};

    #[derive(orm_core::Entity, std::clone::Clone, Debug, std::default::Default)]
    pub struct Entry {
        #[entity(id, default = new_id)]
        id: std::string::String,
        #[entity(skip)]
        scratch: u8,
        parent: std::option::Option<orm_core::Ref<Self>>,
        #[entity(many_to_many)]
        entries: orm_core::Collection<Entry>,
    }

    fn new_id() -> std::string::String {
        std::string::String::new()
    }

    #[derive(orm_core::EnumValue, std::clone::Clone)]
    pub enum Kind {
        Some,
        None,
        Ok,
        Err,
    }

    #[derive(orm_core::NewtypeValue, std::clone::Clone)]
    pub struct Inner(i64);
}

mod people {
    #[derive(orm_core::Entity, Clone, Debug, Default)]
    pub struct User {
        #[entity(id, auto)]
        id: i64,
        #[entity(mapped_by = "user")]
        sessions: orm_core::Collection<super::Session>,
    }
}

use people::User as DatabaseUser;

/// The target has another name here; `mapped_by` finds it all the same.
#[derive(orm_core::Entity, Clone, Debug, Default)]
struct Session {
    #[entity(id, auto)]
    id: i64,
    user: Ref<DatabaseUser>,
}

fn main() {
    #[derive(orm_core::Entity, Clone, Debug, Default)]
    struct Local {
        #[entity(id, auto)]
        id: i64,
        other: Option<Ref<Local>>,
    }
    let _ = (Local::OTHER, P::NEXT, S0::PREVIOUS, Session::USER, hidden_prelude::Entry::default());
}
