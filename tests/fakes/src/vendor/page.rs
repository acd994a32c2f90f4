//! The frame around every page of the fakes. No scripts.

use axum::http::header;
use axum::response::{Html, IntoResponse, Response};

/// Nothing is loaded, nothing runs; forms may post and follow redirects
/// anywhere, because a checkout ends on another site.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data: https:; \
                      frame-src 'self'; base-uri 'self'";

const STYLE: &str = "
:root{color-scheme:light dark;--ink:#1a1f36;--soft:#5b6478;--line:#d9dee8;--paper:#fff;--back:#f5f6fa;--accent:#4f46e5;--bad:#b42318}
@media(prefers-color-scheme:dark){:root{--ink:#eceef5;--soft:#a3abc0;--line:#333a4d;--paper:#1c2130;--back:#12151f;--accent:#8b85ff;--bad:#ff8a80}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:var(--width,60rem);margin:0 auto;padding:2rem 1rem}
h1{font-size:1.5rem;margin:0 0 1rem}h2{font-size:1.1rem;margin:2rem 0 .5rem}
.card{background:var(--paper);border:1px solid var(--line);border-radius:12px;padding:1.5rem;margin:0 0 1rem;box-shadow:0 1px 3px #0001}
.card>:first-child,.card>form>:first-child{margin-top:0}.card>:last-child,.card>form>:last-child{margin-bottom:0}
.soft{color:var(--soft)}.bad{color:var(--bad)}.badge{font-size:.75rem;letter-spacing:.04em;text-transform:uppercase;color:var(--soft)}
.sum{display:flex;justify-content:space-between;border-top:1px solid var(--line);padding-top:.75rem;margin-top:.75rem;font-weight:600}
button,.button{display:block;width:100%;padding:.75rem 1rem;margin:.5rem 0;border:1px solid var(--line);border-radius:8px;background:var(--paper);color:var(--ink);font:inherit;text-align:center;text-decoration:none;cursor:pointer}
button.main{background:var(--accent);border-color:var(--accent);color:var(--paper);font-weight:600}
button:focus-visible,a:focus-visible,input:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
a{color:var(--accent)}
.scroll{overflow-x:auto}
table{width:100%;border-collapse:collapse;font-size:.9rem}
th,td{text-align:left;padding:.5rem;border-bottom:1px solid var(--line);vertical-align:top;overflow-wrap:anywhere}
.row{display:flex;gap:.5rem;flex-wrap:wrap}.row form{flex:1 1 10rem}
pre{white-space:pre-wrap;overflow-wrap:anywhere;font-size:.9rem}
iframe{width:100%;height:36rem;border:1px solid var(--line);border-radius:8px;background:#fff}
";

/// A whole page. `body` is HTML and must be escaped already.
pub fn page(title: &str, width: Width, body: &str) -> Response {
    let title = escape(title);
    let width = match width {
        Width::Form => "28rem",
        Width::Table => "64rem",
    };
    let html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head>\
         <body><main style=\"--width:{width}\">{body}</main></body></html>\n"
    );
    let headers = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::CACHE_CONTROL, "no-store"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, Html(html)).into_response()
}

#[derive(Debug, Clone, Copy)]
pub enum Width {
    Form,
    Table,
}

/// A table; cells are HTML and must be escaped already.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let head: String = head.iter().map(|name| format!("<th>{}</th>", escape(name))).collect();
    let rows: String = rows
        .into_iter()
        .map(|cells| {
            let cells: String = cells.iter().map(|cell| format!("<td>{cell}</td>")).collect();
            format!("<tr>{cells}</tr>")
        })
        .collect();
    format!(
        "<div class=\"scroll\"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
}

/// Text as HTML, in content and in quoted attributes.
pub fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(escape("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
    }
}
