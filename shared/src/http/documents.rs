//! Documents that are the same for everybody, kept in a function's memory with their gzip and their tag: an answer from
//! memory reads no table and compresses nothing.

use super::{
    Problem,
    answer::{body, with_header},
    layer::{coding, condition::etag},
};
use crate::{
    app::App,
    domain::time::{Seconds, Timestamp},
};
use lambda_http::{Body, Response};
use serde::Serialize;
use std::{
    borrow::Cow,
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

const MAX_ENTRIES: usize = 1_000;
/// The most bytes in memory. A function has 512 MB, most of it free.
const MAX_BYTES: usize = 32 << 20;
/// A document of more bytes is not kept: a few of them would drive out all others.
const MAX_DOCUMENT_BYTES: usize = MAX_BYTES / 8;

/// Who may keep a document, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caching {
    /// Whether a cache between the client and the API may keep it.
    pub shared: bool,
    /// How long it may be kept, here and by every cache.
    pub max_age: Seconds,
}

impl Caching {
    /// The rule of a document that every cache may keep for this time.
    pub const fn public(max_age: Seconds) -> Self {
        Caching { shared: true, max_age }
    }

    /// The rule of a document that only the caller's own cache may keep for this time.
    pub const fn private(max_age: Seconds) -> Self {
        Caching { shared: false, max_age }
    }
}

/// What a document is made from.
#[derive(Debug)]
pub struct Content {
    json: Cow<'static, str>,
    next: Option<String>,
}

impl Content {
    /// The content with this JSON body.
    pub fn of<T: Serialize>(value: &T) -> Self {
        Self::text(body(value))
    }

    /// The content whose body is JSON already.
    pub fn text(json: impl Into<Cow<'static, str>>) -> Self {
        Content { json: json.into(), next: None }
    }

    /// The content with the position of the next page.
    pub fn followed_by(mut self, next: Option<String>) -> Self {
        self.next = next;
        self
    }
}

/// A document in memory.
#[derive(Debug)]
pub struct Document {
    content: Content,
    gzip: Vec<u8>,
    etag: String,
    caching: Caching,
    /// When its reads began: it is not newer than this.
    read_at: Timestamp,
}

impl Document {
    fn new(content: Content, caching: Caching, read_at: Timestamp) -> Self {
        let (gzip, etag) = (coding::gzip(content.json.as_bytes()), etag(&content.json));
        Document { content, gzip, etag, caching, read_at }
    }

    /// The JSON text.
    pub fn json(&self) -> &str {
        &self.content.json
    }

    /// The JSON text as gzip.
    pub fn gzip(&self) -> &[u8] {
        &self.gzip
    }

    /// The position of the next page, if there is one.
    pub fn next(&self) -> Option<&str> {
        self.content.next.as_deref()
    }

    /// Whether it may still be answered at `now`. After the clock went back it may not.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let max_age_millis = i64::from(self.caching.max_age.0) * 1_000;
        (0..max_age_millis).contains(&(now.millis() - self.read_at.millis()))
    }

    /// The answer 200 with the document. The layer puts in the body.
    pub fn response(self: &Arc<Self>, now: Timestamp) -> Response<Body> {
        let audience = if self.caching.shared { "public" } else { "private" };
        let mut response = Response::new(Body::Empty);
        response.extensions_mut().insert(Arc::clone(self));
        let age_seconds = (now.millis() - self.read_at.millis()) / 1_000;
        let response = [
            ("content-type", "application/json".to_owned()),
            ("cache-control", format!("{audience}, max-age={}", self.caching.max_age.0)),
            ("etag", self.etag.clone()),
        ]
        .into_iter()
        .fold(response, |response, (name, value)| with_header(response, name, value));
        // Else a cache behind would keep a document of four seconds for another five.
        if age_seconds > 0 { with_header(response, "age", age_seconds.to_string()) } else { response }
    }

    fn bytes(&self, key: &str) -> usize {
        size_of::<Self>() + key.len() + self.content.json.len() + self.gzip.len()
    }
}

/// The documents in a function's memory, by a key that names everything they depend on.
#[derive(Debug, Default)]
pub struct Documents(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    by_key: HashMap<String, Arc<Document>>,
    bytes: usize,
}

