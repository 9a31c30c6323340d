//! Views of raw names, in other modules than their entities, at the names that the derive uses, and in signatures.

#![deny(warnings)]

mod model {
    use orm_core::{Collection, Entity, Ref};

    #[derive(Entity, Clone)]
    pub struct Author {
        #[entity(id, auto)]
        pub id: i64,
        pub r#type: String,
        #[entity(mapped_by = "author")]
        pub books: Collection<Book>,
    }

    #[derive(Entity, Clone)]
    pub struct Book {
        #[entity(id, auto)]
        pub id: i64,
        pub title: String,
        pub author: Ref<Author>,
    }
}

mod views {
    use orm_core::View;

    use super::model;

    #[derive(View, Debug)]
    #[view(of = model::Author)]
    pub struct Shelf {
        pub r#type: String,
        #[view(nested, from = books)]
        pub r#match: Vec<Title>,
    }

    #[derive(View, Debug)]
    #[view(of = model::Book)]
    pub struct Title {
        pub title: String,
    }

    #[derive(View, Debug)]
    #[view(of = model::Book)]
    pub struct Card {
        #[view(nested)]
        pub author: Option<Shelf>,
    }
}

use orm_core::{EntityManager, FromLoaded, Loaded, Result};

async fn read(em: &EntityManager) -> Result<Vec<views::Card>> {
    let books = em.find_all::<model::Book>().populate(model::Book::AUTHOR.then(model::Author::BOOKS)).await?;
    books.iter().map(card).collect()
}

fn card<P: 'static>(book: &Loaded<model::Book, P>) -> Result<views::Card>
where
    views::Card: FromLoaded<P>,
{
    book.view()
}

fn main() {
    let _ = read;
}
