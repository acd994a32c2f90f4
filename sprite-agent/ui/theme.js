// Sets theme and text size before the first paint, so that a dark page does not flash white.
// A classic script on purpose: modules run after parsing. `view/settings.js` changes it later.
(function applyKeptAppearance() {
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem('arca.settings')) || {};
  } catch {
    // No storage: the defaults of the style sheet stand.
  }
  const root = document.documentElement;
  if (kept.theme === 'light' || kept.theme === 'dark') root.dataset.theme = kept.theme;
  const paper = { light: '#fbfaf7', dark: '#171614' }[kept.theme];
  if (paper) for (const meta of document.querySelectorAll('meta[name=theme-color]')) meta.content = paper;
  if (kept.text === 'small' || kept.text === 'large') root.dataset.text = kept.text;
})();
