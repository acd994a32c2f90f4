//! The sign of each skill: one stroke path in a box of 24 × 24.

/// A star for those that have none of their own.
pub(crate) fn path(id: &str) -> &'static str {
    match id {
        "weather" => "M7 18.5a4 4 0 0 1-.6-7.95 6 6 0 0 1 11.5 1.6A3.25 3.25 0 0 1 17.5 18.5z",
        "summarize" => "M5 6h14M5 10.5h14M5 15h9M5 19.5h5",
        "visualize" => "M5 20V10M10.5 20V4M16 20v-7M3 20h18",
        "nano-pdf" => "M7 3.5h7l4 4v13H7zM14 3.5v4h4M10 13h5M10 16.5h5",
        "healthcheck" => "M3 12h4l2.5-6 4 12 2.5-6h5",
        "tmux" => "M4 5h16v14H4zM7.5 9.5l3 2.5-3 2.5M12.5 15h4",
        "github" | "gh-issues" => {
            "M7 5v14M7 15c8 0 10-2 10-6M5 5a2 2 0 1 0 4 0 2 2 0 1 0-4 0M5 19a2 2 0 1 0 4 0 2 2 0 1 0-4 0M15 7a2 2 0 1 0 4 0 2 2 0 1 0-4 0"
        }
        "coding-agent" => "M8.5 7L4 12l4.5 5M15.5 7l4.5 5-4.5 5M13.5 5l-3 14",
        "gog" => "M4 7h16v13H4zM4 11h16M8 4v5M16 4v5",
        "himalaya" => "M3.5 6h17v12.5h-17zM4 7l8 6 8-6",
        "notion" => "M5 4h11l3 3v13H5zM9 16V9l6 7V9",
        "trello" => "M4 4h16v16H4zM7.5 8h3v8.5h-3zM13.5 8h3v5h-3z",
        "obsidian" => "M9 3.5l7 2 3 8-6 7-7-3-1-8zM9 3.5l1 8-4 6M10 11.5l9 2M10 11.5l3 9",
        "openai-whisper-api" => {
            "M9 5.5a3 3 0 0 1 6 0v6a3 3 0 0 1-6 0zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21"
        }
        "xurl" => "M5 5l14 14M19 5L5 19",
        _ => "M12 3l2.2 6.8L21 12l-6.8 2.2L12 21l-2.2-6.8L3 12l6.8-2.2z",
    }
}
