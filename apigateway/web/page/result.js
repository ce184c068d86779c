// A document beside what was read of it: look, search, copy, correct, download.
import { html, useEffect, useMemo, useRef, useState } from "./html.js";
import { patiently, read, save } from "./api.js";
import { matchesOf } from "./find.js";
import { number, t } from "./language.js";
import { JobActions, JobState } from "./jobs.js";
import { ended, follow, jobs, see } from "./live.js";
import { Page } from "./page.js";
import { Book, numbersOf, textOf } from "./pages.js";
import { Empty, Icon, Skeleton, tell, Trouble, TroubleOf, troubleWith } from "./parts.js";
import { store, useStore } from "./store.js";

const formats = ["docx", "pdf", "text", "markdown", "json", "hocr", "alto"];

// Whether uncertain words are marked: as it was left.
const marks = store(true);

export function Result({ id }) {
  const job = useStore(jobs)[id];
  const book = useMemo(() => new Book(id), [id]);
  const [problem, setProblem] = useState(null);
  const [changed, setChanged] = useState(0);
  const undos = useRef([]);
  const numbers = useMemo(() => (job ? numbersOf(job) : []), [job?.pages?.total, job?.pages_requested]);
  const search = useSearch(book, job, changed);
  const marked = useStore(marks);

  async function load() {
    setProblem(null);
    try {
      const job = await patiently(() => read(`/jobs/${id}`));
      see(job);
      if (!ended(job)) follow(id);
    } catch (problem) {
      setProblem(problem);
    }
  }
  useEffect(() => {
    load();
  }, [id]);
  useEffect(() => {
    if (job?.file_name) document.title = `${job.file_name} · ${t("product")}`;
  });

  // correct saves what somebody made of a word, and remembers what it was.
  async function correct(n, place, before, text, remember = true) {
    try {
      await book.correct(n, place, text);
    } finally {
      setChanged(count => count + 1); // a refusal brings what somebody else made of the word
    }
    if (remember) undos.current.push({ n, place, before });
    if (remember) tell(t("result.saved", { from: before || "–", to: text || "–" }), { name: t("result.undo"), do: undo });
  }
  async function undo() {
    const last = undos.current.pop();
    if (!last) return;
    try {
      await correct(last.n, last.place, "", last.before, false);
      tell(t("result.undone"));
    } catch (problem) {
      tell(troubleWith(problem));
    }
  }
  useEffect(() => {
    const pressed = event => {
      if (event.key === "z" && (event.ctrlKey || event.metaKey) && !/INPUT|TEXTAREA|SELECT/.test(event.target.tagName)) {
        event.preventDefault();
        undo();
      }
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);

  const back = html`<a class="back" href="#/jobs"><${Icon} name="back" />${t("result.back")}</a>`;
  if (problem) return html`${back}<${TroubleOf} problem=${problem} again=${problem.status === 404 || problem.status === 410 ? null : load} />`;
  if (!job) return html`${back}<${Skeleton} rows=${6} />`;
  if (job.gone) return html`${back}<${Trouble} code=${job.gone} />`;
  const name = job.file_name || t("job.unnamed");
  return html`${back}
    <div class="row heading"><div class="grow"><h1 dir="auto">${name}</h1><${JobState} job=${job} /></div>
      <div class="do"><${JobActions} job=${job} onDeleted=${() => (location.hash = "#/jobs")} /></div></div>
    ${numbers.length > 0 && job.status !== "FAILED" && html`
      <div class="toolbar"><${Search} search=${search} whole=${ended(job)} /><${GoTo} numbers=${numbers} />
        <span class="grow" />
        ${undos.current.length > 0 && html`<button class="small undo" aria-label=${t("result.undo")} onClick=${undo}><${Icon} name="undo" /><span>${t("result.undo")}</span></button>`}
        ${ended(job) && html`<button class="small" onClick=${() => copyAll(book, job)}><${Icon} name="copy" />${t("result.copy")}</button><${Download} job=${job} />`}
      </div>
      ${numbers.length > 1 && html`<p class="printed hint">${t("result.print")}</p>`}
      <p class="faint how"><span>${t(ended(job) ? "result.edit.how" : "result.later")} ${ended(job) && html`<span class="keyboard">${t("result.edit.how.keys")}</span>`}</span>
        <label class="inline"><input type="checkbox" checked=${marked} onChange=${event => marks.set(event.target.checked)} /> ${t("result.marks")}</label></p>
      <div class=${"pages" + (marked ? " marked" : "")}>${numbers.map(n => html`<${Page} key=${n} n=${n} book=${book} over=${ended(job)} done=${ended(job) || job.pages.done}
        changed=${changed} query=${search.query} current=${search.current?.n === n ? search.current : null} correct=${correct} copy=${copy} />`)}</div>`}
    ${!ended(job) && numbers.length === 0 && html`<${Empty} title=${t(`status.${job.status}`)}>${t("result.waiting")}<//>`}`;
}

// useSearch finds a text in all pages, a moment after it was typed.
function useSearch(book, job, changed) {
  const [query, setQuery] = useState("");
  const [state, set] = useState({ matches: [], at: 0 });
  const over = job && ended(job);
  useEffect(() => {
    if (!query.trim()) return set({ matches: [], at: 0 });
    let stale = false;
    const timer = setTimeout(async () => {
      try {
        const matches = matchesOf(over ? await book.allTexts(job) : book.someTexts(), query);
        if (!stale) set(known => ({ matches, at: known.query === query ? Math.min(known.at, Math.max(matches.length - 1, 0)) : 0, query }));
      } catch (problem) {
        if (!stale) tell(troubleWith(problem));
      }
    }, 250);
    return () => {
      stale = true;
      clearTimeout(timer);
    };
  }, [query, over, changed]);
  const { matches, at } = state;
  const move = by => set(known => ({ ...known, at: (known.at + by + matches.length) % matches.length, moved: (known.moved || 0) + 1 }));
  return { query, setQuery, matches, at, move, searched: state.query === query, current: query && matches.length > 0 ? { ...matches[at], moved: state.moved } : null };
}

function Search({ search, whole }) {
  const { query, setQuery, matches, at, move, searched } = search;
  return html`<div class="search" role="search"><${Icon} name="find" />
    <input type="search" aria-label=${t("result.find")} placeholder=${t("result.find")} value=${query} onInput=${event => setQuery(event.target.value)}
      onKeyDown=${event => event.key === "Enter" && matches.length > 0 && move(event.shiftKey ? -1 : 1)} />
    <span class="count" role="status">${query && searched && (matches.length > 0 ? t("result.find.count", { at: number(at + 1), n: number(matches.length) }) : t("result.find.none"))}
      ${query && !whole && html` <small>${t("result.find.some")}</small>`}</span>
    <button class="bare" disabled=${matches.length === 0} aria-label=${t("result.find.previous")} onClick=${() => move(-1)}><${Icon} name="up" /></button>
    <button class="bare" disabled=${matches.length === 0} aria-label=${t("result.find.next")} onClick=${() => move(1)}><${Icon} name="down" /></button></div>`;
}

function GoTo({ numbers }) {
  if (numbers.length < 2) return null;
  const go = event => document.getElementById(`page-${event.target.value}`)?.scrollIntoView();
  return html`<label class="inline goto">${t("result.goto")} <input type="number" min=${numbers[0]} max=${numbers.at(-1)} onChange=${go} />
    <span>${t("result.of", { n: number(numbers.at(-1)) })}</span></label>`;
}

function Download({ job }) {
  const [corrected, setCorrected] = useState(true);
  const [busy, setBusy] = useState("");
  const menu = useRef();
  useEffect(() => {
    const left = event => {
      if (menu.current?.open && (event.key === "Escape" || event.type === "pointerdown" && !menu.current.contains(event.target))) {
        menu.current.open = false;
        if (event.key) menu.current.firstElementChild.focus();
      }
    };
    for (const name of ["keydown", "pointerdown"]) addEventListener(name, left);
    return () => {
      for (const name of ["keydown", "pointerdown"]) removeEventListener(name, left);
    };
  }, []);
  const get = format => async () => {
    setBusy(format);
    try {
      const name = await save(`/jobs/${job.id}/result?format=${format}${corrected || format === "pdf" ? "" : "&corrections=false"}`);
      tell(t("result.downloaded", { name }));
      menu.current.open = false;
    } catch (problem) {
      tell(troubleWith(problem));
    }
    setBusy("");
  };
  return html`<details class="menu" ref=${menu}><summary class="button primary small"><${Icon} name="download" />${t("result.download")}</summary>
    <div class="card"><ul>${formats.filter(format => format !== "pdf" || job.status === "COMPLETED").map(format => html`<li key=${format}>
      <button disabled=${busy !== ""} aria-busy=${busy === format} data-format=${format} onClick=${get(format)}><b>${t(`format.${format}`)}</b> <small>${t(`format.${format}.hint`)}</small></button></li>`)}</ul>
      <label class="inline"><input type="checkbox" checked=${corrected} onChange=${event => setCorrected(event.target.checked)} /> ${t("result.corrected")}</label>
      <p class="hint">${t("result.pdf.note")}</p></div></details>`;
}

async function copyAll(book, job) {
  try {
    await copy((await book.allTexts(job)).map(({ text }) => text).join("\n\n"));
  } catch (problem) {
    tell(troubleWith(problem));
  }
}

// copy puts a text on the clipboard, also where the connection is not encrypted and the browser has the old way only.
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "hidden";
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) return tell(t("result.copy.failed"));
  }
  tell(t("result.copied"));
}
