//! `/files/…`, `/attachments/…`: what the assistant has written or was sent, saved by its customer and by nobody else.

use std::fs;

use tempfile::TempDir;

use crate::gateway::Gateway;
use crate::running::Running;

/// An agent with a folder of files in it; what it starts as a gateway ends at once.
async fn with_files(gateway: &Gateway, machine: &TempDir) -> Running {
    let folder = |name: &str| machine.path().join(name).display().to_string();
    fs::create_dir_all(folder("openclaw/workspace/notes")).unwrap();
    fs::create_dir_all(folder("logs")).unwrap();
    fs::write(folder("openclaw/openclaw.json"), "{\"token\":\"secret\"}").unwrap();
    fs::write(folder("openclaw/workspace/page.html"), "<script>alert(1)</script>").unwrap();
    fs::write(folder("openclaw/workspace/notes/ä b.txt"), "buy milk").unwrap();
    fs::create_dir_all(folder("openclaw/media/inbound")).unwrap();
    fs::write(folder("openclaw/media/inbound/notes_ü---1.txt"), "sent").unwrap();
    let supervisor = format!(
        "[supervisor]\ncommand = ['true']\nstate_dir = '{}'\nlog_dir = '{}'\n",
        folder("openclaw"),
        folder("logs"),
    );
    Running::with(gateway.address, "", &supervisor).await
}

#[tokio::test]
async fn a_file_is_saved_as_bytes_and_never_opened_as_a_page() {
    let (gateway, machine) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_files(&gateway, &machine).await;
    let page = agent.visit("GET", "/files/page.html").await;
    assert_eq!((page.status, &*page.body), (200, "<script>alert(1)</script>"));
    assert_eq!(page.header("content-type"), Some("application/octet-stream"));
    assert_eq!(page.header("content-length"), Some("25"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(page.header("cache-control"), Some("no-store"));
    assert_eq!(page.header("content-disposition"), Some("attachment; filename*=UTF-8''page.html"));
    assert!(page.header("content-security-policy").unwrap().contains("sandbox"));
    let note = agent.visit("GET", "/files/notes/%C3%A4%20b.txt").await;
    assert_eq!((note.status, &*note.body), (200, "buy milk"));
    let sent = agent.visit("GET", "/attachments/notes_%C3%BC---1.txt").await;
    assert_eq!((sent.status, &*sent.body), (200, "sent"));
    assert!(sent.header("content-disposition").unwrap().starts_with("attachment"));
    for path in ["..%2f..%2fopenclaw.json", "../../openclaw.json", "gone", ""] {
        let reply = agent.visit("GET", &format!("/attachments/{path}")).await;
        assert_eq!((reply.status, &*reply.error_code()), (404, "no_file"), "{path}");
    }
    assert_eq!(agent.get("/attachments/notes_%C3%BC---1.txt", &[]).await.status, 401);
    let head = agent.visit("HEAD", "/files/notes/%C3%A4%20b.txt").await;
    assert_eq!((head.status, head.header("content-length"), &*head.body), (200, Some("8"), ""));
    agent.stop().await;
}

#[tokio::test]
async fn nothing_but_the_folders_own_files_is_there_and_for_its_customer_only() {
    let (gateway, machine) = (Gateway::start().await, tempfile::tempdir().unwrap());
    let agent = with_files(&gateway, &machine).await;
    for path in [
        "",
        "notes",
        "notes/",
        "gone",
        "../openclaw.json",
        "%2e%2e/openclaw.json",
        "..%2fopenclaw.json",
    ] {
        let reply = agent.visit("GET", &format!("/files/{path}")).await;
        assert_eq!((reply.status, &*reply.error_code()), (404, "no_file"), "{path}");
    }
    assert_eq!(agent.visit("POST", "/files/page.html").await.status, 405);
    assert_eq!(agent.get("/files/page.html", &[]).await.status, 401);
    // A stalled one must not count for ever: each of many in a row gets its place.
    for _ in 0..20 {
        assert_eq!(agent.visit("GET", "/files/page.html").await.status, 200);
    }
    agent.stop().await;
}

#[tokio::test]
async fn an_agent_that_keeps_no_gateway_has_no_files() {
    let gateway = Gateway::start().await;
    let agent = Running::watching(gateway.address).await;
    let reply = agent.visit("GET", "/files/page.html").await;
    assert_eq!((reply.status, &*reply.error_code()), (404, "no_file"));
}
