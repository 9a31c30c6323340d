//! One change from what a database holds to what it would hold.

use std::fmt;

use orm_core::schema::Risk;
use orm_core::schema::database::{
    DatabaseCheck, DatabaseColumn, DatabaseEnum, DatabaseForeignKey, DatabaseIndex, DatabaseKey,
    DatabaseName, DatabaseTable, DatabaseView,
};

/// A change with its risk. Tables and columns have the names that they have after it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Change {
    pub(crate) table: DatabaseName,
    pub(crate) kind: ChangeKind,
    pub(crate) risk: Risk,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ChangeKind {
    AddEnum(DatabaseEnum),
    ChangeEnum { from: DatabaseEnum, to: DatabaseEnum },
    DropEnum(DatabaseEnum),
    RenameTable { from: DatabaseName },
    RenameColumn { from: String, to: String },
    AddTable(DatabaseTable),
    DropTable(DatabaseTable),
    AddColumn(DatabaseColumn),
    DropColumn(DatabaseColumn),
    ChangeColumn { from: DatabaseColumn, to: DatabaseColumn, aspect: Aspect },
    ChangeKey { from: Option<DatabaseKey>, to: Option<DatabaseKey> },
    AddIndex(DatabaseIndex),
    DropIndex(DatabaseIndex),
    RenameIndex { from: DatabaseIndex, to: DatabaseIndex },
    AddCheck(DatabaseCheck),
    DropCheck(DatabaseCheck),
    AddForeignKey(DatabaseForeignKey),
    DropForeignKey(DatabaseForeignKey),
    ChangeTableComment(Option<String>),
    ChangeOptions { from: String, to: String },
    AddView(DatabaseView),
    DropView(DatabaseView),
    ChangeView { from: DatabaseView, to: DatabaseView },
}

/// What of a column changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aspect {
    Type,
    Nullability,
    Default,
    Counting,
    Generation,
    Options,
    Comment,
}

impl Aspect {
    pub(crate) const ALL: [Self; 7] = [
        Self::Type,
        Self::Generation,
        Self::Counting,
        Self::Default,
        Self::Nullability,
        Self::Options,
        Self::Comment,
    ];