impl Documents {
    /// An empty memory.
    pub fn new() -> Self {
        Self::default()
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn remove(&mut self, key: &str) {
        if let Some(gone) = self.by_key.remove(key) {
            self.bytes -= gone.bytes(key);
        }
    }

    /// Keeps a document. Where there is no room, first forgets what is too old to be answered, then the oldest.
    fn put(&mut self, key: String, document: Arc<Document>, now: Timestamp) {
        let bytes = document.bytes(&key);
        self.remove(&key);
        if bytes > MAX_DOCUMENT_BYTES {
            return;
        }
        let full = |memory: &Self| memory.by_key.len() >= MAX_ENTRIES || memory.bytes + bytes > MAX_BYTES;
        if full(self) {
            self.by_key.retain(|_, document| document.is_fresh(now));
            self.bytes = self.by_key.iter().map(|(key, document)| document.bytes(key)).sum();
        }
        while full(self) {
            let oldest = self.by_key.iter().min_by_key(|(key, document)| (document.read_at, *key));
            let Some(oldest) = oldest.map(|(key, _)| key.clone()) else { break };
            self.remove(&oldest);
        }
        self.bytes += bytes;
        self.by_key.insert(key, document);
    }
}

/// Returns a document from memory while it is younger than its `max_age`, else with the content that `read` returns.
/// `key` names all that the content depends on, and nothing else of the request.
///
/// # Errors
/// Those of `read`. Nothing is kept of them: a flood of unknown ids fills no memory, and a concert that was just created
/// is found at once.
pub async fn document(
    app: &App,
    key: String,
    caching: Caching,
    read: impl Future<Output = Result<Content, Problem>>,
) -> Result<Arc<Document>, Problem> {
    let now = app.now();
    let known = app.documents.memory().by_key.get(&key).cloned();
    if let Some(document) = known.filter(|document| document.is_fresh(now)) {
        return Ok(document);
    }
    let document = Arc::new(Document::new(read.await?, caching, now));
    app.documents.memory().put(key, Arc::clone(&document), now);
    Ok(document)
}

/// Answers 200 with a public document, as [`document`] finds it.
///
/// # Errors
/// As [`document`].
pub async fn public(
    app: &App,
    key: String,
    max_age: Seconds,
    read: impl Future<Output = Result<Content, Problem>>,
) -> Result<Response<Body>, Problem> {
    Ok(document(app, key, Caching::public(max_age), read).await?.response(app.now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn of(bytes: usize, read_at: i64) -> Arc<Document> {
        // Digits in a fixed disorder, so that gzip does not make the document small.
        let json: String = (0..bytes).map(|i| char::from(b'0' + ((i * i + i / 7) % 10) as u8)).collect();
        Arc::new(Document::new(Content::text(json), Caching::public(Seconds(5)), at(read_at)))
    }

    #[test]
    fn memory_is_bounded_in_entries_and_forgets_the_stale_and_then_the_oldest() {
        let mut memory = Memory::default();
        for i in 0..MAX_ENTRIES {
            memory.put(format!("key {i}"), of(10, i as i64), at(i as i64));
        }
        memory.put("one more".to_owned(), of(10, 1_000), at(1_000));
        assert_eq!(memory.by_key.len(), MAX_ENTRIES);
        assert!(!memory.by_key.contains_key("key 0") && memory.by_key.contains_key("key 1"), "the oldest goes");
        memory.put("later".to_owned(), of(10, 5_500), at(5_500));
        assert!(!memory.by_key.contains_key("key 500"), "five seconds old");
        assert!(memory.by_key.contains_key("key 501") && memory.by_key.contains_key("one more"));
        assert_eq!(memory.by_key.len(), MAX_ENTRIES - 500 + 1);
    }

    #[test]
    fn memory_is_bounded_in_bytes_and_counts_them_right() {
        let mut memory = Memory::default();
        let size = MAX_DOCUMENT_BYTES / 2;
        for i in 0..20 {
            memory.put(format!("key {i}"), of(size, i), at(i));
            memory.put(format!("key {i}"), of(size, i), at(i));
            assert!(memory.bytes <= MAX_BYTES);
        }
        let counted: usize = memory.by_key.iter().map(|(key, document)| document.bytes(key)).sum();
        assert_eq!(memory.bytes, counted);
        assert!((5..20).contains(&memory.by_key.len()), "{}", memory.by_key.len());
        memory.put("huge".to_owned(), of(MAX_DOCUMENT_BYTES, 50), at(50));
        assert!(!memory.by_key.contains_key("huge"), "would drive out the others");
    }

    #[test]
    fn a_document_is_fresh_until_its_max_age_and_not_before_it_was_read() {
        let document = of(10, 1_000);
        for (now, fresh) in [(999, false), (1_000, true), (5_999, true), (6_000, false)] {
            assert_eq!(document.is_fresh(at(now)), fresh, "{now}");
        }
    }
}
