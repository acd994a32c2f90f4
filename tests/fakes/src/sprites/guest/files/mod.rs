//! The sprite's file system over HTTP.

use std::fs::Permissions;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use axum::Json;
use axum::Router;
use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Query};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post, put};
use futures_util::{StreamExt as _, stream};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::fs::File;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub mod change;
pub mod entry;

/// Largest upload. The real limit is not documented.
const UPLOAD_BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

const PIECE_BYTES: usize = 64 * 1024;

pub fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    Router::new()
        .route("/fs/read", get(read))
        .route("/fs/write", put(write))
        .route("/fs/list", get(entry::list))
        .route("/fs/delete", delete(change::delete))
        .route("/fs/rename", post(change::rename))
        .route("/fs/copy", post(change::copy))
        .route("/fs/chmod", post(change::chmod))
        .route("/fs/chown", post(change::chown))
        .layer(DefaultBodyLimit::disable())
}

/// Which file is meant, in a query.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Target {
    path: String,
    working_dir: Option<String>,
    mode: Option<String>,
    mkdir_parents: Option<bool>,
    mkdir: Option<bool>,
    #[serde(default)]
    recursive: bool,
    pattern: Option<String>,
}

/// A call that failed, in the API's form `{"error","code","path"}`.
pub struct Failure {
    status: StatusCode,
    code: &'static str,
    message: String,
    path: String,
}

impl Failure {
    fn invalid(message: impl Into<String>, path: &str) -> Self {
        let (status, code) = (StatusCode::BAD_REQUEST, "EINVAL");
        Self { status, code, message: message.into(), path: path.to_owned() }
    }

    fn of(error: &io::Error, path: &Path) -> Self {
        use io::ErrorKind as Kind;
        let (status, code, words) = match error.kind() {
            Kind::NotFound => (StatusCode::NOT_FOUND, "ENOENT", "no such file or directory"),
            Kind::AlreadyExists => (StatusCode::BAD_REQUEST, "EEXIST", "file exists"),
            Kind::NotADirectory => (StatusCode::BAD_REQUEST, "ENOTDIR", "not a directory"),
            Kind::IsADirectory => (StatusCode::BAD_REQUEST, "EISDIR", "is a directory"),
            Kind::PermissionDenied => (StatusCode::BAD_REQUEST, "EACCES", "permission denied"),
            Kind::DirectoryNotEmpty => {
                (StatusCode::BAD_REQUEST, "ENOTEMPTY", "directory not empty")
            }
            Kind::InvalidInput => (StatusCode::BAD_REQUEST, "EINVAL", "invalid argument"),
            _ => (StatusCode::INTERNAL_SERVER_ERROR, "EIO", "input/output error"),
        };
        let path = path.display().to_string();
        Self { status, code, message: format!("{path}: {words}"), path }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let body = json!({"error": self.message, "code": self.code, "path": self.path});
        (self.status, Json(body)).into_response()
    }
}

impl Target {
    fn resolve(&self) -> Result<PathBuf, Failure> {
        resolve(&self.path, self.working_dir.as_deref())
    }
}

/// An absolute path; `workingDir` is documented as required.
fn resolve(path: &str, working_dir: Option<&str>) -> Result<PathBuf, Failure> {
    let folder = working_dir.ok_or_else(|| Failure::invalid("workingDir is required", path))?;
    if path.is_empty() {
        return Err(Failure::invalid("path is required", path));
    }
    Ok(Path::new("/").join(folder).join(path))
}

/// Octal, as in `0755`.
fn mode(text: &str, path: &str) -> Result<u32, Failure> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.ok_or_else(|| Failure::invalid(format!("invalid mode: {text}"), path))
}

