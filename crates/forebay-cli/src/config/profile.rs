//! The profiles: other defaults for other occasions. What is set anywhere counts before them.

use super::choice::ProfileName;

impl ProfileName {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ProfileName::Default => "default",
            ProfileName::Dev => "dev",
            ProfileName::Test => "test",
            ProfileName::Production => "production",
        }
    }

    /// What it sets.
    pub(super) fn values(self) -> &'static [(&'static str, &'static str)] {
        match self {
            ProfileName::Default => &[],
            ProfileName::Dev => {
                &[("environment", "dev"), ("pool.max_size", "5"), ("pool.max_overflow", "5")]
            }
            // A test that wants the cache asks for it.
            ProfileName::Test => &[
                ("environment", "test"),
                ("pool.min_idle", "0"),
                ("pool.max_size", "1"),
                ("pool.max_overflow", "0"),
                ("cache.mode", "off"),
            ],
            ProfileName::Production => &[
                ("environment", "production"),
                ("pool.max_size", "20"),
                ("pool.max_overflow", "20"),
            ],
        }
    }
}
