//! npm lockfiles name packages and their checksums only. An address in one would tie everybody to
//! the registry of whoever wrote it.

use super::finding::Finding;
use super::tree::File;

/// No line of a lockfile may say where a package was downloaded from.
pub(crate) fn check(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let named = lines.filter(|(_, line)| line.contains("\"resolved\":") && line.contains("://"));
    named
        .map(|(index, _)| {
            let message = "a lockfile may not name a registry: set \
                           `omit-lockfile-registry-resolved=true` in .npmrc and write it again";
            Finding::new(&file.path, index + 1, message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_and_checksums_are_not() {
        let check_text = |text: &str, expect: &[usize]| {
            let file = File { path: "package-lock.json".to_owned(), text: text.to_owned() };
            let lines: Vec<usize> = check(&file).iter().map(|finding| finding.line).collect();
            assert_eq!(lines, expect, "{text}");
        };
        check_text("{\n\"version\": \"1\",\n\"integrity\": \"sha512-x\"\n}", &[]);
        check_text("{\n\"resolved\": \"https://host/x.tgz\",\n\"a\": 1\n}", &[2]);
        check_text("{\n\"resolved\": \"local\", \"link\": true\n}", &[]);
    }
}
