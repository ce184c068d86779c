// Handing files in, and how they fare.
import { html, useEffect, useRef, useState } from "./html.js";
import { Before, helperAmong, reads } from "./ai.js";
import { patiently, read } from "./api.js";
import { bytes, day, number, percent, said, t } from "./language.js";
import { JobActions, JobState } from "./jobs.js";
import { ended, jobs } from "./live.js";
import { Empty, Field, Icon, Progress, tell, Trouble, troubleWith, useLoaded } from "./parts.js";
import { store, useStore } from "./store.js";
import { add, again, forget, retry, uploads } from "./uploads.js";

const formats = ["docx", "pdf", "text", "markdown", "json", "hocr", "alto"];

// What is chosen stays while other screens are looked at; a password only for the next files.
const options = store({ output_format: "docx", ocr_mode: "auto", languages: "", pages: "", model: "", priority: "normal", password: "", correct: "auto", fallback: "default" });

const rightPages = text => /^( *[1-9]\d{0,5}(-[1-9]\d{0,5})? *(, *[1-9]\d{0,5}(-[1-9]\d{0,5})? *)*)?$/.test(text);

export function Convert() {
  const chosen = useStore(options);
  const [added, setAdded] = useState(0);
  useEffect(() => {
    // On a phone the list is below what one sees.
    if (added > 0) document.getElementById("your-files").scrollIntoView({ block: "nearest" });
  }, [added]);
  const usage = useLoaded(signal => patiently(() => read("/usage", { signal }), signal), []);
  const limits = usage.value?.limits;
  const models = useLoaded(signal => patiently(() => read("/models", { signal }), signal), []).value?.models || [];

  function take(files) {
    if (files.length === 0) return;
    if (!rightPages(chosen.pages)) return document.getElementById("pages").focus();
    const { output_format, ocr_mode, languages, pages, model, priority, password, correct, fallback } = chosen;
    const reading = reads(models.find(({ id }) => id === model), chosen);
    add(files, { output_format, ocr_mode, languages, pages: pages.trim(), model, priority, password, correct: correct === "auto" ? "" : correct,
      fallback: reading && fallback === "none" ? fallback : "" }, limits?.max_file_bytes);
    options.set({ ...chosen, password: "" });
    setAdded(n => n + 1);
  }

  return html`<h1>${t("convert.title")}</h1>
    ${limits?.suspended && html`<div class="trouble"><${Icon} name="warn" /><p>${t("usage.suspended")}</p></div>`}
    <div class="convert">
      <${DropZone} take=${take} limit=${limits?.max_file_bytes} />
      <${Options} chosen=${chosen} limits=${limits} models=${models} />
    </div>
    <${Files} resets=${usage.value?.resets_at && day(usage.value.resets_at, usage.value.time_zone)} />`;
}

function DropZone({ take, limit }) {
  const input = useRef();
  const [over, setOver] = useState(false);
  const latest = useRef();
  latest.current = take;
  // A file that is dropped beside the zone must not make the browser leave the page.
  useEffect(() => {
    const dragged = event => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      setOver(event.type === "dragover");
      if (event.type === "drop") latest.current([...event.dataTransfer.files]);
    };
    for (const name of ["dragover", "dragleave", "drop"]) addEventListener(name, dragged);
    return () => {
      for (const name of ["dragover", "dragleave", "drop"]) removeEventListener(name, dragged);
    };
  }, []);
  return html`<section class="drop ${over ? "over" : ""}" aria-labelledby="drop">
    <span class="round"><${Icon} name="upload" /></span>
    <h2 id="drop">${t("convert.drop")}</h2>
    <p id="drop-hint">${t("convert.or", { limit: bytes(limit || 50 << 20) })}</p>
    <button class="primary" aria-describedby="drop-hint" onClick=${() => input.current.click()}>${t("convert.choose")}</button>
    <input ref=${input} id="files" type="file" multiple hidden accept=".pdf,.png,.jpg,.jpeg,.tif,.tiff,application/pdf,image/png,image/jpeg,image/tiff"
      onChange=${event => { take([...event.target.files]); event.target.value = ""; }} /></section>`;
}

