//! A model-based test: random steps, done to the ORM and to a naive model of it, which must agree after each.
//!
//! [`run`] draws sequences of steps, and prints the shortest one that fails. The naive model is in [`reference`](mod@reference), the
//! steps in [`operation`]; [`system`] does them to both, and [`observe`] compares.

pub mod entities;
pub mod observe;
pub mod operation;
pub mod polls;
pub mod reference;
pub mod system;

use std::cell::RefCell;
use std::marker::PhantomData;

use proptest::strategy::{BoxedStrategy, Just, Strategy};
use proptest::test_runner::{Config, RngSeed, TestError, TestRunner};
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest};
use tokio::runtime::Runtime;

use crate::{Backend, TestDb};
use operation::{Operation, Script};
use system::System;

/// How many sequences are run, if `ORM_MODEL_RUNS` says nothing else.
const RUNS: u32 = 2_000;

/// How long a sequence is at most.
const STEPS: usize = 60;

/// Runs one of several shares of all sequences.
///
/// `ORM_MODEL_RUNS` sets how many there are in all, `ORM_MODEL_SEED` where drawing them begins.
///
/// # Panics
///
/// When a sequence fails, with the shortest one found.
pub fn run<B: Backend>(share: u32, shares: u32) {
    let runs = number("ORM_MODEL_RUNS").unwrap_or(u64::from(RUNS));
    let seed =
        number("ORM_MODEL_SEED").unwrap_or(0).wrapping_mul(u64::from(shares)).wrapping_add(u64::from(share));
    let config = Config {
        cases: u32::try_from(runs / u64::from(shares)).unwrap_or(u32::MAX),
        failure_persistence: None,
        rng_seed: RngSeed::Fixed(seed),
        ..Config::default()
    };
    let sequences = Script::sequential_strategy(1..=STEPS);
    let result = TestRunner::new(config.clone()).run(&sequences, |(script, operations, seen)| {
        Model::<B>::test_sequential(config.clone(), script, operations, seen);
        Ok(())
    });
    match result {
        Ok(()) => {}
        Err(TestError::Fail(reason, (script, operations, _))) => {
            let operations: String =
                operations.iter().map(|operation| format!("    {operation}\n")).collect();
            let contexts = script.contexts();
            panic!("{reason}\nafter these steps in {contexts} contexts:\n{operations}");
        }
        Err(TestError::Abort(reason)) => panic!("{reason}"),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

impl ReferenceStateMachine for Script {
    type State = Self;
    type Transition = Operation;

    fn init_state() -> BoxedStrategy<Self> {
        // Most with one context, where nothing is ever out of date and everything is known exactly.
        proptest::prop_oneof![2 => Just(1), 1 => Just(3)].prop_map(Self::new).boxed()
    }

    fn transitions(state: &Self) -> BoxedStrategy<Operation> {
        let state = state.clone();
        proptest::num::u64::ANY.no_shrink().prop_map(move |seed| state.draw(seed)).boxed()
    }

    fn apply(state: Self, operation: &Operation) -> Self {
        state.after(operation)
    }

    fn preconditions(state: &Self, operation: &Operation) -> bool {
        state.allows(operation)
    }
}

/// The test on one backend.
struct Model<B>(PhantomData<B>);

/// A system, and the runtime that it runs on.
struct Running {
    runtime: Runtime,
    system: System,
}

thread_local! {
    /// The database of the run before, emptied: making tables takes longer than a run.
    static IDLE: RefCell<Option<(Runtime, TestDb)>> = const { RefCell::new(None) };
}

impl<B: Backend> StateMachineTest for Model<B> {
    type SystemUnderTest = Running;
    type Reference = Script;

    fn init_test(script: &Script) -> Running {
        let (runtime, db) = IDLE.take().unwrap_or_else(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.expect("a runtime");
            let db = runtime.block_on(TestDb::open::<B>(entities::entities)).expect("a database");
            (runtime, db)
        });
        Running { runtime, system: System::new(db, script.contexts()) }
    }

    fn apply(mut running: Running, _: &Script, operation: Operation) -> Running {
        let Running { runtime, system } = &mut running;
        let done = runtime.block_on(async {
            system.apply(&operation).await?;
            system.check()
        });
        if let Err(error) = done {
            panic!("{operation} failed: {error:?}");
        }
        running
    }

    fn teardown(Running { runtime, system }: Running, _: Script) {
        let db = runtime.block_on(system.close()).expect("an empty database");
        IDLE.set(Some((runtime, db)));
    }
}
