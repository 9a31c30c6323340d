//! Writes a plan as Rust source, in the form that rustfmt gives it.

use std::fmt::Write as _;

use super::names::in_source;
use super::plan::{EntityPlan, EnumPlan, FieldPlan, Plan};

/// How long a line is at most.
const WIDTH: usize = 100;

/// The source.
pub(super) fn write(plan: &Plan) -> String {
    let mut text =
        String::from("// Entities of a database, printed by `orm.schema().generate_entities()`.\n");
    for line in &plan.left_out {
        note(&mut text, "", line);
    }
    let is_used = |word: &str| {
        let fields = plan.entities.iter().flat_map(|entity| &entity.fields);
        fields.into_iter().any(|field| field.field_type.contains(word))
    };
    let imports = [
        ("Collection", is_used("Collection<")),
        ("Entity", !plan.entities.is_empty()),
        ("EnumValue", !plan.enums.is_empty()),
        ("Ref", is_used("Ref<")),
    ];
    let imports: Vec<&str> =
        imports.into_iter().filter(|(_, is_used)| *is_used).map(|(name, _)| name).collect();
    match imports.as_slice() {
        [] => {}
        [one] => text.push_str(&format!("\nuse orm_core::{one};\n")),
        several => text.push_str(&format!("\nuse orm_core::{{{}}};\n", several.join(", "))),
    }
    plan.enums.iter().for_each(|one| write_enum(&mut text, one));
    plan.entities.iter().for_each(|entity| write_entity(&mut text, entity));
    text
}

fn write_enum(text: &mut String, plan: &EnumPlan) {
    text.push_str("\n#[derive(EnumValue, Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]\n");
    attribute(text, "", "enum_value", &plan.attributes);
    let _ = writeln!(text, "pub enum {} {{", plan.name);
    for (at, (variant, rename)) in plan.variants.iter().enumerate() {
        text.push_str(if at == 0 { "    #[default]\n" } else { "" });
        attribute(text, "    ", "enum_value", rename.as_slice());
        let _ = writeln!(text, "    {variant},");
    }
    text.push_str("}\n");
}

fn write_entity(text: &mut String, entity: &EntityPlan) {
    text.push('\n');
    for line in &entity.notes {
        note(text, "", &format!("Left out: {line}."));
    }
    text.push_str("#[derive(Entity, Clone, Debug, Default)]\n");
    attribute(text, "", "entity", &entity.attributes);
    let _ = writeln!(text, "pub struct {} {{", entity.name);
    for FieldPlan { name, attributes, field_type, .. } in &entity.fields {
        attribute(text, "    ", "entity", attributes);
        let _ = writeln!(text, "    pub {}: {field_type},", in_source(name));
    }
    text.push_str("}\n");
}

fn attribute(text: &mut String, indent: &str, name: &str, parts: &[String]) {
    if parts.is_empty() {
        return;
    }
    let line = format!("{indent}#[{name}({})]", parts.join(", "));
    if line.chars().count() <= WIDTH {
        let _ = writeln!(text, "{line}");
        return;
    }
    let inner = format!("\n{indent}    ");
    let _ = writeln!(text, "{indent}#[{name}({inner}{}\n{indent})]", parts.join(&format!(",{inner}")));
}

/// A comment of one line, whatever is in it.
fn note(text: &mut String, indent: &str, line: &str) {
    let _ = write!(text, "{indent}// ");
    for char in line.chars() {
        match char {
            // The only ones that would be escaped though they do no harm.
            '"' | '\'' | '\\' => text.push(char),
            other => text.extend(other.escape_debug()),
        }
    }
    text.push('\n');
}
