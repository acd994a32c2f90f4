//! Lists the migrations, so that a file in their folder is all that one takes.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?).join("migrations");
    println!("cargo::rerun-if-changed={}", folder.display());
    println!("cargo::rerun-if-changed=build.rs");
    let files: Result<Vec<_>, _> =
        fs::read_dir(&folder)?.map(|file| file.map(|file| file.path())).collect();
    let mut files = files?;
    files.sort();
    let mut list = String::from("&[\n");
    for (number, path) in (1..).zip(&files) {
        let file = path.file_name().and_then(|name| name.to_str()).ok_or("a name is not UTF-8")?;
        let name =
            file.strip_prefix(&format!("{number:04}_")).and_then(|it| it.strip_suffix(".sql"));
        let name = name.ok_or_else(|| format!("{file} is not called {number:04}_….sql"))?;
        let name = name.replace('_', " ");
        writeln!(list, "({name:?}, include_str!({path:?})),")?;
    }
    list.push(']');
    fs::write(PathBuf::from(std::env::var("OUT_DIR")?).join("migrations.rs"), list)?;
    Ok(())
}
