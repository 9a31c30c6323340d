//! `return` and `?` keep their types, whatever the function returns.
#![deny(warnings)]

use std::fmt::Display;

use orm_core::{EntityManager, create_request_context};

#[derive(Debug)]
pub struct Refused;

#[derive(Debug)]
pub struct Failed;

impl From<Refused> for Failed {
    fn from(_: Refused) -> Self {
        Self
    }
}

fn refuse(refused: bool) -> Result<(), Refused> {
    if refused { Err(Refused) } else { Ok(()) }
}

#[create_request_context(em)]
pub async fn question_mark(em: &EntityManager, refused: bool) -> Result<usize, Failed> {
    if refused {
        return Err(Refused)?;
    }
    refuse(refused)?;
    Ok(1)
}

#[create_request_context(em)]
pub fn sync_question_mark(em: &EntityManager, refused: bool) -> Result<usize, Failed> {
    if refused {
        return Err(Refused.into());
    }
    refuse(refused)?;
    Ok(1)
}

#[create_request_context(em)]
pub async fn unit(em: &EntityManager, early: bool) {
    if early {
        return;
    }
    let _ = em;
}

#[create_request_context(em)]
pub fn sync_unit(em: &EntityManager, early: bool) {
    if early {
        return;
    }
    let _ = em;
}

#[create_request_context(em)]
pub async fn opaque(em: &EntityManager) -> impl Display + use<> {
    1
}

#[create_request_context(em)]
pub async fn opaque_in_a_result(em: &EntityManager) -> Result<impl Display + use<>, Failed> {
    refuse(false)?;
    Ok(1)
}

#[create_request_context(em)]
pub fn sync_opaque<'a>(em: &EntityManager, names: &'a [String]) -> impl Iterator<Item = &'a str> + use<'a> {
    names.iter().map(String::as_str)
}

#[create_request_context(em)]
pub async fn dynamic(em: &EntityManager, early: bool) -> Box<dyn Display + Send> {
    if early {
        return Box::new(1);
    }
    Box::new("one")
}

#[create_request_context(em)]
pub fn sync_dynamic<'a>(em: &EntityManager, name: &'a String, early: bool) -> Box<dyn Display + 'a> {
    if early {
        return Box::new(1);
    }
    Box::new(name)
}

#[create_request_context(em)]
pub async fn never(em: &EntityManager) -> ! {
    loop {
        std::future::pending::<()>().await;
    }
}

#[create_request_context(em)]
pub fn sync_never(em: &EntityManager) -> ! {
    std::process::exit(1)
}

fn main() {}
