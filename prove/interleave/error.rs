//! The error of values that do not fit, as the files of the library expect it.

#[derive(Debug)]
pub struct Error(pub(crate) String);

impl Error {
    pub(crate) fn usage(text: &str) -> Error {
        Error(text.to_owned())
    }
}
