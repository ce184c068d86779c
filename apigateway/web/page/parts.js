// What several screens are made of.
import { html, useEffect, useRef, useState } from "./html.js";
import { bytes, has, said, t, useLanguage } from "./language.js";
import { store, useStore } from "./store.js";

const shapes = {
  upload: "M12 16V4m0 0L7.5 8.500M12 4l4.500 4.500M4 15v3.500A1.500 1.500 0 0 0 5.500 20h13a1.500 1.500 0 0 0 1.500-1.500V15",
  download: "M12 4v12m0 0 4.500-4.500M12 16l-4.500-4.500M4 19.500h16",
  close: "M6 6l12 12M18 6 6 18",
  check: "M5 12.500 10 17 19 7",
  warn: "M12 8.500v4.500m0 3.200v.1M10.300 4.300 2.800 17.500A2 2 0 0 0 4.500 20.500h15a2 2 0 0 0 1.700-3L13.700 4.300a2 2 0 0 0-3.400 0Z",
  back: "M15 5l-7 7 7 7",
  up: "M6 15l6-6 6 6",
  down: "M6 9l6 6 6-6",
  copy: "M9 9h9.500A1.500 1.500 0 0 1 20 10.500v8a1.500 1.500 0 0 1-1.500 1.500h-8A1.500 1.500 0 0 1 9 18.500Zm0 6H5.500A1.500 1.500 0 0 1 4 13.500v-8A1.500 1.500 0 0 1 5.500 4h8A1.500 1.500 0 0 1 15 5.500V9",
  undo: "M9 5 4.500 9.500 9 14M5 9.500h9a5 5 0 0 1 0 10h-3",
  again: "M4.500 12a7.500 7.500 0 0 1 13-5.100L20 9.500M20 4.500v5h-5M19.500 12a7.500 7.500 0 0 1-13 5.100L4 14.500M4 19.500v-5h5",
  trash: "M4 7h16M9.500 7V4.500h5V7M6.500 7l.8 12a1.500 1.500 0 0 0 1.500 1.500h6.400a1.500 1.500 0 0 0 1.500-1.500l.8-12",
  find: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm5-2 4.500 4.500",
  sun: "M12 16a4 4 0 1 0 0-8 4 4 0 0 0 0 8Zm0-13v2m0 14v2m9-9h-2M5 12H3m15.400-6.400L17 7M7 17l-1.400 1.400m12.800 0L17 17M7 7 5.600 5.600",
  moon: "M20 14.500A8.500 8.500 0 0 1 9.500 4a8.500 8.500 0 1 0 10.500 10.500Z",
  file: "M6.500 3.500h7l5 5v10.500a1.500 1.500 0 0 1-1.500 1.500h-10.500a1.500 1.500 0 0 1-1.500-1.500V5a1.500 1.500 0 0 1 1.500-1.500Zm7 0v5h5",
  eye: "M2.500 12S6 5.500 12 5.500 21.500 12 21.500 12 18 18.500 12 18.500 2.500 12 2.500 12ZM12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z",
  out: "M10 4.500H5.500A1.500 1.500 0 0 0 4 6v12a1.500 1.500 0 0 0 1.500 1.500H10M9 12h11m0 0-4-4m4 4-4 4",
};