async fn read(Query(target): Query<Target>) -> Result<Response, Failure> {
    let path = target.resolve()?;
    let failed = |error: io::Error| Failure::of(&error, &path);
    let file = File::open(&path).await.map_err(failed)?;
    if file.metadata().await.map_err(failed)?.is_dir() {
        return Err(failed(io::ErrorKind::IsADirectory.into()));
    }
    let pieces = stream::unfold(file, |mut file| async move {
        let mut piece = vec![0; PIECE_BYTES];
        match file.read(&mut piece).await {
            Ok(0) => None,
            Ok(count) => {
                piece.truncate(count);
                Some((Ok(piece), file))
            }
            Err(error) => Some((Err(error), file)),
        }
    });
    let headers = [(CONTENT_TYPE, "application/octet-stream")];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// Parent folders are made either way, as the live service was seen to do.
async fn write(Query(target): Query<Target>, body: Body) -> Result<Json<Value>, Failure> {
    let path = target.resolve()?;
    let failed = |error: io::Error| Failure::of(&error, &path);
    let mode = mode(target.mode.as_deref().unwrap_or("0644"), &target.path)?;
    let refuses_parents = target.mkdir_parents == Some(false) || target.mkdir == Some(false);
    if let Some(parent) = path.parent().filter(|_| !refuses_parents) {
        tokio::fs::create_dir_all(parent).await.map_err(failed)?;
    }
    let mut file = File::create(&path).await.map_err(failed)?;
    let mut size = 0;
    let mut pieces = body.into_data_stream();
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|error| failed(io::Error::other(error)))?;
        size += piece.len() as u64;
        if size > UPLOAD_BYTES_MAX {
            return Err(Failure::invalid("the file is too large", &target.path));
        }
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    file.set_permissions(Permissions::from_mode(mode)).await.map_err(failed)?;
    Ok(Json(json!({"path": path, "size": size, "mode": format!("{mode:04o}")})))
}

#[cfg(test)]
mod tests {
    use axum::http::Request;
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn call(method: &str, uri: &str, body: &str) -> (StatusCode, Vec<u8>) {
        let request = Request::builder()
            .method(method)
            .uri(uri)
            .header(CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_owned()))
            .unwrap();
        let response = router::<()>().with_state(()).oneshot(request).await.unwrap();
        let status = response.status();
        (status, response.into_body().collect().await.unwrap().to_bytes().to_vec())
    }

    #[tokio::test]
    async fn what_was_written_is_read_listed_moved_and_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        let query = |path: &str| format!("path={path}&workingDir={at}");
        let (status, written) =
            call("PUT", &format!("/fs/write?{}&mode=0755", query("deep%2Fa+b.sh")), "echo").await;
        let written: Value = serde_json::from_slice(&written).unwrap();
        assert_eq!((status.as_u16(), &written["mode"]), (200, &json!("0755")));
        let (_, read) = call("GET", &format!("/fs/read?{}", query("deep/a+b.sh")), "").await;
        assert_eq!(read, b"echo");

        let (_, list) = call("GET", &format!("/fs/list?{}&recursive=true", query(".")), "").await;
        let list: Value = serde_json::from_slice(&list).unwrap();
        assert_eq!(list["count"], 2, "{list}");
        let (_, one) = call("GET", &format!("/fs/list?{}", query("deep/a+b.sh")), "").await;
        let one: Value = serde_json::from_slice(&one).unwrap();
        assert_eq!((&one["entries"][0]["mode"], &one["count"]), (&json!("755"), &json!(1)));

        let moved = json!({"source": "deep/a b.sh", "dest": "c.sh", "workingDir": folder.path()});
        assert_eq!(call("POST", "/fs/rename", &moved.to_string()).await.0, StatusCode::OK);
        let (status, deleted) = call("DELETE", &format!("/fs/delete?{}", query("c.sh")), "").await;
        let deleted: Value = serde_json::from_slice(&deleted).unwrap();
        assert_eq!((status.as_u16(), &deleted["count"]), (200, &json!(1)));
    }

    #[tokio::test]
    async fn what_is_missing_has_a_code_that_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path().display();
        for (method, call_name) in [("GET", "read"), ("GET", "list"), ("DELETE", "delete")] {
            let uri = format!("/fs/{call_name}?path=nothing&workingDir={at}");
            let (status, body) = call(method, &uri, "").await;
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!((status.as_u16(), &body["code"]), (404, &json!("ENOENT")), "{call_name}");
        }
        assert_eq!(call("GET", "/fs/read?path=a", "").await.0, StatusCode::BAD_REQUEST);
    }
}
