//! Hooks and values that the ORM makes, in every form.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use orm_core::{Entity, EntityHooks, HookContext, Result};

mod makers {
    use orm_core::{HookContext, Result};

    pub fn plain() -> String {
        "plain".to_owned()
    }

    pub fn with_context(cx: &HookContext<'_>) -> Option<i64> {
        cx.get::<i64>().map(|number| *number)
    }

    pub fn fallible(cx: &HookContext<'_>) -> Result<i32> {
        let _ = cx;
        Ok(7)
    }

    pub fn with_error_of_its_own(_: &HookContext<'_>) -> std::result::Result<u8, std::fmt::Error> {
        Ok(1)
    }
}

#[derive(Entity, Clone, Debug, Default)]
#[entity(hooks)]
struct Visit {
    #[entity(id, auto)]
    id: i64,
    #[entity(on_create = now)]
    timestamp: DateTime<Utc>,
    #[entity(on_create = now, on_update = now)]
    changed: Option<NaiveDateTime>,
    #[entity(on_create = now)]
    date: NaiveDate,
    #[entity(on_create = now)]
    time: NaiveTime,
    #[entity(on_create = makers::plain)]
    plain: String,
    #[entity(on_update = makers::with_context)]
    with_context: Option<i64>,
    #[entity(on_create = makers::fallible)]
    fallible: i32,
    #[entity(on_create = self::makers::with_error_of_its_own)]
    own: u8,
}

impl EntityHooks for Visit {
    fn before_create(&mut self, cx: &HookContext<'_>) -> Result<()> {
        self.plain.push_str(&cx.changed().collect::<String>());
        Ok(())
    }
}

#[derive(Entity, Clone)]
#[entity(hooks)]
struct Silent {
    #[entity(id)]
    id: i64,
}

impl EntityHooks for Silent {}

fn main() {
    let visit = Visit::default();
    let Visit { id, timestamp, changed, date, time, plain, with_context, fallible, own } = visit;
    let _ = (id, timestamp, changed, date, time, plain, with_context, fallible, own, Silent { id: 1 }.id);
}
