//! Makes the one page of `/docs`: Swagger UI's style and scripts inline, compressed, and the policy that lets the
//! browser run exactly these and load nothing else.

use base64::{Engine, prelude::BASE64_STANDARD};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    env,
    error::Error,
    fs,
    io::{Cursor, Read, Write},
    path::Path,
};
use utoipa_swagger_ui_vendored::SWAGGER_UI_VENDORED;
use zip::ZipArchive;

/// Where the archive of the pinned crate has them.
const DIRECTORY: &str = "swagger-ui-5.32.6/dist";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=page");
    let style = without_source_map(&asset("swagger-ui.css")?);
    let bundle = inline_script(&without_source_map(&asset("swagger-ui-bundle.js")?));
    let start = inline_script(&fs::read_to_string("page/start.js")?);
    if style.contains("</style") {
        return Err("the style would end early".into());
    }
    let policy = [
        "default-src 'none'".to_owned(),
        format!("script-src {} {}", hash(&bundle), hash(&start)),
        format!("style-src {}", hash(&style)),
        "img-src data:".to_owned(),
        "connect-src 'self'".to_owned(),
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'".to_owned(),
    ];
    let page = fs::read_to_string("page/docs.html")?;
    let page = page.replace("{{style}}", &style).replace("{{start}}", &start).replace("{{bundle}}", &bundle);
    let out = env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?;
    fs::write(Path::new(&out).join("docs.html.gz"), gzip(&page)?)?;
    fs::write(Path::new(&out).join("policy.txt"), policy.join("; "))?;
    Ok(())
}

/// The text of one of Swagger UI's files.
fn asset(name: &str) -> Result<String, Box<dyn Error>> {
    let mut archive = ZipArchive::new(Cursor::new(SWAGGER_UI_VENDORED))?;
    let mut text = String::new();
    archive.by_name(&format!("{DIRECTORY}/{name}"))?.read_to_string(&mut text)?;
    Ok(text)
}

/// Without the comment that makes a browser's developer tools ask for a file that is not there.
fn without_source_map(text: &str) -> String {
    let lines = text.lines().filter(|line| !line.contains("# sourceMappingURL="));
    lines.collect::<Vec<_>>().join("\n")
}

/// A script that may stand inside a page: what HTML would take for its end, or for a comment that hides its end, is
/// written with JavaScript's escape of `<`, which means the same in strings, templates and regular expressions.
fn inline_script(script: &str) -> String {
    script.replace("</script", r"\x3c/script").replace("<!--", r"\x3c!--")
}

/// How a policy names a style or script by its content.
fn hash(text: &str) -> String {
    format!("'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(text)))
}

fn gzip(text: &str) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes())?;
    encoder.finish()
}
