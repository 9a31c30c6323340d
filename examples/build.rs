//! Has cargo look at the folder of migrations that an example embeds, so that new files are found.

fn main() {
    println!("cargo::rerun-if-changed=examples/bookshop/migrations");
}
