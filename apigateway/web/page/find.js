// Finding text. What looks the same is the same: case, invisible characters, and the two letters below others that nobody can tell
// apart.
export const fold = text => text.normalize("NFC").toLowerCase().replace(/[\u200b-\u200d]/g, "").replace(/\u17d2\u178a/g, "\u17d2\u178f").replace(/\s+/g, " ");

// findIn gives the places of a folded text in the words of a line, as [first, last] word.
export function findIn(words, wanted) {
  const starts = [];
  let line = "";
  for (const word of words) {
    if (line) line += " ";
    starts.push(line.length);
    line += fold(word);
  }
  const found = [];
  for (let at = line.indexOf(wanted); at >= 0; at = line.indexOf(wanted, at + wanted.length)) {
    const wordAt = place => starts.findLastIndex(start => start <= place);
    found.push([wordAt(at), wordAt(at + wanted.length - 1)]);
  }
  return found;
}

// matchesOf lists all places of a text in pages {n, text}, as {n, at}: the at-th one of page n.
export function matchesOf(pages, query) {
  const wanted = fold(query.trim());
  if (!wanted) return [];
  return pages.flatMap(({ n, text }) => text.split("\n").flatMap(line => findIn(line.split(/\s+/).filter(Boolean), wanted)).map((_, at) => ({ n, at })));
}
