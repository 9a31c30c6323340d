//! What the test does, step by step, and how the steps are drawn.
//!
//! A step names entities by their marks and contexts by their number, so that a sequence reads like a program and
//! keeps its meaning when others of its steps are left out. Which steps make sense is drawn from a [`Script`], which
//! knows only what was created and what each context can have seen.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::reference::{Kind, Mark, ToOne};

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the steps are described, and their fields are named after what they are")]
pub enum Operation {
    /// `persist` of a new entity.
    Create {
        context: usize,
        mark: Mark,
        kind: Kind,
        code: Option<i64>,
        target: Option<Mark>,
        other: Option<Mark>,
    },
    /// `persist` of a new item in the field of another new one: an item with its maker.
    CreateBoth { context: usize, mark: Mark, maker: Mark },
    /// `edit().value = ..`
    SetValue { context: usize, mark: Mark, value: i64 },
    /// `edit().code = ..`
    SetCode { context: usize, mark: Mark, code: Option<i64> },
    /// `edit().boss = ..`, by handle or by key.
    Relate { context: usize, mark: Mark, relation: ToOne, target: Option<Mark>, by: By },
    /// `add` on the other side.
    Add { context: usize, owner: Mark, relation: ToOne, item: Mark },
    /// `remove` on the other side.
    Take { context: usize, owner: Mark, relation: ToOne, item: Mark },
    /// `set` on the other side.
    SetItems { context: usize, owner: Mark, relation: ToOne, items: Vec<Mark> },
    /// `add` of a link, from either side.
    Link { context: usize, item: Mark, tag: Mark, from: Kind },
    /// `remove` of a link, from either side.
    Unlink { context: usize, item: Mark, tag: Mark, from: Kind },
    /// `set` of all links, from either side.
    SetLinks { context: usize, owner: Mark, others: Vec<Mark> },
    /// `remove`.
    Remove { context: usize, mark: Mark },
    /// `persist` of a handle, which takes a removal back.
    Persist { context: usize, mark: Mark },
    /// `flush`.
    Flush { context: usize, trouble: Trouble },
    /// `flush`, with steps done while it runs: after this share, in per mille, of its points.
    FlushWhile { context: usize, share: usize, steps: Vec<Operation> },
    /// `begin`, steps in it, and `commit` or `rollback`. One in another is a savepoint.
    Transaction { context: usize, steps: Vec<Operation>, end: End },
    /// `clear`.
    Clear { context: usize },
    /// `fork`, into the place of another context.
    Fork { context: usize, into: usize, keeps: bool },
    /// `find_all`, perhaps with a relation populated.
    FindAll { context: usize, kind: Kind, populate: Option<Relation>, meanwhile: Option<(Mark, i64)> },
    /// `find_one` by mark.
    FindOne { context: usize, mark: Mark },
    /// `find_by_id`.
    FindById { context: usize, mark: Mark },
    /// `refresh`.
    Refresh { context: usize, mark: Mark },
    /// `load` of a relation, of `populate` of one handle.
    Load { context: usize, mark: Mark, relation: Relation, how: How },
}

impl Operation {
    /// Whether it persists what was not there.
    #[must_use]
    pub fn is_new(&self) -> bool {
        matches!(self, Self::Create { .. } | Self::CreateBoth { .. })
    }

    /// Whether it changes what is in the context already, and needs no query.
    #[must_use]
    pub fn is_edit(&self) -> bool {
        matches!(
            self,
            Self::SetValue { .. }
                | Self::SetCode { .. }
                | Self::Relate { .. }
                | Self::Add { .. }
                | Self::Take { .. }
                | Self::SetItems { .. }
                | Self::Link { .. }
                | Self::Unlink { .. }
                | Self::SetLinks { .. }
                | Self::Remove { .. }
        )
    }
}

/// How a target is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By its handle.
    Handle,
    /// By its key, whether or not it is loaded.
    Key,
}

/// What happens to a flush. Points are in per mille of those that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// Nothing.
    None,
    /// BEGIN fails.
    Begin,
    /// A write fails.
    Write(usize),
    /// COMMIT is refused.
    CommitRefused,
    /// The connection is lost before COMMIT.
    CommitLost,
    /// The connection is lost after COMMIT.
    CommitUnanswered,
    /// It is dropped.
    Dropped(usize),
    /// It is dropped after so many polls.
    Polled(usize),
}

/// How a transaction ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `commit`.
    Commit,
    /// `rollback`.
    Rollback,
}

