//! The description of all JSON APIs, as `control openapi` prints it.
//!
//! Paths come from the routers themselves: the operator's from [`super::operator`],
//! the site's from where they are handled.

use utoipa::openapi::path::PathItem;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Components, OpenApi};
use utoipa::{IntoResponses as _, Modify, OpenApi as _};

use crate::http::error_responses::{Changing, ErrorDetailShape, ErrorShape};
use crate::site;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Arcamatrix control",
        description = "The operator's API on the private listener, and what programs may \
                       ask the site. Every answer has the header x-request-id."
    ),
    tags(
        (name = "operator", description = "On the private listener, with the admin key."),
        (name = "site", description = "On the site's own host, for everybody.")
    ),
    components(schemas(ErrorShape, ErrorDetailShape)),
    modifiers(&AdminKey)
)]
pub(super) struct Description;

/// What the handlers of the operator's API name as their security.
pub(super) struct AdminKey;

impl Modify for AdminKey {
    fn modify(&self, openapi: &mut OpenApi) {
        let scheme = SecurityScheme::Http(Http::new(HttpAuthScheme::Bearer));
        let components = openapi.components.get_or_insert_with(Components::new);
        components.add_security_scheme("admin_key", scheme);
    }
}

/// Pretty, with a line end, the same for the same program.
///
/// # Panics
/// When it is no JSON, which is ours to prevent.
pub fn text() -> String {
    let mut description = Description::openapi();
    let mut operator = super::operator().into_openapi();
    for item in operator.paths.paths.values_mut() {
        refuse_who_only_looks(item);
    }
    description.merge(operator);
    description.merge(site::openapi());
    // None is granted yet, and an empty one would be none that a reader knows.
    description.info.license = None;
    description.to_pretty_json().expect("a description is plain data") + "\n"
}

/// The role is looked at in front of all handlers, so that none of them says it.
fn refuse_who_only_looks(item: &mut PathItem) {
    let changing = [&mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
    for operation in changing.into_iter().flatten() {
        operation.responses.responses.extend(Changing::responses());
    }
}
