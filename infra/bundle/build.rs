//! Lists the functions, from template.yaml, for `src/main.rs`.

use std::{env, error::Error, fs, path::Path};

use template::Template;

fn main() -> Result<(), Box<dyn Error>> {
    let path = template::locate()?;
    println!("cargo::rerun-if-changed={}", path.display());
    let template = Template::load(&path)?;
    let names: Vec<&str> = template.functions.iter().map(|function| function.name.as_str()).collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("functions.rs"), format!("functions!({});\n", names.join(", ")))?;
    Ok(())
}