export const Icon = ({ name }) => html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${shapes[name]} /></svg>`;

export const Mark = () => html`<svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="8" />
  <path class="frame" d="M8 12V9.500A1.500 1.500 0 0 1 9.500 8H12M20 8h2.500A1.500 1.500 0 0 1 24 9.500V12M24 20v2.500a1.500 1.500 0 0 1-1.500 1.500H20M12 24H9.500A1.500 1.500 0 0 1 8 22.500V20" />
  <path class="text" d="M11.500 13.500h9M11.500 18.500h6" /></svg>`;

// reasonOf tells what happened and what to do, of a Problem or of why a job failed.
export function reasonOf(code, body, values = {}) {
  const filled = { ...values, size: values.size && bytes(values.size), limit: values.limit && bytes(values.limit) };
  const own = `error.${code}`;
  // Our words with figures in them are right only where the figures are known.
  const happened = has(own) && (code !== "file_too_large" || filled.limit) ? t(own, filled) : said(body, "detail") || said(body, "message") || t("error.unknown");
  return { happened, todo: t(has(`do.${code}`) ? `do.${code}` : "do.else"), request: body.request_id };
}

export const Trouble = ({ code, body = {}, values, children, quiet }) => {
  useLanguage();
  const { happened, todo, request } = reasonOf(code, body, values);
  return html`<div class="trouble" role=${quiet ? undefined : "alert"}><${Icon} name="warn" />
    <div><p><strong>${happened}</strong> ${todo}</p>${request && !has(`do.${code}`) && html`<p class="faint">${t("error.request", { id: request })}</p>`}${children}</div></div>`;
};

// troubleWith is the same in one line.
export function troubleWith({ code, body }) {
  const { happened, todo } = reasonOf(code || "unknown", body || {});
  return `${happened} ${todo}`;
}

export const TroubleOf = ({ problem, again }) => html`<${Trouble} code=${problem.code || "unknown"} body=${problem.body}>
  ${again && html`<button class="small" onClick=${again}>${t("again")}</button>`}<//>`;

export const Empty = ({ title, children }) => html`<div class="empty"><${Mark} /><h2>${title}</h2><p>${children}</p></div>`;

export const Skeleton = ({ rows = 4 }) => html`<div class="skeleton" role="status"><span class="hidden">${t("loading")}</span>
  ${Array.from({ length: rows }, (_, i) => html`<span key=${i} class="bone" />`)}</div>`;

export const Progress = ({ value, label, steady }) => html`<div class="progress ${steady ? "" : "moving"}" role="progressbar" aria-label=${label}
  aria-valuemin="0" aria-valuemax="100" aria-valuenow=${Math.round(value)}><span style=${{ width: `${value}%` }} /></div>`;

export const Field = ({ name, hint, children, wrong }) => html`<div class="field"><label for=${name}>${t(name)}</label>${children}
  <p id=${name + "-hint"} class=${wrong ? "wrong" : "hint"}>${wrong || hint}</p></div>`;

// A notice that goes by itself, unless there is something to do about it.
const notice = store(null);

export const tell = (text, action) => notice.set({ text, action });

export function Notice() {
  const shown = useStore(notice);
  useEffect(() => {
    if (!shown) return;
    const timer = setTimeout(() => notice.set(null), shown.action ? 15_000 : 5000);
    return () => clearTimeout(timer);
  }, [shown]);
  return html`<div class="notices" role="status">${shown && html`<div class="notice"><span>${shown.text}</span>
    ${shown.action && html`<button class="link" onClick=${() => { notice.set(null); shown.action.do(); }}>${shown.action.name}</button>`}
    <button class="bare" aria-label=${t("close")} onClick=${() => notice.set(null)}><${Icon} name="close" /></button></div>`}</div>`;
}

// ask opens a question over the page and gives the answer.
const question = store(null);

export const ask = (key, values) => new Promise(answer => question.set({ key, values, answer }));

export function Question() {
  const asked = useStore(question);
  const dialog = useRef();
  useEffect(() => {
    if (asked) dialog.current.showModal();
  }, [asked]);
  if (!asked) return null;
  const answered = yes => () => {
    question.set(null);
    asked.answer(yes);
  };
  return html`<dialog ref=${dialog} aria-labelledby="question" onClose=${answered(false)}>
    <h2 id="question">${t(`ask.${asked.key}`, asked.values)}</h2><p>${t(`ask.${asked.key}.why`)}</p>
    <div class="row end"><button autofocus onClick=${answered(false)}>${t("cancel")}</button>
    <button class="danger" onClick=${answered(true)}>${t(`ask.${asked.key}.do`)}</button></div></dialog>`;
}

// useLoaded asks for something when what it depends on changes, and tells how that stands.
export function useLoaded(load, on) {
  const [state, set] = useState({});
  const [round, next] = useState(0);
  useEffect(() => {
    const control = new AbortController();
    set(known => ({ value: known.value }));
    load(control.signal).then(value => set({ value }), problem => control.signal.aborted || set({ problem }));
    return () => control.abort();
  }, [...on, round]);
  return { ...state, again: () => next(n => n + 1) };
}
