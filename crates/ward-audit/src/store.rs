//! Where a log's files are.

use std::fmt;

/// The files of one log.
pub trait Store {
    /// What can go wrong while reading.
    type Error;

    /// A file's content, or nothing where there is none. Paths are relative, with `/`, as in
    /// `checkpoint`, `tile/0/x001/067`, `tile/entries/000.p/17`.
    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error>;
}

impl<S: Store + ?Sized> Store for &S {
    type Error = S::Error;

    fn read(&self, path: &str) -> Result<Option<Vec<u8>>, Self::Error> {
        (**self).read(path)
    }
}

/// Why something could not be read from a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadError<E> {
    /// The store failed.
    Store(E),
    /// A file is not there.
    Missing(String),
    /// A file is not what it should be.
    Damaged(String, &'static str),
    /// The tree has no such entry, or no such size.
    OutOfRange,
}

impl<E: fmt::Display> fmt::Display for ReadError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Store(error) => error.fmt(f),
            Self::Missing(path) => write!(f, "{path} is missing"),
            Self::Damaged(path, why) => write!(f, "{path} is damaged: {why}"),
            Self::OutOfRange => f.write_str("the log is not that long"),
        }
    }
}

impl<E: fmt::Debug + fmt::Display> std::error::Error for ReadError<E> {}
