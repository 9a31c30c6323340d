//! `embed!` of `orm_sqlx::migration`: a folder of migrations as part of the program.
//!
//! Emits an `include_str!` for each file, so that cargo compiles again when one changes. That a file is new nobody but a
//! build script can tell.

use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr, Result};

/// The folders of files that are of one database.
const FOLDERS: [&str; 4] = ["sqlite", "postgres", "mariadb", "mysql"];

/// Expands the macro.
pub(crate) fn expand(literal: &LitStr) -> TokenStream {
    match files(literal) {
        Ok(files) => {
            let files = files.iter().map(|(path, file)| quote!((#path, ::core::include_str!(#file))));
            quote!(::orm_sqlx::migration::Embedded::new(&[#(#files),*]))
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote!({ #error ::orm_sqlx::migration::Embedded::new(&[]) })
        }
    }
}

/// Every file: its path from the folder on, and where it is.
fn files(literal: &LitStr) -> Result<Vec<(String, String)>> {
    let refuse = |message: String| Err(Error::new(literal.span(), message));
    let name = literal.value();
    let Some(root) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        return refuse("cargo does not say where this package is; build it with cargo".to_owned());
    };
    let folder = PathBuf::from(root).join(&name);
    if !folder.is_dir() {
        return refuse(format!(
            "there is no folder `{name}` beside the Cargo.toml of this package; make it, or name the one with the migrations"
        ));
    }
    let mut files = Vec::new();
    read(literal, &folder, "", &mut files)?;
    for own in FOLDERS {
        let own_folder = folder.join(own);
        if own_folder.is_dir() {
            read(literal, &own_folder, own, &mut files)?;
        }
    }
    if files.is_empty() {
        return refuse(format!(
            "there is no migration in `{name}`; make one, such as `{name}/20261129120000_first.up.sql`"
        ));
    }
    files.sort();
    Ok(files)
}

/// Adds the SQL files of one folder.
fn read(literal: &LitStr, folder: &Path, place: &str, files: &mut Vec<(String, String)>) -> Result<()> {
    let refuse = |message: String| Err(Error::new(literal.span(), message));
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => return refuse(format!("{} can't be read: {error}", folder.display())),
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) => entry.path(),
            Err(error) => return refuse(format!("{} can't be read: {error}", folder.display())),
        };
        let is_sql = path.extension().is_some_and(|extension| extension == "sql");
        if !is_sql || path.is_dir() {
            continue;
        }
        let (Some(file), Some(whole)) = (path.file_name().and_then(|name| name.to_str()), path.to_str())
        else {
            return refuse(format!("the path of {} is no UTF-8; rename it", path.display()));
        };
        let from_folder = if place.is_empty() { file.to_owned() } else { format!("{place}/{file}") };
        if !is_migration(file) {
            return refuse(format!(
                "`{from_folder}` is no name of a migration; name it like 20261129120000_add_books.up.sql, or .down.sql"
            ));
        }
        files.push((from_folder, whole.to_owned()));
    }
    Ok(())
}

/// Whether it is named after a version, something, and a direction. Everything else is found when it is run.
fn is_migration(file: &str) -> bool {
    let stem = file.strip_suffix(".up.sql").or_else(|| file.strip_suffix(".down.sql"));
    stem.and_then(|stem| stem.split_once('_')).is_some_and(|(version, name)| {
        !name.is_empty() && !version.is_empty() && version.bytes().all(|digit| digit.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use proc_macro2::Span;

    use super::*;

    /// What a folder with these files is embedded as, or why not.
    fn embedded(files: &[&str]) -> String {
        use std::sync::atomic::{AtomicU32, Ordering};

        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("orm-derive-{}-{number}", std::process::id()));
        for file in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("it is in a folder")).expect("it can be made");
            fs::write(path, "select 1").expect("it can be written");
        }
        let literal = LitStr::new(folder.to_str().expect("it is UTF-8"), Span::call_site());
        let found = super::files(&literal);
        let _ = fs::remove_dir_all(&folder);
        match found {
            Ok(files) => files.into_iter().map(|(path, _)| path).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn files_of_all_and_of_each_database_are_embedded() {
        assert_eq!(
            embedded(&[
                "2_b.up.sql",
                "1_a.up.sql",
                "1_a.down.sql",
                "sqlite/3_c.up.sql",
                "README.md",
                "other/x.sql"
            ]),
            "1_a.down.sql 1_a.up.sql 2_b.up.sql sqlite/3_c.up.sql",
        );
    }

    #[test]
    fn a_name_that_says_nothing_is_an_error() {
        for file in ["a.sql", "a_b.up.sql", "1_.up.sql", "_a.up.sql", "mysql/1.up.sql"] {
            let said = embedded(&["1_a.up.sql", file]);
            assert!(said.starts_with(&format!("`{file}` is no name of a migration")), "{said}");
        }
    }
}