/// How a relation is loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// `load_only`.
    Alone,
    /// `load`.
    WithSiblings,
    /// `em.populate`.
    Populate,
}

/// A relation, from whichever side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Relation {
    /// A reference.
    ToOne(ToOne),
    /// Its other side.
    Inverse(ToOne),
    /// `Item.tags`.
    Tags,
    /// `Tag.items`.
    TagItems,
}

impl Relation {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ToOne(ToOne::Boss),
        Self::ToOne(ToOne::Owner),
        Self::ToOne(ToOne::Maker),
        Self::ToOne(ToOne::Holder),
        Self::Inverse(ToOne::Boss),
        Self::Inverse(ToOne::Owner),
        Self::Inverse(ToOne::Maker),
        Self::Inverse(ToOne::Holder),
        Self::Tags,
        Self::TagItems,
    ];

    /// The entity that has it.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            Self::ToOne(relation) => relation.kind(),
            Self::Inverse(_) => Kind::Person,
            Self::Tags => Kind::Item,
            Self::TagItems => Kind::Tag,
        }
    }
}

/// What was created, and what each context can know.
#[derive(Clone, Debug)]
pub struct Script {
    kinds: BTreeMap<Mark, Kind>,
    known: Vec<BTreeSet<Mark>>,
    next: Mark,
}

/// How many entities a sequence creates at most.
const ENTITIES: usize = 16;

impl Script {
    /// The beginning, with so many contexts.
    #[must_use]
    pub fn new(contexts: usize) -> Self {
        Self { kinds: BTreeMap::new(), known: vec![BTreeSet::new(); contexts], next: 1 }
    }

    /// How many contexts there are.
    #[must_use]
    pub fn contexts(&self) -> usize {
        self.known.len()
    }

    /// After `operation`.
    #[must_use]
    pub fn after(mut self, operation: &Operation) -> Self {
        match operation {
            Operation::Create { context, mark, kind, .. } => self.create(*context, *mark, *kind),
            Operation::CreateBoth { context, mark, maker } => {
                self.create(*context, *maker, Kind::Person);
                self.create(*context, *mark, Kind::Item);
            }
            Operation::FlushWhile { steps, .. } | Operation::Transaction { steps, .. } => {
                return steps.iter().fold(self, Self::after);
            }
            Operation::Clear { context } => self.known[*context].clear(),
            Operation::Fork { context, into, keeps } => {
                self.known[*into] = if *keeps { self.known[*context].clone() } else { BTreeSet::new() };
            }
            Operation::FindAll { context, kind, .. } => {
                let all = self.kinds.iter().filter(|(_, known)| *known == kind).map(|(mark, _)| *mark);
                self.known[*context].extend(all);
            }
            Operation::FindOne { context, mark } | Operation::FindById { context, mark } => {
                self.known[*context].insert(*mark);
            }
            _ => {}
        }
        self
    }

    fn create(&mut self, context: usize, mark: Mark, kind: Kind) {
        self.kinds.insert(mark, kind);
        self.known[context].insert(mark);
        self.next = self.next.max(mark + 1);
    }

    /// Whether everything that `operation` names was created.
    #[must_use]
    pub fn allows(&self, operation: &Operation) -> bool {
        let known = |mark: &Mark| self.kinds.contains_key(mark);
        match operation {
            Operation::Create { target, other, .. } => target.iter().chain(other).all(known),
            Operation::Relate { mark, target, .. } => known(mark) && target.iter().all(known),
            Operation::Add { owner, item, .. } | Operation::Take { owner, item, .. } => {
                known(owner) && known(item)
            }
            Operation::SetItems { owner, items: others, .. } | Operation::SetLinks { owner, others, .. } => {
                known(owner) && others.iter().all(known)
            }
            Operation::Link { item, tag, .. } | Operation::Unlink { item, tag, .. } => {
                known(item) && known(tag)
            }
            Operation::SetValue { mark, .. }
            | Operation::SetCode { mark, .. }
            | Operation::Remove { mark, .. }
            | Operation::Persist { mark, .. }
            | Operation::FindOne { mark, .. }
            | Operation::FindById { mark, .. }
            | Operation::Refresh { mark, .. }
            | Operation::Load { mark, .. } => known(mark),
            Operation::FindAll { meanwhile, .. } => meanwhile.iter().all(|(mark, _)| known(mark)),
            Operation::FlushWhile { steps, .. } | Operation::Transaction { steps, .. } => {
                steps.iter().all(|step| self.allows(step))
            }
            Operation::CreateBoth { .. }
            | Operation::Flush { .. }
            | Operation::Clear { .. }
            | Operation::Fork { .. } => true,
        }
    }

