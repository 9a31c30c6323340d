//! The items of one to-many relation, in order.
//!
//! Adding, finding and taking out cost the same however long the list is: a long one knows the place of each item, and
//! items that are taken out leave a hole until half of the list is holes.

use hashbrown::HashMap;

/// From this length on the places are known.
const LONG: usize = 32;

/// No cell has this index.
const HOLE: u32 = u32::MAX;

/// Distinct items, in the order of adding.
#[derive(Clone, Debug, Default)]
pub(crate) struct List {
    items: Vec<u32>,
    holes: usize,
    /// Of a long list: where each item is.
    places: Option<HashMap<u32, usize, foldhash::fast::RandomState>>,
}

impl List {
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.items.iter().copied().filter(|item| *item != HOLE)
    }

    pub(crate) fn contains(&self, item: u32) -> bool {
        self.place(item).is_some()
    }

    /// Adds an item at the end, if it is not in.
    pub(crate) fn push(&mut self, item: u32) {
        if self.contains(item) {
            return;
        }
        if let Some(places) = &mut self.places {
            places.insert(item, self.items.len());
        }
        self.items.push(item);
        if self.places.is_none() && self.items.len() >= LONG {
            self.places = Some(self.items.iter().copied().zip(0..).collect());
        }
    }

    /// Takes an item out. Returns whether it was in.
    pub(crate) fn take(&mut self, item: u32) -> bool {
        let Some(place) = self.place(item) else { return false };
        let Some(places) = &mut self.places else {
            self.items.remove(place);
            return true;
        };
        places.remove(&item);
        self.items[place] = HOLE;
        self.holes += 1;
        if self.holes * 2 > self.items.len() {
            *self = Self::from(self.iter().collect::<Vec<u32>>());
        }
        true
    }

    fn place(&self, item: u32) -> Option<usize> {
        match &self.places {
            Some(places) => places.get(&item).copied(),
            None => self.items.iter().position(|one| *one == item),
        }
    }
}

impl From<Vec<u32>> for List {
    fn from(items: Vec<u32>) -> Self {
        let places = (items.len() >= LONG).then(|| items.iter().copied().zip(0..).collect());
        Self { items, holes: 0, places }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_keeps_its_order_through_adding_and_taking() {
        for length in [5, 31, 32, 33, 500] {
            let mut list = List::default();
            (0..length).for_each(|item| list.push(item));
            (0..length).for_each(|item| list.push(item));
            (0..length).filter(|item| item % 3 != 0).for_each(|item| assert!(list.take(item)));
            assert!(!list.take(length + 1));
            list.push(1);
            let expected: Vec<u32> = (0..length).filter(|item| item % 3 == 0).chain([1]).collect();
            assert_eq!(list.iter().collect::<Vec<_>>(), expected, "{length} items");
            assert!(expected.iter().all(|item| list.contains(*item)) && !list.contains(2));
        }
    }
}
