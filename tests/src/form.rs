//! Reads the one form of a page, as far as a browser's submit needs it.

use anyhow::Context as _;

/// A form: where it goes, and every input that has a name.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// # Errors
    /// When the page has no form.
    pub fn first_of(page: &str) -> anyhow::Result<Self> {
        let start = page.find("<form").context("the page has no form")?;
        let rest = &page[start..];
        let form = &rest[..rest.find("</form>").unwrap_or(rest.len())];
        let tag = &form[..form.find('>').context("the form's tag does not end")?];
        let fields = form
            .split("<input")
            .skip(1)
            .filter_map(|text| {
                let tag = &text[..text.find('>')?];
                Some((attribute(tag, "name")?, attribute(tag, "value").unwrap_or_default()))
            })
            .collect();
        Ok(Self { action: attribute(tag, "action").unwrap_or_default(), fields })
    }

    /// Fills in one field, adding it when the page had none of this name.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(field, _)| field != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }
}

fn attribute(tag: &str, name: &str) -> Option<String> {
    let start = tag.match_indices(&format!("{name}=\"")).find_map(|(at, found)| {
        tag[..at].ends_with(char::is_whitespace).then_some(at + found.len())
    })?;
    let value = &tag[start..];
    Some(unescape(&value[..value.find('"')?]))
}

fn unescape(text: &str) -> String {
    const ENTITIES: [(&str, &str); 10] = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&#34;", "\""),
        ("&#39;", "'"),
        ("&#x27;", "'"),
        ("&#60;", "<"),
        ("&#62;", ">"),
        ("&#38;", "&"),
        ("&amp;", "&"),
    ];
    ENTITIES.iter().fold(text.to_owned(), |text, (entity, sign)| text.replace(entity, sign))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_fields_come_along() {
        let page = r#"<form method="post" action="/login"><input type="hidden" name="return"
            value="/a?x=1&amp;y=2"><input name="username"><button>Go</button></form>"#;
        let form = Form::first_of(page).unwrap().with("username", "ada");
        assert_eq!(form.action, "/login");
        assert!(form.fields.contains(&("username".into(), "ada".into())));
        assert!(form.fields.contains(&("return".into(), "/a?x=1&y=2".into())));
    }
}
