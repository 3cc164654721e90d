//! The builds of `cargo verify` share the dependencies that they compile.

use std::{
    collections::BTreeSet,
    process::{Command, Stdio},
};

use tools::workspace;

/// What may differ: the tests need more of them than `cargo local`, and only the log stands on them.
const LARGER_IN_TESTS: [&str; 2] = ["regex-automata", "regex-syntax"];

/// The dependencies of a build, each with its version and features.
fn dependencies(packages: &[&str], edges: &str) -> BTreeSet<String> {
    let mut tree = Command::new(workspace::cargo());
    tree.current_dir(workspace::root()).args(["tree", "--locked", "--prefix", "none", "--format", "{p} {f}"]);
    let output = tree.args(["--edges", edges]).args(packages).stderr(Stdio::inherit()).output();
    let output = output.expect("cargo runs");
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    // A package that was shown before has a star instead of its dependencies. A path marks a package of the workspace.
    let external = text.lines().filter(|line| !line.contains('/'));
    external.map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
}

#[test]
fn no_command_needs_a_dependency_with_features_that_the_tests_did_not_compile() {
    let tests = dependencies(&["--workspace", "--exclude", "e2e"], "normal,dev,no-proc-macro");
    assert!(tests.iter().any(|dependency| dependency.starts_with("tokio v")));
    let local = ["--package", "local", "--package", "create_reservation", "--package", "show_docs"];
    for packages in [
        &local[..],
        &["--package", "simulation"],
        &["--package", "conformance"],
        &["--package", "e2e"],
        &["--package", "admin"],
        &["--package", "smoke"],
        &["--package", "crowd"],
        &["--package", "bundle", "--package", "features"],
    ] {
        let other: Vec<_> = dependencies(packages, "normal,no-proc-macro")
            .into_iter()
            .filter(|dependency| !tests.contains(dependency))
            .filter(|dependency| !LARGER_IN_TESTS.iter().any(|name| dependency.starts_with(&format!("{name} v"))))
            .collect();
        assert!(other.is_empty(), "{packages:?}: add what is missing to infra/features/Cargo.toml: {other:?}");
    }
}
