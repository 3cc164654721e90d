//! The sizes that were reviewed: a line for each target, with the bytes of the program and of its archive.

/// The bytes of the archive that was reviewed for a target.
pub fn archive_of(known: &str, target: &str) -> Option<u64> {
    let line = known.lines().find(|line| is_of(line, target))?;
    line.split_whitespace().nth(2)?.parse().ok()
}

/// The sizes with those of a target replaced.
pub fn with(known: &str, target: &str, program: u64, archive: u64) -> String {
    let others = known.lines().filter(|line| !is_of(line, target)).map(str::to_owned);
    let mut lines: Vec<String> = others.chain([format!("{target} {program} {archive}")]).collect();
    lines.push(String::new());
    lines.join("\n")
}

fn is_of(line: &str, target: &str) -> bool {
    line.split_whitespace().next() == Some(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sizes_of_one_target_are_replaced() {
        let known = "# target, program, archive\na 10 5\nb 20 9\n";
        assert_eq!((archive_of(known, "a"), archive_of(known, "c")), (Some(5), None));
        assert_eq!(with(known, "a", 11, 6), "# target, program, archive\nb 20 9\na 11 6\n");
        assert_eq!(archive_of(&with(known, "c", 1, 7), "c"), Some(7));
    }
}
