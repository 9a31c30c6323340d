//! What `#[derive(Embeddable)]` says about a struct, and how its fields become those of the entity that embeds it.
//!
//! All of it at compile time: the description of an entity lists what is embedded as properties of its own, whose name
//! is the way to them. So nothing behind the description has to know of embedded structs; what does are the names of
//! columns, in `registry.rs`, and the emitted code that goes from a property to the field.

use super::description::{PropertyDescription, PropertyShape};

/// A struct that can be embedded.
#[derive(Debug)]
pub struct EmbeddableDescription {
    /// The struct's name.
    pub name: &'static str,
    /// Its fields with columns, those of structs in it among them.
    pub properties: &'static [PropertyDescription],
    /// The structs in it; what is in one comes right after it.
    pub embeddings: &'static [EmbeddingDescription],
}

/// A field that is an embedded struct.
#[derive(Clone, Copy, Debug)]
pub struct EmbeddingDescription {
    /// The field's name in its struct.
    pub field: &'static str,
    /// `prefix = ".."`: what the names of its columns begin with; left out, the naming strategy decides.
    pub prefix: Option<&'static str>,
    /// An `Option`.
    pub nullable: bool,
    /// Left out of responses and of `Debug`.
    pub hidden: bool,
    /// The embedded struct that it is in, an index into the embeddings of the same description.
    pub outer: Option<usize>,
}

impl EmbeddingDescription {
    const BLANK: Self = Self { field: "", prefix: None, nullable: false, hidden: false, outer: None };
}

/// A field with columns, as it is declared.
#[derive(Debug)]
pub enum Part {
    /// A column, or a foreign key.
    Property(PropertyDescription),
    /// A struct whose fields are columns.
    Embedded(EmbeddingDescription, &'static EmbeddableDescription),
}

/// How many properties the parts are.
#[must_use]
pub const fn count_properties(parts: &[Part]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < parts.len() {
        count += match &parts[at] {
            Part::Property(_) => 1,
            Part::Embedded(_, embeddable) => embeddable.properties.len(),
        };
        at += 1;
    }
    count
}

/// How many embedded structs are in the parts.
#[must_use]
pub const fn count_embeddings(parts: &[Part]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < parts.len() {
        if let Part::Embedded(_, embeddable) = &parts[at] {
            count += 1 + embeddable.embeddings.len();
        }
        at += 1;
    }
    count
}

/// How many bytes all names of embedded properties take.
#[must_use]
pub const fn count_bytes(parts: &[Part]) -> usize {
    let (mut count, mut at) = (0, 0);
    while at < parts.len() {
        if let Part::Embedded(embedding, embeddable) = &parts[at] {
            let mut leaf = 0;
            while leaf < embeddable.properties.len() {
                count += embedding.field.len() + 1 + embeddable.properties[leaf].name.len();
                leaf += 1;
            }
        }
        at += 1;
    }
    count
}

/// All names of embedded properties, one after the other. `BYTES` is [`count_bytes`].
#[must_use]
pub const fn names<const BYTES: usize>(parts: &[Part]) -> [u8; BYTES] {
    let mut names = [0; BYTES];
    let (mut end, mut at) = (0, 0);
    while at < parts.len() {
        if let Part::Embedded(embedding, embeddable) = &parts[at] {
            let mut leaf = 0;
            while leaf < embeddable.properties.len() {
                end = write(&mut names, end, embedding.field);
                end = write(&mut names, end, ".");
                end = write(&mut names, end, embeddable.properties[leaf].name);
                leaf += 1;
            }
        }
        at += 1;
    }
    names
}

const fn write(bytes: &mut [u8], mut end: usize, text: &str) -> usize {
    let text = text.as_bytes();
    let mut at = 0;
    while at < text.len() {
        bytes[end] = text[at];
        end += 1;
        at += 1;
    }
    end
}

/// The properties of the parts, in order. `COUNT` is [`count_properties`], `names` those of [`names`].
#[must_use]
pub const fn properties<const COUNT: usize>(
    parts: &[Part],
    mut names: &'static [u8],
) -> [PropertyDescription; COUNT] {
    let mut list = [PropertyDescription::BLANK; COUNT];
    let (mut end, mut outer, mut at) = (0, 0, 0);
    while at < parts.len() {
        match &parts[at] {
            Part::Property(property) => {
                list[end] = *property;
                end += 1;
            }
            Part::Embedded(embedding, embeddable) => {
                let mut leaf = 0;
                while leaf < embeddable.properties.len() {
                    let property = &embeddable.properties[leaf];
                    let (name, rest) = names.split_at(embedding.field.len() + 1 + property.name.len());
                    names = rest;
                    list[end] = embedded(property, embedding, name, outer);
                    end += 1;
                    leaf += 1;
                }
                outer += 1 + embeddable.embeddings.len();
            }
        }
        at += 1;
    }
    list
}

/// A property of an embedded struct as one of the struct that embeds it.
const fn embedded(
    property: &PropertyDescription,
    embedding: &EmbeddingDescription,
    name: &'static [u8],
    outer: usize,
) -> PropertyDescription {
    let Ok(name) = str::from_utf8(name) else { return PropertyDescription::BLANK };
    PropertyDescription {
        name,
        embedding: Some(match property.embedding {
            Some(inner) => outer + 1 + inner,
            None => outer,
        }),
        kind: match property.kind {
            PropertyShape::Scalar { column_type, nullable } => {
                PropertyShape::Scalar { column_type, nullable: nullable || embedding.nullable }
            }
            PropertyShape::Reference(relation) => PropertyShape::Reference(relation),
        },
        hidden: property.hidden || embedding.hidden,
        // Rows that others insert without the struct would have a part of it.
        default: if embedding.nullable { None } else { property.default },
        ..*property
    }
}

/// The embedded structs of the parts, in order. `COUNT` is [`count_embeddings`].
#[must_use]
pub const fn embeddings<const COUNT: usize>(parts: &[Part]) -> [EmbeddingDescription; COUNT] {
    let mut list = [EmbeddingDescription::BLANK; COUNT];
    let (mut end, mut at) = (0, 0);
    while at < parts.len() {
        if let Part::Embedded(embedding, embeddable) = &parts[at] {
            let outer = end;
            list[end] = *embedding;
            end += 1;
            let mut inner = 0;
            while inner < embeddable.embeddings.len() {
                let one = embeddable.embeddings[inner];
                list[end] = EmbeddingDescription {
                    outer: Some(match one.outer {
                        Some(further) => outer + 1 + further,
                        None => outer,
                    }),
                    ..one
                };
                end += 1;
                inner += 1;
            }
        }
        at += 1;
    }
    list
}
