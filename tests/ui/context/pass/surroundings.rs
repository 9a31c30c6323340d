//! Names, attributes, visibility and documentation around the body stay as they are.
#![deny(warnings, missing_docs)]

use orm_core::{EntityManager, create_request_context};

/// Has names that emitted code uses as well.
#[create_request_context(manager)]
pub async fn names(manager: &EntityManager, output: usize, value: usize) -> usize {
    const fn context_manager() -> usize {
        1
    }
    let source = context_manager();
    let _ = manager;
    source + output + value
}

/// Has inner attributes.
#[create_request_context(manager)]
#[must_use]
#[inline]
pub(crate) fn attributes(manager: &EntityManager) -> usize {
    #![expect(unused_variables, reason = "a test of inner attributes")]
    let unused = 1;
    2
}

/// Documented, async and with inner attributes.
#[create_request_context(manager)]
#[cfg(not(any()))]
pub async fn async_attributes(manager: &EntityManager) -> usize {
    #![expect(unused_variables, reason = "a test of inner attributes")]
    let unused = 1;
    2
}

/// Keeps qualifiers.
#[create_request_context(manager)]
pub extern "C" fn qualifiers(manager: &EntityManager) -> usize {
    1
}

macro_rules! declare {
    ($name:ident, $output:ty, $source:expr, $value:expr) => {
        /// Is declared by a macro.
        #[create_request_context($source)]
        pub async fn $name() -> $output {
            $value
        }
    };
}

fn shared() -> EntityManager {
    unreachable!()
}

declare!(declared, usize, shared(), 1);

/// Is used, so that nothing is dead.
pub fn uses(manager: &EntityManager) -> usize {
    attributes(manager)
}

fn main() {}
