//! Where the workspace, its target directory and cargo are.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The root directory of the workspace, which holds the template.
#[must_use]
pub fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).expect("the crate lies two directories below the root")
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, else `target` in the workspace.
#[must_use]
pub fn target_directory() -> PathBuf {
    // Joining an absolute path replaces the root.
    root().join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// The file in which a running local stack, by the port of its API, keeps the address of its tables.
#[must_use]
pub fn local_dynamodb(port: u16) -> PathBuf {
    target_directory().join("stagedoor").join(format!("{port}.dynamodb"))
}

/// The cargo that runs this program, else the first one in `PATH`. So every build uses the same toolchain.
#[must_use]
pub fn cargo() -> PathBuf {
    env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_root_holds_the_workspace() {
        assert!(root().join("template.yaml").is_file() && root().join("Cargo.lock").is_file());
        assert!(target_directory().is_absolute());
    }
}