    /// A step that makes sense now, drawn from `seed`.
    #[must_use]
    pub fn draw(&self, seed: u64) -> Operation {
        let mut dice = Dice(seed);
        let context = dice.below(self.known.len());
        // Few make sense at the beginning; a find always does.
        (0..20).find_map(|_| self.try_draw(context, &mut dice)).unwrap_or(Operation::FindAll {
            context,
            kind: Kind::Person,
            populate: None,
            meanwhile: None,
        })
    }

    fn try_draw(&self, context: usize, dice: &mut Dice) -> Option<Operation> {
        let known = |kind: Kind| -> Vec<Mark> {
            self.known[context].iter().copied().filter(|mark| self.kinds[mark] == kind).collect()
        };
        let any = |dice: &mut Dice| dice.pick(&self.known[context].iter().copied().collect::<Vec<_>>());
        let everything: Vec<Mark> = self.kinds.keys().copied().collect();
        Some(match dice.below(100) {
            0..=13 => return self.draw_new(context, dice),
            14..=20 => Operation::SetValue { context, mark: any(dice)?, value: dice.number(6) },
            21..=27 => Operation::SetCode { context, mark: any(dice)?, code: dice.code() },
            28..=35 => {
                let relation = dice.pick(&ToOne::ALL)?;
                let by = if dice.below(4) == 0 { By::Key } else { By::Handle };
                let persons = if by == By::Key { self.all(Kind::Person) } else { known(Kind::Person) };
                let target = if dice.below(4) == 0 { None } else { dice.pick(&persons) };
                if relation == ToOne::Maker && target.is_none() && dice.below(8) > 0 {
                    return None;
                }
                Operation::Relate { context, mark: dice.pick(&known(relation.kind()))?, relation, target, by }
            }
            36..=39 => {
                let relation = dice.pick(&ToOne::ALL)?;
                let (owner, item) = (dice.pick(&known(Kind::Person))?, dice.pick(&known(relation.kind()))?);
                Operation::Add { context, owner, relation, item }
            }
            40..=42 => {
                let relation = dice.pick(&ToOne::ALL)?;
                let (owner, item) = (dice.pick(&known(Kind::Person))?, dice.pick(&known(relation.kind()))?);
                Operation::Take { context, owner, relation, item }
            }
            43..=45 => {
                let relation = dice.pick(&ToOne::ALL)?;
                let items = dice.some(&known(relation.kind()));
                Operation::SetItems { context, owner: dice.pick(&known(Kind::Person))?, relation, items }
            }
            46..=51 => {
                let (item, tag) = (dice.pick(&known(Kind::Item))?, dice.pick(&known(Kind::Tag))?);
                Operation::Link { context, item, tag, from: dice.pick(&[Kind::Item, Kind::Tag])? }
            }
            52..=54 => {
                let (item, tag) = (dice.pick(&known(Kind::Item))?, dice.pick(&known(Kind::Tag))?);
                Operation::Unlink { context, item, tag, from: dice.pick(&[Kind::Item, Kind::Tag])? }
            }
            55..=56 => {
                let (one, other) = dice.pick(&[(Kind::Item, Kind::Tag), (Kind::Tag, Kind::Item)])?;
                Operation::SetLinks {
                    context,
                    owner: dice.pick(&known(one))?,
                    others: dice.some(&known(other)),
                }
            }
            57..=62 => Operation::Remove { context, mark: any(dice)? },
            63..=64 => Operation::Persist { context, mark: any(dice)? },
            65..=73 => Operation::Flush { context, trouble: Trouble::None },
            // The one connection is taken while it lasts, so nobody else can be there.
            74..=76 if self.known.len() == 1 => self.draw_transaction(context, dice, 0),
            74..=76 => Operation::Flush { context, trouble: Trouble::None },
            77..=80 => Operation::Flush { context, trouble: Self::draw_trouble(dice) },
            81..=82 => {
                let steps = (0..3).filter_map(|_| self.try_draw(context, dice));
                let mut steps: Vec<Operation> = steps.filter(Operation::is_edit).collect();
                // Until the flush is done, a new entity that is removed meanwhile takes no more edits.
                steps.sort_by_key(|step| matches!(step, Operation::Remove { .. }));
                steps.dedup();
                Operation::FlushWhile { context, share: dice.below(1000), steps }
            }
            83 => Operation::Clear { context },
            84 => {
                let into = dice.below(self.known.len());
                let keeps = dice.below(2) == 0 && into != context;
                Operation::Fork { context, into, keeps }
            }
            85..=90 => {
                let kind = dice.pick(&Kind::ALL)?;
                let populate = dice.pick(&Relation::ALL).filter(|relation| relation.kind() == kind);
                let meanwhile = any(dice).filter(|_| dice.below(4) == 0).map(|mark| (mark, dice.number(6)));
                Operation::FindAll { context, kind, populate, meanwhile }
            }
            91 => Operation::FindOne { context, mark: dice.pick(&everything)? },
            92..=93 => Operation::FindById { context, mark: dice.pick(&everything)? },
            94 => Operation::Refresh { context, mark: any(dice)? },
            _ => {
                let relation = dice.pick(&Relation::ALL)?;
                let how = dice.pick(&[How::Alone, How::WithSiblings, How::Populate])?;
                Operation::Load { context, mark: dice.pick(&known(relation.kind()))?, relation, how }
            }
        })
    }

