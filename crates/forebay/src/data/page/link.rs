//! `Link` headers: the addresses of the pages around one.

use super::address::Address;
use super::leaf::Page;

pub(super) fn links<T>(page: &Page<T>, url: &str) -> String {
    let address = Address::new(url);
    let found = match page.page {
        Some(number) => by_number(page, number, &address),
        None => by_key(page, &address),
    };
    let link = |(rel, url): (&str, String)| format!("<{url}>; rel=\"{rel}\"");
    found.into_iter().map(link).collect::<Vec<_>>().join(", ")
}

fn by_number<T>(page: &Page<T>, number: u64, address: &Address<'_>) -> Vec<(&'static str, String)> {
    let of = |number: u64| address.with(Some(("page", &number.to_string())));
    let mut links = Vec::new();
    if page.has_prev {
        links.push(("first", of(1)));
        // Behind the last page, the one before is the last.
        let before = page.pages.map_or(number - 1, |pages| pages.clamp(1, number - 1));
        links.push(("prev", of(before)));
    }
    if page.has_next {
        links.push(("next", of(number + 1)));
    }
    if let Some(pages) = page.pages.filter(|pages| *pages > 1) {
        links.push(("last", of(pages)));
    }
    links
}

fn by_key<T>(page: &Page<T>, address: &Address<'_>) -> Vec<(&'static str, String)> {
    let mut links = Vec::new();
    if page.has_prev {
        links.push(("first", address.with(None)));
        links.extend(page.start.as_deref().map(|it| ("prev", address.with(Some(("before", it))))));
    }
    if page.has_next {
        links.extend(page.end.as_deref().map(|it| ("next", address.with(Some(("after", it))))));
    }
    links
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(number: u64, pages: Option<u64>, has_next: bool) -> Page<u8> {
        Page {
            items: Vec::new(),
            page: Some(number),
            per_page: 10,
            total: pages.map(|pages| pages * 10),
            pages,
            has_next,
            has_prev: number > 1,
            start: None,
            end: None,
        }
    }

    #[test]
    fn pages_by_number() {
        let check = |page: &Page<u8>, url, expect| assert_eq!(page.links(url), expect);
        check(&page(1, Some(1), false), "/posts", "");
        check(
            &page(1, Some(3), true),
            "/posts?tag=a%20b&per_page=10",
            "</posts?tag=a%20b&per_page=10&page=2>; rel=\"next\", \
             </posts?tag=a%20b&per_page=10&page=3>; rel=\"last\"",
        );
        check(
            &page(2, None, true),
            "https://a.example/p?page=2&x#y",
            "<https://a.example/p?x&page=1>; rel=\"first\", \
             <https://a.example/p?x&page=1>; rel=\"prev\", \
             <https://a.example/p?x&page=3>; rel=\"next\"",
        );
        check(
            &page(9, Some(3), false),
            "/p?page=9",
            "</p?page=1>; rel=\"first\", </p?page=3>; rel=\"prev\", </p?page=3>; rel=\"last\"",
        );
    }

    #[test]
    fn pages_by_key() {
        let mut page = Page { page: None, has_prev: true, ..page(1, None, true) };
        (page.start, page.end) = (Some("S-_".to_owned()), Some("E".to_owned()));
        assert_eq!(
            page.links("/p?a=1&after=X&b=2"),
            "</p?a=1&b=2>; rel=\"first\", </p?a=1&b=2&before=S-_>; rel=\"prev\", \
             </p?a=1&b=2&after=E>; rel=\"next\""
        );
    }

    #[test]
    fn nothing_in_an_address_ends_the_header() {
        let hostile = "/p?q=\"><script>\r\nSet-Cookie: a=b, \u{e4}\\^`{|}\u{0}";
        let links = page(1, None, true).links(hostile);
        assert_eq!(
            links,
            "</p?q=%22%3E%3Cscript%3E%0D%0ASet-Cookie:%20a=b,%20%C3%A4%5C%5E%60%7B%7C%7D%00&page=2>\
             ; rel=\"next\""
        );
    }
}