function Options({ chosen, limits, models }) {
  const usual = models.find(model => model.default);
  const set = (name, value) => options.set({ ...options.get(), [name]: value });
  const text = (name, more) => html`<input id=${name} value=${chosen[name]} aria-describedby=${name + "-hint"} onInput=${event => set(name, event.target.value)} ...${more} />`;
  const select = (name, list) => html`<select id=${name} aria-describedby=${name + "-hint"} value=${chosen[name]} onChange=${event => set(name, event.target.value)}>
    ${list.map(([value, label, refused]) => html`<option key=${value} value=${value} selected=${value === chosen[name]} disabled=${refused}>${label}</option>`)}</select>`;
  const label = model => [model.type === "ai" && "AI", said(model, "name"), model.leaves_cluster && t("ai.job.leaves"), !model.allowed && t("model.refused")].filter(Boolean).join(" · ");
  const helper = helperAmong(models, chosen), reading = reads(helper, chosen);
  const wrong = !rightPages(chosen.pages) && t("pages.wrong");
  return html`<section class="card options" aria-labelledby="options"><h2 id="options">${t("convert.options")}</h2>
    <fieldset><legend>${t("format")}</legend>
      ${formats.slice(0, 3).map(format => html`<label key=${format} class="choice"><input type="radio" name="format" checked=${chosen.output_format === format}
        onChange=${() => set("output_format", format)} /><span><b>${t(`format.${format}`)}</b> <small>${t(`format.${format}.hint`)}</small></span></label>`)}
      <p class="hint">${t("format.hint")}</p></fieldset>
    <details><summary>${t("convert.more")}</summary><div class="grid">
      <${Field} name="mode" hint=${t("mode.hint")}><select id="mode" aria-describedby="mode-hint" value=${chosen.ocr_mode} onChange=${event => set("ocr_mode", event.target.value)}>
        ${["auto", "force", "skip"].map(mode => html`<option key=${mode} value=${mode} selected=${mode === chosen.ocr_mode}>${t(`mode.${mode}`)}</option>`)}</select><//>
      <${Field} name="languages">${select("languages", [["", t("languages.any")], ["km", t("languages.km")], ["en", t("languages.en")], ["km,en", t("languages.both")]])}<//>
      <${Field} name="pages" hint=${t("pages.hint")} wrong=${wrong}>${text("pages", { inputmode: "numeric", "aria-invalid": Boolean(wrong), autocomplete: "off" })}<//>
      <${Field} name="model" hint=${t("model.hint")}>${select("model", [["", usual ? t("model.default", { name: said(usual, "name") }) : t("model.usual")],
        ...models.filter(model => !model.default).map(model => [model.id, label(model), !model.allowed])])}<//>
      ${reading && html`<${Field} name="fallback" hint=${t("fallback.hint")}>${select("fallback", ["default", "none"].map(value => [value, t(`fallback.${value}`)]))}<//>`}
      <${Field} name="priority" hint=${t("priority.hint")}>${select("priority", (limits?.priorities || ["high", "normal", "low"]).map(value => [value, t(`priority.${value}`)]))}<//>
      <${Field} name="password" hint=${t("password.hint")}>${text("password", { type: "password", autocomplete: "off", maxlength: 255 })}<//>
      <label class="choice full"><input type="checkbox" checked=${chosen.correct !== "off"} onChange=${event => set("correct", event.target.checked ? "auto" : "off")} />
        <span><b>${t("correct")}</b> <small>${t("correct.hint")}</small></span></label>
      ${models.some(model => model.type === "ai" && model.allowed) && html`<label class="choice full"><input type="checkbox" checked=${chosen.correct === "ai"} onChange=${event => set("correct", event.target.checked ? "ai" : "auto")} />
        <span><b>${t("correct.ai")}</b> <small>${t("correct.ai.hint")}</small></span></label>`}
    </div></details>
    <${Before} model=${helper} reading=${reading} strict=${reading && chosen.fallback === "none"} /></section>`;
}

function Files({ resets }) {
  const list = useStore(uploads);
  const known = useStore(jobs);
  const [busy, setBusy] = useState(false);
  if (list.length === 0) return html`<${Empty} title=${t("convert.none")}>${t("convert.none.do")}<//>`;
  const isDone = upload => upload.job && known[upload.job] && ended(known[upload.job]);
  const done = list.filter(isDone);
  // The month may be over before a file is sent, or when its pages are counted.
  const unread = list.filter(upload => known[upload.job]?.error?.code === "page_quota_exceeded");
  const unsent = list.filter(upload => !upload.job && upload.problem?.code === "page_quota_exceeded");
  const left = unread.length + unsent.length;
  async function rest() {
    setBusy(true);
    again(...unsent.map(upload => upload.id));
    try {
      for (const upload of unread) await retry(upload.id);
    } catch (problem) {
      tell(troubleWith(problem));
    }
    setBusy(false);
  }
  return html`<section id="your-files" class="list" aria-labelledby="list"><div class="row"><h2 id="list">${t("convert.files")}</h2>
      <p class="faint grow" role="status">${t("convert.status", { done: number(done.length), all: number(list.length) })}</p>
      ${done.length > 0 && html`<button class="small" onClick=${() => forget(...done.map(upload => upload.id))}>${t("convert.clear")}</button>`}</div>
    ${left > 0 && html`<${Trouble} code="page_quota_exceeded"><p>${t("upload.rest.why", { n: number(left) })} ${resets && t("upload.resets", { when: resets })}</p>
      <button class="small" disabled=${busy} onClick=${rest}>${t("upload.rest", { n: number(left) })}</button><//>`}
    <ul class="files">${list.map(upload => html`<${File} key=${upload.id} upload=${upload} />`)}</ul></section>`;
}

function File({ upload }) {
  const job = useStore(jobs)[upload.job];
  const { id, name, size, state, problem } = upload;
  return html`<li class="file" data-state=${state}>
    <${Icon} name="file" />
    <div class="what"><p class="name" dir="auto"><bdi>${name}</bdi> <small>${bytes(size)}</small></p>
      ${upload.job ? html`<${JobState} job=${job} />` : html`<${UploadState} upload=${upload} />`}
      ${problem && ["refused", "held"].includes(state) && problem.code !== "page_quota_exceeded" && html`<${Trouble} quiet code=${problem.code} body=${problem.body} values=${{ size, limit: problem.limit }} />`}
    </div>
    <div class="do">${upload.job ? html`<${JobActions} job=${job || { id: upload.job, file_name: name }} retry=${() => retry(id)} />` : html`
      ${state === "lost" && html`<button class="small" onClick=${() => again(id)}>${t("upload.now")}</button>`}
      ${["refused", "held"].includes(state) && !["file_too_large", "empty_file", "invalid_file"].includes(problem?.code) && html`<button class="small" onClick=${() => again(id)}>${t("again")}</button>`}`}
      ${(!upload.job || !job || ended(job)) && html`<button class="bare" title=${t(state === "sending" ? "upload.stop" : "upload.forget", { name })}
        aria-label=${t(state === "sending" ? "upload.stop" : "upload.forget", { name })} onClick=${() => forget(id)}><${Icon} name="close" /></button>`}
    </div></li>`;
}

function UploadState({ upload: { state, sent, problem, name } }) {
  if (state === "sending") return html`<p class="state">${t("upload.sending", { percent: percent(sent * 100) })}</p><${Progress} value=${sent * 100} label=${name} steady />`;
  if (state === "refused") return problem?.code === "page_quota_exceeded" && html`<p class="state warn">${t("upload.held")}</p>`;
  const key = state === "waiting" && problem ? "upload.paced" : `upload.${state}`;
  return html`<p class=${"state" + (state === "waiting" ? "" : " warn")}>${t(key)}</p>`;
}
