//! Isolation, broken on purpose: what shows that each check can fail.

use std::str::FromStr;

use crate::witness::Check;

/// A mistake in the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// All requests are in one context, which was made at start.
    SharedContext,
    /// A request has the filter parameter of the one before it.
    SharedParameter,
    /// Some handlers leave a task in their context that never ends.
    KeptContext,
    /// One handler keeps a transaction open.
    KeptTransaction,
    /// Notes are acknowledged though nothing saves them.
    LostWrite,
    /// The global manager works without a context.
    NoGuard,
}

impl Break {
    pub(crate) const ALL: [Self; 6] = [
        Self::SharedContext,
        Self::SharedParameter,
        Self::KeptContext,
        Self::KeptTransaction,
        Self::LostWrite,
        Self::NoGuard,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SharedContext => "shared-context",
            Self::SharedParameter => "shared-parameter",
            Self::KeptContext => "kept-context",
            Self::KeptTransaction => "kept-transaction",
            Self::LostWrite => "lost-write",
            Self::NoGuard => "no-guard",
        }
    }

    pub(crate) fn names() -> String {
        Self::ALL.map(Self::name).join(", ")
    }

    /// The checks that have to notice it, at the least.
    pub(crate) fn must_violate(self) -> &'static [Check] {
        match self {
            Self::SharedContext => &[
                Check::FreshIdentityMap,
                Check::OwnContext,
                Check::OwnTenant,
                Check::OwnEdits,
                Check::FlatMemory,
            ],
            Self::SharedParameter => &[Check::FilterParameter, Check::OwnTenant],
            Self::KeptContext => &[Check::NoContextAlive, Check::NoTaskAlive, Check::LiveBytes],
            Self::KeptTransaction => &[Check::NoOpenTransaction],
            Self::LostWrite => &[Check::RowsAsAcknowledged],
            Self::NoGuard => &[Check::GuardedTasks],
        }
    }
}

impl FromStr for Break {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|one| one.name() == name).ok_or(())
    }
}
