// Many files as one: a ZIP archive. They are stored and not compressed, since most of them are pictures and documents,
// which are compressed already.

/** A `Blob` of `files`, `{path, bytes}` each. */
export async function archived(files) {
  const { Zip, ZipPassThrough } = await import('./vendor/fflate.js');
  const parts = [];
  const zip = new Zip((error, part) => {
    if (error) throw error;
    parts.push(part);
  });
  for (const { path, bytes } of files) {
    const entry = new ZipPassThrough(path);
    zip.add(entry);
    entry.push(bytes, true);
  }
  zip.end();
  return new Blob(parts, { type: 'application/zip' });
}