    fn draw_new(&self, context: usize, dice: &mut Dice) -> Option<Operation> {
        if self.kinds.len() >= ENTITIES {
            return None;
        }
        let mark = self.next;
        let persons: Vec<Mark> =
            self.known[context].iter().copied().filter(|mark| self.is(*mark, Kind::Person)).collect();
        let kind =
            dice.pick(&[Kind::Person, Kind::Person, Kind::Item, Kind::Item, Kind::Tag, Kind::Badge])?;
        if kind == Kind::Item && (persons.is_empty() || dice.below(6) == 0) {
            return Some(Operation::CreateBoth { context, mark, maker: mark + 1 });
        }
        let target = dice.pick(&persons).filter(|_| kind == Kind::Item || dice.below(3) > 0);
        let other = dice.pick(&persons).filter(|_| kind == Kind::Item && dice.below(3) > 0);
        Some(Operation::Create { context, mark, kind, code: dice.code(), target, other })
    }

    fn draw_transaction(&self, context: usize, dice: &mut Dice, depth: usize) -> Operation {
        let mut script = self.clone();
        let mut steps = Vec::new();
        for _ in 0..1 + dice.below(6) {
            let step = match dice.below(8) {
                0 | 1 => Some(Operation::Flush { context, trouble: Trouble::None }),
                2 if depth < 2 => Some(script.draw_transaction(context, dice, depth + 1)),
                _ => script.try_draw(context, dice).filter(|step| step.is_edit() || step.is_new()),
            };
            if let Some(step) = step {
                script = script.after(&step);
                steps.push(step);
            }
        }
        let end = if dice.below(2) == 0 { End::Commit } else { End::Rollback };
        Operation::Transaction { context, steps, end }
    }

    fn draw_trouble(dice: &mut Dice) -> Trouble {
        match dice.below(7) {
            0 => Trouble::Begin,
            1 => Trouble::Write(dice.below(1000)),
            2 => Trouble::CommitRefused,
            3 => Trouble::CommitLost,
            4 => Trouble::CommitUnanswered,
            _ => Trouble::Dropped(dice.below(1000)),
        }
    }

    fn all(&self, kind: Kind) -> Vec<Mark> {
        self.kinds.keys().copied().filter(|mark| self.is(*mark, kind)).collect()
    }

    fn is(&self, mark: Mark, kind: Kind) -> bool {
        self.kinds.get(&mark) == Some(&kind)
    }
}

/// One step a line.
impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As it is written in the source, which `allows` and the system read too.
        write!(f, "{self:?}")
    }
}

/// Numbers that look random, all of them from one seed.
#[derive(Clone, Debug)]
pub struct Dice(pub u64);

impl Dice {
    /// The next number (splitmix64).
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// One of `0..end`.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() % end.max(1) as u64).unwrap_or_default()
    }

    /// One of `0..end`, as a value.
    pub fn number(&mut self, end: usize) -> i64 {
        i64::try_from(self.below(end)).unwrap_or_default()
    }

    /// A unique value, which others may have too, or none.
    pub fn code(&mut self) -> Option<i64> {
        (self.below(3) > 0).then(|| self.number(25))
    }

    /// One of `choices`, if there are any.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> Option<T> {
        choices.get(self.below(choices.len())).cloned()
    }

    /// Some of `choices`, three at most.
    pub fn some<T: Clone + PartialEq>(&mut self, choices: &[T]) -> Vec<T> {
        let mut some = Vec::new();
        for _ in 0..self.below(4) {
            some.extend(self.pick(choices).filter(|one| !some.contains(one)));
        }
        some
    }
}
