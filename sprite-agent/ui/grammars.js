// What a language is called in an answer → the vendored grammar that reads it. Pure.

const NAMES = {
  bash: 'sh shell zsh console', c: 'h', cpp: 'c++ cc hpp', csharp: 'cs c#', css: '', diff: 'patch', dockerfile: 'docker', go: 'golang',
  ini: 'toml', java: '', javascript: 'js jsx mjs cjs', json: 'json5 jsonc', kotlin: 'kt', lua: '', makefile: 'make', markdown: 'md',
  php: '', python: 'py', ruby: 'rb', rust: 'rs', scss: '', sql: '', swift: '', typescript: 'ts tsx', xml: 'html svg', yaml: 'yml',
};

const GRAMMARS = new Map(Object.entries(NAMES).flatMap(([grammar, names]) => [grammar, ...names.split(' ')].map((name) => [name, grammar])));

/** The name of the grammar for `language`, or `null`. */
export function grammarOf(language) {
  return (language && GRAMMARS.get(language.toLowerCase())) || null;
}
