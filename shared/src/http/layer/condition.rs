//! `ETag` and `If-None-Match` (RFC 9110, 8.8.3 and 13.1.2).

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};

/// Bytes of the hash that a tag has: two documents with one tag would be a collision of 96 bits.
const TAG_BYTES: usize = 12;

/// The tag of a document, which changes with the document. It is weak: gzip and plain text share it.
pub fn etag(json: &str) -> String {
    let hash = digest(&SHA256, json.as_bytes());
    format!("W/\"{}\"", BASE64_URL_SAFE_NO_PAD.encode(&hash.as_ref()[..TAG_BYTES]))
}

/// Whether an `If-None-Match` names the tag, by weak comparison. A header that is malformed anywhere names nothing.
pub fn names(if_none_match: &str, etag: &str) -> bool {
    if_none_match.trim() == "*" || tags(if_none_match).is_some_and(|tags| tags.contains(&opaque(etag)))
}

/// A tag without the mark of a weak one.
fn opaque(tag: &str) -> &str {
    tag.strip_prefix("W/").unwrap_or(tag)
}

/// The tags of a list, without the marks of weak ones. A tag may contain commas, and a list empty members.
fn tags(mut list: &str) -> Option<Vec<&str>> {
    let mut found = Vec::new();
    loop {
        list = list.trim_start_matches([' ', '\t', ',']);
        if list.is_empty() {
            return Some(found);
        }
        let tag = opaque(list);
        let length = tag.strip_prefix('"')?.find('"')? + 2;
        let (tag, rest) = tag.split_at(length);
        // A tag has no blanks, and only a comma may follow it.
        let ends = rest.trim_start_matches([' ', '\t']);
        if tag.contains([' ', '\t']) || !(ends.is_empty() || ends.starts_with(',')) {
            return None;
        }
        found.push(tag);
        list = ends;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_tag_is_named_alone_in_a_list_weak_or_strong_and_by_a_star() {
        let tag = etag("{}");
        let strong = opaque(&tag);
        for header in [
            tag.clone(),
            strong.to_owned(),
            "*".to_owned(),
            " * ".to_owned(),
            format!("\"other\", {tag}"),
            format!("W/\"a,b\",{strong} , \"\""),
            format!(", ,{tag},"),
        ] {
            assert!(names(&header, &tag), "{header}");
        }
        for header in [
            String::new(),
            "\"other\"".to_owned(),
            "W/\"other\", \"another\"".to_owned(),
            strong.trim_matches('"').to_owned(),
            format!("w/{strong}"),
            format!("{tag} \"x\""),
            format!("{tag}, *"),
            format!("*, {tag}"),
            format!("{tag}, \"open"),
            format!("x, {tag}"),
            format!("W/ {strong}"),
        ] {
            assert!(!names(&header, &tag), "{header}");
        }
    }

    #[test]
    fn another_document_has_another_tag() {
        assert_eq!(etag("{}"), etag("{}"));
        assert_ne!(etag("{\"served\":1}"), etag("{\"served\":2}"));
        assert!(etag("{}").starts_with("W/\"") && etag("{}").len() == 20);
    }

    proptest! {
        #[test]
        fn any_text_is_read(header in "[W/\"a-c*, \t]{0,30}") {
            let _ = names(&header, "W/\"a\"");
        }
    }
}
