// What was read of a document, and what people made of it: pages with their corrections.
import { call, patiently, Problem, read } from "./api.js";

const kept = 40;

// numbersOf lists the pages of a job by their numbers in the document.
export function numbersOf(job) {
  if (!job.pages) return [];
  if (!job.pages_requested) return Array.from({ length: job.pages.total }, (_, i) => i + 1);
  const numbers = new Set();
  for (const range of job.pages_requested.split(",")) {
    const [first, last = first] = range.trim().split("-").map(Number);
    for (let n = first; n <= last; n++) numbers.add(n);
  }
  return [...numbers].sort((a, b) => a - b);
}

// Book has the pages of a job, those that were looked at last. A page is {page, corrections, tag}: as it was read, the texts that
// people gave to its words by "line.word", and the tag that their next change is made on, where it is known.
export class Book {
  constructor(id) {
    this.id = id;
    this.pages = new Map();
    this.texts = null;
  }

  path = n => `/jobs/${this.id}/pages/${n}`;

  known = n => this.pages.get(n);

  keep(n, entry) {
    this.pages.delete(n);
    this.pages.set(n, entry);
    if (this.pages.size > kept) this.pages.delete(this.pages.keys().next().value);
    return entry;
  }

  async load(n, signal) {
    if (this.pages.has(n)) return this.keep(n, this.pages.get(n));
    const ask = path => patiently(() => read(path, { signal }), signal);
    const page = await ask(this.path(n));
    if (!page.corrected_words) return this.keep(n, { page, corrections: new Map(), tag: null });
    // Words are counted as they were read: removed ones, too.
    const [asRead, made] = await Promise.all([ask(this.path(n) + "?corrections=false"), this.corrections(n, signal)]);
    return this.keep(n, { page: asRead, ...made });
  }

  async corrections(n, signal) {
    return correctionsOf(await patiently(() => call(this.path(n) + "/corrections", { signal }), signal));
  }

  // correct gives a word another text, as long as nobody else did since this page was loaded.
  async correct(n, place, text) {
    for (;;) {
      const entry = await this.load(n);
      const { corrections, tag } = entry.tag ? entry : { ...entry, ...(await this.corrections(n)) };
      if (corrections.get(place) !== entry.corrections.get(place)) {
        this.keep(n, { ...entry, corrections, tag });
        throw new Problem(412, { code: "corrections_changed" });
      }
      const next = new Map(corrections).set(place, text);
      if (text === wordAt(entry.page, place).text) next.delete(place);
      const words = [...next].map(([at, text]) => ({ line: Number(at.split(".")[0]), word: Number(at.split(".")[1]), text }));
      try {
        const made = await correctionsOf(await call(this.path(n) + "/corrections", {
          method: "PUT", headers: { "Content-Type": "application/json", "If-Match": tag }, body: JSON.stringify({ words }),
        }));
        this.texts = null;
        return this.keep(n, { page: entry.page, ...made });
      } catch (problem) {
        if (problem.status !== 412) throw problem;
        // Somebody corrected something on this page. Where it was another word, both stay.
        entry.tag = null;
      }
    }
  }

  // allTexts are the texts of all pages of a job that has ended, as [{n, text}].
  async allTexts(job) {
    if (this.texts) return this.texts;
    if (job.status === "COMPLETED") {
      const text = await (await patiently(() => call(`/jobs/${this.id}/result?format=text`))).text();
      const numbers = numbersOf(job);
      this.texts = text.split("\f").map((text, i) => ({ n: numbers[i], text }));
    } else {
      // Which pages a cancelled job has is told by no other format.
      const { pages } = await patiently(() => read(`/jobs/${this.id}/result?format=json`));
      this.texts = pages.map(({ page, text }) => ({ n: page, text }));
    }
    return this.texts;
  }

  // someTexts are those of the pages that are at hand.
  someTexts = () => [...this.pages].sort(([a], [b]) => a - b).map(([n, entry]) => ({ n, text: textOf(entry) }));
}

async function correctionsOf(answer) {
  const { words } = await answer.json();
  return { corrections: new Map(words.map(({ line, word, text }) => [`${line}.${word}`, text])), tag: answer.headers.get("ETag") };
}

function wordAt(page, place) {
  const [line, word] = place.split(".").map(Number);
  return page.lines[line - 1].words[word - 1];
}

// wordsOf lists the words of a page in reading order, with the texts that they have now.
export const wordsOf = ({ page, corrections }) => page.lines.flatMap((line, l) => line.words.map((word, w) => {
  const place = `${l + 1}.${w + 1}`;
  const corrected = corrections.has(place);
  return { place, line: l, text: corrected ? corrections.get(place) : word.text, read: word.text, box: word.box, confidence: corrected ? 100 : word.confidence, corrected };
}));

export const textOf = ({ page, corrections }) => page.lines.map((line, l) => line.words
  .map((word, w) => corrections.get(`${l + 1}.${w + 1}`) ?? word.text).filter(Boolean).join(" ")).join("\n");
