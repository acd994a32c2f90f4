//! Which browser it is that somebody signed in with, so that its owner can tell it from their
//! others.
//!
//! Browsers name themselves in a header that is long, spells out versions and devices, and also
//! names every other browser that a page may be waiting for. Two words of ours are taken from it;
//! the rest is not kept. It proves nothing: anybody can send any header.

use crate::base::text_enum::text_enum;

/// How much of the header is read. Those of the browsers below have fewer than 300 bytes.
const READ_MAX_BYTES: usize = 1_024;

text_enum! {
    pub enum BrowserFamily or "not a browser that is known by name" {
        Chrome = "chrome",
        DuckDuckGo = "duckduckgo",
        Edge = "edge",
        Firefox = "firefox",
        Opera = "opera",
        Safari = "safari",
        SamsungInternet = "samsung_internet",
        Vivaldi = "vivaldi",
    }
}

text_enum! {
    pub enum OperatingSystem or "not a system that is known by name" {
        Android = "android",
        ChromeOs = "chromeos",
        IPad = "ipad",
        IPhone = "iphone",
        Linux = "linux",
        /// Also an iPad, whose browsers ask for the pages of a desktop so.
        MacOs = "macos",
        Windows = "windows",
    }
}

/// What of it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserAgent {
    pub browser: Option<BrowserFamily>,
    pub system: Option<OperatingSystem>,
}

impl UserAgent {
    /// Out of a `User-Agent` header.
    pub fn of(header: &str) -> Self {
        let read = &header[..header.floor_char_boundary(READ_MAX_BYTES)];
        Self { browser: browser(read), system: system(read) }
    }
}

/// Whoever is named further up also names those below.
fn browser(header: &str) -> Option<BrowserFamily> {
    const NAMES: [(&str, BrowserFamily); 15] = [
        ("Edg/", BrowserFamily::Edge),
        ("EdgA/", BrowserFamily::Edge),
        ("EdgiOS/", BrowserFamily::Edge),
        ("OPR/", BrowserFamily::Opera),
        ("OPT/", BrowserFamily::Opera),
        ("SamsungBrowser/", BrowserFamily::SamsungInternet),
        ("Vivaldi/", BrowserFamily::Vivaldi),
        ("DuckDuckGo/", BrowserFamily::DuckDuckGo),
        ("Ddg/", BrowserFamily::DuckDuckGo),
        ("Firefox/", BrowserFamily::Firefox),
        ("FxiOS/", BrowserFamily::Firefox),
        ("CriOS/", BrowserFamily::Chrome),
        ("HeadlessChrome/", BrowserFamily::Chrome),
        ("Chrome/", BrowserFamily::Chrome),
        // Without a version of its own, whatever is built with the system's engine.
        ("Version/", BrowserFamily::Safari),
    ];
    let named = |name: &str| header.split([' ', '(', ';']).any(|part| part.starts_with(name));
    let found = NAMES.into_iter().find(|(name, _)| named(name)).map(|(_, browser)| browser);
    found.filter(|browser| *browser != BrowserFamily::Safari || named("Safari/"))
}

/// Android names Linux as well, and iPhones a Mac.
fn system(header: &str) -> Option<OperatingSystem> {
    const NAMES: [(&str, OperatingSystem); 8] = [
        ("iPhone", OperatingSystem::IPhone),
        ("iPad", OperatingSystem::IPad),
        ("Android", OperatingSystem::Android),
        ("CrOS", OperatingSystem::ChromeOs),
        ("Windows", OperatingSystem::Windows),
        ("Macintosh", OperatingSystem::MacOs),
        ("Linux", OperatingSystem::Linux),
        ("X11", OperatingSystem::Linux),
    ];
    NAMES.into_iter().find(|(name, _)| header.contains(name)).map(|(_, system)| system)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, browser: Option<BrowserFamily>, system: Option<OperatingSystem>) {
        assert_eq!(UserAgent::of(header), UserAgent { browser, system }, "{header}");
    }

    #[test]
    fn a_browser_is_known_by_its_own_name_among_the_others_that_it_gives() {
        use BrowserFamily::{
            Chrome, DuckDuckGo, Edge, Firefox, Opera, Safari, SamsungInternet, Vivaldi,
        };
        use OperatingSystem::{Android, ChromeOs, IPad, IPhone, Linux, MacOs, Windows};
        let check = |header: &str, browser, system| check(header, Some(browser), Some(system));
        let firefox = "Gecko/20100101 Firefox/140.0";
        check(&format!("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) {firefox}"), Firefox, Linux);
        check(
            "Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0",
            Firefox,
            Android,
        );
        let engine = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let chrome = format!("{engine} Chrome/142.0.0.0 Safari/537.36");
        let mobile = format!("{engine} Chrome/142.0.0.0 Mobile Safari/537.36");
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        check(&format!("{windows} {chrome}"), Chrome, Windows);
        check(&format!("Mozilla/5.0 (Linux; Android 10; K) {mobile}"), Chrome, Android);
        check(&format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {chrome}"), Chrome, ChromeOs);
        let headless = chrome.replace("Chrome/", "HeadlessChrome/");
        check(&format!("Mozilla/5.0 (X11; Linux x86_64) {headless}"), Chrome, Linux);
        check(&format!("{windows} {chrome} Edg/142.0.0.0"), Edge, Windows);
        check(&format!("{windows} {chrome} OPR/120.0.0.0"), Opera, Windows);
        check(&format!("{windows} {chrome} Vivaldi/7.6.3797.58"), Vivaldi, Windows);
        let samsung = mobile.replace("Chrome/", "SamsungBrowser/28.0 Chrome/");
        check(&format!("Mozilla/5.0 (Linux; Android 10; K) {samsung}"), SamsungInternet, Android);
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 \
                   (KHTML, like Gecko) Version/18.6 Safari/605.1.15";
        check(mac, Safari, MacOs);
        check(&format!("{mac} Ddg/18.6"), DuckDuckGo, MacOs);
        let apple = |device: &str, name: &str| {
            format!(
                "Mozilla/5.0 ({device}; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) {name} Mobile/15E148 Safari/604.1"
            )
        };
        check(&apple("iPhone", "Version/18.6"), Safari, IPhone);
        check(&apple("iPad", "CriOS/142.0.0.0"), Chrome, IPad);
        check(&apple("iPhone", "FxiOS/140.0"), Firefox, IPhone);
        check(&apple("iPhone", "EdgiOS/142.0.0.0 Version/18.0"), Edge, IPhone);
    }

    #[test]
    fn of_what_is_not_known_nothing_is_said() {
        check("", None, None);
        check("curl/8.5.0", None, None);
        check("Mozilla/5.0 (X11; Linux x86_64) Links/2.29", None, Some(OperatingSystem::Linux));
        check("Notchrome/1 Version/2", None, None);
        // Far behind anything that a browser says, cut within a letter.
        check(&format!("{}Firefox/140.0", "ü".repeat(READ_MAX_BYTES)), None, None);
        check(&format!("x{}Linux", "ü".repeat(READ_MAX_BYTES)), None, None);
    }
}
