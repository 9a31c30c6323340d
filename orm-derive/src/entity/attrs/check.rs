//! `check = ".."` and `check(a, b, name = "..", sql = "..")`.

use darling::ast::NestedMeta;
use darling::{Error, FromMeta, Result};
use syn::Meta;

use super::field_path::{FieldPath, with_dots};
use crate::support::value::{Text, name_of, string, write};

const HOW: &str = " = \"..\"` or `check(name = \"..\", sql = \"..\")";

/// A condition that every row meets.
#[derive(Clone, Debug)]
pub(in crate::entity) struct CheckAttr {
    /// The fields that it is about.
    pub(in crate::entity) fields: Vec<FieldPath>,
    /// `name = ".."`: its name in the database.
    pub(in crate::entity) name: Option<Text>,
    /// `sql = ".."`: the condition.
    pub(in crate::entity) sql: Text,
}

impl FromMeta for CheckAttr {
    fn from_meta(item: &Meta) -> Result<Self> {
        let list = match item {
            Meta::List(list) => list,
            Meta::NameValue(_) if string(item).is_some() => {
                return Ok(Self { fields: Vec::new(), name: None, sql: Text::from_meta(item)? });
            }
            Meta::NameValue(_) | Meta::Path(_) => return Err(write(item, HOW)),
        };
        let mut parts = Parts::default();
        for part in NestedMeta::parse_meta_list(with_dots(list.tokens.clone()))? {
            parts.add(&part)?;
        }
        let sql = parts.sql.ok_or_else(|| {
            Error::custom("the condition is missing; write `check(sql = \"..\")`").with_span(item)
        })?;
        Ok(Self { fields: parts.fields, name: parts.name, sql })
    }
}

/// What stands in the parentheses.
#[derive(Default)]
struct Parts {
    fields: Vec<FieldPath>,
    name: Option<Text>,
    sql: Option<Text>,
}

impl Parts {
    fn add(&mut self, part: &NestedMeta) -> Result<()> {
        let NestedMeta::Meta(meta) = part else { return Err(no_part(part)) };
        let slot = match (meta, name_of(meta).as_str()) {
            (Meta::Path(path), _) => {
                self.fields.push(FieldPath(path.clone()));
                return Ok(());
            }
            (_, "name") => &mut self.name,
            (_, "sql") => &mut self.sql,
            _ => return Err(no_part(part)),
        };
        if slot.replace(Text::from_meta(meta)?).is_some() {
            return Err(Error::custom("given twice; remove one of them").with_span(meta));
        }
        Ok(())
    }
}

fn no_part(part: &NestedMeta) -> Error {
    let message = "a check takes `sql = \"..\"`, `name = \"..\"`, and names of fields without quotes";
    Error::custom(message).with_span(part)
}
