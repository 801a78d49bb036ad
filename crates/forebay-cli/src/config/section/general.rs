//! What concerns everything: the profile, and what the environment is called.

use crate::config::choice::ProfileName;
use crate::config::setting::section;

section! {
    /// What concerns everything.
    struct General {
        /// A set of defaults: dev (pool of 5 and 5 more), test (one connection, no cache),
        /// production (pool of 20 and 20 more), or default (10 and 20 more).
        profile: ProfileName = ProfileName::Default, flag "profile", env "FOREBAY_ENV";
        /// In which environment it runs: a word that GET /health says.
        environment: String = "production".to_owned(), flag "environment";
    }
}
