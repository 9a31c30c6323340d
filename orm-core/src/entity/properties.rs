//! A set of properties of one entity, by index.

use smallvec::{SmallVec, smallvec};

/// Which properties changed, or are to be copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertySet(SmallVec<[u64; 2]>);

impl PropertySet {
    /// None.
    #[must_use]
    pub fn new() -> Self {
        Self(smallvec![0, 0])
    }

    /// The first `count`.
    pub(crate) fn first(count: usize) -> Self {
        let mut set = Self::new();
        (0..count).for_each(|property| set.insert(property));
        set
    }

    /// Adds one.
    pub fn insert(&mut self, property: usize) {
        let word = property / 64;
        if self.0.len() <= word {
            self.0.resize(word + 1, 0);
        }
        self.0[word] |= 1 << (property % 64);
    }

    /// Whether it is in.
    #[must_use]
    pub fn contains(&self, property: usize) -> bool {
        self.0.get(property / 64).is_some_and(|word| word & (1 << (property % 64)) != 0)
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Those in the set, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.0.len() * 64).filter(|property| self.contains(*property))
    }
}

impl Default for PropertySet {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_grows_past_its_inline_words() {
        let mut set = PropertySet::new();
        assert!(set.is_empty());
        for property in [0, 63, 64, 127, 128, 500] {
            set.insert(property);
        }
        assert_eq!(set.iter().collect::<Vec<_>>(), [0, 63, 64, 127, 128, 500]);
        assert!(!set.contains(1) && !set.contains(10_000));
    }
}
