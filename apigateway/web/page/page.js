// One page: its picture beside its words, there only while it is near. A word and its place light up together.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "./html.js";
import { OfPage } from "./ai.js";
import { call, patiently } from "./api.js";
import { findIn, fold } from "./find.js";
import { number, percent, t } from "./language.js";
import { useNear } from "./near.js";
import { textOf, wordsOf } from "./pages.js";
import { Icon, tell, TroubleOf, troubleWith } from "./parts.js";

export function Page({ n, book, over, done, changed, query, current, correct, copy }) {
  const article = useRef();
  const near = useNear(article);
  const height = useRef(0);
  const [state, set] = useState({});
  const wanted = near || Boolean(current);

  useEffect(() => {
    if (!wanted) {
      // Its room stays, so that nothing jumps.
      if (state.entry) height.current = article.current.offsetHeight;
      return set({});
    }
    if (state.entry && state.entry === book.known(n)) return;
    const control = new AbortController();
    // Whoever scrolls past does not ask.
    const timer = setTimeout(() => book.load(n, control.signal).then(entry => set({ entry }), problem => control.signal.aborted || set({ problem })), state.entry ? 0 : 80);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [wanted, changed, state.problem ? done : 0]);

  const { entry, problem } = state;
  const title = t("result.page", { n: number(n) });
  return html`<article id=${`page-${n}`} ref=${article} class="page" aria-label=${title} style=${entry || !height.current ? {} : { minHeight: `${height.current}px` }}>
    <header><div class="grow"><h2>${title}</h2>${entry && html`<span class="faint">${t(`result.source.${entry.page.source}`)}${entry.page.lines.length > 0 && entry.page.source !== "native" ? ` · ${t("result.confidence", { percent: percent(entry.page.confidence) })}` : ""}${entry.corrections.size > 0 ? ` · ${t(entry.corrections.size === 1 ? "result.correction" : "result.corrections", { n: number(entry.corrections.size) })}` : ""}</span>`}</div>
      ${entry?.page.lines.length > 0 && html`<button class="bare" title=${t("result.copy.page", { n: number(n) })} aria-label=${t("result.copy.page", { n: number(n) })} onClick=${() => copy(textOf(entry))}><${Icon} name="copy" /></button>`}</header>
    ${entry && html`<${OfPage} page=${entry.page} />`}
    ${entry ? html`<${Sheet} n=${n} book=${book} entry=${entry} over=${over} query=${query} current=${current} correct=${correct} />`
      : problem ? html`<${Unread} problem=${problem} over=${over} again=${() => set({})} />` : html`<div class="blank" />`}</article>`;
}

function Unread({ problem, over }) {
  if (problem.code === "page_not_ready" || problem.code === "page_not_found") return html`<p class="note">${t(over ? "result.notread" : "result.notready")}</p>`;
  return html`<${TroubleOf} problem=${problem} />`;
}

// Sheet is a page that is there. hot is the word under the pointer, or with the focus, whichever side it is on.
function Sheet({ n, book, entry, over, query, current, correct }) {
  const { page } = entry;
  const words = useMemo(() => wordsOf(entry), [entry]);
  const found = useMemo(() => foundIn(words, query), [words, query]);
  const [hot, setHot] = useState(-1);
  const [active, setActive] = useState(0);
  const [editing, setEditing] = useState(-1);
  const text = useRef();
  const refocus = useRef(false);

  useEffect(() => {
    const word = hot >= 0 && text.current?.querySelector(`[data-w="${hot}"]`);
    word && word.classList.add("hot");
    return () => word && word.classList.remove("hot");
  }, [hot, entry, editing]);
  useEffect(() => {
    if (current && found.firsts.length > current.at) text.current?.querySelector(`[data-w="${found.firsts[current.at]}"]`)?.scrollIntoView({ block: "center" });
  }, [current?.at, current?.moved, found]);
  useLayoutEffect(() => {
    if (!refocus.current) return;
    refocus.current = false;
    text.current.querySelector(`[data-w="${active}"]`)?.focus();
  });

  const edit = w => {
    if (!over) return;
    setActive(w);
    setEditing(w);
  };
  // leave closes the editor of a word, unless another word's is open by now. The focus stays where somebody put it meanwhile.
  const leave = w => setEditing(now => {
    if (now !== w) return now;
    refocus.current = text.current.contains(document.activeElement);
    return -1;
  });
  async function keep(w, value) {
    const typed = value.normalize("NFC").replace(/\s+/g, " ").trim();
    if (typed !== words[w].text) await correct(n, words[w].place, words[w].text, typed);
    leave(w);
  }

  const indexOf = event => Number(event.target.closest?.("[data-w]")?.dataset.w ?? -1);
  const pressed = event => {
    const w = indexOf(event);
    if (w < 0 || editing >= 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const sameLine = step => {
      let to = w;
      while (words[to + step]?.line === words[w].line) to += step;
      return to;
    };
    const to = { ArrowRight: w + 1, ArrowLeft: w - 1, ArrowDown: sameLine(1) + 1, ArrowUp: sameLine(-1) - 1, Home: sameLine(-1), End: sameLine(1) }[event.key];
    if (event.key === "Enter") edit(w);
    else if (to === undefined) return;
    else if (words[to]) {
      refocus.current = true;
      setActive(to);
    }
    event.preventDefault();
  };

  const lines = useMemo(() => page.lines.map((_, l) => words.map((word, w) => ({ ...word, w })).filter(word => word.line === l)), [words]);
  return html`<div class="sheet">
    <${Picture} n=${n} book=${book} page=${page} words=${words} hot=${hot} setHot=${setHot} edit=${edit} />
    ${page.error ? html`<p class="note wrong">${t("result.failed")}</p>` : words.length === 0 ? html`<p class="note">${t("result.blank")}</p>` : html`
    <div class="words" lang="km" role="group" aria-label=${t("result.text", { n: number(n) })} ref=${text} onKeyDown=${pressed}
      onMouseOver=${event => setHot(indexOf(event))} onMouseLeave=${() => setHot(-1)} onFocusIn=${event => setHot(indexOf(event))} onFocusOut=${() => setHot(-1)}
      onClick=${event => getSelection().isCollapsed && indexOf(event) >= 0 && edit(indexOf(event))}>
      ${lines.map((line, l) => html`<p key=${l} class=${"line" + (l > 0 && page.lines[l].paragraph !== page.lines[l - 1].paragraph ? " first" : "")}>${line.map(word => html`${word.w === editing
        ? html`<${Editor} key=${`edit ${word.w}`} word=${word} keep=${value => keep(word.w, value)} leave=${() => leave(word.w)} />`
        : html`<${Word} key=${word.w} word=${word} active=${word.w === active && over} found=${found.all.has(word.w)} current=${Boolean(current) && found.firsts[current.at] === word.w} />`} `)}</p>`)}</div>`}</div>`;
}

// foundIn tells which words a searched text touches, and where each of its places begins.
function foundIn(words, query) {
  const wanted = fold(query.trim());
  const firsts = [], all = new Set();
  for (let from = 0; wanted && from < words.length;) {
    let to = from;
    while (to < words.length && words[to].line === words[from].line) to++;
    for (const [first, last] of findIn(words.slice(from, to).map(word => word.text), wanted)) {
      firsts.push(from + first);
      for (let w = from + first; w <= from + last; w++) all.add(w);
    }
    from = to;
  }
  return { firsts, all };
}

const about = word => (word.corrected ? t(word.text ? "result.wascorrected" : "result.wasremoved", { text: word.read }) : t("result.confidence", { percent: percent(word.confidence) }));

const certainty = word => (word.corrected ? "corrected" : word.confidence < 60 ? "low" : word.confidence < 85 ? "middle" : "high");

function Word({ word, active, found, current }) {
  const kind = `word ${certainty(word)}${found ? " found" : ""}${current ? " current" : ""}${word.text ? "" : " removed"}`;
  return html`<span class=${kind} data-w=${word.w} title=${about(word)} ...${active ? { role: "button", tabindex: 0, "aria-label": t("result.word", { word: word.text || word.read, about: about(word) }) } : { tabindex: -1 }}>${word.text || word.read}</span>`;
}

function Editor({ word, keep, leave }) {
  const input = useRef();
  const beneath = useRef();
  const state = useRef("");
  const [problem, setProblem] = useState(null);
  useLayoutEffect(() => {
    input.current.focus();
    input.current.select();
  }, []);
  useLayoutEffect(() => {
    // It stands under its word, and inside the page.
    const room = input.current.closest(".words");
    const left = input.current.getBoundingClientRect().left - room.getBoundingClientRect().left;
    beneath.current.style.left = `${Math.max(Math.min(left, room.clientWidth - beneath.current.offsetWidth), 0)}px`;
  });
  async function save() {
    if (state.current) return; // it is on its way, or was left
    state.current = "saving";
    try {
      await keep(input.current.value);
    } catch (problem) {
      if (!input.current) return tell(troubleWith(problem)); // another word is being edited by now
      state.current = "";
      setProblem(problem);
      input.current.focus();
    }
  }
  const pressed = event => {
    event.stopPropagation();
    if (event.isComposing) return;
    if (event.key === "Enter") save();
    if (event.key === "Escape") {
      state.current = "left";
      leave();
    }
  };
  return html`<span class="editor"><input ref=${input} lang="km" defaultValue=${word.text} size=${Math.max(word.text.length + 2, 8)} maxlength="1000" autocomplete="off"
    aria-label=${t("result.edit", { text: word.text || word.read })} aria-describedby="edit-keys" onKeyDown=${pressed} onBlur=${save} />
    <span class="beneath" ref=${beneath}><small id="edit-keys" class="hint">${t("result.edit.keys")}</small>
      ${problem && html`<small class="wrong" role="alert">${troubleWith(problem)} ${problem.code === "corrections_changed" && t("result.edit.now", { text: word.text || "–" })}</small>`}</span></span>`;
}

// Picture is the page as the worker drew it, or where no picture was kept the places of its words. Words of an AI model may have no
// place.
function Picture({ n, book, page, words, hot, setHot, edit }) {
  const [address, setAddress] = useState("");
  const [none, setNone] = useState(false);
  useEffect(() => {
    const control = new AbortController();
    let made = "";
    patiently(() => call(`${book.path(n)}/preview`, { signal: control.signal }), control.signal).then(answer => answer.blob()).then(image => {
      if (!control.signal.aborted) setAddress(made = URL.createObjectURL(image));
    }).catch(() => control.signal.aborted || setNone(true));
    return () => {
      control.abort();
      if (made) URL.revokeObjectURL(made);
    };
  }, [n]);
  const { width, height } = page;
  if (!width || !height) return html`<div class="picture none" />`;

  const under = event => {
    const frame = event.currentTarget.getBoundingClientRect();
    const x = (event.clientX - frame.left) / frame.width * width, y = (event.clientY - frame.top) / frame.height * height;
    return words.findIndex(({ box }) => box && x >= box[0] && x <= box[2] && y >= box[1] && y <= box[3]);
  };
  const place = ([left, top, right, bottom]) => ({ left: `${left / width * 100}%`, top: `${top / height * 100}%`, width: `${(right - left) / width * 100}%`, height: `${(bottom - top) / height * 100}%` });
  // What is said of a word stands above it, and begins or ends where it does: there is room for it inside the picture.
  const above = ([left, top, right]) => ({ bottom: `calc(${100 - top / height * 100}% + 6px)`,
    ...(left + right < width ? { left: `${left / width * 100}%`, maxWidth: `${100 - left / width * 100}%` } : { right: `${100 - right / width * 100}%`, maxWidth: `${right / width * 100}%` }) });
  const word = words[hot];
  return html`<figure class="picture ${none ? "none" : ""}"><div class="paper" style=${{ aspectRatio: `${width} / ${height}` }} onMouseMove=${event => setHot(under(event))} onMouseLeave=${() => setHot(-1)}
      onClick=${event => under(event) >= 0 && edit(under(event))}>
    ${address ? html`<img src=${address} alt=${t("result.image", { n: number(n) })} />` : none && html`<svg viewBox=${`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      ${words.filter(({ box }) => box).map(({ place, box: [left, top, right, bottom] }) => html`<rect key=${place} x=${left} y=${top} width=${right - left} height=${bottom - top} rx="2" />`)}</svg>`}
    ${word?.box && html`<span class="spot ${certainty(word)}" style=${place(word.box)} /><span class="tip" style=${above(word.box)} aria-hidden="true">${about(word)}</span>`}</div>
    ${none && html`<figcaption class="hint">${t("result.image.none")}</figcaption>`}</figure>`;
}
