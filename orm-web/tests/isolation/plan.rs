//! What a request is to do, decided by its number and the seed of the run: client and handler agree without a word.

use std::time::Duration;

use crate::library::TENANTS;

/// Of 1,000 clients, so many hang up in the middle: 30 % and a little more.
pub(crate) const HANG_UPS: u64 = 306;
/// Of 1,000 handlers, so many are to panic. Some of them are cut off by their client before, so that 5 % are left.
pub(crate) const PANICS: u64 = 72;
/// A handler has this many places to panic at, at the least.
pub(crate) const PLACES: u32 = 4;

/// What one request does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plan {
    pub(crate) request: usize,
    pub(crate) tenant: i64,
    pub(crate) route: Route,
    pub(crate) hang_up: Option<HangUp>,
    /// At which place of the handler.
    pub(crate) panics_at: Option<u32>,
    seed: u64,
}

/// A handler of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    Browse,
    Tasks,
    Race,
    Stream,
    Transfer,
    Note,
    DetachedTransfer,
}

/// When a client closes its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HangUp {
    /// With a part of the request sent.
    Sending,
    /// So long after the request was sent.
    Waiting(Duration),
    /// When the handler is about to save.
    Saving,
    /// After the first bytes of the response.
    Reading,
}

impl Route {
    pub(crate) fn method(self) -> &'static str {
        match self {
            Self::Browse | Self::Tasks | Self::Race | Self::Stream => "GET",
            Self::Transfer | Self::Note | Self::DetachedTransfer => "POST",
        }
    }

    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::Browse => "/browse",
            Self::Tasks => "/tasks",
            Self::Race => "/race",
            Self::Stream => "/stream",
            Self::Transfer => "/transfer",
            Self::Note => "/note",
            Self::DetachedTransfer => "/detached/transfer",
        }
    }

    /// Whether it writes a row.
    pub(crate) fn is_write(self) -> bool {
        self.is_transfer() || self == Self::Note
    }

    /// Whether it moves copies from one book to another.
    pub(crate) fn is_transfer(self) -> bool {
        matches!(self, Self::Transfer | Self::DetachedTransfer)
    }
}

impl Plan {
    pub(crate) fn of(seed: u64, request: usize) -> Self {
        let mut random = Random(seed ^ (request as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let route = match random.below(100) {
            0..28 => Route::Browse,
            28..46 => Route::Tasks,
            46..60 => Route::Race,
            60..72 => Route::Stream,
            72..84 => Route::Transfer,
            84..95 => Route::Note,
            _ => Route::DetachedTransfer,
        };
        let hangs_up = random.chance(HANG_UPS);
        let hang_up = hangs_up.then(|| match (random.below(20), route) {
            (0, _) => HangUp::Sending,
            (1..10, Route::Stream) => HangUp::Reading,
            (1..14, route) if route.is_write() => HangUp::Saving,
            _ => HangUp::Waiting(Duration::from_micros(random.below(20_000))),
        });
        let panics = random.chance(PANICS);
        let panics_at = panics.then(|| u32::try_from(random.below(u64::from(PLACES))).unwrap_or(0));
        let tenant = i64::try_from(random.below(TENANTS.unsigned_abs())).unwrap_or(0) + 1;
        Self { request, tenant, route, hang_up, panics_at, seed: random.next() }
    }

    /// For the decisions in the handler.
    pub(crate) fn random(&self) -> Random {
        Random(self.seed)
    }
}

/// Numbers that look random, the same for the same start (SplitMix64).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of 0 to `end` - 1.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether something happens that does so many times in 1,000.
    pub(crate) fn chance(&mut self, in_thousand: u64) -> bool {
        self.below(1_000) < in_thousand
    }
}