    /// Makes it in `column` what it is in `other`.
    pub(crate) fn copy(self, other: &DatabaseColumn, column: &mut DatabaseColumn) {
        match self {
            Self::Type => {
                column.type_name.clone_from(&other.type_name);
                column.collation.clone_from(&other.collation);
                (column.column_type, column.length) = (other.column_type, other.length);
            }
            Self::Nullability => column.nullable = other.nullable,
            Self::Default => column.default.clone_from(&other.default),
            Self::Counting => column.counted.clone_from(&other.counted),
            Self::Generation => column.generated.clone_from(&other.generated),
            Self::Options => column.options.clone_from(&other.options),
            Self::Comment => column.comment.clone_from(&other.comment),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let table = &self.table;
        match &self.kind {
            ChangeKind::AddEnum(_) => write!(f, "create the type {table}"),
            ChangeKind::ChangeEnum { from, to } => {
                write!(
                    f,
                    "change the labels of the type {table} from {} to {}",
                    from.labels.join(", "),
                    to.labels.join(", ")
                )
            }
            ChangeKind::DropEnum(_) => write!(f, "drop the type {table}"),
            ChangeKind::RenameTable { from } => write!(f, "rename the table {from} to {table}"),
            ChangeKind::RenameColumn { from, to } => write!(f, "{table}: rename the column {from} to {to}"),
            ChangeKind::AddTable(_) => write!(f, "create the table {table}"),
            ChangeKind::DropTable(_) => write!(f, "drop the table {table}"),
            ChangeKind::AddColumn(column) => {
                write!(f, "{table}: add the column {} {}", column.name, column.type_name)?;
                f.write_str(if column.nullable { "" } else { " not null" })
            }
            ChangeKind::DropColumn(column) => write!(f, "{table}: drop the column {}", column.name),
            ChangeKind::ChangeColumn { from, to, aspect } => {
                write!(f, "{table}: ")?;
                describe_aspect(f, from, to, *aspect)
            }
            ChangeKind::ChangeKey { to, .. } => match to {
                Some(key) => write!(f, "{table}: change the primary key to {}", key.columns.join(", ")),
                None => write!(f, "{table}: drop the primary key"),
            },
            ChangeKind::AddIndex(index) => write!(f, "{table}: add the {}", index_words(index)),
            ChangeKind::DropIndex(index) => write!(f, "{table}: drop the {}", index_words(index)),
            ChangeKind::RenameIndex { from, to } => {
                write!(
                    f,
                    "{table}: rename the {} to {}",
                    index_words(from),
                    to.name.as_deref().unwrap_or_default()
                )
            }
            ChangeKind::AddCheck(check) => write!(f, "{table}: add the check {}", check_words(check)),
            ChangeKind::DropCheck(check) => write!(f, "{table}: drop the check {}", check_words(check)),
            ChangeKind::AddForeignKey(key) => write!(f, "{table}: add the foreign key {}", key_words(key)),
            ChangeKind::DropForeignKey(key) => write!(f, "{table}: drop the foreign key {}", key_words(key)),
            ChangeKind::ChangeTableComment(comment) => {
                write!(f, "{table}: {}", comment_words(comment.as_ref()))
            }
            ChangeKind::ChangeOptions { from, to } => {
                write!(f, "{table}: change its options from `{from}` to `{to}`")
            }
            ChangeKind::AddView(_) => write!(f, "create the view {table}"),
            ChangeKind::DropView(_) => write!(f, "drop the view {table}"),
            ChangeKind::ChangeView { .. } => write!(f, "change the view {table}"),
        }
    }
}

fn describe_aspect(
    f: &mut fmt::Formatter<'_>,
    from: &DatabaseColumn,
    to: &DatabaseColumn,
    aspect: Aspect,
) -> fmt::Result {
    let name = &to.name;
    match aspect {
        Aspect::Type => {
            write!(f, "change the type of {name} from {} to {}", type_words(from), type_words(to))
        }
        Aspect::Nullability if to.nullable => write!(f, "let {name} be null"),
        Aspect::Nullability => write!(f, "make {name} not null"),
        Aspect::Default => match (&from.default, &to.default) {
            (_, Some(default)) => write!(f, "set the default of {name} to {default}"),
            (_, None) => write!(f, "drop the default of {name}"),
        },
        Aspect::Counting if to.counted.is_some() => write!(f, "let the database count {name} up"),
        Aspect::Counting => write!(f, "let the database count {name} up no more"),
        Aspect::Generation => match &to.generated {
            Some(generated) => write!(f, "compute {name} as {}", generated.expression),
            None => write!(f, "compute {name} no more"),
        },
        Aspect::Options => {
            write!(f, "change the options of {name} from `{}` to `{}`", from.options, to.options)
        }
        Aspect::Comment => write!(f, "{} of {name}", comment_words(to.comment.as_ref())),
    }
}

fn type_words(column: &DatabaseColumn) -> String {
    match &column.collation {
        Some(collation) => format!("{} collate {collation}", column.type_name),
        None => column.type_name.clone(),
    }
}

fn comment_words(comment: Option<&String>) -> &'static str {
    if comment.is_some() { "set the comment" } else { "drop the comment" }
}

fn index_words(index: &DatabaseIndex) -> String {
    let kind = if index.is_unique { "unique index" } else { "index" };
    let on = index.columns.as_ref().map_or_else(|| index.definition.clone(), |columns| columns.join(", "));
    match &index.name {
        Some(name) => format!("{kind} {name} on {on}"),
        None => format!("{kind} on {on}"),
    }
}

fn check_words(check: &DatabaseCheck) -> &str {
    check.name.as_deref().unwrap_or(&check.expression)
}

fn key_words(key: &DatabaseForeignKey) -> String {
    format!("{} to {}", key.columns.join(", "), key.referenced_table)
}
