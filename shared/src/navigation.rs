//! Is a person looking? Then the answer is a page, not JSON.

use crate::language::Language;

/// `header` returns the value of a header by its lower-case name.
///
/// A browser says so by `Sec-Fetch-Mode`, for a form that is sent too; one that
/// does not know that header accepts HTML when it reads.
pub fn is_navigation<'a>(method: &str, header: impl Fn(&str) -> Option<&'a str>) -> bool {
    let is_read = matches!(method, "GET" | "HEAD");
    match header("sec-fetch-mode") {
        Some(mode) => mode == "navigate",
        None => is_read && header("accept").is_some_and(|kinds| kinds.contains("text/html")),
    }
}

/// The language of the page that a person gets; `None` where no person is looking.
///
/// `header` as in [`is_navigation`].
pub fn page_language<'a>(
    method: &str,
    header: impl Fn(&str) -> Option<&'a str>,
) -> Option<Language> {
    is_navigation(method, &header).then(|| {
        header("accept-language").and_then(Language::accepted).unwrap_or(Language::English)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_says_of_itself_comes_first() {
        let check = |method: &str, headers: &[(&str, &'static str)], expected: bool| {
            let header =
                |name: &str| headers.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            assert_eq!(is_navigation(method, header), expected, "{method} {headers:?}");
        };
        let html = ("accept", "text/html,*/*;q=0.8");
        check("GET", &[html], true);
        check("HEAD", &[html], true);
        check("POST", &[html], false);
        check("POST", &[("sec-fetch-mode", "navigate")], true);
        check("GET", &[html, ("sec-fetch-mode", "cors")], false);
        check("GET", &[("accept", "application/json")], false);
        check("GET", &[], false);
    }
}
