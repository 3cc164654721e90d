//! Reads `template.yaml`, the SAM template that is the single list of routes, triggers, tables, message queues and
//! parameters, into a typed model.
//!
//! ```no_run
//! use template::{Reference, Template};
//!
//! let template = Template::load(&template::locate()?)?;
//! let function = template.function("create_user").expect("listed in the template");
//! let environment = template.environment(function, &Default::default(), &|reference| match reference {
//!     Reference::Resource(id) => template.table(id).map(|table| table.name.clone()),
//!     Reference::Attribute(..) => None,
//! });
//! # Ok::<(), template::TemplateError>(())
//! ```
//!
//! The model has SAM's own defaults filled in. Properties that matter only to AWS (encryption, retention of a deleted
//! table) are left out.

mod access;
mod model;
mod parse;
mod resolve;
mod sam;
mod yaml;

use std::{
    env, fs,
    path::{Path, PathBuf},
};

pub use access::Grant;
pub use model::{
    Function, KeyAttribute, KeyRole, Parameter, Queue, QueueTrigger, Redrive, Route, RouteKey, ScalarType, Schedule,
    StreamTrigger, Table, Template,
};
pub use resolve::{Expression, Reference};

/// The name of the template's file, at the root of the workspace.
pub const FILE_NAME: &str = "template.yaml";

/// Why a template could not be read or resolved.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file is missing or unreadable.
    #[error("cannot read {path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// Neither the current directory nor one above it holds a template.
    #[error("no {FILE_NAME} in this directory or above it")]
    NotFound,
    /// The text is not YAML, or uses a feature of YAML that this crate does not support.
    #[error("not a template: {0}")]
    Syntax(String),
    /// A resource lacks a required property or has one of the wrong shape.
    #[error("{resource}: {detail}")]
    Resource {
        /// The logical id.
        resource: String,
        /// What is wrong with it.
        detail: String,
    },
    /// A value refers to a parameter or resource without a known value.
    #[error("cannot resolve {0}")]
    Unresolved(String),
}

impl TemplateError {
    pub(crate) fn resource(resource: &str, detail: impl ToString) -> Self {
        Self::Resource { resource: resource.to_owned(), detail: detail.to_string() }
    }
}

/// The template's path in the workspace whose root is `root`.
#[must_use]
pub fn path_in(root: &Path) -> PathBuf {
    root.join(FILE_NAME)
}

/// Finds the nearest template, from the current directory upward.
///
/// # Errors
/// [`TemplateError::NotFound`] where there is none.
pub fn locate() -> Result<PathBuf, TemplateError> {
    let here = env::current_dir().map_err(|source| TemplateError::Read { path: PathBuf::from("."), source })?;
    here.ancestors().map(path_in).find(|path| path.is_file()).ok_or(TemplateError::NotFound)
}

impl Template {
    /// Reads the template in the file `path`.
    ///
    /// # Errors
    /// When the file cannot be read or is not a template; see [`Template::parse`].
    pub fn load(path: &Path) -> Result<Self, TemplateError> {
        let text = fs::read_to_string(path).map_err(|source| TemplateError::Read { path: path.to_owned(), source })?;
        Self::parse(&text)
    }

    /// Reads the template in `text`.
    ///
    /// # Errors
    /// [`TemplateError::Syntax`] when the text is not YAML, [`TemplateError::Resource`] when a resource lacks a
    /// required property or uses a feature that the model does not have (a schedule other than `rate(...)`, for
    /// example).
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        parse::template(&yaml::to_json(text)?)
    }
}

#[cfg(test)]
mod tests;
