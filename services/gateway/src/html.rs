//! The small pages that work without a script: the log-in and what belongs to it. Whatever is put
//! into one is escaped here, so no caller can forget it.

use std::fmt::Write;

use warp::{
    http::{StatusCode, header, header::HeaderValue},
    reply::Response,
};

/// A page in the making.
#[derive(Debug)]
pub(crate) struct Html(String);

impl Html {
    /// A page with this heading.
    pub(crate) fn new(heading: &str) -> Self {
        let heading = escape(heading);
        Self(format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n<title>{heading} · Vigla</title>\n\
             <link rel=\"icon\" href=\"/assets/icon.svg\" type=\"image/svg+xml\">\n\
             <link rel=\"stylesheet\" href=\"/assets/style.css\">\n\
             <link rel=\"stylesheet\" href=\"/assets/door.css\">\n\
             <script src=\"/assets/theme.js\"></script>\n</head>\n<body class=\"door\">\n<main>\n\
             <p class=\"brand\">Vigla</p>\n<h1>{heading}</h1>\n"
        ))
    }

    /// A paragraph.
    pub(crate) fn text(mut self, text: &str) -> Self {
        let _ = writeln!(self.0, "<p>{}</p>", escape(text));
        self
    }

    /// A paragraph that a screen reader says at once.
    pub(crate) fn alert(mut self, text: &str) -> Self {
        let text = escape(text);
        let _ = writeln!(self.0, "<p class=\"lost\" role=\"alert\">{text}</p>");
        self
    }

    /// A paragraph that says how the node is.
    pub(crate) fn status(mut self, state: &str, text: &str, fix: &str) -> Self {
        let (state, text, fix) = (escape(state), escape(text), escape(fix));
        let _ = writeln!(
            self.0,
            "<p role=\"status\" data-testid=\"sentence\" data-state=\"{state}\"><strong>{text}</strong> {fix}</p>"
        );
        self
    }

    /// A heading below the first.
    pub(crate) fn heading(mut self, text: &str) -> Self {
        let _ = writeln!(self.0, "<h2>{}</h2>", escape(text));
        self
    }

    /// A link, in a paragraph of its own.
    pub(crate) fn link(mut self, to: &str, text: &str) -> Self {
        let (to, text) = (escape(to), escape(text));
        let _ = writeln!(self.0, "<p><a href=\"{to}\">{text}</a></p>");
        self
    }

    /// Something to copy.
    pub(crate) fn copy(mut self, label: &str, text: &str) -> Self {
        let (label, text) = (escape(label), escape(text));
        let _ = writeln!(
            self.0,
            "<label>{label}<input type=\"text\" readonly value=\"{text}\" data-testid=\"copy\"></label>"
        );
        self
    }

    /// Goes on by itself after so many seconds.
    pub(crate) fn go_on(mut self, seconds: u32, to: &str) -> Self {
        let to = escape(to);
        let meta = format!("<meta http-equiv=\"refresh\" content=\"{seconds};url={to}\">\n</head>");
        self.0 = self.0.replacen("</head>", &meta, 1);
        self
    }

    /// A form that is posted to `action`.
    pub(crate) fn form(mut self, action: &str, fields: &[Field<'_>], button: &str) -> Self {
        let _ = writeln!(
            self.0,
            "<form method=\"post\" action=\"{}\">",
            escape(action)
        );
        for field in fields {
            field.write(&mut self.0);
        }
        let button = escape(button);
        let _ = writeln!(self.0, "<button type=\"submit\">{button}</button>\n</form>");
        self
    }

    /// The answer. Never kept: the next visitor may be another one.
    pub(crate) fn answer(mut self, status: StatusCode) -> Response {
        self.0.push_str("</main>\n</body>\n</html>\n");
        let mut response = Response::new(self.0.into_bytes().into());
        *response.status_mut() = status;
        let headers = response.headers_mut();
        let text = HeaderValue::from_static;
        headers.insert(header::CONTENT_TYPE, text("text/html; charset=utf-8"));
        headers.insert(header::CACHE_CONTROL, text("no-store"));
        response
    }
}

/// A part of a form.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Field<'a> {
    /// Name, label, value, and what a password manager takes it for.
    Text(&'a str, &'a str, &'a str, &'a str),
    /// Name, label, and what a password manager takes it for.
    Password(&'a str, &'a str, &'a str),
    /// Name and value.
    Hidden(&'a str, &'a str),
    /// Name, label, and the choices: value and text.
    Choice(&'a str, &'a str, &'a [(&'a str, &'a str)]),
}

impl Field<'_> {
    fn write(self, to: &mut String) {
        // Writing to a `String` cannot fail.
        let _ = match self {
            Self::Text(name, label, value, purpose) => writeln!(
                to,
                "<label>{}<input type=\"text\" name=\"{name}\" value=\"{}\" autocomplete=\"{purpose}\" \
                 autocapitalize=\"none\" spellcheck=\"false\" required></label>",
                escape(label),
                escape(value)
            ),
            Self::Password(name, label, purpose) => writeln!(
                to,
                "<label>{}<input type=\"password\" name=\"{name}\" autocomplete=\"{purpose}\"></label>",
                escape(label)
            ),
            Self::Hidden(name, value) => writeln!(
                to,
                "<input type=\"hidden\" name=\"{name}\" value=\"{}\">",
                escape(value)
            ),
            Self::Choice(name, label, choices) => {
                let option = |(value, text): &(&str, &str)| {
                    format!(
                        "<option value=\"{}\">{}</option>",
                        escape(value),
                        escape(text)
                    )
                };
                let options: String = choices.iter().map(option).collect();
                let label = escape(label);
                writeln!(
                    to,
                    "<label>{label}<select name=\"{name}\">{options}</select></label>"
                )
            }
        };
    }
}

/// Text as it may stand in HTML, in an attribute too.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            letter => escaped.push(letter),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_that_is_put_in_becomes_a_tag(text in ".{0,40}") {
            let page = Html::new(&text).text(&text).link(&text, &text).copy(&text, &text);
            let plain = Html::new("").text("").link("", "").copy("", "");
            prop_assert_eq!(page.0.matches('<').count(), plain.0.matches('<').count());
            prop_assert_eq!(page.0.matches('"').count(), plain.0.matches('"').count());
        }
    }
}
