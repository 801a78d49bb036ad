//! What an injected bug is: changes of the library's text.

/// A bug to be put into a copy of the library.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mutant {
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
}

/// One change of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edit {
    /// Which, under `crates/forebay/src`.
    pub(crate) file: &'static str,
    /// A text that stands there exactly once.
    pub(crate) find: &'static str,
    /// What stands there instead. `$on` says whether this bug is the selected one, so that all
    /// of them can be built at once; `$pause` makes a gap wide enough for others to fall into.
    pub(crate) put: &'static str,
}

impl Mutant {
    /// The replacement of one of its edits as it is compiled.
    pub(crate) fn code(&self, edit: &Edit) -> String {
        let on = format!("crate::mutant::is({:?})", self.name);
        edit.put.replace("$on", &on).replace("$pause", "crate::mutant::pause()")
    }
}
