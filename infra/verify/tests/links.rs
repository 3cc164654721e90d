//! Every relative link in a Markdown document leads to a file that exists, and its anchor to a heading.

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// Directories that are not searched: git's own, and those that it ignores.
const IGNORED: [&str; 3] = [".git", ".stagedoor", "target"];

#[derive(Default)]
struct Document {
    links: Vec<String>,
    /// The anchors of the headings.
    anchors: BTreeSet<String>,
}

impl Document {
    fn parse(text: &str) -> Self {
        let mut document = Self::default();
        let mut heading: Option<String> = None;
        for event in Parser::new_ext(text, Options::ENABLE_TABLES) {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    document.links.push(dest_url.into_string());
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(text) | Event::Code(text) => heading.iter_mut().for_each(|heading| heading.push_str(&text)),
                Event::End(TagEnd::Heading(_)) => document.add_anchor(&heading.take().unwrap_or_default()),
                _ => {}
            }
        }
        document
    }

    /// Adds the anchor that GitHub gives to a heading. Further headings with the same text get a number.
    fn add_anchor(&mut self, heading: &str) {
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
        let anchor = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let mut names = (0..).map(|n| if n == 0 { anchor.clone() } else { format!("{anchor}-{n}") });
        self.anchors.extend(names.find(|name| !self.anchors.contains(name)));
    }
}

fn find_documents(directory: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(directory).expect("a readable directory") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() && !IGNORED.iter().any(|ignored| path.ends_with(ignored)) {
            find_documents(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            found.push(path);
        }
    }
}

/// Whether a link in the document at `path` leads to a file and, if it has an anchor, to a heading. Links to other
/// sites are not checked.
fn leads_somewhere(path: &Path, link: &str) -> bool {
    if link.contains("://") || link.starts_with("mailto:") {
        return true;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() { path.to_owned() } else { path.with_file_name(file) };
    let has_anchor = || fs::read_to_string(&target).is_ok_and(|text| Document::parse(&text).anchors.contains(anchor));
    target.exists() && (anchor.is_empty() || has_anchor())
}

#[test]
fn no_link_is_dead() {
    let mut paths = Vec::new();
    let root = tools::workspace::root();
    find_documents(root, &mut paths);
    let links = |path: &PathBuf| Document::parse(&fs::read_to_string(path).expect("UTF-8")).links;
    let all = paths.iter().flat_map(|path| links(path).into_iter().map(move |link| (path, link)));
    let dead = all.filter(|(path, link)| !leads_somewhere(path, link));
    let dead: Vec<String> = dead.map(|(path, link)| format!("{}: {link}", path.display())).collect();
    assert!(dead.is_empty(), "dead links:\n{}", dead.join("\n"));
}
