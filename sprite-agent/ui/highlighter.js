// A worker that finds out what the words of a piece of code are. Beside the page: a grammar that takes
// its time over some code, by accident or made for it, holds nobody up and can be ended.

import hljs from './vendor/highlight/core.min.js';

/** `code` with its words in `<span class="hljs-…">`, everything else escaped. */
export async function highlighted(code, grammar) {
  if (!hljs.getLanguage(grammar)) hljs.registerLanguage(grammar, (await import(`./vendor/highlight/${grammar}.min.js`)).default);
  return hljs.highlight(code, { language: grammar, ignoreIllegals: true }).value;
}

// A page has a document; the tests of node have neither.
if (globalThis.WorkerGlobalScope) {
  addEventListener('message', async ({ data: { code, grammar } }) => {
    postMessage({ html: await highlighted(code, grammar).catch(() => null) });
  });
}
