//! The order of the chapters, as mdBook reads it: `# Part` and `- [Title](file.md)`, where a
//! chapter that stands further in belongs to the one before.

use anyhow::{Result, bail};

/// One line of the table of contents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Entry {
    Part(String),
    Chapter {
        title: String,
        /// Its page, such as `start.md`.
        file: String,
        is_nested: bool,
        /// Of `SUMMARY.md`, from 1.
        line: usize,
    },
}

#[derive(Debug)]
pub(crate) struct Summary {
    pub(crate) entries: Vec<Entry>,
}

impl Summary {
    /// The first heading is the title of the file itself, as in mdBook.
    pub(crate) fn parse(text: &str) -> Result<Summary> {
        let mut entries = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line_number = index + 1;
            if let Some(part) = line.strip_prefix("# ") {
                if !entries.is_empty() {
                    entries.push(Entry::Part(part.trim().to_owned()));
                }
            } else if let Some(link) = line.trim_start().strip_prefix("- [") {
                let Some((title, file)) = link.strip_suffix(')').and_then(|it| it.split_once("]("))
                else {
                    bail!("line {line_number} is no chapter, as in `- [Title](file.md)`: {line}");
                };
                entries.push(Entry::Chapter {
                    title: title.to_owned(),
                    file: file.to_owned(),
                    is_nested: line.starts_with(' '),
                    line: line_number,
                });
            } else if !line.trim().is_empty() {
                bail!("line {line_number} is neither `# Part` nor `- [Title](file.md)`: {line}");
            }
        }
        Ok(Summary { entries })
    }

    /// Title and file of each chapter, in order.
    pub(crate) fn chapters(&self) -> Vec<(&str, &str)> {
        let entries = self.entries.iter();
        let chapters = entries.filter_map(|entry| match entry {
            Entry::Chapter { title, file, .. } => Some((title.as_str(), file.as_str())),
            Entry::Part(_) => None,
        });
        chapters.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summaries_are_read_as_mdbook_does() {
        let text = "# The guide\n\n- [A](a.md)\n  - [`b`](b.md)\n\n# Further\n\n- [C](c.md)\n";
        let summary = Summary::parse(text).unwrap();
        assert_eq!(summary.chapters(), [("A", "a.md"), ("`b`", "b.md"), ("C", "c.md")]);
        assert_eq!(summary.entries[2], Entry::Part("Further".to_owned()));
        let nested = |entry: &Entry| matches!(entry, Entry::Chapter { is_nested: true, .. });
        assert_eq!(
            summary.entries.iter().map(nested).collect::<Vec<_>>(),
            [false, true, false, false]
        );
        for (text, expect) in [("- [A](a.md", "line 1"), ("# A\n\ntext\n", "line 3")] {
            assert!(Summary::parse(text).unwrap_err().to_string().contains(expect), "{text}");
        }
    }
}
