//! `GET /docs`: one page that a browser shows without loading anything from elsewhere.

use crate::Outcome;
use acceptance::{Reply, Request, World};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, prelude::BASE64_STANDARD};

/// The largest answer of a Lambda function, in bytes.
const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024;

async fn page(accept_encoding: Option<&str>) -> Result<Reply, Box<dyn std::error::Error>> {
    let world = World::new().await?;
    let request = Request::new("GET", "/docs");
    Ok(match accept_encoding {
        Some(value) => world.send(request.header("accept-encoding", value)).await,
        None => world.send(request).await,
    })
}

/// The content of each element with this name and without attributes, as a browser finds it.
fn contents<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}"));
    let mut found = Vec::new();
    let mut rest = page;
    while let Some((_, from)) = rest.split_once(&open)
        && let Some((content, behind)) = from.split_once(&close)
    {
        found.push(content);
        rest = behind;
    }
    found
}

/// The page without its styles and scripts.
fn markup(page: &str) -> String {
    let inline = [contents(page, "style"), contents(page, "script")].concat();
    inline.into_iter().fold(page.to_owned(), |page, text| page.replace(text, ""))
}

#[tokio::test]
async fn the_page_is_compressed_for_clients_that_accept_gzip() -> Outcome {
    let plain = page(None).await?;
    assert_eq!((plain.status, plain.headers.get("content-encoding")), (200, None));
    assert!(plain.raw.len() < MAX_RESPONSE_BYTES / 2, "{}", plain.raw.len());
    for accepted in ["gzip", "br, GZIP;q=0.5", "deflate, gzip; q=1.0, *;q=0.1"] {
        let compressed = page(Some(accepted)).await?;
        assert_eq!(compressed.headers["content-encoding"], "gzip", "{accepted}");
        assert!(compressed.sent_bytes < plain.sent_bytes / 2);
        assert!(compressed.raw == plain.raw, "{accepted}: the same page");
    }
    for refused in ["", "br", "gzip;q=0", "gzip; q=0.0, br", "gzipped"] {
        let reply = page(Some(refused)).await?;
        assert_eq!(reply.headers.get("content-encoding"), None, "{refused}");
        assert!(reply.raw == plain.raw, "{refused}: the same page");
    }
    assert_eq!(plain.headers["vary"], "Accept-Encoding, Origin");
    Ok(())
}

#[tokio::test]
async fn the_page_loads_nothing_from_elsewhere() -> Outcome {
    let page = String::from_utf8(page(None).await?.raw)?;
    assert_eq!((contents(&page, "style").len(), contents(&page, "script").len()), (1, 2));
    // A comment in a script could hide the script's end from a browser.
    assert!(contents(&page, "script").iter().all(|script| !script.contains("<!--")));
    let markup = markup(&page);
    assert!(!markup.contains(" src=") && !markup.contains("//"), "{markup}");
    let links: Vec<_> = markup.split("href=").skip(1).filter_map(|rest| rest.split('>').next()).collect();
    assert_eq!(links, [r#""data:,""#, r#""openapi.json""#]);
    let style = contents(&page, "style")[0];
    assert!(!style.contains("@import"));
    let loaded = style.split("url(").skip(1).map(|rest| rest.trim_start_matches(['"', '\'']));
    assert!(loaded.clone().count() > 0);
    assert!(loaded.clone().all(|from| from.starts_with("data:")), "{:?}", loaded.map(|f| &f[..20]).collect::<Vec<_>>());
    assert!(!page.contains("sourceMappingURL"));
    Ok(())
}

#[tokio::test]
async fn the_content_security_policy_allows_only_the_pages_own_script_and_style() -> Outcome {
    let reply = page(None).await?;
    let page = String::from_utf8(reply.raw)?;
    let hash = |text: &&str| format!(" 'sha256-{}'", BASE64_STANDARD.encode(digest(&SHA256, text.as_bytes())));
    let all = |name: &str| contents(&page, name).iter().map(hash).collect::<String>();
    let policy = format!(
        "default-src 'none'; script-src{}; style-src{}; img-src data:; connect-src 'self'; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        all("script"),
        all("style")
    );
    assert_eq!(reply.headers["content-security-policy"], policy);
    assert_eq!(reply.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(reply.headers["x-content-type-options"], "nosniff");
    assert_eq!(reply.headers["referrer-policy"], "no-referrer");
    assert_eq!(reply.headers["cache-control"], "no-store");
    Ok(())
}
