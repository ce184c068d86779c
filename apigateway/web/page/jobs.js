// The list of jobs, and what can be done with one wherever it is shown.
import { html, useEffect, useState } from "./html.js";
import { OfJob } from "./ai.js";
import { patiently, read, save } from "./api.js";
import { duration, moment, number, said, t } from "./language.js";
import { ended, follow, forgetJob, jobs, see, useJob } from "./live.js";
import { ask, Empty, Icon, Progress, reasonOf, Skeleton, tell, Trouble, TroubleOf, troubleWith } from "./parts.js";
import { useStore } from "./store.js";

const statuses = ["QUEUED", "PROCESSING", "COMPLETED", "FAILED", "CANCELLED"];

export function Jobs() {
  const [filter, setFilter] = useState("");
  const [state, set] = useState({});
  const known = useStore(jobs);

  async function load(cursor, before = []) {
    set({ ids: before, busy: true });
    try {
      const query = new URLSearchParams({ limit: 20, ...(filter && { status: filter }), ...(cursor && { cursor }) });
      const page = await patiently(() => read(`/jobs?${query}`));
      for (const job of page.jobs) {
        see(job);
        if (!ended(job)) follow(job.id);
      }
      set({ ids: [...before, ...page.jobs.map(job => job.id)], cursor: page.next_cursor });
    } catch (problem) {
      set({ ids: before, problem });
    }
  }
  useEffect(() => {
    load();
  }, [filter]);

  const { ids = [], cursor, busy, problem } = state;
  const shown = ids.map(id => known[id]).filter(job => job && !job.gone);
  return html`<div class="row"><h1 class="grow">${t("jobs.title")}</h1>
      <button class="small" onClick=${() => load()}><${Icon} name="again" />${t("jobs.refresh")}</button></div>
    <div class="chips" role="group" aria-label=${t("jobs.filter")}>${["", ...statuses].map(status => html`
      <button key=${status} aria-pressed=${filter === status} onClick=${() => setFilter(status)}>${t(status ? `status.${status}` : "jobs.all")}</button>`)}</div>
    ${shown.length > 0 && html`<ul class="files">${shown.map(job => html`<${Row} key=${job.id} job=${job} />`)}</ul>`}
    ${busy && html`<${Skeleton} />`}
    ${problem && html`<${TroubleOf} problem=${problem} again=${() => load(cursor, ids)} />`}
    ${!busy && !problem && shown.length === 0 && !cursor && html`<${Empty} title=${t(filter ? "jobs.none.filter" : "jobs.none")}>${t("jobs.none.do")}<//>`}
    ${!busy && cursor && html`<p class="centre"><button onClick=${() => load(cursor, ids)}>${t("jobs.more")}</button></p>`}`;
}

const Row = ({ job }) => html`<li class="file" data-status=${job.status}><${Icon} name="file" />
  <div class="what"><p class="name" dir="auto"><a href=${`#/jobs/${job.id}`}>${job.file_name || t("job.unnamed")}</a></p>
    <${JobState} job=${job} />
    <p class="faint"><time datetime=${job.created_at}>${moment(job.created_at)}</time>${job.expires_at && html` · ${t("job.expires", { when: moment(job.expires_at) })}`}</p></div>
  <div class="do"><${JobActions} job=${job} /></div></li>`;

export const pagesOf = n => (n === 1 ? t("job.page") : t("job.pages", { n: number(n) }));

// JobState tells how a job stands: its word, its pages, what it waits for, why it failed.
export function JobState({ job }) {
  if (!job) return html`<p class="state">${t("loading")}</p>`;
  if (job.gone) return html`<p class="state"><span class="badge">${t("status.gone")}</span> ${reasonOf(job.gone, {}).todo}</p>`;
  const { pages, status } = job;
  const name = job.file_name || t("job.unnamed");
  return html`<p class="state"><span class="badge" data-status=${status}>${t(`status.${status}`)}</span>
      ${status === "QUEUED" && job.waiting && html` ${said(job.waiting, "message")}${job.waiting.position ? ` (${t("job.position", { n: number(job.waiting.position) })})` : ""}`}
      ${pages && (status === "PROCESSING" ? html` ${t("job.progress", { done: number(pages.done), total: number(pages.total) })}` : html` ${pagesOf(pages.total)}`)}
      ${ended(job) && html` <span class="faint">· ${duration(job.elapsed_seconds)}</span>`}
      ${pages?.failed > 0 && html` <span class="wrong">· ${t("job.failedpages", { n: number(pages.failed) })}</span>`}<${OfJob} job=${job} /></p>
    ${!ended(job) && html`<${Progress} value=${job.progress} label=${name} />`}
    ${status === "FAILED" && job.error && html`<${Trouble} quiet code=${job.error.code} body=${job.error} />`}`;
}

// retryHere goes to the new job.
async function retryHere(id) {
  const { job_id } = await read(`/jobs/${id}/retry`, { method: "POST", headers: { "Idempotency-Key": `retry-${id}` } }); // however often it is asked for, it is one
  location.hash = `#/jobs/${job_id}`;
}

// What another attempt at the same document would only meet again.
const forGood = ["password_protected", "empty_document", "unsupported_document", "invalid_document", "pages_out_of_range", "too_many_pages", "priority_not_allowed", "model_not_allowed", "external_model_not_allowed"];

// JobActions are what can be done with a job as it stands.
export function JobActions({ job, onDeleted, retry = retryHere }) {
  const [busy, setBusy] = useState(false);
  const seen = useJob(job.id);
  const name = job.file_name || t("job.unnamed");
  if (!job.status || seen?.gone) return null;

  const attempt = action => async () => {
    setBusy(true);
    try {
      await action();
    } catch (problem) {
      tell(troubleWith(problem));
    }
    setBusy(false);
  };
  const remove = attempt(async () => {
    const over = ended(job);
    if (!(await ask(over ? "delete" : "cancel", { name }))) return;
    const answer = await read(`/jobs/${job.id}`, { method: "DELETE" });
    if (answer.status !== "DELETED") {
      follow(job.id);
      return tell(t("job.cancelling"));
    }
    forgetJob(job.id, "job_deleted");
    tell(t("job.deleted", { name }));
    onDeleted?.();
  });
  const readAgain = attempt(async () => {
    await retry(job.id);
    tell(t("job.retried"));
  });

  const download = attempt(async () => tell(t("result.downloaded", { name: await save(`/jobs/${job.id}/result`) })));

  const canRetry = job.status === "FAILED" && !forGood.includes(job.error?.code) || job.status === "COMPLETED" && job.pages?.failed > 0;
  return html`
    ${!onDeleted && ["COMPLETED", "CANCELLED", "PROCESSING"].includes(job.status) && html`<a class="button small" href=${`#/jobs/${job.id}`} aria-label=${t("job.opens", { name })}>${t("job.open")}</a>`}
    ${!onDeleted && job.status === "COMPLETED" && html`<button class="small" disabled=${busy} aria-label=${t("job.downloads", { name })} onClick=${download}><${Icon} name="download" />${t("result.download")}</button>`}
    ${canRetry && html`<button class="small" disabled=${busy} aria-label=${t("job.retries", { name })} onClick=${readAgain}>${t("job.retry")}</button>`}
    ${ended(job) ? html`<button class="bare" disabled=${busy} title=${t("job.delete")} aria-label=${t("job.deletes", { name })} onClick=${remove}><${Icon} name="trash" /></button>`
      : html`<button class="small" disabled=${busy} aria-label=${t("job.cancels", { name })} onClick=${remove}>${t("job.cancel")}</button>`}`;
}
