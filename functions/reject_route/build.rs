//! Writes the routes of the other functions in template.yaml, for `src/lib.rs`: what a path answers has one source.

use std::{env, error::Error, fs, path::Path};

use template::{RouteKey, Template};

fn main() -> Result<(), Box<dyn Error>> {
    let path = template::locate()?;
    println!("cargo::rerun-if-changed={}", path.display());
    let template = Template::load(&path)?;
    let routes: Vec<(&str, &str)> = (template.routes.iter())
        .filter(|route| route.function != env!("CARGO_PKG_NAME"))
        .filter_map(|route| match &route.key {
            RouteKey::Path { method, path } => Some((method.as_str(), path.as_str())),
            RouteKey::Default => None,
        })
        .collect();
    fs::write(Path::new(&env::var("OUT_DIR")?).join("routes.rs"), format!("&{routes:?}"))?;
    Ok(())
}
