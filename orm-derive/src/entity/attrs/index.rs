//! `unique(a, b, name = "..", where = "..")` and `index(..)` on the struct.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use syn::Meta;

use super::field_path::{FieldPath, with_dots};
use crate::support::value::{Text, name_of, write};

/// An index over several fields.
#[derive(Clone, Debug)]
pub(in crate::entity) struct IndexAttr {
    /// The fields.
    pub(in crate::entity) fields: Vec<FieldPath>,
    /// `name = ".."`: its name in the database.
    pub(in crate::entity) name: Option<Text>,
    /// `where = ".."` or `condition = ".."`: only rows that meet it.
    pub(in crate::entity) condition: Option<Text>,
}

impl FromMeta for IndexAttr {
    fn from_meta(item: &Meta) -> Result<Self> {
        let Meta::List(list) = item else { return Err(write(item, "(field, another)")) };
        let mut index = Self { fields: Vec::new(), name: None, condition: None };
        for part in NestedMeta::parse_meta_list(with_dots(list.tokens.clone()))? {
            index.add(&part)?;
        }
        if index.fields.is_empty() {
            return Err(write(item, "(field, another)"));
        }
        Ok(index)
    }
}

impl IndexAttr {
    fn add(&mut self, part: &NestedMeta) -> Result<()> {
        let NestedMeta::Meta(meta) = part else { return Err(no_part(part)) };
        let slot = match (meta, name_of(meta).as_str()) {
            (Meta::Path(path), _) => {
                self.fields.push(FieldPath(path.clone()));
                return Ok(());
            }
            (_, "name") => &mut self.name,
            (_, "where" | "condition") => &mut self.condition,
            _ => return Err(no_part(part)),
        };
        if slot.replace(Text::from_meta(meta)?).is_some() {
            return Err(Error::custom("given twice; remove one of them").with_span(meta));
        }
        Ok(())
    }
}

fn no_part(part: &NestedMeta) -> Error {
    let message = "an index takes names of fields without quotes, `name = \"..\"` and `where = \"..\"`";
    Error::custom(message).with_span(part)
}
