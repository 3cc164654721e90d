//! Lists the functions with a route, from template.yaml, for `src/functions.rs`.

use std::{collections::BTreeSet, env, error::Error, fs, path::Path};

use template::Template;

fn main() -> Result<(), Box<dyn Error>> {
    let path = template::locate()?;
    println!("cargo::rerun-if-changed={}", path.display());
    let template = Template::load(&path)?;
    let names: BTreeSet<&str> = template.routes.iter().map(|route| route.function.as_str()).collect();
    let list = names.into_iter().collect::<Vec<_>>().join(", ");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("functions.rs"), format!("functions!({list});\n"))?;
    Ok(())
}
