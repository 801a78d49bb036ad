//! One chapter as HTML: headings with the anchors that links name, links to other chapters, and in
//! Rust the lines that are there for tests alone taken out. What lies outside the guide is no link:
//! the text says where in the repository it is.

use std::collections::BTreeSet;

use pulldown_cmark::{CodeBlockKind, CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::tidy::{anchor, resolve};

/// Where chapters lie in the repository.
const FOLDER: &str = "docs/guide";

/// The chapter as HTML.
pub(crate) fn html(text: &str) -> String {
    let mut page = Page { text, anchors: BTreeSet::new(), left: None, is_rust: false };
    let parser = Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter();
    let events = parser.flat_map(|(event, range)| page.event(event, range.start));
    let mut done = String::with_capacity(text.len() * 2);
    html::push_html(&mut done, events);
    done
}

/// What is known while a chapter is gone through.
struct Page<'t> {
    text: &'t str,
    anchors: BTreeSet<String>,
    /// The file that a link leads to which is not in the guide, and the text of the link so far.
    left: Option<(String, String)>,
    is_rust: bool,
}

impl<'t> Page<'t> {
    fn event(&mut self, event: Event<'t>, at: usize) -> Vec<Event<'t>> {
        match event {
            Event::Start(Tag::Heading { level, classes, attrs, .. }) => {
                let title = self.text[at..].lines().next().unwrap_or("").trim_start_matches('#');
                let id = anchor(title, &self.anchors);
                self.anchors.insert(id.clone());
                let id = Some(CowStr::from(id));
                vec![Event::Start(Tag::Heading { level, id, classes, attrs })]
            }
            Event::Start(Tag::Link { link_type, dest_url, title, id }) => match target(&dest_url) {
                Target::Here(url) => {
                    let dest_url = CowStr::from(url);
                    vec![Event::Start(Tag::Link { link_type, dest_url, title, id })]
                }
                Target::Outside(path) => {
                    self.left = Some((path, String::new()));
                    Vec::new()
                }
            },
            Event::End(TagEnd::Link) => match self.left.take() {
                None => vec![event],
                // The text has said it.
                Some((path, said)) if path == said => Vec::new(),
                Some((path, _)) => {
                    vec![
                        Event::Text(" (".into()),
                        Event::Code(path.into()),
                        Event::Text(")".into()),
                    ]
                }
            },
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(info))) => {
                let language = info.split(',').next().unwrap_or("").to_owned();
                self.is_rust = language == "rust";
                vec![Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language.into())))]
            }
            Event::End(TagEnd::CodeBlock) => {
                self.is_rust = false;
                vec![event]
            }
            Event::Text(code) if self.is_rust => vec![Event::Text(shown(&code).into())],
            Event::Text(ref part) | Event::Code(ref part) => {
                if let Some((_, said)) = &mut self.left {
                    said.push_str(part);
                }
                vec![event]
            }
            _ => vec![event],
        }
    }
}

/// Where a link leads.
#[derive(Debug, PartialEq, Eq)]
enum Target {
    /// To a page or picture of the book, to a heading, or to another site.
    Here(String),
    /// To a file of the repository.
    Outside(String),
}

fn target(link: &str) -> Target {
    if link.contains(':') || link.starts_with('#') {
        return Target::Here(link.to_owned());
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let path = resolve(FOLDER, file).unwrap_or_default();
    match path.strip_prefix(FOLDER).and_then(|rest| rest.strip_prefix('/')) {
        None => Target::Outside(path),
        Some(own) => {
            let page =
                own.strip_suffix(".md").map_or(own.to_owned(), |name| format!("{name}.html"));
            let hash = if heading.is_empty() { "" } else { "#" };
            Target::Here(format!("{page}{hash}{heading}"))
        }
    }
}

/// Rust without the lines that rustdoc does not show.
fn shown(code: &str) -> String {
    let is_shown = |line: &&str| line.trim_start() != "#" && !line.trim_start().starts_with("# ");
    code.split_inclusive('\n').filter(|line| is_shown(&line.trim_end())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chapters_become_pages() {
        let check = |text: &str, expect: &str| assert_eq!(html(text).trim_end(), expect, "{text}");
        check(
            "# `a` and b\n## a and b",
            "<h1 id=\"a-and-b\"><code>a</code> and b</h1>\n\
                                          <h2 id=\"a-and-b-1\">a and b</h2>",
        );
        check("[b](b.md#c)", "<p><a href=\"b.html#c\">b</a></p>");
        check("![p](p.png)", "<p><img src=\"p.png\" alt=\"p\" /></p>");
        check("[why](../design/a.md#x).", "<p>why (<code>docs/design/a.md</code>).</p>");
        check("[`x/y.rs`](../../x/y.rs)", "<p><code>x/y.rs</code></p>");
        check(
            "```rust,no_run\n# hidden();\n#\n#[shown]\nshown();\n```",
            "<pre><code class=\"language-rust\">#[shown]\nshown();\n</code></pre>",
        );
        check("```sh\n# shown\n```", "<pre><code class=\"language-sh\"># shown\n</code></pre>");
        check(
            "|a|\n|-|\n|`|`|",
            "<table><thead><tr><th>a</th></tr></thead><tbody>\n\
                                 <tr><td>`</td></tr>\n</tbody></table>",
        );
    }
}
