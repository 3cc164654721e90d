//! The stack's own directory, with its lock, secrets, stream positions and logs.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions, TryLockError},
    io::Write,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Mutex,
};

use uuid::Uuid;

use crate::{
    failure::{Context, Failure},
    options::Data,
};

/// The form of the stored data. It is raised when stored items change; until 1.0 nothing converts older data.
const FORM: &str = "5";

/// The stack's own directory.
pub struct State {
    /// The directory.
    pub directory: PathBuf,
    /// Whether tables, secrets and stream positions outlive the stack. Logs always do.
    pub persistent: bool,
    secrets: Mutex<BTreeMap<String, String>>,
    /// Keeps other stacks out of the directory while this one runs.
    _lock: File,
}

impl State {
    /// Opens the directory of `data` and creates what is missing. `port` is the gateway's port.
    ///
    /// # Errors
    /// When the directory cannot be used, another stack uses it, or it holds data of another form.
    pub fn open(data: &Data, port: u16) -> Result<Self, Failure> {
        let persistent = *data != Data::Ephemeral;
        let directory = data.directory(port);
        let shown = directory.display().to_string();
        let create = |path: &Path| fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        create(&directory).context(&shown)?;
        create(&directory.join("logs")).context(&shown)?;
        let lock = private_file(&directory.join("lock")).context(&shown)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(format!(
                    "{shown} is in use by another cargo local; give this one its own --data"
                )));
            }
            Err(TryLockError::Error(error)) => return Err(error).context(&shown),
        }
        let state = Self { directory, persistent, secrets: Mutex::default(), _lock: lock };
        state.check_form()?;
        state.read_secrets()?;
        Ok(state)
    }

    /// Refuses data of another form, and records the form of new data.
    fn check_form(&self) -> Result<(), Failure> {
        let path = self.directory.join("form");
        // Form 1 had no such file. Secrets are stored before anything else, so they tell old data from a new directory.
        let form = match fs::read_to_string(&path) {
            Ok(form) => form.trim().to_owned(),
            Err(_) if self.persistent && self.secrets_path().exists() => "1".to_owned(),
            Err(_) => FORM.to_owned(),
        };
        if self.persistent && form != FORM {
            return Err(Failure::new(format!(
                "{} holds data in form {form}, and this version of Stagedoor reads only form {FORM}. Until 1.0 nothing \
                 converts it: delete the directory, or start with another --data",
                self.directory.display()
            )));
        }
        if self.persistent { write_atomically(&path, FORM.as_bytes()) } else { Ok(()) }
    }

    /// Reads the stored secrets, if there are any.
    ///
    /// # Errors
    /// When the file is not valid.
    pub fn read_secrets(&self) -> Result<(), Failure> {
        if self.persistent
            && let Ok(text) = fs::read_to_string(self.secrets_path())
        {
            let known = serde_json::from_str(&text).context(self.secrets_path().display())?;
            *self.secrets.lock().map_err(|_| Failure::new("secrets"))? = known;
        }
        Ok(())
    }

    /// Returns the secret `name`; the first time, generates it with `length` hexadecimal digits, at most 64.
    ///
    /// # Errors
    /// When a new secret cannot be stored.
    pub fn secret(&self, name: &str, length: usize) -> Result<String, Failure> {
        let mut secrets = self.secrets.lock().map_err(|_| Failure::new("secrets"))?;
        if let Some(secret) = secrets.get(name) {
            return Ok(secret.clone());
        }
        // Two random UUIDs: 244 random bits.
        let mut secret = format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        secret.truncate(length);
        secrets.insert(name.to_owned(), secret.clone());
        if self.persistent {
            let text = serde_json::to_string_pretty(&*secrets).context("secrets")?;
            write_atomically(&self.secrets_path(), text.as_bytes())?;
        }
        Ok(secret)
    }

    /// Opens the log file `name` and empties it.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn log(&self, name: &str) -> Result<File, Failure> {
        let path = self.directory.join("logs").join(format!("{name}.log"));
        let file = private_file(&path).context(path.display())?;
        file.set_len(0).context(path.display())?;
        Ok(file)
    }

    fn secrets_path(&self) -> PathBuf {
        self.directory.join("secrets.json")
    }
}

/// Replaces the content of a file that only its owner may read. A crash leaves the old content or the new.
///
/// # Errors
/// When the file cannot be written.
pub fn write_atomically(path: &Path, content: &[u8]) -> Result<(), Failure> {
    let next = path.with_extension("next");
    let write = || {
        let mut file = private_file(&next)?;
        file.set_len(0)?;
        file.write_all(content)?;
        fs::rename(&next, path)
    };
    write().context(path.display())
}

fn private_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(directory: &Path) -> Result<State, Failure> {
        State::open(&Data::Directory(directory.to_owned()), 9_000)
    }

    #[test]
    fn data_of_another_form_is_refused() {
        let directory = std::env::temp_dir().join(format!("stagedoor-form-{}", Uuid::new_v4()));
        open(&directory).expect("a new directory").secret("signing", 20).expect("a secret");
        open(&directory).expect("its own form");
        fs::remove_file(directory.join("form")).expect("removed");
        let refused = open(&directory).err().map(|failure| failure.to_string()).unwrap_or_default();
        assert!(refused.contains("holds data in form 1") && refused.contains("delete the directory"), "{refused}");
        fs::remove_dir_all(&directory).expect("removed");
    }
}
